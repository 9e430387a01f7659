// What a dispatcher's desk asks: names, previews of reassignments, recipients (logged), figures, the past, and a sign of life in a quiet city.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { CITY, House, Stream, db, failure, key, pause, prescription, status, until } from './house.mjs';

const house = new House();
let town, api, order_id, began_ms;
const call = (service, method, request) => api.call(service, method, { city_id: CITY, ...request });
const sql = (text) => execFileSync(process.env.PSQL ?? '/usr/lib/postgresql/15/bin/psql', ['-XAt', '-d', db, '-c', text], { encoding: 'utf8' }).trim();

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 3, homes: 4 });
  began_ms = Date.now() - 1000;
  const { order } = await api.call('OrderService', 'SubmitPrescription', prescription(town));
  order_id = order.order_id;
});
after(() => house.stop());

test('in a quiet city the board hears the time every two seconds', async () => {
  const board = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  await until('the snapshot', () => board.messages[0]?.snapshot);
  await until('two signs of life', () => board.messages.filter((m) => m.delta && Number(m.delta.seq_first) === 0 && !m.delta.couriers.length && Number(m.delta.now_ms) > began_ms).length >= 2, 9000);
  board.cancel();
});

test('ListPlaces names facilities and couriers', async () => {
  const places = await call('BoardService', 'ListPlaces', {});
  assert.equal(places.utc_offset_s, 28800);
  const pharmacy = places.facilities.find((one) => one.facility_id === String(town.pharmacies[0].facility_id));
  assert.equal(pharmacy.name, town.pharmacies[0].name);
  assert.equal(pharmacy.kind, 'FACILITY_KIND_PHARMACY');
  assert.deepEqual(places.couriers.map((one) => one.name).sort(), town.couriers.map((one) => one.name).sort());
  assert.equal((await failure(api.once('BoardService', 'ListPlaces', { city_id: 99 }))).code, status.NOT_FOUND);
});

test('PreviewReassign tells the change and does nothing; Reassign with its version is done, and a stale one says so', async () => {
  const [first, second] = town.couriers;
  for (const courier of [first, second])
    await call('CourierService', 'StartShift', { idempotency_key: key('start'), source: 'wire', courier_id: courier.courier_id, at: town.pharmacies[0].at, ends_ms: Date.now() + 8 * 3600000 });
  const on = await until('the planner has given it to somebody', async () => {
    const { order } = await call('BoardService', 'Explain', { order_id });
    return Number(order.courier_id) && order;
  });
  const other = [first, second].find((courier) => String(courier.courier_id) !== on.courier_id).courier_id;
  const preview = await call('BoardService', 'PreviewReassign', { order_id, to_courier_id: other });
  assert.equal(preview.rule, '');
  assert.equal(preview.orders[0].order_id, order_id);
  assert.ok(Number(preview.orders[0].done_before_ms) > Date.now() && Number(preview.orders[0].done_after_ms) > Date.now());
  assert.equal(preview.orders[0].promise_ms, on.promise_ms);
  const to = preview.couriers.find((one) => one.courier_id === String(other)), from = preview.couriers.find((one) => one.courier_id === on.courier_id);
  assert.equal(to.stops_after, to.stops_before + 2);
  assert.equal(from.stops_after, from.stops_before - 2);
  assert.ok(to.travel_after_m > to.travel_before_m);
  const request = { city_id: CITY, source: 'wire', dispatcher: 'li', order_id, to_courier_id: other, reason: 'nearer', idempotency_key: key('reassign') };
  const stale = await failure(api.once('BoardService', 'Reassign', { ...request, expected_version: preview.order.version + 1000 }));
  assert.equal(stale.code, status.ABORTED);
  const now = await call('BoardService', 'PreviewReassign', { order_id, to_courier_id: other });
  await call('BoardService', 'Reassign', { ...request, idempotency_key: key('reassign'), expected_version: now.order.version });
  await until('it is with the other', async () => (await call('BoardService', 'Explain', { order_id })).order.courier_id === String(other));
  assert.equal((await call('BoardService', 'PreviewReassign', { order_id, to_courier_id: town.couriers[2].courier_id })).rule, 'NOT_ON_SHIFT');
  assert.equal((await failure(api.once('BoardService', 'PreviewReassign', { city_id: CITY, order_id: 999999 }))).code, status.NOT_FOUND);
});

test('RevealRecipient tells who it is and leaves a trace with the reason', async () => {
  const who = await call('BoardService', 'RevealRecipient', { order_id, dispatcher: 'li', reason: 'the caller asks' });
  assert.deepEqual(who, { name: '李某', phone: '13900000001', address: '示范路1号' });
  assert.equal(sql(`SELECT actor, reason FROM access_log WHERE subject = ${order_id} AND actor LIKE 'dispatcher:%'`), 'dispatcher:li|the caller asks');
  const unasked = await failure(api.once('BoardService', 'RevealRecipient', { city_id: CITY, order_id, dispatcher: 'li' }));
  assert.equal(unasked.code, status.INVALID_ARGUMENT);
  assert.equal(unasked.fields[0].field, 'reason');
});

test('GetKpis agrees with the table', async () => {
  const to_ms = Date.now() + 60000;
  await call('OrderService', 'CancelOrder', { idempotency_key: key('cancel'), source: 'wire', order_id: (await api.call('OrderService', 'SubmitPrescription', prescription(town, { member_code: 'M000003', recipient: { name: '张某', phone: '13900000003', address: '示范路3号', at: town.homes[2] } }))).order.order_id, reason: 'test' });
  const seen = await until('the cancel is in the table', async () => {
    const kpis = await call('BoardService', 'GetKpis', { from_ms: began_ms, to_ms });
    return Number(kpis.orders_cancelled) === 1 && kpis;
  });
  const [total, delivered, couriers] = sql(`SELECT count(*), count(*) FILTER (WHERE phase IN (10, 13, 14)), count(DISTINCT nullif(courier_id, 0)) FROM orders WHERE accepted_ms >= ${began_ms} AND accepted_ms < ${to_ms}`).split('|');
  assert.equal(seen.orders_total, total);
  assert.equal(seen.orders_delivered, delivered);
  assert.equal(seen.couriers_used, couriers);
  assert.equal((await failure(api.once('BoardService', 'GetKpis', { city_id: CITY, from_ms: to_ms, to_ms: began_ms }))).code, status.INVALID_ARGUMENT);
});

test('Replay gives the span’s facts in order and ends', async () => {
  const replay = (from_ms, to_ms) => new Promise((resolve, reject) => {
    const facts = [];
    const stream = api.client('BoardService').Replay({ city_id: CITY, from_ms, to_ms });
    stream.on('data', (message) => facts.push(...message.facts));
    stream.on('error', reject);
    stream.on('end', () => resolve(facts));
  });
  await pause(50);
  const all = await replay(began_ms, Date.now() + 1000);
  assert.equal(all.length, Number(sql(`SELECT count(*) FROM order_event WHERE stream = 0 AND at_ms >= ${began_ms} AND seq <= ${all.at(-1).seq}`)));
  for (let i = 1; i < all.length; i++) assert.equal(Number(all[i].seq), Number(all[i - 1].seq) + 1);
  const middle = Number(all[Math.floor(all.length / 2)].at_ms);
  const late = await replay(middle, Date.now() + 1000);
  assert.deepEqual(late.filter((f) => Number(f.seq) <= Number(all.at(-1).seq)).map((f) => f.seq), all.filter((f) => Number(f.at_ms) >= middle).map((f) => f.seq));
  assert.deepEqual(await replay(1000, 2000), []);
  await assert.rejects(replay(1000, 1000 + 25 * 3600000), (error) => error.code === status.INVALID_ARGUMENT);
});

test('an order’s history has the facts’ own fields', async () => {
  const { history } = await call('OrderService', 'GetOrder', { order_id, with_history: true });
  const pinned = history.find((fact) => fact.kind === 'ORDER_PINNED');
  assert.equal(JSON.parse(pinned.detail).reason, 'nearer');
  assert.equal(pinned.actor, 'dispatcher:li');
});

test('Prioritize is in the board, the order and the log; an order that has ended is refused', async () => {
  const { order } = await api.call('OrderService', 'SubmitPrescription', prescription(town, { member_code: 'M000004', recipient: { name: '赵某', phone: '13900000004', address: '示范路4号', at: town.homes[3] } }));
  const request = (changes) => ({ city_id: CITY, source: 'wire', dispatcher: 'li', order_id: order.order_id, priority: 'PRIORITY_CRITICAL', reason: 'a child with fever', idempotency_key: key('first'), ...changes });
  await api.call('BoardService', 'Prioritize', request());
  assert.equal((await failure(api.once('BoardService', 'Prioritize', request({ priority: 'PRIORITY_UNSPECIFIED' })))).fields[0].field, 'priority');
  assert.equal((await failure(api.once('BoardService', 'Prioritize', request({ priority: 'PRIORITY_ROUTINE', expected_version: 999 })))).code, status.ABORTED);
  const read = await until('the table has it', async () => {
    const answer = await call('OrderService', 'GetOrder', { order_id: order.order_id, with_history: true });
    return answer.order.priority === 'PRIORITY_CRITICAL' && answer;
  });
  assert.equal(JSON.parse(read.history.find((fact) => fact.kind === 'ORDER_PRIORITIZED').detail).reason, 'a child with fever');
  const board = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  const snapshot = await until('the snapshot', () => board.messages[0]?.snapshot);
  board.cancel();
  assert.equal(snapshot.orders.find((one) => one.state.order_id === order.order_id).priority, 'PRIORITY_CRITICAL');
  const acknowledge = { city_id: CITY, source: 'wire', dispatcher: 'li', order_id: order.order_id, alert: 'READY_LATE', idempotency_key: key('seen') };
  assert.equal((await failure(api.once('BoardService', 'Acknowledge', acknowledge))).reason, 'NO_ALERT');
  assert.equal((await failure(api.once('BoardService', 'Acknowledge', { ...acknowledge, alert: 'NOISE' }))).fields[0].field, 'alert');
  await call('OrderService', 'CancelOrder', { idempotency_key: key('cancel'), source: 'wire', order_id: order.order_id, reason: 'test' });
  assert.equal((await failure(api.once('BoardService', 'Prioritize', request({ idempotency_key: key('late'), priority: 'PRIORITY_URGENT' })))).reason, 'WRONG_PHASE');
});
