// RoutingService beyond times: steps in two languages, the couriers soonest at a place, areas; and what is refused, by field.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CITY, House, failure, key, status, until } from './house.mjs';

const house = new House();
let town, api;
const call = (service, method, request) => api.call(service, method, { city_id: CITY, ...request });
const sum = (list, name) => list.reduce((total, item) => total + item[name], 0);

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 5, homes: 6 });
});
after(async () => {
  const { code, log } = await house.stop();
  assert.equal(code, 0, `the daemon must end cleanly:\n${log}`);
});

async function refused(method, request, field, text) {
  const seen = await failure(api.once('RoutingService', method, { city_id: CITY, ...request }));
  assert.equal(seen.code, status.INVALID_ARGUMENT, `${method} ${field}: ${seen.code} ${seen.message}`);
  assert.ok(seen.fields.some((violation) => violation.field === field), `a violation of ${field}, got ${JSON.stringify(seen.fields)}`);
  assert.match(seen.message, text);
}

test('steps: joined, adding up to the leg, in English and Chinese', async () => {
  const points = [town.pharmacies[0].at, town.homes[3], town.homes[4]];
  const english = await call('RoutingService', 'Route', { points }), chinese = await call('RoutingService', 'Route', { points, language: 'LANGUAGE_CHINESE' });
  english.legs.forEach((leg, l) => {
    const { steps } = leg;
    assert.equal(sum(steps, 'travel_ms'), leg.travel_ms);
    assert.equal(sum(steps, 'distance_m'), leg.distance_m);
    assert.equal(steps[0].manoeuvre, 'MANOEUVRE_DEPART');
    assert.match(steps[0].instruction, /^Head (north|east|south|west)/);
    assert.equal(steps.at(-1).manoeuvre, 'MANOEUVRE_ARRIVE');
    assert.match(steps.at(-1).instruction, l === 0 ? /^You have reached stop 1/ : /^You have arrived/);
    steps.forEach((step, i) => {
      assert.equal(step.point_first, i ? steps[i - 1].point_last : 0);
      assert.equal(leg.at_ms[step.point_first], sum(steps.slice(0, i), 'travel_ms'));
      assert.ok(step.heading_deg < 360 && Math.abs(step.turn_deg) <= 180);
      if (step.manoeuvre === 'MANOEUVRE_RIGHT') assert.ok(step.turn_deg >= 50 && /right/.test(step.instruction));
      if (step.manoeuvre === 'MANOEUVRE_LEFT') assert.ok(step.turn_deg <= -50 && /left/.test(step.instruction));
    });
    assert.equal(steps.at(-1).point_last, leg.lat_e7.length - 1);
    const others = chinese.legs[l].steps;
    assert.deepEqual(others.map((step) => step.manoeuvre), steps.map((step) => step.manoeuvre));
    assert.match(others[0].instruction, /^沿.*向[东南西北]+出发/);
    assert.match(others.at(-1).instruction, l === 0 ? /到达第1个途经点/ : /到达目的地/);
    assert.notDeepEqual(others.map((step) => step.name), steps.map((step) => step.name), 'the made-up city has names in both');
  });
  assert.equal((await call('RoutingService', 'Route', { points, without_geometry: true })).legs[0].steps.length, 0);
  await refused('Route', { points, language: 7 }, 'language', /0\.\.2/);
});

test('Nearest: couriers on shift, soonest first, as Matrix says; a position moves one', async () => {
  const at = town.pharmacies[0].at;
  assert.deepEqual((await call('RoutingService', 'Nearest', { at })).couriers, [], 'nobody is on shift');
  const ids = town.couriers.slice(0, 4).map((row) => String(row.courier_id)), places = [town.homes[0], town.homes[1], town.homes[2], town.homes[3]];
  for (const [i, courier_id] of ids.entries())
    await call('CourierService', 'StartShift', { idempotency_key: key('start'), source: 'wire', courier_id, at: places[i], ends_ms: Date.now() + 8 * 3600000 });
  const wanted = async () => {
    const matrix = await call('RoutingService', 'Matrix', { sources: places, targets: [at] });
    return ids.map((id, i) => ({ id, ms: matrix.travel_ms[i], m: matrix.distance_m[i] })).sort((a, b) => a.ms - b.ms);
  };
  const check = async () => {
    const { couriers } = await call('RoutingService', 'Nearest', { at }), best = await wanted();
    assert.deepEqual(couriers.map((row) => [row.courier_id, row.travel_ms, row.distance_m]), best.map((row) => [row.id, row.ms, row.m]));
    for (const row of couriers) assert.ok(Number(row.position_ms) > Date.now() - 60000 && Math.abs(row.at.lat - places[ids.indexOf(row.courier_id)].lat) < 1e-6);
    return best;
  };
  const best = await check();
  assert.equal((await call('RoutingService', 'Nearest', { at, count: 2 })).couriers.length, 2);
  const limit = best[1].ms;
  assert.deepEqual((await call('RoutingService', 'Nearest', { at, travel_ms_max: limit })).couriers.map((row) => row.courier_id), best.filter((row) => row.ms <= limit).map((row) => row.id));
  const last = ids.indexOf(best.at(-1).id);
  places[last] = town.pharmacies[0].at; /* the farthest rides up to the door */
  await api.load('CourierService', 'ReportPositions', [{ city_id: CITY, positions: [{ courier_id: ids[last], at: places[last], at_ms: Date.now() }] }]);
  await until('the position counts', async () => (await call('RoutingService', 'Nearest', { at, count: 1 })).couriers[0].courier_id === ids[last]);
  await check();
  await refused('Nearest', {}, 'at', /required/);
  await refused('Nearest', { at, count: 1001 }, 'count', /0\.\.1000/);
  await refused('Nearest', { at, travel_ms_max: 86400001 }, 'travel_ms_max', /86400000/);
  await refused('Nearest', { at, depart_ms: -1 }, 'depart_ms', /0\.\./);
  await refused('Nearest', { at: { lat: 1, lon: 1 } }, 'at', /off the city's map/);
});

test('Isochrone: GeoJSON of ascending contours; who is there in time is inside', async () => {
  const at = town.pharmacies[0].at, contours_s = [120, 300, 600];
  const answer = await call('RoutingService', 'Isochrone', { at, contours_s });
  const { type, features, datum } = JSON.parse(answer.geojson);
  assert.ok(type === 'FeatureCollection' && datum === undefined && answer.tolerance_m > 75 && answer.tolerance_m < 300);
  assert.deepEqual(features.map((feature) => feature.properties.travel_ms), [600000, 300000, 120000]);
  const inRing = (ring, [x, y]) => ring.slice(1).reduce((inside, b, i) => (ring[i][1] > y !== b[1] > y && x < ring[i][0] + ((y - ring[i][1]) / (b[1] - ring[i][1])) * (b[0] - ring[i][0]) ? !inside : inside), false);
  const holds = ({ geometry }, p) => geometry.coordinates.some(([outer, ...holes]) => inRing(outer, p) && !holes.some((hole) => inRing(hole, p)));
  const ring = features[0].geometry.coordinates[0][0];
  assert.deepEqual(ring[0], ring.at(-1));
  const homes = town.homes, route = await Promise.all(homes.map((to) => call('RoutingService', 'Route', { points: [at, to] })));
  let held = 0;
  route.forEach(({ legs: [leg] }) => {
    const end = [leg.lon_e7.reduce((a, b) => a + b) / 1e7, leg.lat_e7.reduce((a, b) => a + b) / 1e7];
    for (const feature of features) {
      if (leg.travel_ms <= feature.properties.travel_ms) assert.ok(holds(feature, end) && ++held);
    }
  });
  assert.ok(held >= 3);
  const one = JSON.parse((await call('RoutingService', 'Isochrone', { at, travel_s: 300 })).geojson);
  assert.equal(one.features.length, 1);
  const moved = JSON.parse((await call('RoutingService', 'Isochrone', { at, travel_s: 300, datum: 'DATUM_GCJ02', towards: true, reach_m: 100 })).geojson);
  assert.equal(moved.datum, 'GCJ-02');
  assert.ok(moved.features[0].properties.towards);
  await refused('Isochrone', { at }, 'travel_s', /1\.\.7200/);
  await refused('Isochrone', { at, travel_s: 7201 }, 'travel_s', /1\.\.7200/);
  await refused('Isochrone', { at, travel_s: 60, contours_s: [60] }, 'travel_s', /contours_s/);
  await refused('Isochrone', { at, contours_s: [60, 60] }, 'contours_s[1]', /61\.\.7200/);
  await refused('Isochrone', { at, contours_s: Array.from({ length: 11 }, (_, i) => i + 1) }, 'contours_s', /1\.\.10/);
  await refused('Isochrone', { at, travel_s: 60, reach_m: 5 }, 'reach_m', /10\.\.1000/);
  await refused('Isochrone', { at, travel_s: 60, datum: 9 }, 'datum', /0\.\.2/);
  await refused('Isochrone', { travel_s: 60 }, 'at', /required/);
});
