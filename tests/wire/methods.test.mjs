// Every working method once, by the official client, with what must come back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CITY, House, Stream, catalog, failure, key, prescription, status, testOrder, until } from './house.mjs';

const house = new House();
let town, api, board, facts;
const call = (service, method, request) => api.call(service, method, { city_id: CITY, ...request });
const command = (what, order_id, rest = {}) => ({ idempotency_key: key(what), source: 'wire', order_id, ...rest });
const event = (courier_id, order_id, name, rest = {}) => call('CourierService', 'RecordStopEvent', { ...command(name, order_id), courier_id, event: `STOP_EVENT_${name}`, ...rest });
const phaseOf = async (order_id) => (await call('OrderService', 'GetOrder', { order_id })).order.state.phase;
const benefitsOf = (member_code) => call('ClaimService', 'GetBenefits', { member_code });

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 3, homes: 6 });
  board = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  facts = new Stream(api.client('OrderService').WatchOrders({ city_id: CITY, after_seq: 0 }));
  await until('the board begins with a snapshot', () => board.messages[0]?.what === 'snapshot');
});
after(async () => {
  board?.cancel();
  facts?.cancel();
  const { code, log } = await house.stop();
  assert.equal(code, 0, `the daemon must end cleanly:\n${log}`);
});

test('health tells that it serves and how its clock runs', async () => {
  const health = await api.health();
  assert.equal(health.serving, true);
  assert.equal(health.speed, 1);
  assert.ok(Math.abs(health.time_ms - Date.now()) < 5000);
});

let rx;
test('SubmitPrescription adjudicates to the fen, holds the benefit, and answers a repeated key the same', async () => {
  const product = catalog('formulary').find((row) => row.eligible === '1' && Number(row.ceiling_fen) > 300 && row.prohibited === '0' && row.controlled === '0' && row.injection === '0' && row.chronic === '0' && !row.sex && !row.indications && !Number(row.age_min) && !Number(row.age_max));
  const ceiling = Number(product.ceiling_fen), price = ceiling + 137;
  const before = await benefitsOf('M000001');
  const request = prescription(town, { lines: [{ product_code: product.code, quantity: 1, price_fen: price }] });
  const quote = await api.call('OrderService', 'QuoteOrder', { prescription: request });
  const answer = await api.call('OrderService', 'SubmitPrescription', request);
  const { order, claim } = answer;
  assert.deepEqual({ ...quote.claim, claim_id: claim.claim_id }, claim, 'the quote of a moment before');
  assert.equal(order.phase, 'ORDER_PHASE_ADJUDICATED');
  assert.equal(order.repeated, false);
  assert.equal(claim.state, 'HELD');
  assert.equal(Number(claim.submitted_fen), price);
  assert.equal(Number(claim.eligible_fen), ceiling);
  assert.equal(Number(claim.benefit_fen), Math.floor((ceiling * 8000 + 5000) / 10000));
  assert.equal(Number(claim.member_fen), price - Number(claim.benefit_fen));
  assert.match(claim.lines[0].rules, /R14/);
  assert.ok(Number(order.promise_ms) > Date.now() + 2.9 * 3600000 && Number(order.promise_ms) <= Date.now() + 3 * 3600000 + 1000);
  const again = await api.call('OrderService', 'SubmitPrescription', request);
  assert.equal(again.order.order_id, order.order_id);
  assert.equal(again.order.repeated, true);
  assert.deepEqual(again.claim, claim);
  const benefits = await benefitsOf('M000001');
  assert.equal(Number(benefits.pending_fen) - Number(before.pending_fen), Number(claim.benefit_fen), 'held once');
  assert.equal(Number(benefits.left_fen), Number(benefits.year_limit_fen) - Number(benefits.pending_fen) - Number(benefits.posted_fen));
  rx = { id: order.order_id, claim };
});

test('a refused order says the rule and what to do', async () => {
  const banned = catalog('formulary').find((row) => row.prohibited === '1');
  const answer = await api.call('OrderService', 'SubmitPrescription', prescription(town, { lines: [{ product_code: banned.code, quantity: 1, price_fen: 100 }] }));
  assert.equal(answer.order.phase, 'ORDER_PHASE_REFUSED');
  assert.equal(answer.claim.state, 'REFUSED');
  assert.equal(answer.claim.refusal_rule, 'R7');
  assert.ok(answer.claim.refusal_text.length > 10);
});

test('GetOrder, ListOrders, GetClaim and ListClaims tell the same story', async () => {
  const seen = await call('OrderService', 'GetOrder', { order_id: rx.id, with_history: true });
  assert.equal(seen.order.member_code, 'M000001');
  assert.equal(seen.order.kind, 'ORDER_KIND_PRESCRIPTION');
  assert.ok(seen.order.pickup_code.length >= 4);
  rx.code = seen.order.pickup_code;
  assert.ok(seen.history.length >= 1);
  const list = await call('OrderService', 'ListOrders', { member_code: 'M000001', open_only: true });
  assert.deepEqual(list.orders.map((order) => order.state.order_id), [rx.id]);
  const claim = await call('ClaimService', 'GetClaim', { claim_id: rx.claim.claim_id });
  assert.equal(claim.claim.order_id, rx.id);
  assert.deepEqual(claim.claim.summary, rx.claim);
  const claims = await call('ClaimService', 'ListClaims', { member_code: 'M000001' });
  assert.ok(claims.claims.some((one) => one.summary.claim_id === rx.claim.claim_id));
  const page = await call('OrderService', 'ListOrders', { page_size: 1 });
  assert.equal(page.orders.length, 1);
  const rest = await call('OrderService', 'ListOrders', { page_size: 1, after_order_id: page.next_after_order_id });
  assert.notEqual(rest.orders[0].state.order_id, page.orders[0].state.order_id);
});

test('ApprovePrescription and MarkReady move it on; a step out of turn is refused', async () => {
  const early = await failure(api.once('OrderService', 'MarkReady', { city_id: CITY, ...command('ready', rx.id) }));
  assert.equal(early.code, status.FAILED_PRECONDITION, early.message);
  const approved = await call('OrderService', 'ApprovePrescription', command('approve', rx.id, { pharmacist_code: 'PH-1', approved: true }));
  assert.equal(approved.order.phase, 'ORDER_PHASE_APPROVED');
  const stale = await failure(api.once('OrderService', 'MarkReady', { city_id: CITY, ...command('ready', rx.id, { expected_version: approved.order.version - 1 }) }));
  assert.equal(stale.code, status.ABORTED, stale.message);
  const ready = await call('OrderService', 'MarkReady', command('ready', rx.id, { parcels: 1 }));
  assert.equal(ready.order.phase, 'ORDER_PHASE_READY');
});

test('Explain says why an order has no courier', async () => {
  const explained = await until('the planner has looked at it', async () => {
    const answer = await call('BoardService', 'Explain', { order_id: rx.id });
    return answer.unplanned_reason && answer;
  });
  assert.equal(explained.unplanned_reason, 'NO_COURIER');
  assert.ok(explained.summary.length > 10);
});

test('a shift: WatchRoute brings the offer, then the route; positions are taken; the medicine is handed over against its code', async () => {
  const courier_id = town.couriers[0].courier_id;
  const shift = { idempotency_key: key('start'), source: 'wire', courier_id, at: town.pharmacies[0].at, ends_ms: Date.now() + 8 * 3600000 };
  const started = await call('CourierService', 'StartShift', shift);
  assert.ok(Math.abs(Number(started.started_ms) - Date.now()) < 5000);
  assert.equal((await call('CourierService', 'StartShift', shift)).repeated, true);
  const route = new Stream(api.client('CourierService').WatchRoute({ city_id: CITY, courier_id }));
  const offered = await until('an offer within seconds', () => route.messages.findLast((message) => message.offers.length));
  assert.equal(offered.offers[0].order_id, rx.id);
  assert.deepEqual(offered.deliveries, [], 'no address before acceptance');
  const taken = await call('CourierService', 'AnswerOffer', { ...command('answer', rx.id), courier_id, accept: true });
  assert.equal(taken.order.phase, 'ORDER_PHASE_ACCEPTED');
  const told = await until('the route and the address', () => route.messages.findLast((message) => message.deliveries.length && message.stops.length >= 2));
  assert.deepEqual(told.stops.map((stop) => stop.kind), ['STOP_KIND_PICKUP', 'STOP_KIND_HOME']);
  const [delivery] = told.deliveries;
  assert.notEqual(delivery.masked_name, '李某', 'the name is masked');
  assert.equal(delivery.goods, 'medicine');
  assert.equal(delivery.code_required, true);

  const positions = await api.load('CourierService', 'ReportPositions', [{ city_id: CITY, positions: [{ courier_id, at: town.pharmacies[0].at, at_ms: Date.now() }, { courier_id: '999999', at: town.homes[0], at_ms: Date.now() }] }]);
  assert.equal(Number(positions.accepted) + Number(positions.refused), 2);

  await event(courier_id, rx.id, 'ARRIVED');
  assert.equal((await event(courier_id, rx.id, 'PICKED_UP')).order.phase, 'ORDER_PHASE_PICKED_UP');
  assert.equal((await event(courier_id, rx.id, 'ARRIVED')).order.phase, 'ORDER_PHASE_ARRIVED');
  const wrong = await failure(api.once('CourierService', 'RecordStopEvent', { city_id: CITY, ...command('wrong', rx.id), courier_id, event: 'STOP_EVENT_DELIVERED', code: 'WRONG1' }));
  assert.ok([status.FAILED_PRECONDITION, status.INVALID_ARGUMENT, status.PERMISSION_DENIED].includes(wrong.code), `${wrong.code} ${wrong.message}`);
  const done = await event(courier_id, rx.id, 'DELIVERED', { code: rx.code, recipient_checked: true, proof_reference: 'photo-1' });
  assert.equal(done.order.phase, 'ORDER_PHASE_DELIVERED');
  const claim = await call('ClaimService', 'GetClaim', { claim_id: rx.claim.claim_id });
  assert.equal(claim.claim.summary.state, 'POSTED', 'posted in the transaction of the delivery');
  assert.equal(Number((await benefitsOf('M000001')).posted_fen), Number(rx.claim.benefit_fen));
  route.cancel();
  const ended = await call('CourierService', 'EndShift', { idempotency_key: key('end'), source: 'wire', courier_id });
  assert.ok(Number(ended.ended_ms) > 0);
});

test('a home test: kit, visit, specimen, laboratory, report', async () => {
  const courier = town.couriers.find((row) => row.sampling) ?? town.couriers[1];
  const courier_id = courier.courier_id;
  const answer = await api.call('OrderService', 'SubmitTestOrder', testOrder(town));
  assert.equal(answer.claim.state, 'HELD');
  assert.equal(Number(answer.claim.benefit_fen), 3192, '80 % of 39.90');
  const id = answer.order.order_id;
  await call('CourierService', 'StartShift', { idempotency_key: key('start'), source: 'wire', courier_id, at: town.homes[2], ends_ms: Date.now() + 8 * 3600000 });
  const route = new Stream(api.client('CourierService').WatchRoute({ city_id: CITY, courier_id }));
  await until('an offer', () => route.messages.findLast((message) => message.offers.some((offer) => offer.order_id === id)));
  await call('CourierService', 'AnswerOffer', { ...command('answer', id), courier_id, accept: true });
  const told = await until('the route', () => route.messages.findLast((message) => message.stops.some((stop) => stop.kind === 'STOP_KIND_LAB')));
  const kinds = told.stops.map((stop) => stop.kind);
  if (kinds[0] === 'STOP_KIND_KIT') {
    await event(courier_id, id, 'ARRIVED');
    assert.equal((await event(courier_id, id, 'PICKED_UP', { code: 'KIT-1' })).order.phase, 'ORDER_PHASE_KIT_PICKED_UP');
  } else {
    assert.ok(courier.kits_preloaded > 0, 'a kit stop is left out only with a kit in the box');
  }
  assert.equal((await event(courier_id, id, 'ARRIVED')).order.phase, 'ORDER_PHASE_ARRIVED');
  assert.equal((await event(courier_id, id, 'COLLECTED', { code: 'KIT-1' })).order.phase, 'ORDER_PHASE_COLLECTED');
  assert.equal((await event(courier_id, id, 'SEALED', { code: 'SEAL-1' })).order.phase, 'ORDER_PHASE_SEALED');
  const lab_id = told.stops.at(-1).facility_id;
  await event(courier_id, id, 'ARRIVED');
  assert.equal((await event(0, id, 'LAB_ACCEPTED', { lab_id, code: 'SEAL-1' })).order.phase, 'ORDER_PHASE_LAB_ACCEPTED');
  assert.equal((await event(0, id, 'REPORTED', { lab_id })).order.phase, 'ORDER_PHASE_REPORTED');
  assert.equal(await phaseOf(id), 'ORDER_PHASE_REPORTED');
  const seen = await call('OrderService', 'GetOrder', { order_id: id, with_history: true });
  assert.equal(seen.order.lab_id, lab_id);
  assert.equal(seen.order.claim.state, 'POSTED');
  assert.ok(seen.history.some((fact) => fact.phase === 'ORDER_PHASE_SEALED'));
  route.cancel();
  await call('CourierService', 'EndShift', { idempotency_key: key('end'), source: 'wire', courier_id });
});

test('CancelOrder voids the hold', async () => {
  const { order, claim } = await api.call('OrderService', 'SubmitPrescription', prescription(town, { member_code: 'M000003' }));
  assert.equal(Number((await benefitsOf('M000003')).pending_fen), Number(claim.benefit_fen));
  const cancelled = await call('OrderService', 'CancelOrder', command('cancel', order.order_id, { reason: 'ordered twice' }));
  assert.equal(cancelled.order.phase, 'ORDER_PHASE_CANCELLED');
  assert.equal(Number((await benefitsOf('M000003')).pending_fen), 0);
  const seen = await call('OrderService', 'GetOrder', { order_id: order.order_id });
  assert.equal(seen.order.claim.state, 'VOIDED');
  assert.equal(seen.order.end_reason, 'ordered twice');
  assert.ok(Number(seen.order.ended_ms) > 0);
});

test('Reassign gives an accepted order to another courier, and both hear of it', async () => {
  const [first, second] = [town.couriers[0].courier_id, town.couriers[2].courier_id];
  for (const courier_id of [first, second])
    await call('CourierService', 'StartShift', { idempotency_key: key('start'), source: 'wire', courier_id, at: town.pharmacies[0].at, ends_ms: Date.now() + 8 * 3600000 });
  const { order } = await api.call('OrderService', 'SubmitPrescription', prescription(town, { member_code: 'M000006' }));
  await call('OrderService', 'ApprovePrescription', command('approve', order.order_id, { pharmacist_code: 'PH-1', approved: true }));
  await call('OrderService', 'MarkReady', command('ready', order.order_id));
  const planned = await until('it is assigned', async () => {
    const seen = await call('OrderService', 'GetOrder', { order_id: order.order_id });
    return seen.order.state.phase === 'ORDER_PHASE_ASSIGNED' && seen.order.state;
  });
  await call('CourierService', 'AnswerOffer', { ...command('answer', order.order_id), courier_id: planned.courier_id, accept: true });
  const other = planned.courier_id === first ? second : first;
  const nameless = await failure(api.once('BoardService', 'Reassign', { city_id: CITY, ...command('re', order.order_id), to_courier_id: other, dispatcher: 'li', reason: '' }));
  assert.equal(nameless.code, status.INVALID_ARGUMENT);
  const moved = await call('BoardService', 'Reassign', { ...command('re', order.order_id), to_courier_id: other, dispatcher: 'li', reason: 'first has a flat tyre' });
  assert.ok(moved.order.version > planned.version);
  await until('the other courier has it', async () => {
    const seen = await call('OrderService', 'GetOrder', { order_id: order.order_id });
    return seen.order.state.courier_id === other;
  });
  const why = await call('BoardService', 'Explain', { order_id: order.order_id });
  assert.equal(why.unplanned_reason, '');
  assert.ok(why.stops.length >= 2, 'its own stops when planned');
  await call('OrderService', 'CancelOrder', command('cancel', order.order_id, { reason: 'end of the test' }));
});

test('Route and Matrix agree; the geometry leads from start to end in rising time', async () => {
  const points = [town.pharmacies[0].at, town.homes[3], town.homes[4]];
  const route = await call('RoutingService', 'Route', { points });
  assert.equal(route.legs.length, 2);
  assert.equal(route.travel_ms, route.legs[0].travel_ms + route.legs[1].travel_ms);
  for (const leg of route.legs) {
    assert.equal(leg.lat_e7.length, leg.lon_e7.length);
    assert.equal(leg.at_ms.length, leg.lat_e7.length);
    assert.ok(leg.at_ms.every((at, i) => i === 0 || at >= leg.at_ms[i - 1]));
    assert.equal(leg.at_ms.at(-1), leg.travel_ms);
  }
  const start = { lat: route.legs[0].lat_e7[0] / 1e7, lon: route.legs[0].lon_e7[0] / 1e7 };
  assert.ok(Math.abs(start.lat - points[0].lat) < 0.005 && Math.abs(start.lon - points[0].lon) < 0.005);
  const matrix = await call('RoutingService', 'Matrix', { sources: points });
  assert.equal(matrix.travel_ms.length, 9);
  assert.equal(matrix.travel_ms[1], route.legs[0].travel_ms);
  assert.equal(matrix.travel_ms[5], route.legs[1].travel_ms);
  const bare = await call('RoutingService', 'Route', { points, without_geometry: true });
  assert.equal(bare.legs[0].lat_e7.length, 0);
  assert.equal(bare.travel_ms, route.travel_ms);
});

test('bulk loads store what is valid and say where the rest is wrong', async () => {
  const members = [
    { code: 'W-1', birth_date: '1990-02-03', sex: 'F', plan_code: 'HOME-60', policy_number: 'W-P1', policy_from: '2024-01-01', policy_to: '2040-01-01', renewal: true },
    { code: 'W-2', birth_date: '1990-02-30', sex: 'F', plan_code: 'HOME-60', policy_number: 'W-P2', policy_from: '2024-01-01', policy_to: '2040-01-01' },
  ];
  const stored = await api.load('CatalogService', 'UpsertMembers', [{ city_id: CITY, members }]);
  assert.equal(stored.stored, '1');
  assert.equal(stored.refused, '1');
  assert.equal(stored.problems[0].index, '1');
  assert.match(stored.problems[0].field, /birth_date/);
  assert.ok((await benefitsOf('W-1')).in_force, 'in force at once');
  const product = { code: 'W-PROD-1', name_zh: '试验片', name_en: 'trial tablet', atc: 'A02BC01', ceiling_fen: 1000, approval_number: 'H20990001', valid_from: '2024-01-01', prescription_only: true, volume_ml: 100, days_supply: 70, covered: true };
  const products = await api.load('CatalogService', 'UpsertFormulary', [{ city_id: CITY, version: 2, products: [product] }]);
  assert.equal(products.stored, '1', JSON.stringify(products.problems));
  const tests = await api.load('CatalogService', 'UpsertTests', [{ city_id: CITY, tests: [{ code: 'W-TEST', name_zh: '试', name_en: 'trial', specimen: 'swab', stability_s: 3600, lab_turnaround_s: 3600, ceiling_fen: 100, repeat_days: 0 }] }]);
  assert.equal(tests.stored, '1', JSON.stringify(tests.problems));
  const lost = await api.load('CatalogService', 'UpsertFacilities', [{ city_id: CITY, facilities: [{ facility_id: 900, kind: 'FACILITY_KIND_PHARMACY', name: 'nowhere', at: { lat: 1, lon: 1 }, payee: 'PH-01' }] }]);
  assert.equal(lost.refused, '1', 'a pharmacy off the map is refused');
  const couriers = await api.load('CatalogService', 'UpsertCouriers', [{ city_id: CITY, couriers: [{ courier_id: 901, name: 'new', relay_phone: '95000000901', volume_ml: 1000 }] }]);
  assert.equal(couriers.stored, '1', JSON.stringify(couriers.problems));
});

test('WatchBoard: a snapshot, then deltas without a gap', async () => {
  await until('the board has caught up with the orders', () => {
    const last = board.messages.findLast((message) => message.delta && Number(message.delta.seq_last) > 0);
    return last && facts.messages.length && BigInt(last.delta.seq_last) >= BigInt(facts.messages.at(-1).seq);
  });
  let seq = BigInt(board.messages[0].snapshot.seq), deltas = 0;
  for (const message of board.messages.slice(1)) {
    if (message.what === 'snapshot') {
      seq = BigInt(message.snapshot.seq);
      continue;
    }
    if (message.delta.seq_first === '0') continue; // positions only
    assert.equal(BigInt(message.delta.seq_first), seq + 1n, 'no gap');
    seq = BigInt(message.delta.seq_last);
    deltas++;
    assert.ok(message.delta.facts.every((fact) => BigInt(fact.seq) <= seq));
  }
  assert.ok(deltas > 10);
  const fresh = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  const snapshot = await until('a fresh snapshot', () => fresh.messages[0]?.snapshot);
  fresh.cancel();
  assert.ok(BigInt(snapshot.seq) >= seq);
  const shown = snapshot.orders.find((order) => order.state.order_id === rx.id);
  assert.equal(shown?.state.phase, 'ORDER_PHASE_DELIVERED');
});

test('WatchOrders: all facts in order, and resumable in the middle', async () => {
  const all = facts.messages.flatMap((message) => message.facts);
  assert.ok(all.every((fact, i) => i === 0 || BigInt(fact.seq) > BigInt(all[i - 1].seq)), 'rising');
  const mine = all.filter((fact) => fact.order_id === rx.id && fact.phase !== 'ORDER_PHASE_UNSPECIFIED').map((fact) => fact.phase.slice(12));
  const story = mine.filter((phase, i) => phase !== mine[i - 1]);
  assert.deepEqual(story, ['ADJUDICATED', 'APPROVED', 'READY', 'ASSIGNED', 'ACCEPTED', 'PICKED_UP', 'ARRIVED', 'DELIVERED']);
  const middle = all[Math.floor(all.length / 2)].seq;
  const later = new Stream(api.client('OrderService').WatchOrders({ city_id: CITY, after_seq: middle }));
  const want = all.filter((fact) => BigInt(fact.seq) > BigInt(middle));
  await until('the second half', () => later.messages.flatMap((message) => message.facts).length >= want.length);
  later.cancel();
  assert.deepEqual(later.messages.flatMap((message) => message.facts).slice(0, want.length), want);
  const one = new Stream(api.client('OrderService').WatchOrders({ city_id: CITY, after_seq: 0, order_id: rx.id }));
  await until('one order alone', () => one.messages.flatMap((message) => message.facts).length >= mine.length);
  one.cancel();
  assert.ok(one.messages.flatMap((message) => message.facts).every((fact) => fact.order_id === rx.id));
});
