// The arrows between the rooms, as data: what the CMakeLists declare is the architecture, no more and no less.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOnly, files, text } from './house.mjs';

// `base` is open to every room of the scheduler and is left out below.
const ARROWS = {
  base: [], loop: [], model: [], plan: ['model'], claims: ['model'],
  store: ['claims', 'model'], rpc: ['loop'], web: ['geo_tile', 'loop', 'rpc'], dispatch: ['model', 'plan'],
  engine: ['claims', 'dispatch', 'geo', 'geo_area', 'geo_guide', 'geo_json', 'geo_traffic', 'loop', 'model', 'plan', 'store'],
  api: ['engine', 'loop', 'model', 'proto', 'rpc'],
  settle: ['claims', 'model', 'store'],
  sim: ['dispatch', 'geo', 'model', 'plan'],
  geo_core: [], geo_graph: ['geo_core'], geo_area: ['geo', 'geo_core', 'geo_graph'], geo_guide: ['geo', 'geo_core', 'geo_graph'],
  geo_json: ['geo', 'geo_area', 'geo_core', 'geo_graph', 'geo_guide'], geo_traffic: ['geo', 'geo_core', 'geo_graph'],
};
const PURE = ['model', 'plan', 'claims', 'dispatch'];
// inside geo: core <- graph <- the rest; the facade `geo` and `main` may name what they wire together
const MAIN_MAY = ['api', 'settle', 'sim', 'engine', 'rpc', 'web', 'loop', 'store', 'claims', 'model', 'dispatch', 'plan', 'geo', 'geo_osm', 'geo_synth', 'geo_tile', 'geo_traffic', 'geo_area', 'geo_guide', 'geo_json', 'proto'];

const rooms = new Map();
const programs = new Map();
for (const file of files().filter((name) => name.endsWith('CMakeLists.txt') && !name.startsWith('tests/'))) {
  let source = text(file).replace(/#[^\n]*/g, '');
  for (const [, name, value] of source.matchAll(/\bset\((\w+)([^)]*)\)/g)) source = source.replaceAll(`\${${name}}`, value);
  for (const [, kind, name, rest] of source.matchAll(/\b(room|room_program)\(\s*([a-z_0-9]+)\b([^)]*)\)/g)) {
    const words = rest.split(/\s+/).filter(Boolean);
    const needs = [];
    let list = null;
    for (const word of words) {
      if (/^[A-Z]+$/.test(word)) list = word;
      else if (list === 'NEEDS') needs.push(word);
    }
    (kind === 'room' ? rooms : programs).set(name, { file, needs: needs.filter((need) => need !== 'base').sort(), pure: words.includes('PURE') });
  }
}

test('every room declares exactly the arrows of the architecture', () => {
  assert.ok(rooms.size >= 5, `only ${rooms.size} rooms found: is this the house?`);
  for (const [name, { needs, file }] of rooms) {
    if (/^geo(_|$)/.test(name) && !(name in ARROWS)) {
      assert.deepEqual(needs.filter((need) => !need.startsWith('geo_')), [], `${file}: geo stands alone`);
    } else {
      assert.ok(name in ARROWS, `${file}: room ${name} is not in the architecture`);
      assert.deepEqual(needs, ARROWS[name], `${file}: arrows of ${name}`);
    }
  }
});

test('the pure rooms are declared pure', () => {
  for (const name of PURE) if (rooms.has(name)) assert.ok(rooms.get(name).pure, `${name} must be PURE`);
});

test('main wires rooms and nothing needs main', () => {
  for (const [name, { needs, file }] of programs) {
    if (!file.startsWith('scheduler/main/')) continue;
    for (const need of needs) assert.ok(MAIN_MAY.includes(need), `${file}: ${name} needs ${need}`);
  }
  for (const [name, { needs }] of rooms) assert.ok(!needs.includes('main'), `${name} needs main`);
});

test('every include across rooms in the tree goes along an arrow', () => {
  const owner = (file) => /^scheduler\/([a-z]+)\//.exec(file)?.[1];
  for (const file of files().filter((name) => /^scheduler\/.*\.[ch]$/.test(name))) {
    const room = owner(file);
    if (room === 'main' || !(room in ARROWS)) continue;
    for (const [, path] of text(file).matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"]+)"/gm)) {
      const other = /^([a-z_]+)\//.exec(path)?.[1];
      if (!other || other === room || other === 'base') continue;
      assert.ok(ARROWS[room].includes(other), `${file} includes ${path}`);
      assert.equal(path, `${other}/${other}.h`, `${file} opens a private header`);
    }
  }
  assert.equal(codeOnly('a /* "x" */ b').includes('x'), false);
});
