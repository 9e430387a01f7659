// SIGHUP: an edited configuration takes effect where it can while the daemon runs; a faulty one changes nothing.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { caller } from './callers.mjs';
import { House, db, run, status, until } from './house.mjs';

const house = new House();
const { As, closeAll } = caller(house);
let who, config;
const log = () => readFileSync(house.log, 'utf8');

/** Hang up, and wait for what the log says of it. */
async function reload() {
  const before = log().length;
  house.daemon.kill('SIGHUP');
  return until('the reload is told', () => /event=reload (note|certificate|configuration=kept)/.test(log().slice(before)) && log().slice(before));
}
/** How `calls` calls at once end, by code. */
async function burst(calls) {
  const ends = {};
  for (const { code } of await Promise.all(Array.from({ length: calls }, () => who.refusal('AccessService', 'WhoAmI', {})))) ends[code] = (ends[code] ?? 0) + 1;
  return ends;
}

before(async () => {
  house.prepare();
  await house.serve({ insecure: false });
  config = path.join(house.folder, 'meddispatch.conf');
  who = new As(run('token', 'create', '--db', db, '--role', 'auditor', '--subject', 'auditor').trim());
  await until('the daemon has seen the token', async () => (await who.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
});
after(async () => {
  closeAll();
  const { code, log: said } = await house.stop();
  assert.equal(code, 0, said);
});

test('nothing has changed: nothing is told but that it was read', async () => {
  const said = await reload();
  assert.match(said, /configuration=read/);
  assert.doesNotMatch(said, /key=/);
});

test('a limit is in force at once, and gone again', async () => {
  const whole = readFileSync(config, 'utf8');
  assert.deepEqual(await burst(20), { [status.OK]: 20 });
  appendFileSync(config, 'caller_calls_per_s = 1\n');
  assert.match(await reload(), /key=caller_calls_per_s now=changed/);
  const ends = await burst(20);
  assert.ok(ends[status.RESOURCE_EXHAUSTED] >= 15 && ends[status.OK] >= 1, JSON.stringify(ends));
  writeFileSync(config, whole);
  assert.match(await reload(), /key=caller_calls_per_s now=changed/);
  assert.deepEqual(await burst(20), { [status.OK]: 20 });
});

test('what needs a restart is named and kept', async () => {
  appendFileSync(config, 'intake_batch = 7\napproval_alert_s = 120\n');
  const said = await reload();
  assert.match(said, /level=warn event=reload key=intake_batch now=kept/);
  assert.match(said, /key=approval_alert_s now=changed/);
});

test('a faulty file changes nothing and is told by its line', async () => {
  const whole = readFileSync(config, 'utf8');
  for (const [fault, told] of [['caller_calls_per_s = 1\nnonsense = 3\n', /nonsense/], ['caller_calls_per_s = 1\nreplan_s = 0\n', /replan_s/], ['caller_calls_per_s = 1\ntls_certificate = other.pem\n', /tls_certificate/]]) {
    writeFileSync(config, whole + fault);
    const said = await reload();
    assert.match(said, /level=error event=reload configuration=kept/);
    assert.match(said, told);
    assert.deepEqual(await burst(20), { [status.OK]: 20 }, 'the old limit');
  }
});
