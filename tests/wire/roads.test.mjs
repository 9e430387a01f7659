// Live traffic end to end: a closed road is avoided and its plans are timed again; reports expire, are withdrawn, survive a killed daemon; hours differ.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CITY, House, Stream, failure, key, pause, prescription, status, until } from './house.mjs';

const house = new House();
const HOUR = 3600000;
let town, api, ends;
const call = (service, method, request) => api.call(service, method, { city_id: CITY, ...request });
const report = (request) => call('BoardService', 'ReportRoad', { idempotency_key: key('road'), source: 'board', dispatcher: 'li', reason: 'burst pipe', until_ms: Date.now() + HOUR, ...request });
const withdraw = (override_id) => call('BoardService', 'WithdrawRoad', { idempotency_key: key('open'), source: 'board', dispatcher: 'wu', override_id, reason: 'open again' });
const travel = async (rest = {}) => (await call('RoutingService', 'Route', { points: ends, without_geometry: true, ...rest })).travel_ms;
const cell = async (rest = {}) => (await call('RoutingService', 'Matrix', { sources: [ends[0]], targets: [ends[1]], ...rest })).travel_ms[0];

// the drawn line, and where half of the way is done
async function line() {
  const [leg] = (await call('RoutingService', 'Route', { points: ends })).legs;
  let lat = 0, lon = 0;
  return leg.lat_e7.map((step, i) => ({ lat: (lat += step) / 1e7, lon: (lon += leg.lon_e7[i]) / 1e7, at_ms: leg.at_ms[i] }));
}
const middle = (points) => {
  const i = points.findIndex((point) => point.at_ms >= points.at(-1).at_ms / 2);
  return { lat: (points[i - 1].lat + points[i].lat) / 2, lon: (points[i - 1].lon + points[i].lon) / 2 };
};
const metres = (a, b) => Math.hypot((a.lat - b.lat) * 111195, (a.lon - b.lon) * 111195 * Math.cos((a.lat * Math.PI) / 180));
const distance_to_line = (point, points) => Math.min(...points.slice(1).map((b, i) => {
  const a = points[i], k = 111195 * Math.cos((a.lat * Math.PI) / 180);
  const bx = (b.lon - a.lon) * k, by = (b.lat - a.lat) * 111195, px = (point.lon - a.lon) * k, py = (point.lat - a.lat) * 111195;
  const t = Math.max(0, Math.min(1, (px * bx + py * by) / (bx * bx + by * by || 1)));
  return Math.hypot(px - t * bx, py - t * by);
}));

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 3, homes: 6 });
  const [a, b] = town.homes.flatMap((from, i) => town.homes.slice(i + 1).map((to) => [from, to])).sort((x, y) => metres(...y) - metres(...x))[0];
  ends = [a, b];
});
after(async () => {
  const { code, log } = await house.stop();
  assert.equal(code, 0, `the daemon must end cleanly:\n${log}`);
});

let free_ms, closed, spot;
test('a closed road is avoided by Route and Matrix, both alike', async () => {
  free_ms = await travel();
  spot = middle(await line());
  const request = { idempotency_key: key('close'), road: [spot] };
  closed = await report(request);
  assert.ok(closed.roads >= 1 && closed.roads <= 2, `${closed.roads} directed stretches`);
  assert.equal(closed.repeated, false);
  await until('the way round', async () => (await travel()) > free_ms);
  assert.equal(await cell(), await travel(), 'one metric for both');
  assert.ok(distance_to_line(spot, await line()) > 5, 'the line leaves the closed road');
  const departing = Date.now() + 2 * HOUR; // the report is over by then
  assert.equal(await travel({ depart_ms: departing }), free_ms);
  assert.equal(await cell({ depart_ms: departing }), free_ms);
});

test('the same key is one report; another report needs another key', async () => {
  const request = { idempotency_key: key('twice'), road: [spot], speed_percent: 50, until_ms: Date.now() + HOUR };
  const first = await report(request), again = await report(request);
  assert.equal(again.override_id, first.override_id);
  assert.equal(again.repeated, true);
  const other = await failure(report({ ...request, speed_percent: 60 }));
  assert.equal(other.code, status.ALREADY_EXISTS, other.message);
  await withdraw(first.override_id);
});

test('reports are listed, with who and why', async () => {
  const { roads } = await call('BoardService', 'ListRoads', {});
  assert.equal(roads.length, 1);
  assert.equal(roads[0].override_id, closed.override_id);
  assert.equal(roads[0].reported_by, 'dispatcher:li');
  assert.equal(roads[0].reason, 'burst pipe');
  assert.ok(metres(roads[0].road[0], spot) < 0.1);
  const { roads: all } = await call('BoardService', 'ListRoads', { with_ended: true });
  assert.equal(all.length, 2);
  assert.equal(all[0].withdrawn_by, 'dispatcher:wu');
});

test('a killed daemon knows the closure again before it answers', async () => {
  const round_ms = await travel();
  await house.stopDaemon('SIGKILL');
  await house.serve();
  api = house.api;
  assert.equal(await travel(), round_ms, 'the first answer already avoids it');
});

test('withdrawn, the road is open again; twice is well, unknown is not', async () => {
  assert.equal((await withdraw(closed.override_id)).repeated, false);
  await until('the old way', async () => (await travel()) === free_ms);
  assert.equal((await withdraw(closed.override_id)).repeated, true);
  assert.equal((await failure(withdraw('999999'))).code, status.NOT_FOUND);
});

test('a report ends by itself', async () => {
  await report({ road: [spot], until_ms: Date.now() + 2500 });
  await until('the way round', async () => (await travel()) > free_ms);
  await until('the old way', async () => (await travel()) === free_ms);
  assert.deepEqual((await call('BoardService', 'ListRoads', {})).roads, []);
});

test('an area slows what lies in it, in percent or km/h; the slowest of several reports counts', async () => {
  const { south, west, north, east } = house.area;
  const polygon = [[south, west], [south, east], [north, east], [north, west]].map(([lat, lon]) => ({ lat, lon }));
  const half = await report({ polygon, speed_percent: 50 });
  assert.ok(half.roads > 100);
  const half_ms = await until('half speed', async () => { const ms = await travel(); return ms > free_ms * 1.5 && ms; });
  assert.ok(half_ms <= free_ms * 2 + 1000, 'waiting at junctions does not double');
  const crawl = await report({ polygon, speed_kmh: 3 });
  const crawl_ms = await until('a crawl', async () => { const ms = await travel(); return ms > half_ms && ms; });
  await withdraw(half.override_id);
  await pause(600);
  assert.equal(await travel(), crawl_ms);
  await withdraw(crawl.override_id);
  await until('the old way', async () => (await travel()) === free_ms);
});

test('plans are timed again after a swap', async () => {
  const board = new Stream(api.client('BoardService').WatchBoard({ city_id: CITY }));
  await until('the board begins with a snapshot', () => board.messages[0]?.what === 'snapshot');
  const eta = (order_id) => Number(board.messages.flatMap((m) => m.delta?.orders ?? m.snapshot?.orders ?? []).findLast((order) => order.state.order_id === order_id)?.state.eta_ms ?? 0);
  const { order } = await call('OrderService', 'SubmitPrescription', prescription(town, { recipient: { name: '李某', phone: '13900000001', address: '示范路1号', at: ends[1] } }));
  const command = (what, rest = {}) => ({ idempotency_key: key(what), source: 'wire', order_id: order.order_id, ...rest });
  await call('OrderService', 'ApprovePrescription', command('approve', { pharmacist_code: 'PH-1', approved: true }));
  await call('OrderService', 'MarkReady', command('ready', { parcels: 1 }));
  const courier_id = town.couriers[0].courier_id;
  await call('CourierService', 'StartShift', { idempotency_key: key('start'), source: 'wire', courier_id, at: ends[0], ends_ms: Date.now() + 8 * HOUR });
  await until('a plan', () => eta(order.order_id) > 0);
  await call('CourierService', 'AnswerOffer', { ...command('answer'), courier_id, accept: true });
  const before_ms = eta(order.order_id);
  const { south, west, north, east } = house.area;
  const polygon = [[south, west], [south, east], [north, east], [north, west]].map(([lat, lon]) => ({ lat, lon }));
  const slow = await report({ polygon, speed_percent: 25 });
  await until('a later arrival', () => eta(order.order_id) > before_ms + 30000);
  await withdraw(slow.override_id);
  await until('the earlier arrival', () => eta(order.order_id) < before_ms + 30000);
  board.cancel();
});

test('what cannot be is refused with what to mend', async () => {
  const bad = async (request, field) => {
    const seen = await failure(report(request));
    assert.equal(seen.code, status.INVALID_ARGUMENT, seen.message);
    assert.ok(seen.fields.some((one) => one.field.startsWith(field)) || seen.message.includes(field), `${field}: ${seen.message}`);
  };
  await bad({}, 'polygon');
  await bad({ road: [spot], way_id: '5' }, 'polygon');
  await bad({ way_id: '4000000000000' }, 'way_id');
  await bad({ way_id: '-1' }, 'way_id');
  await bad({ road: [{ lat: 1, lon: 1 }] }, 'road');
  await bad({ road: [spot, ends[0], ends[1]] }, 'road');
  await bad({ polygon: [spot, ends[0]] }, 'polygon');
  await bad({ polygon: Array.from({ length: 201 }, () => spot) }, 'polygon');
  await bad({ polygon: [spot, { lat: NaN, lon: 1 }, ends[0]] }, 'polygon[1]');
  await bad({ polygon: [ends[0], ends[1], { lat: ends[0].lat, lon: ends[1].lon }, { lat: ends[1].lat, lon: ends[0].lon }] }, 'polygon'); // crosses itself
  await bad({ road: [spot], speed_percent: 4 }, 'speed_percent');
  await bad({ road: [spot], speed_percent: 401 }, 'speed_percent');
  await bad({ road: [spot], speed_kmh: 201 }, 'speed_kmh');
  await bad({ road: [spot], speed_kmh: 10, speed_percent: 50 }, 'speed_kmh');
  await bad({ road: [spot], until_ms: Date.now() - 1 }, 'until_ms');
  await bad({ road: [spot], until_ms: Date.now() + 400 * 24 * HOUR }, 'until_ms');
  await bad({ road: [spot], reason: '' }, 'reason');
  await bad({ road: [spot], dispatcher: '' }, 'dispatcher');
  await bad({ road: [spot], idempotency_key: '' }, 'idempotency_key');
  assert.deepEqual((await call('BoardService', 'ListRoads', {})).roads, [], 'nothing of it was kept');
});

test('hours of the week differ by the table', async () => {
  const table = path.join(house.folder, 'traffic.csv');
  writeFileSync(table, 'class,days,from_hour,to_hour,speed_percent\n*,weekday,7,9,50\n*,weekend,0,24,80\n');
  await house.stopDaemon();
  await house.serve({ set: [`traffic = ${table}`] });
  api = house.api;
  const monday = Date.UTC(2031, 0, 6, 0) - 8 * HOUR; // midnight in the city
  const quiet = await travel({ depart_ms: monday + 3 * HOUR });
  assert.equal(quiet, free_ms);
  assert.equal(await travel({ depart_ms: monday + 6.99 * HOUR }), quiet);
  const peak = await travel({ depart_ms: monday + 7 * HOUR });
  assert.ok(peak > quiet * 1.5 && peak <= quiet * 2 + 1000, `${peak} after ${quiet}`);
  assert.equal(await cell({ depart_ms: monday + 8.9 * HOUR }), peak);
  assert.equal(await travel({ depart_ms: monday + 9 * HOUR }), quiet);
  const sunday = await travel({ depart_ms: monday - HOUR });
  assert.ok(sunday > quiet && sunday < peak);
  await house.stopDaemon();
  writeFileSync(table, 'class,days,from_hour,to_hour,speed_percent\n*,weekday,7,9,5000\n');
  await assert.rejects(house.serve({ set: [`traffic = ${table}`] }), /line 2/);
  await house.serve();
});
