// Runs what deploy/bench rpc measures, one server at a time, and prints the table. Programs: tests/bench/rpc; h2load.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { programs: { type: 'string' }, state: { type: 'string' }, calls: { type: 'string', default: '400000' }, rounds: { type: 'string', default: '3' }, attacks: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
const calls = Number(options.calls), rounds = Number(options.rounds);
if (!Number.isInteger(calls) || calls < 1000 || !Number.isInteger(rounds) || rounds < 1) {
  console.error('deploy/bench rpc: --calls must be at least 1000, --rounds at least 1');
  process.exit(2);
}
const MESSAGE = 22, PREFIX = 5, SERVER_CORE = '0', CLIENT_CORE = '1', TICKS_PER_S = 100; // USER_HZ, on every Linux of today
const SHAPES = [[1, 100], [10, 10], [100, 10]];
const program = (name) => path.join(options.programs, `bench_rpc_${name}`);
const file = (name) => path.join(options.state, name);
const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

/** CPU seconds of a process and its ended threads. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** What is measured goes before all else on a busy machine, where that is permitted; with `rush` only, since the kernel stops such a process for 5% of the time. */
const first = spawnSync('chrt', ['-f', '30', 'true']).status === 0 ? ['chrt', '-f', '30'] : [];
let rush = [];

async function withServer(name, tls, what) {
  const more = tls ? ['--tls-certificate', file('rpc.pem'), '--tls-key', file('rpc.key')] : [];
  const [command, ...words] = [...rush, 'taskset', '-c', SERVER_CORE, program(name), ...more];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (!/address=.*:\d+\n/.test(said)) {
    if (child.exitCode !== null) throw new Error(`${name} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  try {
    return await what({ pid: child.pid, port: /:(\d+)\n/.exec(said)[1] });
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

function pinned(...command) {
  const [program_, ...words] = [...rush, 'taskset', '-c', CLIENT_CORE, ...command];
  const { status, stdout, stderr } = spawnSync(program_, words, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${path.basename(command[0])} failed: ${stdout}${stderr}`);
  return stdout;
}
const load = (mode, port, ...more) => JSON.parse(pinned(program('load'), mode, '--port', port, ...more.map(String)));

/** One run of h2load; every answer must have come, with its message whole. */
function h2load({ pid, port }, tls, [connections, streams]) {
  const log = file('h2load.log');
  rmSync(log, { force: true });
  const before = cpuSeconds(pid);
  const said = pinned('h2load', '-n', String(calls), '-c', String(connections), '-m', String(streams), '-t', '1', '-d', file('rpc.body'), `--log-file=${log}`,
    '-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', 'user-agent: h2load', '-H', 'grpc-timeout: 10S', '-H', 'x-request-id: 0123456789abcdef',
    `${tls ? 'https' : 'http'}://127.0.0.1:${port}/meddispatch.bench.Bench/Echo`);
  const cpu_s = cpuSeconds(pid) - before;
  const whole = calls * (MESSAGE + PREFIX), data = Number(/\((\d+)\) data/.exec(said)[1]);
  if (!new RegExp(`status codes: ${calls} 2xx`).test(said) || data !== whole) throw new Error(`answers are missing: ${data} of ${whole} bytes\n${said}`);
  const times = Float64Array.from(readFileSync(log, 'latin1').trim().split('\n'), (line) => Number(line.split('\t')[2]) / 1000).sort();
  return { calls_per_cpu_s: calls / cpu_s, calls_per_s: Number(/, ([0-9.]+) req\/s/.exec(said)[1]), p50_ms: times[times.length >> 1], p99_ms: times[Math.floor(times.length * 0.99)] };
}

/** Both servers in turn. */
async function compare() {
  for (let round = 0; round < rounds; round++)
    for (const tls of [false, true])
      for (const name of ['ours', 'peer'])
        await withServer(name, tls, (server) => {
          for (const shape of SHAPES) {
            const checked = tls ? 0 : load('echo', server.port, '--connections', shape[0], '--streams', shape[1], '--calls', Math.ceil(calls / 5)).calls;
            keep({ figure: 'echo', server: name, tls, connections: shape[0], streams: shape[1], ...h2load(server, tls, shape), checked });
          }
        });
  for (const name of ['ours', 'peer']) {
    await withServer(name, false, ({ pid, port }) => keep({ server: name, ...load('idle', port, '--connections', 10000, '--pid', pid) }));
    for (const [connections, streams] of [[1000, 1], [100, 10]])
      await withServer(name, false, ({ pid, port }) => {
        const before = cpuSeconds(pid), result = load('board', port, '--connections', connections, '--streams', streams, '--ms', 5000);
        keep({ server: name, ...result, deltas_per_cpu_s: result.deltas / (cpuSeconds(pid) - before) });
      });
  }
}

/** Attacks by raw frames on 20 connections at once, at the lowest priority; beside them 10 others make 500 calls a second in all. */
async function attacks() {
  rush = first;
  const beside = (port) => load('steady', port, '--connections', 10, '--rate', 500, '--ms', 2000);
  const rss_mb = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]) / 1024;
  const quiet = await withServer('ours', false, ({ port }) => beside(port));
  keep({ ...quiet, figure: 'quiet' });
  for (const attack of pinned(program('attack'), 'list').trim().split('\n'))
    await withServer('ours', false, async ({ pid, port }) => {
      const attacker = spawn('nice', ['-n', '19', 'taskset', '-c', CLIENT_CORE, program('attack'), attack, '--port', port, '--path', '/meddispatch.bench.Bench/Echo', '--connections', '20', '--ms', '3500'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      attacker.stdout.on('data', (data) => (said += data));
      const ended = new Promise((resolve) => attacker.once('exit', resolve));
      await new Promise((resolve) => setTimeout(resolve, 700));
      const others = beside(port), rss = rss_mb(pid);
      await ended;
      keep({ ...others, ...JSON.parse(said), figure: 'attack', rss_mb: rss });
    });
}

function row(...cells) {
  console.log(cells.map((cell, i) => String(cell).padStart(i ? 12 : 0).padEnd(i ? 0 : 34)).join(''));
}

function tellComparison() {
  const thousand = (number) => `${(number / 1000).toFixed(0)}k`;
  console.log(`unary echo, 22 bytes; medians of ${rounds} runs of ${calls} calls; every grpc-status checked in runs of ${Math.ceil(calls / 5)}`);
  row('connections x streams', 'ours/CPU s', 'peer/CPU s', 'ratio', 'ours/s', 'peer/s', 'ours p50', 'p99 ms', 'peer p50', 'p99 ms');
  for (const tls of [false, true])
    for (const [connections, streams] of SHAPES) {
      const of = (name, what) => median(results.filter((r) => r.figure === 'echo' && r.server === name && r.tls === tls && r.connections === connections && r.streams === streams).map((r) => r[what]));
      const [ours, peer] = ['ours', 'peer'].map((name) => of(name, 'calls_per_cpu_s'));
      row(`${connections} x ${streams}${tls ? ', TLS' : ''}`, thousand(ours), thousand(peer), (ours / peer).toFixed(2), thousand(of('ours', 'calls_per_s')), thousand(of('peer', 'calls_per_s')),
        ...['ours', 'peer'].flatMap((name) => ['p50_ms', 'p99_ms'].map((what) => of(name, what).toFixed(2))));
    }
  for (const name of ['ours', 'peer']) {
    const idle = results.find((r) => r.figure === 'idle' && r.server === name);
    console.log(`${name}: ${idle.connections} idle connections held, ${idle.kb_per_connection} kB each`);
    for (const r of results.filter((r) => r.figure === 'board' && r.server === name))
      console.log(`${name}: ${r.streams} board streams on ${r.connections} connections: ${r.per_stream_s} of 100 deltas/s each, lag p50 ${r.p50_ms} p99 ${r.p99_ms} max ${r.max_ms} ms, ${thousand(r.deltas_per_cpu_s)} deltas/CPU s`);
  }
}

function tellAttacks() {
  console.log(`others: 10 connections, 500 calls/s in all; attackers: 20 connections${first.length ? '' : '; not permitted to go before other work on this machine'}`);
  row('attack', 'others p50', 'p90', 'p99 ms', 'RSS MB', 'made', 'cut', 'resets', 'sent MB');
  for (const r of results) row(r.attack ?? 'none', r.p50_ms, r.p90_ms, r.p99_ms, r.rss_mb?.toFixed(0) ?? '', r.made ?? '', r.cut ?? '', r.resets ?? '', r.sent_mb ?? '');
}

const body = Buffer.alloc(PREFIX + MESSAGE, 'm');
body.writeUIntBE(MESSAGE, 0, PREFIX);
body.set([0x0a, MESSAGE - 2], PREFIX);
writeFileSync(file('rpc.body'), body);
const results = [];
const keep = (result) => {
  results.push(result);
  if (options.json) console.log(JSON.stringify(result));
};
if (options.attacks) await attacks();
else await compare();

if (!options.json) (options.attacks ? tellAttacks : tellComparison)();
