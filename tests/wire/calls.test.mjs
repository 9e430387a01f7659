// How calls end: methods that are not there yet, deadlines, cancelled calls, and a daemon that is told to stop with calls in flight.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CITY, House, Stream, failure, grpc, pause, prescription, rawCall, status, until } from './house.mjs';

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
