// Tiles over a real socket, decoded by another's library, against the roads of the map projected by the formula: every road that is to be seen is, with
// its name, class, way and direction, nothing else is, and neighbours meet. On a made-up city, and on real ones where the data is.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Server, chance, decode, project, realMap, roadsOf, synthMap, tileAt, tileFile } from './house.mjs';

// geo/tile/README.md's table
const SHOWN = { motorway: [5, 11], trunk: [6, 11], primary: [8, 12], secondary: [10, 12], ferry: [10, 13], tertiary: [11, 13], residential: [12, 14], other: [13, 15],
  cycleway: [13, 15], track: [13, 15], service: [14, 15], footway: [14, 15], steps: [14, 16] };
const tolerance = (z) => (z <= 13 ? 4 : 1) + 1.8; // simplified, rounded to units, cut at the buffer's edge
const BUFFER = 64, STEP = 24;

const servers = [];
after(async () => {
  for (const server of servers) await server.stop();
});

function distance(p, a, b) {
  const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const t = length > 0 ? Math.min(1, Math.max(0, ((p.x - a.x) * dx + (p.y - a.y) * dy) / length)) : 0;
  return Math.hypot(a.x + t * dx - p.x, a.y + t * dy - p.y);
}

function nearest(p, lines) {
  let best = Infinity;
  for (const line of lines) for (let i = 0; i + 1 < line.length; i++) best = Math.min(best, distance(p, line[i], line[i + 1]));
  return best;
}

/** Points along a line within the square, a step apart. */
function* along(line, low, high) {
  for (let i = 0; i + 1 < line.length; i++) {
    const a = line[i], b = line[i + 1];
    if (Math.max(a.x, b.x) < low || Math.min(a.x, b.x) > high || Math.max(a.y, b.y) < low || Math.min(a.y, b.y) > high) continue;
    const steps = Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / STEP) + 1;
    for (let s = 0; s <= steps; s++) {
      const p = { x: a.x + ((b.x - a.x) * s) / steps, y: a.y + ((b.y - a.y) * s) / steps };
      if (p.x >= low && p.y >= low && p.x <= high && p.y <= high) yield p;
    }
  }
}

const keyOf = (road, z) => [road.class, z >= SHOWN[road.class][1] ? road.name : '', road.way, road.oneway].join('|');
const reach = (line) => Math.max(...line.map((p) => Math.hypot(p.x - line[0].x, p.y - line[0].y)));

/** The tile's features against the roads. Returns how many points were compared. */
function compare(features, roads, [z, x, y]) {
  const wanted = new Map(), drawn = new Map(), shapes = new Map();
  for (const road of roads) {
    if (z < SHOWN[road.class][0]) continue;
    const line = road.points.map((point) => project(point, z, x, y));
    const xs = line.map((p) => p.x), ys = line.map((p) => p.y), low = -2 * BUFFER, high = 4096 + 2 * BUFFER;
    if (Math.max(...xs) < low || Math.min(...xs) > high || Math.max(...ys) < low || Math.min(...ys) > high) continue;
    const key = keyOf(road, z);
    wanted.set(key, [...(wanted.get(key) ?? []), line]);
    // a road of several ways bears the first one's number, and its two directions begin at different ends: either will do
    shapes.set(road.shape, { line, keys: [...(shapes.get(road.shape)?.keys ?? []), key] });
  }
  for (const feature of features) {
    assert.ok(!drawn.has(keyOf(feature, z)), `two features ${keyOf(feature, z)}`);
    drawn.set(keyOf(feature, z), feature.lines);
  }
  let points = 0;
  for (const { line, keys } of shapes.values()) {
    if (reach(line) <= 2 * tolerance(z)) continue; // too short to be seen, or part of a ring so small
    const best = Math.min(...keys.map((key) => {
      let worst = 0;
      for (const p of along(line, 0, 4096)) {
        points++;
        worst = Math.max(worst, nearest(p, drawn.get(key) ?? []));
      }
      return worst;
    }));
    assert.ok(best <= tolerance(z), `${z}/${x}/${y}: ${keys.join(' or ')} is ${best} units off`);
  }
  for (const [key, lines] of drawn) {
    assert.ok(wanted.has(key), `${z}/${x}/${y}: ${key} is no road near here`);
    for (const line of lines) {
      assert.ok(line.length >= 2);
      for (const p of line) assert.ok(p.x >= -BUFFER && p.y >= -BUFFER && p.x <= 4096 + BUFFER && p.y <= 4096 + BUFFER, 'beyond the buffer');
      for (const p of along(line, -BUFFER, 4096 + BUFFER)) {
        points++;
        const off = nearest(p, wanted.get(key));
        assert.ok(off <= tolerance(z), `${z}/${x}/${y}: a line of ${key} is ${off} units from any such road`);
      }
    }
  }
  return points;
}

/** One-way lines run as the traffic does: a line's first stretch has the direction of the road under it. */
function directions(features, roads, [z, x, y]) {
  const byWay = new Map();
  for (const road of roads) if (road.oneway) byWay.set(road.way, [...(byWay.get(road.way) ?? []), road.points.map((point) => project(point, z, x, y))]);
  let checked = 0;
  for (const feature of features) {
    if (!feature.oneway) continue;
    for (const line of feature.lines) {
      const a = line[0], b = line[1], middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
      if (Math.hypot(b.x - a.x, b.y - a.y) < 100) continue;
      let best = Infinity, turn = 0;
      for (const road of byWay.get(feature.way))
        for (let i = 0; i + 1 < road.length; i++) {
          const off = distance(middle, road[i], road[i + 1]);
          if (off < best) (best = off), (turn = (road[i + 1].x - road[i].x) * (b.x - a.x) + (road[i + 1].y - road[i].y) * (b.y - a.y));
        }
      assert.ok(turn > 0, `${z}/${x}/${y}: way ${feature.way} runs against its traffic`);
      checked++;
    }
  }
  return checked;
}

/** Stretches over the line x = edge, whole within both tiles' buffers, as text with x counted from the edge: the same seen from both sides. */
function crossings(features, edge) {
  const found = [];
  for (const feature of features)
    for (const line of feature.lines)
      for (let i = 0; i + 1 < line.length; i++) {
        const [a, b] = [line[i], line[i + 1]].map((p) => ({ x: p.x - edge, y: p.y }));
        if (a.x * b.x >= 0 || Math.abs(a.x) >= BUFFER || Math.abs(b.x) >= BUFFER || [a, b].some((p) => p.y < 0 || p.y > 4096)) continue;
        found.push(`${feature.way} ${feature.class} ${feature.name} ${a.x},${a.y} ${b.x},${b.y}`);
      }
  return found.sort();
}
const turned = (features) => features.map((feature) => ({ ...feature, lines: feature.lines.map((line) => line.map(({ x, y }) => ({ x: y, y: x }))) }));

async function fetchTile(server, [z, x, y]) {
  const answer = await server.get(`/tiles/${z}/${x}/${y}.mvt`);
  if (answer.status === 204) return [];
  assert.equal(answer.status, 200);
  return decode(answer.body);
}

async function compareMap(map, seed, tilesAZoom) {
  const server = await new Server().start(map);
  servers.push(server);
  const roads = roadsOf(map), pick = chance(seed);
  const sum = { points: 0, features: 0, names: new Set(), directions: 0, met: 0 };
  for (let z = 5; z <= 18; z++) {
    for (let i = 0; i < (z < 9 ? 1 : tilesAZoom); i++) {
      const road = roads[pick(roads.length)];
      const id = tileAt(road.points[pick(road.points.length)], z);
      const features = await fetchTile(server, id);
      sum.points += compare(features, roads, id);
      sum.features += features.length;
      for (const feature of features) if (feature.name) sum.names.add(feature.name);
      if (z >= 14) sum.directions += directions(features, roads, id);
      if (z >= 11) {
        const east = await fetchTile(server, [z, id[1] + 1, id[2]]), south = await fetchTile(server, [z, id[1], id[2] + 1]);
        const [here, there] = [crossings(features, 4096), crossings(east, 0)];
        assert.deepEqual(here, there, `the eastern edge of ${id.join('/')}`);
        const [above, below] = [crossings(turned(features), 4096), crossings(turned(south), 0)];
        assert.deepEqual(above, below, `the southern edge of ${id.join('/')}`);
        sum.met += here.length + above.length;
      }
    }
  }
  return { ...sum, server, roads };
}

test('a made-up city: all roads are seen, nothing else, neighbours meet; the command line draws the same bytes', async () => {
  const map = synthMap(1500, 11);
  const { points, features, names, met, server, roads } = await compareMap(map, 5, 4);
  assert.ok(points > 20000 && features > 500 && names.size > 5 && met > 5, `${points} points, ${features} features, ${names.size} names, ${met} crossings`);
  for (const z of [12, 14, 16]) {
    const [, x, y] = tileAt(roads[0].points[0], z);
    assert.deepEqual(readFileSync(tileFile(map, z, x, y)), (await server.get(`/tiles/${z}/${x}/${y}.mvt`)).body);
  }
});

for (const name of ['heidelberg.osm.pbf', 'beijing-2013.osm.pbf']) {
  const map = realMap(name);
  test(`${name}: all roads are seen, nothing else, neighbours meet`, { skip: map ? false : 'the data folder is missing' }, async () => {
    const { points, features, names, met, directions: oneways } = await compareMap(map, 3, 5);
    assert.ok(points > 50000 && features > 1000 && names.size > 50 && met > 20 && oneways > 20, `${points} points, ${features} features, ${names.size} names, ${met} crossings, ${oneways} one-ways`);
    if (name.startsWith('beijing')) assert.ok([...names].some((text) => /\p{Script=Han}/u.test(text)), 'Chinese names');
  });
}
