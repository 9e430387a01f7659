// A day with meddispatch through the official Node client: each method of the API once, in the order in which a city needs them.
//
//   node day.mjs ADDRESS PHARMACY_LAT,LON HOME_LAT,LON        e.g. node day.mjs 127.0.0.1:7400 39.900,116.400 39.904,116.404
//
// The daemon should be a trial one (`deploy/run --keep`, or `serve --insecure`): this loads a pharmacy, a courier and a member of its own, and closes the business day.
// With a daemon that asks who is calling, give the token of an admin in MEDDISPATCH_TOKEN.
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';
import { fileURLToPath } from 'node:url';

const [address, pharmacyAt, homeAt] = process.argv.slice(2);
if (!homeAt) {
  console.error('usage: node day.mjs ADDRESS PHARMACY_LAT,LON HOME_LAT,LON');
  process.exit(2);
}
const point = (text) => ({ lat: Number(text.split(',')[0]), lon: Number(text.split(',')[1]) });
const pharmacy_at = point(pharmacyAt), home_at = point(homeAt), city_id = 1, source = 'example-node';
const run = Date.now(); // names of this run

// ---- the client: one channel, a stub a service, a deadline on each call ----

const files = ['access', 'order', 'courier', 'board', 'claim', 'catalog', 'routing', 'settlement'].map((name) => `meddispatch/v1/${name}.proto`);
const definition = protoLoader.loadSync(files, { includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true });
const { v1 } = grpc.loadPackageDefinition(definition).meddispatch;
const credentials = grpc.credentials.createInsecure(); // TLS: grpc.credentials.createSsl(...)
const stub = Object.fromEntries(Object.keys(v1).filter((name) => name.endsWith('Service')).map((name) => [name, new v1[name](address, credentials)]));
const metadata = new grpc.Metadata();
if (process.env.MEDDISPATCH_TOKEN) metadata.set('authorization', `Bearer ${process.env.MEDDISPATCH_TOKEN}`);
const within = (seconds) => ({ deadline: Date.now() + seconds * 1000 });

/** One request, one answer. */
function call(service, method, request = {}) {
  return new Promise((resolve, reject) => stub[service][method]({ city_id, ...request }, metadata, within(20), (error, answer) => (error ? reject(error) : resolve(answer))));
}
/** A command: with a key of its own, so that it may be sent again after any failure. */
let commands = 0;
const command = (service, method, request) => call(service, method, { idempotency_key: `${run}-${++commands}`, source, ...request });
/** A stream of requests, one answer. */
function pour(service, method, messages) {
  return new Promise((resolve, reject) => {
    const stream = stub[service][method](metadata, within(20), (error, answer) => (error ? reject(error) : resolve(answer)));
    for (const message of messages) stream.write(message);
    stream.end();
  });
}
/** A stream of answers: read until `enough` says so, or it ends. */
async function read(service, method, request, enough = () => false) {
  const stream = stub[service][method]({ city_id, ...request }, metadata, within(60)), seen = [];
  stream.on('error', () => {}); // CANCELLED, once we have seen enough
  for await (const message of stream) {
    seen.push(message);
    if (enough(message)) break;
  }
  stream.cancel();
  return seen;
}
const tell = (what, ...more) => console.log(`${what}:`, ...more);

// ---- AccessService: who am I ----

tell('WhoAmI', (await call('AccessService', 'WhoAmI')).identity.role);
await call('AccessService', 'SignIn', { code: 'not-a-code-of-meddispatch-token-link' }).catch((error) => tell('SignIn', grpc.status[error.code]));

// ---- CatalogService: what the city has ----

const assay = { code: 'EX-FLU', name_zh: '流感抗原', name_en: 'influenza antigen', specimen: 'nasal swab', stability_s: 14400, lab_turnaround_s: 7200, ceiling_fen: 4000 };
tell('UpsertTests', (await pour('CatalogService', 'UpsertTests', [{ city_id, tests: [assay] }])).stored);
const facilities = [
  { facility_id: 9001, kind: 'FACILITY_KIND_PHARMACY', name: 'Example Pharmacy', at: pharmacy_at, service_s: 120, prep_s: 300, payee: 'PH-01' },
  { facility_id: 9002, kind: 'FACILITY_KIND_LAB', name: 'Example Laboratory', at: pharmacy_at, service_s: 120, payee: 'LAB-01', tests: ['*'] },
  { facility_id: 9003, kind: 'FACILITY_KIND_DEPOT', name: 'Example Depot', at: pharmacy_at, service_s: 60, payee: 'LAB-01' },
];
tell('UpsertFacilities', (await pour('CatalogService', 'UpsertFacilities', [{ city_id, facilities }])).stored);
tell('UpsertCouriers', (await pour('CatalogService', 'UpsertCouriers', [{ city_id, couriers: [{ courier_id: 9001, name: 'Example One', relay_phone: '13800009001', cold_chain: true, sampling: true, volume_ml: 40000, cold_ml: 8000, kits_preloaded: 2 },
  { courier_id: 9002, name: 'Example Two', relay_phone: '13800009002', cold_chain: true, sampling: true, volume_ml: 40000, cold_ml: 8000 }] }])).stored);
const product = { code: 'EX-PARA', name_zh: '对乙酰氨基酚片', name_en: 'paracetamol 500mg x 12', atc: 'N02BE01', ceiling_fen: 900, approval_number: 'EX0001', valid_from: '2024-01-01', volume_ml: 100, days_supply: 30, covered: true };
tell('UpsertFormulary', (await pour('CatalogService', 'UpsertFormulary', [{ city_id, version: 1, products: [product] }])).stored);
const member_code = `EX-${run}`;
const member = { code: member_code, birth_date: '1990-05-17', sex: 'F', plan_code: 'HOME-60', policy_number: `P-${run}`, policy_from: '2024-01-01', policy_to: '2040-01-01' };
tell('UpsertMembers', (await pour('CatalogService', 'UpsertMembers', [{ city_id, members: [member] }])).stored);

// ---- RoutingService: how far, how long ----

const route = await call('RoutingService', 'Route', { points: [pharmacy_at, home_at], language: 'LANGUAGE_ENGLISH' });
tell('Route', `${route.distance_m} m, ${Math.round(route.travel_ms / 1000)} s;`, route.legs[0].steps[0].instruction);
tell('Matrix', (await call('RoutingService', 'Matrix', { sources: [pharmacy_at, home_at] })).travel_ms.join(' '));
tell('Isochrone', JSON.parse((await call('RoutingService', 'Isochrone', { at: pharmacy_at, travel_s: 600 })).geojson).features.length, 'area within ten minutes');

// ---- a shift begins ----

const ends_ms = run + 4 * 3600000;
for (const id of [9001, 9002]) await command('CourierService', 'StartShift', { courier_id: id, at: pharmacy_at, ends_ms });
tell('StartShift', 'two couriers');
tell('ReportPositions', (await pour('CourierService', 'ReportPositions', [{ city_id, positions: [9001, 9002].map((id) => ({ courier_id: id, at: pharmacy_at, at_ms: Date.now(), heading_deg: 90 })) }])).accepted);
tell('Nearest', (await call('RoutingService', 'Nearest', { at: home_at, count: 1 })).couriers.length, 'courier');

// ---- OrderService and CourierService: a prescription, from the pharmacy to the door ----

const recipient = { name: '李某', phone: '13900000001', address: '示范路1号', at: home_at };
const prescription = { member_code, pharmacy_id: 9001, prescription_number: `RX-${run}`, prescriber_code: 'DR-7', issued_ms: run - 60000, lines: [{ product_code: product.code, quantity: 2, price_fen: 850 }], recipient };
tell('QuoteOrder', (await call('OrderService', 'QuoteOrder', { prescription: { idempotency_key: 'quote', city_id, source, ...prescription } })).claim.benefit_fen, 'fen would be paid');
const { order, claim } = await command('OrderService', 'SubmitPrescription', prescription);
const order_id = order.order_id;
tell('SubmitPrescription', `order ${order_id}, benefit ${claim.benefit_fen} fen, member pays ${claim.member_fen} fen`);
await command('OrderService', 'ApprovePrescription', { order_id, pharmacist_code: 'PHARMACIST-1', approved: true });
tell('ApprovePrescription', (await command('OrderService', 'MarkReady', { order_id, parcels: 1 })).order.phase);
tell('MarkReady', 'the parcel is packed');
const { order: entered } = await call('OrderService', 'GetOrder', { order_id, with_history: true });
tell('GetOrder', `the member's code at the door is ${entered.pickup_code}`);
tell('ListOrders', (await call('OrderService', 'ListOrders', { member_code })).orders.length, 'order');

// ---- BoardService: a dispatcher gives it to a courier ----

const dispatcher = 'example', reason = 'an example';
const [{ snapshot }] = await read('BoardService', 'WatchBoard', {}, () => true);
tell('WatchBoard', `${snapshot.orders.length} orders, ${snapshot.couriers.length} couriers`);
tell('ListPlaces', (await call('BoardService', 'ListPlaces')).facilities.some(({ facility_id }) => facility_id === '9001'));
tell('Prioritize', (await command('BoardService', 'Prioritize', { order_id, dispatcher, reason, priority: 'PRIORITY_URGENT' })).order.phase);
for (const held of [true, false]) await command('BoardService', 'Hold', { order_id, dispatcher, reason, held });
tell('Hold', 'and let go');
let courier_id;
for (;;) { // the planner is at work too: commit with the version that the preview saw, and look again if it has changed
  const planned = (await call('OrderService', 'GetOrder', { order_id })).order.state.courier_id;
  courier_id = planned === '9001' ? 9002 : 9001;
  const preview = await call('BoardService', 'PreviewReassign', { order_id, to_courier_id: courier_id });
  tell('PreviewReassign', preview.rule || 'it can be done');
  try {
    tell('Reassign', (await command('BoardService', 'Reassign', { order_id, to_courier_id: courier_id, dispatcher, reason, expected_version: preview.order.version })).order.phase);
    break;
  } catch (error) {
    if (error.code !== grpc.status.ABORTED && error.code !== grpc.status.FAILED_PRECONDITION) throw error;
    tell('Reassign', error.details);
  }
}
tell('Pin', (await command('BoardService', 'Pin', { order_id, dispatcher, reason, pinned: true })).order.phase);
await command('BoardService', 'Acknowledge', { order_id, dispatcher, alert: 'READY_LATE' }).catch((error) => tell('Acknowledge', grpc.status[error.code], error.details));
tell('Explain', (await call('BoardService', 'Explain', { order_id })).summary);
tell('RevealRecipient', (await call('BoardService', 'RevealRecipient', { order_id, dispatcher, reason })).name);

const [{ offers }] = (await read('CourierService', 'WatchRoute', { courier_id }, (message) => message.offers.length || message.deliveries.length)).slice(-1);
tell('WatchRoute', `${offers.length} offer`);
if (offers.length) tell('AnswerOffer', (await command('CourierService', 'AnswerOffer', { courier_id, order_id, accept: true })).order.phase);
for (const [event, more] of [['ARRIVED'], ['PICKED_UP'], ['ARRIVED'], ['DELIVERED', { code: entered.pickup_code, recipient_checked: true, proof_reference: 'photo-1' }]])
  tell('RecordStopEvent', (await command('CourierService', 'RecordStopEvent', { courier_id, order_id, event: `STOP_EVENT_${event}`, ...more })).order.phase);
tell('WatchOrders', (await read('OrderService', 'WatchOrders', { order_id, after_seq: 0 }, (message) => message.facts.some(({ phase }) => phase === 'ORDER_PHASE_DELIVERED'))).flatMap(({ facts }) => facts).map(({ kind }) => kind).join(' '));

// ---- a home test, called off ----

const ordered = await command('OrderService', 'SubmitTestOrder', { member_code, tests: [{ test_code: assay.code, price_fen: 3900 }], recipient });
tell('SubmitTestOrder', ordered.claim.state);
tell('CancelOrder', (await command('OrderService', 'CancelOrder', { order_id: ordered.order.order_id, reason: 'the fever is gone' })).order.phase);

// ---- roads ----

const { override_id } = await command('BoardService', 'ReportRoad', { dispatcher, reason: 'a burst pipe', road: [home_at], speed_percent: 30, until_ms: run + 3600000 });
tell('ReportRoad', `report ${override_id}`);
tell('ListRoads', (await call('BoardService', 'ListRoads')).roads.length);
await command('BoardService', 'WithdrawRoad', { override_id, dispatcher, reason: 'mended' });
tell('WithdrawRoad', 'open again');

// ---- the day's figures ----

tell('GetKpis', (await call('BoardService', 'GetKpis', { from_ms: run - 60000, to_ms: Date.now() + 60000 })).orders_delivered, 'delivered');
tell('Replay', (await read('BoardService', 'Replay', { from_ms: run - 60000, to_ms: Date.now() + 60000 })).flatMap(({ facts }) => facts).length, 'facts');
for (const id of [9001, 9002]) await command('CourierService', 'EndShift', { courier_id: id });
tell('EndShift', 'good night');

// ---- ClaimService: the money ----

const claim_id = claim.claim_id;
tell('GetClaim', (await call('ClaimService', 'GetClaim', { claim_id })).claim.summary.state);
tell('ReverseClaim', (await command('ClaimService', 'ReverseClaim', { claim_id, line: 1, quantity: 1, reason: 'one pack came back unopened' })).reversed_fen, 'fen come back');
tell('ListClaims', (await call('ClaimService', 'ListClaims', { member_code })).claims.length);
tell('GetBenefits', (await call('ClaimService', 'GetBenefits', { member_code })).left_fen, 'fen are left of the year');

// ---- SettlementService: the night. The approver must be another person than the preparer. ----

const business_day = new Date(Date.now() + 8 * 3600000).toISOString().slice(0, 10);
tell('CloseDay', (await call('SettlementService', 'CloseDay', { business_day, actor: 'ann' })).ledger_hash);
tell('PrepareBatches', (await call('SettlementService', 'PrepareBatches', { business_day, actor: 'ann' })).batch_count);
const { batches } = await call('SettlementService', 'ListBatches', { business_day });
tell('ListBatches', batches.map(({ batch_id, total_fen }) => `${batch_id} ${total_fen} fen`).join(', '));
const { batch_id } = batches[0];
tell('GetBatch', (await call('SettlementService', 'GetBatch', { batch_id })).batch.state);
tell('ApproveBatch', (await call('SettlementService', 'ApproveBatch', { batch_id, actor: 'ben' })).batch.state);
tell('DownloadFile', Buffer.concat((await read('SettlementService', 'DownloadFile', { batch_id })).map(({ chunk }) => chunk)).toString().split('\n')[0]);
const statement = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>EX-${run}</MsgId><CreDtTm>${new Date(run).toISOString()}</CreDtTm></GrpHdr><Stmt><Id>1</Id></Stmt></BkToCstmrStmt></Document>`;
tell('ImportBankFile', (await pour('SettlementService', 'ImportBankFile', [{ city_id, name: 'statement.xml', actor: 'ann', chunk: Buffer.from(statement) }])).matched, 'payments confirmed');
tell('Reconcile', (await call('SettlementService', 'Reconcile', { business_day, actor: 'ann' })).clean ? 'clean' : 'exceptions are open');
tell('GetProgress', (await call('SettlementService', 'GetProgress')).running ? 'a job runs' : 'nothing runs');
for (const one of Object.values(stub)) one.close();
