// ROOT JSON: runs deploy/run with few orders, checks what it says and writes, and that it has stopped all it started.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

const [root, json] = process.argv.slice(2);
if (!existsSync(path.join(root, 'deploy/demo/node_modules/.meddispatch-lock'))) {
  console.log('skipped: deploy/demo/node_modules was not made by deploy/test or deploy/run');
  process.exit(77);
}
const state = `${json}.state`; // its own, so that a run that is kept up elsewhere is not in the way
const run = (...args) => spawnSync(path.join(root, 'deploy/run'), args, { encoding: 'utf8', timeout: 800000, env: { ...process.env, MEDDISPATCH_STATE: state } });

for (const bad of [['--orders', 'many'], ['--orders'], ['--nonsense'], ['--hours', '-1']]) assert.equal(run(...bad).status, 2, `deploy/run ${bad.join(' ')} is a usage error`);
assert.equal(run('--map', '/nowhere/city.osm.pbf').status, 3, 'a map that is not there is input refused');
assert.match(run('--help').stdout, /--couriers N/);

rmSync(json, { force: true });
const done = run('--orders', '24', '--couriers', '8', '--hours', '0.5', '--speed', '200', '--seed', '3', '--json', json);
console.log(done.stdout, done.stderr);
assert.equal(done.status, 0, 'every order ended with a reason and the ledger balances');
const told = JSON.parse(readFileSync(json, 'utf8'));
for (const name of ['orders_total', 'orders_delivered', 'orders_failed', 'orders_refused', 'share_within_3h', 'mean_minutes', 'p90_minutes', 'km_per_order', 'claims_total', 'benefit_fen', 'member_fen', 'wall_seconds'])
  assert.equal(typeof told[name], 'number', name);
assert.equal(told.orders_total, 24);
assert.equal(told.orders_delivered + told.orders_failed + told.orders_refused + told.orders_cancelled, 24);
assert.equal(told.ledger_balanced, true);
assert.ok(told.benefit_fen > 0 && told.remittance_files.length > 0);
for (const file of told.remittance_files) assert.match(readFileSync(file, 'utf8').trim().split('\n').at(-1), /^T,/, `${file} ends with its trailer`);
for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
  let command = '';
  try {
    command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    continue; // it ended while we looked
  }
  assert.ok(!command.includes(state), `still running: ${command.replaceAll('\0', ' ')}`);
}
