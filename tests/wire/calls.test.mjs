// How calls end: methods that are not there, deadlines, cancelled calls, and a daemon that is told to stop with calls in flight.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { CITY, House, Stream, db, failure, grpc, pause, prescription, rawCall, status, until } from './house.mjs';

const house = new House();
let town, api;

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 1, homes: 2 });
});
after(() => house.stop());

test('what is not there says UNIMPLEMENTED', async () => {
  for (const path of ['/meddispatch.v1.OrderService/NoSuchMethod', '/no.such.Service/Method'])
    assert.equal((await failure(rawCall(house.address, path, Buffer.alloc(0)))).code, status.UNIMPLEMENTED, path);
});

test('a stream with a deadline ends when it is over', async () => {
  const began = Date.now();
  const stream = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }, { deadline: began + 700 }));
  const error = await until('the deadline', () => stream.error);
  assert.equal(error.code, status.DEADLINE_EXCEEDED);
  assert.ok(Date.now() - began < 3000);
  assert.equal(stream.messages[0].what, 'snapshot', 'and it did work until then');
});

test('a cancelled stream is let go, many times over', async () => {
  // more than the 128 streams a connection may have: each must have given its place back
  for (let i = 0; i < 300; i++) {
    const stream = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
    await until('its snapshot', () => stream.messages.length, 20000, 1);
    stream.cancel();
    const error = await until('its end', () => stream.error, 20000, 1);
    assert.equal(error.code, status.CANCELLED);
  }
  assert.equal((await api.health()).serving, true);
});

test('a caller that vanishes in mid-call does not undo what was committed', async () => {
  const request = prescription(town);
  const error = await new Promise((resolve) => {
    const call = api.client('OrderService').SubmitPrescription(request, (failed) => resolve(failed));
    setTimeout(() => call.cancel(), 2);
  });
  if (error) assert.equal(error.code, status.CANCELLED);
  const answer = await api.once('OrderService', 'SubmitPrescription', request);
  const list = await api.once('OrderService', 'ListOrders', { city_id: CITY, page_size: 1000 });
  assert.equal(list.orders.filter((order) => order.state.order_id === answer.order.order_id).length, 1, 'once, whatever became of the first call');
  assert.equal(list.orders.length, 1);
});

test('an order whose call has run out of time while it waited for a lock is given up; one that still has time is not', async () => {
  const psql = spawn('psql', [db, '-qAt'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said = [];
  psql.stdout.on('data', (data) => said.push(String(data)));
  psql.stdin.write("BEGIN; SELECT 'locked' FROM member_year WHERE member_id = (SELECT member_id FROM member WHERE code = 'M000001') FOR UPDATE;\n");
  await until('the lock', () => said.join('').includes('locked'));
  const hasty = prescription(town), patient = prescription(town, { member_code: 'M000004' });
  const submit = (request, ms) => api.once('OrderService', 'SubmitPrescription', request, ms);
  const late = failure(submit(hasty, 300));
  await pause(50);
  const behind = failure(submit({ ...hasty, idempotency_key: `${hasty.idempotency_key}-2`, prescription_number: 'N-behind' }, 300)); // stands in the line behind it
  const waits = submit(patient, 20000);
  assert.equal((await late).code, status.DEADLINE_EXCEEDED);
  assert.equal((await behind).code, status.DEADLINE_EXCEEDED);
  await pause(200);
  psql.stdin.end('ROLLBACK;\n');
  assert.equal((await waits).claim.state, 'HELD', 'in the same batch or behind it');
  const held = () => execFileSync('psql', [db, '-qAtc', `SELECT count(*) FROM orders WHERE source = 'pharmacy-1' AND prescription IN ('${hasty.prescription_number}', 'N-behind')`], { encoding: 'utf8' }).trim();
  assert.equal(held(), '0', 'nothing of them is stored');
  const again = await submit(hasty, 20000);
  assert.equal(again.order.repeated, false, 'the key is free');
  assert.equal(held(), '1');
});

test('many calls at once on one connection are all answered', async () => {
  const answers = await Promise.all(Array.from({ length: 300 }, () => api.call('RoutingService', 'Route', { city_id: CITY, points: [town.homes[0], town.homes[1]], without_geometry: true })));
  assert.equal(new Set(answers.map((answer) => answer.travel_ms)).size, 1);
});

test('SIGTERM: calls in flight are answered, new ones are sent away, streams end, exit 0', async () => {
  const stream = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  await until('the stream lives', () => stream.messages.length);
  const points = Array.from({ length: 25 }, (_, i) => town.homes[i % 2]);
  let answered = 0, sentAway = 0;
  const flight = Array.from({ length: 60 }, () => api.once('RoutingService', 'Route', { city_id: CITY, points }).then(() => answered++, (error) => {
    assert.ok([status.UNAVAILABLE, status.CANCELLED].includes(error.code), `${error.code} ${error.details}`);
    sentAway++;
  }));
  await flight[0];
  house.daemon.kill('SIGTERM');
  await Promise.all(flight);
  assert.ok(answered >= 1);
  const how = await house.ended;
  assert.deepEqual(how, { code: 0, signal: null }, house.lastLog());
  await until('the stream has ended', () => stream.error || stream.done);
  const late = await failure(new Promise((resolve, reject) => {
    const client = new grpc.Client(house.address, grpc.credentials.createInsecure());
    client.waitForReady(Date.now() + 500, (error) => (error ? reject(Object.assign(error, { code: status.UNAVAILABLE, details: '', metadata: new grpc.Metadata() })) : resolve()));
  }));
  assert.equal(late.code, status.UNAVAILABLE, 'nobody listens there any more');
  await house.serve();
  api.close();
});

test('after a restart the orders are still there', async () => {
  const { Api } = await import('./house.mjs');
  house.api = api = new Api(house.address);
  const list = await api.call('OrderService', 'ListOrders', { city_id: CITY, page_size: 1000 });
  assert.ok(list.orders.length >= 1);
  const repeated = await api.call('OrderService', 'GetOrder', { city_id: CITY, order_id: list.orders[0].state.order_id, with_history: true });
  assert.ok(repeated.history.length >= 1);
});
