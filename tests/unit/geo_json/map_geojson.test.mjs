// `meddispatch map route | snap | nearest | isochrone` from outside: GeoJSON by the rules of RFC 7946, sums, datum, containment, refusals.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

const program = process.env.MEDDISPATCH;
const folder = mkdtempSync(path.join(tmpdir(), 'map-geojson-'));
const map = path.join(folder, 'city.mdmap');
const run = (...args) => execFileSync(program, ['map', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
const ask = (...args) => JSON.parse(run(...args));
const at = ([lat, lon]) => `${lat.toFixed(7)},${lon.toFixed(7)}`;
let area, center;
const place = (north, east) => [area.south + (area.north - area.south) * north, area.west + (area.east - area.west) * east];

before(() => {
  run('synth', '--seed', '5', '--size', '700', '-o', path.join(folder, 'city.osm.pbf'));
  run('build', path.join(folder, 'city.osm.pbf'), '-o', map);
  area = ask('info', map, '--json');
  center = place(0.5, 0.5);
});
after(() => rmSync(folder, { recursive: true, force: true }));

// ---- the RFC ----

const isPosition = (p) => Array.isArray(p) && p.length === 2 && p.every(Number.isFinite) && Math.abs(p[0]) <= 180 && Math.abs(p[1]) <= 90;
const same = (a, b) => a[0] === b[0] && a[1] === b[1];
const twiceArea = (ring) => ring.slice(1).reduce((sum, p, i) => sum + (ring[i][0] - ring[0][0]) * (p[1] - ring[0][1]) - (p[0] - ring[0][0]) * (ring[i][1] - ring[0][1]), 0);

function checkGeometry({ type, coordinates }) {
  if (type === 'Point') return assert.ok(isPosition(coordinates));
  if (type === 'LineString') return assert.ok(coordinates.length >= 2 && coordinates.every(isPosition));
  assert.equal(type, 'MultiPolygon');
  for (const polygon of coordinates) {
    polygon.forEach((ring, i) => {
      assert.ok(ring.length >= 4 && ring.every(isPosition));
      assert.ok(same(ring[0], ring.at(-1)), 'a ring is closed');
      assert.ok(i === 0 ? twiceArea(ring) > 0 : twiceArea(ring) < 0, 'outer rings run counter-clockwise, holes clockwise');
    });
  }
}

function checkCollection(answer) {
  assert.equal(answer.type, 'FeatureCollection');
  assert.ok(!('crs' in answer));
  for (const feature of answer.features) {
    assert.equal(feature.type, 'Feature');
    assert.equal(typeof feature.properties, 'object');
    checkGeometry(feature.geometry);
  }
  return answer.features;
}

const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
const meet = ([a, b], [c, d]) => Math.sign(cross(a, b, c)) * Math.sign(cross(a, b, d)) < 0 && Math.sign(cross(c, d, a)) * Math.sign(cross(c, d, b)) < 0;
function crossings(polygons) {
  const edges = polygons.flatMap((polygon) => polygon.flatMap((ring) => ring.slice(1).map((p, i) => [ring[i], p])));
  edges.sort((a, b) => Math.min(a[0][0], a[1][0]) - Math.min(b[0][0], b[1][0]));
  let count = 0;
  edges.forEach((edge, i) => {
    const east = Math.max(edge[0][0], edge[1][0]);
    for (let k = i + 1; k < edges.length && Math.min(edges[k][0][0], edges[k][1][0]) <= east; k++) count += meet(edge, edges[k]);
  });
  return count;
}
const inRing = (ring, [x, y]) => ring.slice(1).reduce((inside, b, i) => {
  const a = ring[i];
  return a[1] > y !== b[1] > y && x < a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]) ? !inside : inside;
}, false);
const holds = (polygons, p) => polygons.some(([outer, ...holes]) => inRing(outer, p) && !holes.some((hole) => inRing(hole, p)));
const onBorder = (polygons, [x, y]) => polygons.some((polygon) => polygon.some((ring) => ring.some((p) => Math.abs(p[0] - x) < 2e-7 && Math.abs(p[1] - y) < 2e-7)));

// ---- GCJ-02, by the published formula ----

function gcj(lat, lon) {
  const x = lon - 105, y = lat - 35, { PI, sin, cos, sqrt, abs } = Math;
  const wave = (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * (2 / 3);
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave + (20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * (2 / 3) + (160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * (2 / 3);
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave + (20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * (2 / 3) + (150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * (2 / 3);
  const a = 6378245, e = 0.00669342162296594323, w = 1 - e * sin((lat / 180) * PI) ** 2;
  return [lat + (north * 180) / (((a * (1 - e)) / (w * sqrt(w))) * PI), lon + (east * 180) / ((a / sqrt(w)) * cos((lat / 180) * PI) * PI)];
}

test('a route through a via point: the whole line, its steps in order, sums to the unit', () => {
  const points = [place(0.2, 0.3), place(0.6, 0.7), place(0.8, 0.2)].map(at);
  for (const language of ['en', 'zh']) {
    const [route, ...steps] = checkCollection(ask('route', map, ...points, '--geojson', '--language', language));
    const { properties: whole, geometry: line } = route;
    assert.equal(whole.kind, 'route');
    assert.equal(whole.legs.length, 2);
    const sum = (list, key) => list.reduce((total, item) => total + item[key], 0);
    for (const key of ['travel_ms', 'length_dm']) assert.equal(sum(whole.legs, key), whole[key]);
    for (const leg of [0, 1]) {
      const own = steps.map((step) => step.properties).filter((step) => step.leg === leg);
      assert.equal(own.length, whole.legs[leg].step_count);
      for (const key of ['travel_ms', 'length_dm']) assert.equal(sum(own, key), whole.legs[leg][key]);
      assert.equal(own[0].manoeuvre, 'depart');
      assert.equal(own.at(-1).manoeuvre, 'arrive');
      assert.match(own.at(-1).instruction, leg ? /arrived|目的地/ : /stop 1|第1个/);
    }
    const joined = [];
    for (const { geometry } of steps) {
      const part = geometry.type === 'Point' ? [geometry.coordinates] : geometry.coordinates;
      if (joined.length) assert.ok(same(joined.at(-1), part[0]), 'a step begins where the one before it ends');
      joined.push(...(joined.length ? part.slice(1) : part));
    }
    assert.deepEqual(joined, line.coordinates);
    for (const { properties } of steps) assert.ok(properties.instruction.length > 5 && /[一-鿿]/.test(properties.instruction) >= (language === 'zh'));
    const alone = points.slice(1).map((to, i) => ask('route', map, points[i], to, '--json'));
    alone.forEach((leg, i) => assert.equal(leg.travel_ms, whole.legs[i].travel_ms));
    assert.equal(ask('route', map, ...points, '--json').points.length, line.coordinates.length);
  }
});

test('GCJ-02 at the door: the same way for moved points, drawn where the other datum has it', () => {
  const [from, to] = [place(0.3, 0.3), place(0.6, 0.6)];
  const plain = ask('route', map, at(from), at(to), '--geojson'), moved = ask('route', map, at(gcj(...from)), at(gcj(...to)), '--gcj02', '--geojson');
  assert.equal(plain.datum, undefined);
  assert.equal(moved.datum, 'GCJ-02');
  checkCollection(moved);
  assert.ok(Math.abs(moved.features[0].properties.travel_ms - plain.features[0].properties.travel_ms) < 20, 'but for a centimetre of rounding');
  const lines = [plain, moved].map((answer) => answer.features[0].geometry.coordinates);
  assert.equal(lines[0].length, lines[1].length);
  lines[0].forEach(([lon, lat], i) => {
    const [wanted_lat, wanted_lon] = gcj(lat, lon);
    assert.ok(Math.abs(lines[1][i][0] - wanted_lon) < 3e-7 && Math.abs(lines[1][i][1] - wanted_lat) < 3e-7);
    assert.ok(Math.hypot(lines[1][i][0] - lon, lines[1][i][1] - lat) > 1e-4, 'the city lies in China');
  });
  const snap = ask('snap', map, at(gcj(...from)), '--gcj02', '--json')[0], plainSnap = ask('snap', map, at(from), '--json')[0];
  const [lat, lon] = gcj(plainSnap.lat, plainSnap.lon);
  assert.ok(Math.abs(snap.lat - lat) < 5e-7 && Math.abs(snap.lon - lon) < 5e-7 && snap.way === plainSnap.way);
  const [areaPlain, areaMoved] = [ask('isochrone', map, at(from), '--minutes', '3'), ask('isochrone', map, at(gcj(...from)), '--minutes', '3', '--gcj02')].map((answer) => checkCollection(answer)[0]);
  assert.equal(areaMoved.geometry.coordinates.length, areaPlain.geometry.coordinates.length);
});

test('snap: candidates nearest first with their distances; too far is refused with the distance', () => {
  const list = ask('snap', map, at(center), '--count', '8', '--limit', '2000', '--json');
  assert.equal(list.length, 8);
  list.forEach((hit, i) => {
    assert.ok(i === 0 || hit.distance_m >= list[i - 1].distance_m);
    const east = (hit.lon - center[1]) * Math.cos((center[0] * Math.PI) / 180) * 111195, north = (hit.lat - center[0]) * 111195;
    assert.ok(Math.abs(Math.hypot(east, north) - hit.distance_m) < 0.5 + hit.distance_m * 0.01);
    assert.ok(['left', 'right', 'on it'].includes(hit.side));
  });
  const features = checkCollection(ask('snap', map, at(center), '--count', '8', '--limit', '2000', '--geojson'));
  assert.deepEqual(features.map((feature) => feature.properties.distance_m), list.map((hit) => hit.distance_m));
  const away = spawnSync(program, ['map', 'snap', map, at([area.north + 0.02, center[1]]), '--limit', '300'], { encoding: 'utf8' });
  assert.equal(away.status, 1);
  const told = /the nearest road is (\d+) m away, at most 300 m are taken/.exec(away.stderr);
  assert.ok(told && Number(told[1]) > 2000 && Number(told[1]) < 6000, away.stderr);
});

let sources, nearest;
test('nearest: the column of the matrix, sorted; with a number and a limit', () => {
  const points = Array.from({ length: 90 }, (_, i) => place(0.05 + 0.9 * ((i * 0.618) % 1), 0.05 + 0.9 * ((i * 0.379) % 1)));
  sources = path.join(folder, 'couriers.csv');
  const stop = path.join(folder, 'stop.csv');
  writeFileSync(sources, `lat,lon\n${points.map(at).join('\n')}\n`);
  writeFileSync(stop, `${at(center)}\n`);
  const times = ask('matrix', map, sources, '--to', stop, '--json', '--snap-m', '3000').travel_ms.map(([ms], i) => ({ ms, line: i + 2 })).sort((a, b) => a.ms - b.ms || a.line - b.line);
  nearest = ask('nearest', map, at(center), sources, '--count', '90', '--json', '--snap-m', '3000');
  assert.deepEqual(nearest.map((hit) => hit.travel_ms), times.map((hit) => hit.ms));
  const three = ask('nearest', map, at(center), sources, '--count', '3', '--json', '--snap-m', '3000');
  assert.deepEqual(three, nearest.slice(0, 3));
  const minutes = Math.ceil(times[40].ms / 60000);
  const soon = ask('nearest', map, at(center), sources, '--count', '90', '--minutes', String(minutes), '--json', '--snap-m', '3000');
  assert.equal(soon.length, times.filter((hit) => hit.ms <= minutes * 60000).length);
  const features = checkCollection(ask('nearest', map, at(center), sources, '--count', '5', '--geojson', '--snap-m', '3000'));
  assert.deepEqual(features.map((feature) => feature.properties.travel_ms), nearest.slice(0, 5).map((hit) => hit.travel_ms));
});

test('isochrone: valid polygons, the longest first, each within the next; who arrives in time is inside', () => {
  const file = path.join(folder, 'area.geojson');
  run('isochrone', map, at(center), '--minutes', '2,4,8', '--towards', '--snap-m', '3000', '-o', file);
  const contours = checkCollection(JSON.parse(readFileSync(file, 'utf8')));
  assert.deepEqual(contours.map((contour) => contour.properties.travel_ms), [480000, 240000, 120000]);
  for (const { geometry } of contours) assert.equal(crossings(geometry.coordinates), 0);
  let inside = 0, outside = 0;
  for (const { geometry, properties } of contours) {
    assert.ok(properties.tolerance_m < 200 && properties.towards);
    for (const hit of nearest) {
      const held = holds(geometry.coordinates, [hit.lon, hit.lat]);
      if (hit.travel_ms <= properties.travel_ms) assert.ok(held, `${hit.travel_ms} ms of ${properties.travel_ms} is outside`);
      if (hit.travel_ms > properties.travel_ms * 1.5) outside += !held;
      inside += held;
    }
  }
  assert.ok(inside > 20 && outside > 20);
  for (let i = 1; i < contours.length; i++)
    for (const [outer] of contours[i].geometry.coordinates) for (const p of outer) assert.ok(holds(contours[i - 1].geometry.coordinates, p) || onBorder(contours[i - 1].geometry.coordinates, p), 'a shorter contour lies within a longer one');
});

test('what makes no sense is refused as usage', () => {
  const bad = [['route', map, at(center)], ['route', map, ...Array(26).fill(at(center))], ['isochrone', map, at(center)], ['isochrone', map, at(center), '--minutes', '20,10'], ['isochrone', map, at(center), '--minutes', '1,2,3,4,5,6,7,8,9,10,11'],
    ['isochrone', map, at(center), '--minutes', '0'], ['isochrone', map, at(center), '--minutes', '10,'], ['isochrone', map, at(center), '--minutes', '5', '--reach-m', '5'], ['snap', map], ['nearest', map, at(center)],
    ['route', map, at(center), at(center), '--language', 'fr'], ['nearest', map, at(center), sources, '--count', '0'], ['nearest', map, at(center), sources, '--minutes', 'soon']];
  for (const args of bad) assert.equal(spawnSync(program, ['map', ...args]).status, 2, args.join(' '));
  assert.equal(spawnSync(program, ['map', 'route', map, ...Array(25).fill(at(center)), '--json', '--snap-m', '3000']).status, 0);
});
