// The examples of README are run as they stand there, only the address is ours: what a newcomer copies works.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { House, binary, root, v1 } from './house.mjs';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
/** The fenced block after `<!-- example: NAME -->`. */
function example(name) {
  const found = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`[a-z]*\\n([\\s\\S]*?)\`\`\``).exec(readme);
  assert.ok(found, `README.md has no example ${name}`);
  return found[1].replaceAll('127.0.0.1:7400', house.address).replaceAll('39.9, "lon": 116.4', `${at.lat}, "lon": ${at.lon}`).replaceAll('39.9, lon: 116.4', `${at.lat}, lon: ${at.lon}`).replaceAll('lat=39.9, lon=116.4', `lat=${at.lat}, lon=${at.lon}`);
}
const house = new House();
let at, pharmacy;

before(async () => {
  house.prepare();
  await house.serve();
  const town = await house.town({ couriers: 2, homes: 1 });
  at = town.homes[0];
  pharmacy = town.pharmacies[0].at;
});
after(() => house.stop());

test('buf curl asks for an order to be adjudicated', (t) => {
  const buf = path.join(root, 'tests/wire/node_modules/.bin/buf');
  if (!existsSync(buf)) return t.skip('tests/wire/node_modules is missing: npm ci there');
  const script = example('buf').replaceAll('npx @bufbuild/buf', buf);
  const out = execFileSync('bash', ['-c', script], { cwd: root, encoding: 'utf8' });
  const answer = JSON.parse(out);
  assert.equal(answer.order.phase, 'ORDER_PHASE_ADJUDICATED');
  assert.ok(Number(answer.claim.benefitFen) > 0);
});

test('Node submits a home test and sees its claim', () => {
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', example('node')], { cwd: path.join(root, 'deploy/demo'), encoding: 'utf8', timeout: 20000 });
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /HELD 3192/);
});

test('Python asks for a route', (t) => {
  const python = '/usr/bin/python3';
  if (!existsSync(python) || spawnSync(python, ['-c', 'import grpc, google.protobuf']).status !== 0) return t.skip('python3-grpcio is not installed');
  const script = path.join(house.folder, 'route.py');
  writeFileSync(script, example('python'));
  execFileSync('bash', ['-c', example('python-stubs').replaceAll('/tmp/meddispatch-python', path.join(house.folder, 'stubs'))], { cwd: root });
  const done = spawnSync(python, [script], { cwd: root, encoding: 'utf8', env: { ...process.env, PYTHONPATH: path.join(house.folder, 'stubs') }, timeout: 20000 });
  assert.equal(done.status, 0, done.stderr);
  assert.match(done.stdout, /^\d+ m, \d+ s$/m);
});

const METHODS = Object.entries(v1).flatMap(([, { service }]) => (service ? Object.values(service).map(({ originalName, path: at }) => at.split('/').at(-1) || originalName) : []));
const folder = path.join(root, 'deploy/demo/examples');
function day(command, ...words) {
  const where = ({ lat, lon }) => `${lat},${lon}`;
  const done = spawnSync(command, [...words, house.address, where(pharmacy), where(at)], { cwd: folder, encoding: 'utf8', timeout: 60000, env: { ...process.env, PYTHONPATH: path.join(house.folder, 'stubs') } });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  assert.ok(METHODS.length >= 50, `${METHODS.length} methods`);
  const told = new Set(done.stdout.split('\n').map((line) => line.split(':')[0]));
  assert.deepEqual(METHODS.filter((method) => !told.has(method)), [], 'methods that the day does not call');
  assert.match(done.stdout, /^RecordStopEvent: ORDER_PHASE_DELIVERED$/m);
  assert.match(done.stdout, /^ReverseClaim: 680 fen/m);
  assert.match(done.stdout, /^Reconcile: clean$/m);
}

test('a day in Node calls each method of the contract', () => day(process.execPath, 'day.mjs'));

test('a day in Python calls each method of the contract', (t) => {
  if (!existsSync(path.join(house.folder, 'stubs'))) return t.skip('python3-grpcio is not installed');
  day('/usr/bin/python3', 'day.py');
});

test('the configuration table is the program\'s own', () => {
  const table = execFileSync(binary, ['serve', '--print-config-table'], { encoding: 'utf8' }).trim();
  assert.ok(readme.includes(table), 'README.md\'s table differs: replace it by the output of `meddispatch serve --print-config-table`');
  const sample = execFileSync(binary, ['serve', '--print-config'], { encoding: 'utf8' });
  assert.equal(readFileSync(path.join(root, 'deploy/config/meddispatch.conf'), 'utf8'), sample, 'deploy/config/meddispatch.conf differs from `meddispatch serve --print-config`');
});
