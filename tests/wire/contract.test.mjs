// The contract as a file: buf's own rules of style, and nothing that an earlier landed version promised is taken back. Needs no daemon and no network.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const buf = path.join(root, 'tests/wire/node_modules/.bin/buf');
if (!existsSync(buf)) {
  console.log('skipped: tests/wire/node_modules is missing; run deploy/test, or npm ci in tests/wire');
  process.exit(77);
}
/** The first version that others could call, and later ones whose additions are promises too. */
const LANDED = ['7d86752', '6c7a667'];
const RULES = JSON.stringify({ version: 'v2', lint: { use: ['STANDARD'] }, breaking: { use: ['FILE'] } });
const folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-contract-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ask = (verb, ...more) => spawnSync(buf, [verb, '--config', RULES, ...more], { cwd: folder, encoding: 'utf8' });
function image(source, name) {
  const file = path.join(folder, `${name}.binpb`);
  const { status, stderr } = spawnSync(buf, ['build', '--config', '{"version":"v2"}', '-o', file, '.'], { cwd: source, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return file;
}
const now = image(path.join(root, 'proto'), 'now');

test('the contract keeps buf\'s rules of style', () => {
  const { status, stdout, stderr } = ask('lint', now);
  assert.equal(status, 0, stdout + stderr);
});

for (const commit of LANDED)
  test(`nothing of ${commit} is broken`, (t) => {
    const tree = path.join(folder, commit);
    mkdirSync(tree);
    try {
      execFileSync('tar', ['x', '-C', tree], { input: execFileSync('git', ['archive', commit, 'proto'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] }) });
    } catch {
      return t.skip(`this copy of the project has no history back to ${commit}`);
    }
    const { status, stdout, stderr } = ask('breaking', now, '--against', image(path.join(tree, 'proto'), commit));
    assert.equal(status, 0, stdout + stderr);
  });

test('a field taken away or given another number is seen', () => {
  const copy = path.join(folder, 'copy');
  execFileSync('cp', ['-r', path.join(root, 'proto'), copy]);
  const file = path.join(copy, 'meddispatch/v1/common.proto'), text = readFileSync(file, 'utf8');
  for (const [from, to] of [[/ {2}double lon = 2;.*\n/, ''], ['double lon = 2;', 'double lon = 9;'], ['double lat = 1;', 'float lat = 1;']]) {
    assert.notEqual(text.replace(from, to), text);
    writeFileSync(file, text.replace(from, to));
    assert.equal(ask('breaking', image(copy, 'changed'), '--against', now).status, 100);
  }
});

/** What a number is, by the end of its name; all others say it in a comment beside or above them. */
const TELLS = /(_ms|_s|_fen|_m|_dm|_ml|_e7|_bps|_deg|_dmps|_kmh|_percent|_id|_ids|_days|_version|_count|_per_s|_mdegc|_sha256)$|^(lat|lon|seq|seq_last|quantity)$/;

test('every number says its unit', () => {
  const mute = [];
  for (const name of readdirSync(path.join(root, 'proto/meddispatch/v1'))) {
    const lines = readFileSync(path.join(root, 'proto/meddispatch/v1', name), 'utf8').split('\n');
    lines.forEach((line, i) => {
      const field = /^\s+(?:repeated )?(?:u?int(?:32|64)|double|float) ([a-z_0-9]+) = \d+;(.*)$/.exec(line);
      if (field && !TELLS.test(field[1]) && !field[2].includes('//') && !lines[i - 1].trim().startsWith('//')) mute.push(`${name}:${i + 1} ${field[1]}`);
    });
  }
  assert.deepEqual(mute, []);
});
