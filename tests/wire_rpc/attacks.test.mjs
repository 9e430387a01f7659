// Each attack of bench_rpc_attack against a server of its own, on eight connections at once: how they end, that memory stays under a cap, and that a caller
// beside them gets all its answers. How late those are is measured by deploy/bench rpc.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const { BENCH_OURS: ours, BENCH_ATTACK: attacker, BENCH_LOAD: load } = process.env;
const RSS_MAX_MB = process.env.SANITIZED ? 400 : 64;
const PROTOCOL_ERROR = '1', FLOW_CONTROL_ERROR = '3', CALM = '11';
const run = async (...command) => JSON.parse((await promisify(execFile)(command[0], command.slice(1).map(String))).stdout);

/** A code: connections are cut with that GOAWAY. 'silent': cut without one, since the peer speaks no HTTP/2. 'reset': streams are reset. 'answered':
 *  calls fail one by one (gzip bombs are cut in the end, but that takes longer than this). 'held': the connection only waits, for a timer that the unit tests turn, or for its peer to read. */
const ENDS = {
  rapid_reset: CALM, continuation: PROTOCOL_ERROR, settings: CALM, settings_unread: 'held', ping: CALM, ping_unread: 'held', priority: CALM, unknown: CALM,
  window_update: CALM, window_overflow: FLOW_CONTROL_ERROR, empty_data: CALM, padded_data: CALM, hpack_bomb: CALM, large_headers: CALM, zero_window: 'held',
  unread: 'held', half_open: 'reset', slow_body: 'reset', tiny_data: CALM, giant_length: 'reset', lying_length: 'answered', two_messages: 'answered',
  gzip_bomb: 'answered', slow_preface: 'held', noise: 'silent', slow_tls: 'silent',
};

async function serve() {
  const child = spawn(ours, ['--deltas-per-s', '1'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ASAN_OPTIONS: 'quarantine_size_mb=4' } });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(/:(\d+)\n/.exec(data)[1]));
    child.once('error', reject);
  });
  return { child, port, ended, rss_mb: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`))[1]) / 1024 };
}

test('every attack has its end here', async () => {
  const { stdout } = await promisify(execFile)(attacker, ['list']);
  assert.deepEqual(stdout.trim().split('\n').sort(), Object.keys(ENDS).sort());
});

for (const [name, end] of Object.entries(ENDS))
  test(name, async (t) => {
    const { child, port, ended, rss_mb } = await serve();
    t.after(() => child.kill('SIGKILL'));
    const calls = run(load, 'steady', '--port', port, '--connections', 2, '--rate', 100, '--ms', 400);
    const attack = await run(attacker, name, '--port', port, '--path', '/meddispatch.bench.Bench/Echo', '--connections', 8, '--ms', 400,
      ...(Number(end) ? ['--goaways', 1] : [])); // a slow machine may need longer to send what is too much
    const { wrong, calls: answered } = await calls;
    const peak_mb = rss_mb();
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    assert.equal(wrong, 0);
    assert.equal(answered, 40);
    assert.ok(peak_mb < RSS_MAX_MB, `${peak_mb} MB`);
    const got = JSON.stringify(attack);
    if (end === 'reset') assert.ok(attack.resets > 0, got);
    else if (end === 'silent') assert.ok(attack.cut > 0 && attack.without_goaway === attack.cut, got);
    else if (end === 'answered') assert.ok(attack.sent_mb > 0, got);
    else if (end !== 'held') assert.deepEqual(Object.keys(attack.goaways), [end], got);
  });
