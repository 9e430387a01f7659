// Who may do what: every method with every role, rows of other tenants, and the life of tokens, links and the access log. The matrix here is written by hand,
// apart from the daemon's table.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { caller } from './callers.mjs';
import { Api, CITY, House, binary, db, key, prescription, run, status, testOrder, until, v1 } from './house.mjs';

const ROLES = ['pharmacy', 'lab', 'courier', 'logistics', 'clinic', 'dispatcher', 'settlement', 'admin', 'auditor'];
// who may call it; everything that is not here is refused to that role
const MAY = {
  'AccessService/WhoAmI': ROLES,
  'OrderService/SubmitPrescription': ['pharmacy', 'clinic', 'admin'], 'OrderService/SubmitTestOrder': ['clinic', 'admin'], 'OrderService/QuoteOrder': ['pharmacy', 'clinic', 'admin'],
  'OrderService/ApprovePrescription': ['pharmacy', 'admin'], 'OrderService/MarkReady': ['pharmacy', 'admin'], 'OrderService/CancelOrder': ['pharmacy', 'dispatcher', 'admin'],
  'OrderService/GetOrder': ['pharmacy', 'lab', 'clinic', 'dispatcher', 'admin', 'auditor'], 'OrderService/ListOrders': ['pharmacy', 'dispatcher', 'admin', 'auditor'],
  'OrderService/WatchOrders': ['pharmacy', 'dispatcher', 'admin', 'auditor'],
  'CourierService/StartShift': ['courier', 'logistics', 'dispatcher'], 'CourierService/EndShift': ['courier', 'logistics'], 'CourierService/ReportPositions': ['courier', 'logistics'],
  'CourierService/WatchRoute': ['courier', 'logistics'], 'CourierService/AnswerOffer': ['courier', 'logistics'], 'CourierService/RecordStopEvent': ['courier', 'logistics', 'lab'],
  'BoardService/WatchBoard': ['dispatcher', 'admin', 'auditor'], 'BoardService/Reassign': ['dispatcher'], 'BoardService/PreviewReassign': ['dispatcher'], 'BoardService/RevealRecipient': ['dispatcher'], 'BoardService/ListPlaces': ['dispatcher', 'logistics', 'admin', 'auditor'], 'BoardService/Pin': ['dispatcher'], 'BoardService/Hold': ['dispatcher'], 'BoardService/Prioritize': ['dispatcher'], 'BoardService/Acknowledge': ['dispatcher'],
  'BoardService/ReportRoad': ['dispatcher'], 'BoardService/WithdrawRoad': ['dispatcher'], 'BoardService/ListRoads': ['dispatcher', 'logistics', 'admin', 'auditor'],
  'BoardService/Explain': ['dispatcher', 'admin', 'auditor'], 'BoardService/GetKpis': ['dispatcher', 'admin', 'auditor'], 'BoardService/Replay': ['dispatcher', 'admin', 'auditor'],
  'ClaimService/GetClaim': ['settlement', 'admin', 'auditor'], 'ClaimService/ListClaims': ['settlement', 'admin', 'auditor'], 'ClaimService/ReverseClaim': ['admin'],
  'ClaimService/GetBenefits': ['clinic', 'admin', 'auditor'],
  'CatalogService/UpsertMembers': ['admin'], 'CatalogService/UpsertFormulary': ['admin'], 'CatalogService/UpsertTests': ['admin'], 'CatalogService/UpsertFacilities': ['admin'],
  'CatalogService/UpsertCouriers': ['admin'],
  'RoutingService/Route': ['courier', 'logistics', 'dispatcher', 'admin'], 'RoutingService/Matrix': ['logistics', 'dispatcher', 'admin'],
  'RoutingService/Nearest': ['logistics', 'dispatcher', 'admin'], 'RoutingService/Isochrone': ['logistics', 'dispatcher', 'admin'],
  'SettlementService/CloseDay': ['settlement'], 'SettlementService/PrepareBatches': ['settlement'], 'SettlementService/ApproveBatch': ['settlement'], 'SettlementService/GetBatch': ['settlement', 'auditor'],
  'SettlementService/ListBatches': ['settlement', 'auditor'], 'SettlementService/GetProgress': ['settlement', 'auditor'],
  'SettlementService/DownloadFile': ['settlement', 'auditor'], 'SettlementService/ImportBankFile': ['settlement'], 'SettlementService/Reconcile': ['settlement'],
};
const OPEN = ['AccessService/SignIn'];

const house = new House();
const { As, closeAll } = caller(house);
const tokens = {};
let town, pharmacies, lab, couriers;
const token = (role, ...more) => run('token', 'create', '--db', db, '--role', role, '--subject', `${role}-desk`, ...more).trim();
const sql = (text) => execFileSync('psql', ['-qAtc', text], { encoding: 'utf8' }).trim();

before(async () => {
  house.prepare();
  await house.serve({ set: ['http_listen = 127.0.0.1:0', 'caller_calls_per_s = 200'], insecure: false });
  tokens.admin = token('admin');
  // the town is built with an admin's token
  const admin = new As(tokens.admin);
  await until('the daemon has seen the new token', async () => (await admin.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
  const build = new Api(house.address);
  build.call = (service, method, request) => admin.call(service, method, request);
  build.load = (service, method, messages) => new Promise((resolve, reject) => {
    const stream = admin.client(service)[method](admin.metadata, { deadline: Date.now() + 60000 }, (error, answer) => (error ? reject(error) : resolve(answer)));
    for (const message of messages) stream.write(message);
    stream.end();
  });
  house.api = build;
  town = await house.town({ couriers: 3, homes: 6 });
  pharmacies = town.pharmacies.map((pharmacy) => pharmacy.facility_id);
  lab = town.labs?.[0]?.facility_id ?? 999;
  couriers = town.couriers.map((courier) => courier.courier_id);
  Object.assign(tokens, { pharmacy: token('pharmacy', '--facility', String(pharmacies[0])), other: token('pharmacy', '--facility', String(pharmacies[1])),
    lab: token('lab', '--facility', String(lab)), courier: token('courier', '--courier', String(couriers[0])), logistics: token('logistics'), clinic: token('clinic', '--source', 'clinic-online'),
    dispatcher: token('dispatcher'), settlement: token('settlement'), auditor: token('auditor') });
  await until('the daemon has seen the new tokens', async () => (await new As(tokens.auditor).refusal('AccessService', 'WhoAmI', {})).code === status.OK);
});
after(async () => {
  closeAll();
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});
const as = (role) => new As(tokens[role]);

test('every method of the contract, with every role and with none', async () => {
  const all = [];
  for (const [name, service] of Object.entries(v1)) {
    if (!service.service) continue;
    for (const method of Object.values(service.service)) all.push([method.path.replace('/meddispatch.v1.', ''), method]);
  }
  assert.deepEqual(all.map(([name]) => name).sort(), [...Object.keys(MAY), ...OPEN].sort(), 'each method is judged here');
  for (const [name, method] of all) {
    const nobody = await new As(null).raw(method.path, method), wrong = await new As('mdt_wrong').raw(method.path, method);
    if (OPEN.includes(name)) {
      assert.notEqual(nobody.code, status.UNAUTHENTICATED, name);
      continue;
    }
    assert.deepEqual([nobody.code, nobody.reason], [status.UNAUTHENTICATED, 'CREDENTIALS'], name);
    assert.deepEqual([wrong.code, wrong.reason], [status.UNAUTHENTICATED, 'CREDENTIALS'], name);
    for (const role of ROLES) {
      const { code, reason } = await as(role).raw(method.path, method);
      const admitted = !(code === status.PERMISSION_DENIED && reason === 'ROLE');
      assert.equal(admitted, MAY[name].includes(role), `${name} as ${role}: ${code} ${reason}`);
      assert.notEqual(code, status.UNAUTHENTICATED, `${name} as ${role}`);
    }
  }
});

test('other spellings of a credential', async () => {
  const who = async (value) => {
    const caller = new As(null);
    caller.metadata.set('authorization', value);
    return (await caller.refusal('AccessService', 'WhoAmI', {})).code;
  };
  assert.equal(await who(`bearer ${tokens.admin}`), status.OK);
  for (const value of [tokens.admin, `Basic ${tokens.admin}`, `Bearer  ${tokens.admin}`, `Bearer ${tokens.admin}x`, `Bearer ${tokens.admin.slice(0, -1)}`, 'Bearer', 'Bearer dns:localhost'])
    assert.equal(await who(value), status.UNAUTHENTICATED, value);
  const { identity } = await as('pharmacy').call('AccessService', 'WhoAmI', {});
  assert.equal(identity.role, 'pharmacy');
  assert.equal(Number(identity.facility_id), Number(pharmacies[0]));
  assert.equal(identity.source, `pharmacy-${pharmacies[0]}`);
});

test('a pharmacy has its own orders and no others', async () => {
  const source = `pharmacy-${pharmacies[0]}`;
  const mine = prescription(town, { source, pharmacy_id: pharmacies[0] });
  const { order } = await as('pharmacy').call('OrderService', 'SubmitPrescription', mine);
  const order_id = order.order_id;
  const theirs = as('other'), denied = status.PERMISSION_DENIED;
  // naming another
  assert.equal((await theirs.refusal('OrderService', 'SubmitPrescription', prescription(town, { source: `pharmacy-${pharmacies[1]}`, pharmacy_id: pharmacies[0] }))).code, denied);
  assert.equal((await theirs.refusal('OrderService', 'SubmitPrescription', { ...mine, pharmacy_id: pharmacies[1] })).code, denied); // another's source: another's keys
  assert.equal((await theirs.refusal('OrderService', 'QuoteOrder', { prescription: { ...mine, source: `pharmacy-${pharmacies[1]}` } })).code, denied);
  assert.equal((await theirs.refusal('OrderService', 'ListOrders', { pharmacy_id: pharmacies[0] })).code, denied);
  const watched = await new Promise((resolve) => theirs.client('OrderService').WatchOrders({ city_id: CITY, pharmacy_id: pharmacies[0] }, theirs.metadata).on('data', () => {}).on('error', (error) => resolve(error.code)));
  assert.equal(watched, denied);
  // an order of another's does not exist, and nothing happens to it
  const command = (what) => ({ idempotency_key: key(what), source: `pharmacy-${pharmacies[1]}`, order_id });
  const absent = [await theirs.refusal('OrderService', 'GetOrder', { order_id, with_history: true }),
    await theirs.refusal('OrderService', 'ApprovePrescription', { ...command('a'), approved: true, pharmacist_code: 'PH-2' }), await theirs.refusal('OrderService', 'MarkReady', command('r')),
    await theirs.refusal('OrderService', 'CancelOrder', { ...command('c'), reason: 'none of mine' })];
  for (const refusal of absent) assert.equal(refusal.code, status.NOT_FOUND, refusal.message);
  const unknown = await theirs.refusal('OrderService', 'GetOrder', { order_id: 99999999 });
  assert.equal(absent[0].message.replace(String(order_id), 'N'), unknown.message.replace('99999999', 'N'), 'the answer does not tell that it exists');
  const listed = await theirs.call('OrderService', 'ListOrders', {});
  assert.ok(!listed.orders.some((one) => one.state.order_id === order_id));
  // its own
  assert.ok((await as('pharmacy').call('OrderService', 'ListOrders', {})).orders.some((one) => one.state.order_id === order_id));
  const { order: read } = await as('pharmacy').call('OrderService', 'GetOrder', { order_id });
  assert.ok(read.codes.length > 0 && read.member_code);
  assert.equal(read.state.phase, 'ORDER_PHASE_ADJUDICATED');
  // the feed
  const feeds = {};
  for (const role of ['pharmacy', 'other']) {
    const stream = as(role).client('OrderService').WatchOrders({ city_id: CITY, after_seq: 0 }, as(role).metadata);
    feeds[role] = { stream, seen: new Set() };
    stream.on('data', (message) => message.facts.forEach((fact) => feeds[role].seen.add(fact.order_id)));
    stream.on('error', () => {});
  }
  await as('pharmacy').call('OrderService', 'ApprovePrescription', { idempotency_key: key('ok'), source, order_id, approved: true, pharmacist_code: 'PH-1' });
  await until('its own feed has it', () => feeds.pharmacy.seen.has(order_id));
  assert.ok(!feeds.other.seen.has(order_id));
  for (const { stream } of Object.values(feeds)) stream.cancel();
  // a dispatcher sees where it is, not what it is
  const { order: bare } = await as('dispatcher').call('OrderService', 'GetOrder', { order_id });
  assert.equal(bare.state.order_id, order_id);
  assert.deepEqual([bare.codes.length, bare.member_code, bare.claim, bare.pickup_code], [0, '', null, '']);
});

test('a clinic reads what it submitted; a laboratory what is brought to it', async () => {
  const { order } = await as('clinic').call('OrderService', 'SubmitTestOrder', testOrder(town));
  assert.equal((await as('clinic').call('OrderService', 'GetOrder', { order_id: order.order_id })).order.state.order_id, order.order_id);
  const { order: rx } = await as('pharmacy').call('OrderService', 'SubmitPrescription', prescription(town, { member_code: 'M000003', source: `pharmacy-${pharmacies[0]}`, pharmacy_id: pharmacies[0] }));
  assert.equal((await as('clinic').refusal('OrderService', 'GetOrder', { order_id: rx.order_id })).code, status.NOT_FOUND);
  assert.equal((await as('lab').refusal('OrderService', 'GetOrder', { order_id: rx.order_id })).code, status.NOT_FOUND);
  assert.equal((await as('clinic').refusal('OrderService', 'SubmitTestOrder', testOrder(town, { source: 'another' }))).code, status.PERMISSION_DENIED);
  const event = { idempotency_key: key('e'), source: `lab-${lab}`, order_id: rx.order_id, event: 'STOP_EVENT_LAB_ACCEPTED' };
  assert.equal((await as('lab').refusal('CourierService', 'RecordStopEvent', { ...event, lab_id: lab, courier_id: couriers[0] })).code, status.PERMISSION_DENIED);
  assert.equal((await as('lab').refusal('CourierService', 'RecordStopEvent', { ...event, lab_id: Number(lab) + 1 })).code, status.PERMISSION_DENIED);
  assert.equal((await as('lab').refusal('CourierService', 'RecordStopEvent', { ...event, lab_id: lab })).code, status.NOT_FOUND); // not brought to it
});

test('a courier speaks for himself', async () => {
  const courier = as('courier'), other = couriers[1], shift = { idempotency_key: key('s'), source: 'app', at: town.homes[0], ends_ms: Date.now() + 3600000 };
  for (const [method, request] of [['StartShift', { ...shift, courier_id: other }], ['EndShift', { idempotency_key: key('e'), source: 'app', courier_id: other }],
    ['AnswerOffer', { idempotency_key: key('o'), source: 'app', courier_id: other, order_id: 1, accept: true }],
    ['RecordStopEvent', { idempotency_key: key('v'), source: 'app', courier_id: other, order_id: 1, event: 'STOP_EVENT_ARRIVED' }]])
    assert.deepEqual([(await courier.refusal('CourierService', method, request)).code, (await courier.refusal('CourierService', method, request)).reason], [status.PERMISSION_DENIED, 'TENANT'], method);
  const watch = (courier_id) => new Promise((resolve) => {
    const stream = courier.client('CourierService').WatchRoute({ city_id: CITY, courier_id }, courier.metadata);
    stream.on('data', () => stream.cancel());
    stream.on('error', (error) => resolve(error.code));
  });
  assert.equal(await watch(other), status.PERMISSION_DENIED);
  await courier.call('CourierService', 'StartShift', { ...shift, courier_id: couriers[0] });
  assert.equal(await watch(couriers[0]), status.CANCELLED); // ours, after its first message
  const report = (caller) => new Promise((resolve, reject) => {
    const stream = caller.client('CourierService').ReportPositions(caller.metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
    stream.end({ city_id: CITY, positions: [couriers[0], other, other].map((courier_id) => ({ courier_id, at: town.homes[0], at_ms: Date.now() })) });
  });
  const positions = await report(courier);
  assert.deepEqual([Number(positions.accepted), Number(positions.refused)], [1, 2]);
  assert.equal(Number((await report(as('logistics'))).accepted), 3);
});

test('settlement has amounts, and no way to an address', async () => {
  const { claims } = await as('settlement').call('ClaimService', 'ListClaims', {});
  assert.ok(claims.length > 0);
  assert.doesNotMatch(JSON.stringify(claims), /示范路|李某|王某|1390000/);
});

test('reads of health data are in the access log, by whom', async () => {
  const { orders } = await as('auditor').call('OrderService', 'ListOrders', {});
  const order_id = orders[0].state.order_id;
  const count = () => Number(sql(`SELECT count(*) FROM access_log WHERE actor LIKE 'auditor:%auditor-desk' AND what = 'order' AND subject = ${order_id}`));
  const before = count();
  await as('auditor').call('OrderService', 'GetOrder', { order_id });
  assert.equal(count(), before + 1);
  assert.equal(Number(sql(`SELECT count(*) FROM access_log WHERE actor LIKE 'auditor:%' AND what = 'orders'`)), orders.length);
  await as('clinic').call('ClaimService', 'GetBenefits', { member_code: 'M000001' });
  assert.equal(Number(sql(`SELECT count(*) FROM access_log WHERE actor LIKE 'clinic:%' AND what = 'benefits'`)), 1);
});

test('tokens expire and are revoked, and streams that began with them end; only hashes are kept', async () => {
  const made = JSON.parse(run('token', 'create', '--db', db, '--role', 'dispatcher', '--subject', 'night desk', '--json'));
  const caller = new As(made.token);
  await until('it is known', async () => (await caller.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
  assert.ok(Math.abs(made.expires_ms - Date.now() - 90 * 86400000) < 60000);
  assert.equal(sql(`SELECT count(*) FROM caller c WHERE c::text LIKE '%${made.token.slice(4)}%'`), '0');
  const stream = caller.client('BoardService').WatchBoard({ city_id: CITY }, caller.metadata);
  let ended = null;
  stream.on('data', () => {});
  stream.on('error', (error) => (ended = error.code));
  run('token', 'revoke', String(made.id), '--db', db);
  await until('it is revoked', async () => (await caller.refusal('AccessService', 'WhoAmI', {})).code === status.UNAUTHENTICATED, 10000);
  await until('its stream ends', () => ended === status.UNAUTHENTICATED, 10000);
  const [listed] = run('token', 'list', '--db', db, '--json').trim().split('\n').map((line) => JSON.parse(line)).filter(({ id }) => id === made.id);
  assert.deepEqual([listed.state, listed.role, listed.subject], ['revoked', 'dispatcher', 'night desk']);
  assert.ok(!run('token', 'list', '--db', db).includes(made.token));
  sql(`UPDATE caller SET expires_at = clock_timestamp() + interval '1 second', issued_at = clock_timestamp() - interval '1 hour', change = nextval('caller_change_seq') WHERE subject = 'auditor-desk'`);
  await until('it expires', async () => (await as('auditor').refusal('AccessService', 'WhoAmI', {})).code === status.UNAUTHENTICATED, 10000);
});

test('a sign-in link works once, and its token is a session', async () => {
  const link = run('token', 'link', '--db', db, '--role', 'dispatcher', '--subject', 'board 1', '--url', 'http://127.0.0.1:7480/', '--hours', '2').trim();
  const [, code] = /^http:\/\/127\.0\.0\.1:7480\/#sign-in=(mdc_[0-9a-f]{64})$/.exec(link);
  const nobody = new As(null);
  assert.equal((await new As(code).refusal('AccessService', 'WhoAmI', {})).code, status.UNAUTHENTICATED); // a code is no token
  const { token: secret, identity } = await nobody.call('AccessService', 'SignIn', { code });
  assert.deepEqual([identity.role, identity.subject], ['dispatcher', 'board 1']);
  assert.ok(Math.abs(Number(identity.expires_ms) - Date.now() - 2 * 3600000) < 60000);
  assert.equal((await new As(secret).call('AccessService', 'WhoAmI', {})).identity.subject, 'board 1'); // at once
  assert.equal((await nobody.refusal('AccessService', 'SignIn', { code })).code, status.UNAUTHENTICATED);
  assert.equal((await nobody.refusal('AccessService', 'SignIn', { code: 'mdc_00' })).code, status.UNAUTHENTICATED);
  // many at once: one wins
  const [, second] = /#sign-in=(.*)$/.exec(run('token', 'link', '--db', db, '--role', 'dispatcher', '--subject', 'board 2', '--url', 'http://x/').trim());
  const results = await Promise.all(Array.from({ length: 8 }, () => nobody.refusal('AccessService', 'SignIn', { code: second })));
  assert.equal(results.filter(({ code: how }) => how === status.OK).length, 1);
});

test('one caller cannot take everybody\'s turn', async () => {
  const busy = as('logistics');
  const results = await Promise.all(Array.from({ length: 700 }, () => busy.refusal('AccessService', 'WhoAmI', {})));
  const limited = results.filter(({ code, reason }) => code === status.RESOURCE_EXHAUSTED && reason === 'RATE_LIMITED');
  assert.ok(limited.length > 0 && limited.length <= 300, `${limited.length} of 700 were refused`); // 400 at once, and those that came in meanwhile
  assert.ok(limited[0].retry);
  assert.equal((await as('dispatcher').refusal('AccessService', 'WhoAmI', {})).code, status.OK);
});

test('the application\'s role makes no callers and cannot read the access log', () => {
  for (const statement of ["INSERT INTO caller (city_id, kind, digest, role, subject, expires_at) VALUES (1, 1, sha256('x'), 'admin', 'x', clock_timestamp() + interval '1 day')",
    "UPDATE caller SET role = 'admin'", "UPDATE caller SET revoked_at = NULL", 'DELETE FROM caller', 'SELECT * FROM access_log', 'DELETE FROM access_log'])
    assert.throws(() => execFileSync('psql', ['-qAtc', `SET ROLE meddispatch_app; ${statement}`], { stdio: 'pipe' }), /permission denied/, statement);
});

test('what the command line refuses', () => {
  const refused = (...args) => {
    try {
      execFileSync(binary, ['token', ...args, '--db', db], { stdio: 'pipe' });
    } catch (error) {
      return error.status;
    }
    return 0;
  };
  assert.equal(refused('create', '--role', 'king', '--subject', 'x'), 2);
  assert.equal(refused('create', '--role', 'pharmacy', '--subject', 'x'), 3);
  assert.equal(refused('create', '--role', 'admin', '--subject', 'x', '--facility', '1'), 3);
  assert.equal(refused('create', '--role', 'courier', '--subject', 'x'), 3);
  assert.equal(refused('create', '--role', 'admin'), 3);
  assert.equal(refused('certificate', '--role', 'admin', '--subject', 'x', '--identity', 'localhost'), 3);
  assert.equal(refused('revoke', '999999'), 3);
  assert.equal(refused('nonsense'), 2);
});
