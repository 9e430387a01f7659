// What a reader may rely on in every file of the house. Each refusal names the cure.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { codeOnly, files, text } from './house.mjs';

const TOP = ['scheduler', 'proto', 'geo', 'tests', 'deploy', 'CMakeLists.txt', 'README.md', 'LICENSE', 'CMakePresets.json'];
const CURES = {
  strcpy: 'text_copy', strncpy: 'text_copy', strcat: 'buffer_append', sprintf: 'text_format', vsprintf: 'text_format', atoi: 'text_to_i64', atol: 'text_to_i64',
  atof: 'text_to_double', strtok: 'a loop over the text', rand: 'rng_below', srand: 'rng_init', time: 'clock_now_ms', localtime: 'a pure function of the offset',
  gets: 'fgets', sleep: 'a timer of loop', alloca: 'an arena',
};
const C_FILE_LINES_MAX = 800;     // one subject; STYLE says about 600
const FUNCTION_LINES_MAX = 100;   // a screen; STYLE says about 70

const all = files();
const ours = all.filter((name) => /\.(c|h|mjs|js|ts|sh|cmake|proto|sql|md|txt|json)$|^deploy\/(run|test)$|^\.ci\/run$/.test(name) && !/package-lock\.json$/.test(name));
const cFiles = all.filter((name) => /\.[ch]$/.test(name));

test('the top level is the house and nothing else', () => {
  const top = new Set(all.map((name) => name.split('/')[0]).filter((name) => !name.startsWith('.')));
  for (const name of top) assert.ok(TOP.includes(name), `${name}: not part of the house; move it into a room`);
  for (const name of TOP) assert.ok(top.has(name), `${name} is missing`);
});

test('each room has a README at its door', () => {
  for (const file of all.filter((name) => name.endsWith('CMakeLists.txt') && !name.startsWith('tests/'))) {
    if (!/^\s*(room|room_program)\(/m.test(text(file))) continue;
    const door = path.join(path.dirname(file), 'README.md');
    assert.ok(all.includes(door), `${path.dirname(file)} has no README.md: purpose, invariants, lifetimes, why so`);
    assert.ok(text(door).trim().length > 200, `${door} says too little`);
  }
});

test('banned functions have a better one', () => {
  const banned = new RegExp(`(?<![A-Za-z0-9_.>])(${Object.keys(CURES).join('|')})\\s*\\(`, 'g');
  const found = [];
  for (const file of cFiles) {
    const lines = codeOnly(text(file)).split('\n');
    lines.forEach((line, index) => {
      for (const [, name] of line.matchAll(banned)) found.push(`${file}:${index + 1}: ${name}: use ${CURES[name]}`);
    });
  }
  assert.deepEqual(found, []);
});

test('files and functions can be read', () => {
  const long = [];
  for (const file of cFiles) {
    const lines = codeOnly(text(file)).split('\n');
    if (lines.length > C_FILE_LINES_MAX) long.push(`${file}: ${lines.length} lines: more than one subject?`);
    let begin = -1;
    lines.forEach((line, index) => {
      if (line.startsWith('{')) begin = index;
      else if (line.startsWith('}') && begin >= 0) {
        if (index - begin > FUNCTION_LINES_MAX) long.push(`${file}:${begin + 1}: a function of ${index - begin} lines`);
        begin = -1;
      }
    });
  }
  assert.deepEqual(long, []);
});

test('C files open with what they are for', () => {
  const silent = cFiles.filter((file) => !/^\s*(\/\*|\/\/)/.test(text(file)));
  assert.deepEqual(silent, [], 'the first line is a comment that says what the file is for');
});

test('text is clean: no tabs, no trailing blanks, one newline at the end, UTF-8', () => {
  const dirty = [];
  for (const file of ours) {
    const source = text(file);
    if (source.includes('\uFFFD')) dirty.push(`${file}: not UTF-8`);
    if (/[ \t]+$/m.test(source) && !file.endsWith('.md')) dirty.push(`${file}: trailing blanks`);
    if (/\t/.test(source) && /\.(c|h|mjs|cmake|proto)$/.test(file)) dirty.push(`${file}: a tab`);
    if (source && !source.endsWith('\n')) dirty.push(`${file}: no newline at the end`);
    if (/\r/.test(source)) dirty.push(`${file}: a carriage return`);
  }
  assert.deepEqual(dirty, []);
});

test('nothing is left to do in silence, and nothing points at one machine or registry', () => {
  const found = [];
  const marks = ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|');
  const left = new RegExp(`\\b(${marks})\\b(?!\\(#\\d+\\))`);
  const place = new RegExp(`(^|[\\s"'=(])/(work|root|home/[a-z]+)/|registry\\.npmjs|${'npm' + 'mirror'}`);
  for (const file of [...ours, ...all.filter((name) => /package-lock\.json$/.test(name))]) {
    if (file === 'tests/arch/tidy.test.mjs') continue;
    text(file).split('\n').forEach((line, index) => {
      if (left.test(line)) found.push(`${file}:${index + 1}: a mark without an issue number`);
      if (place.test(line)) found.push(`${file}:${index + 1}: a place of one machine: ${line.trim().slice(0, 60)}`);
    });
  }
  assert.deepEqual(found, []);
});

test('dependencies are pinned with their checksums', () => {
  for (const file of all.filter((name) => /package-lock\.json$/.test(name))) {
    const lock = JSON.parse(text(file));
    for (const [name, entry] of Object.entries(lock.packages)) {
      if (name === '' || entry.link) continue;
      assert.ok(entry.integrity, `${file}: ${name} has no checksum`);
      assert.equal(entry.resolved, undefined, `${file}: ${name} names a registry host: npm config set omit-lockfile-registry-resolved true`);
    }
  }
});
