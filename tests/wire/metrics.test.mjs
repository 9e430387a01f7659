// /metrics: what a watchdog reads, judged by Prometheus' own tool where it is there, and by a reader of the format written here.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { CITY, House, failure, prescription, root, until } from './house.mjs';

const house = new House();
let peer, town;
before(async () => {
  house.prepare();
  await house.serve({ set: ['http_listen = 127.0.0.1:0'] });
  const [, host, port] = [...house.lastLog().matchAll(/event=listening_http address=(\S+):(\d+)/g)].at(-1);
  peer = { host, port };
  town = await house.town({ couriers: 3, homes: 4 });
});
after(async () => {
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});

const get = (where) => new Promise((resolve, reject) => http.get({ ...peer, path: where, agent: false }, (response) => {
  let body = '';
  response.setEncoding('utf8').on('data', (part) => (body += part)).on('end', () => resolve({ headers: response.headers, body }));
}).on('error', reject));

/** name -> { type, samples: [{ labels, value }] }, strict about what it reads. */
function read(text) {
  const families = new Map();
  let family = null;
  assert.ok(text.endsWith('\n'));
  for (const line of text.trimEnd().split('\n')) {
    const help = /^# HELP ([a-z_]+) (.+)$/.exec(line), type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    if (help) {
      assert.ok(!families.has(help[1]), `${help[1]} twice`);
      families.set(help[1], (family = { name: help[1], samples: [] }));
    } else if (type) {
      assert.equal(type[1], family.name);
      family.type = type[2];
    } else {
      const [, name, labels = '', value] = /^([a-z_]+)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? ([-+0-9.einf]+)$/.exec(line) ?? assert.fail(line);
      assert.ok(name === family.name || (family.type === 'histogram' && name.replace(/_(bucket|sum|count)$/, '') === family.name), line);
      family.samples.push({ name, labels: Object.fromEntries([...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])), value: Number(value) });
      assert.ok(Number.isFinite(Number(value)), line);
    }
  }
  return families;
}
const value = (families, name, labels = {}) => {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  return family.samples.find((sample) => sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted))?.value;
};

test('calls, latencies, queues, batches and promises are counted', async () => {
  const GET = { grpc_service: 'meddispatch.v1.OrderService', grpc_method: 'GetOrder' };
  const before = read((await get('/metrics')).body);
  const { order } = await house.api.call('OrderService', 'SubmitPrescription', prescription(town));
  for (let i = 0; i < 3; i++) await house.api.call('OrderService', 'GetOrder', { city_id: CITY, order_id: order.order_id });
  await failure(house.api.once('OrderService', 'GetOrder', { city_id: CITY, order_id: 99999999 }));
  const board = house.api.client('BoardService').WatchBoard({ city_id: CITY });
  board.on('data', () => {}).on('error', () => {});
  await until('the stream is open', async () => value(read((await get('/metrics')).body), 'meddispatch_watchers') === 1);
  await until('the city has been counted', async () => value(read((await get('/metrics')).body), 'meddispatch_orders', { phase: 'ADJUDICATED' }) === 1);
  const { headers, body } = await get('/metrics');
  const now = read(body);
  assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
  assert.equal(value(now, 'meddispatch_calls_total', { ...GET, grpc_code: 'OK' }) - (value(before, 'meddispatch_calls_total', { ...GET, grpc_code: 'OK' }) ?? 0), 3);
  assert.equal(value(now, 'meddispatch_calls_total', { ...GET, grpc_code: 'NOT_FOUND' }), 1);
  assert.equal(value(now, 'meddispatch_call_seconds_count', GET), 4);
  assert.equal(value(now, 'meddispatch_calls_open', { grpc_method: 'WatchBoard' }), 1);
  assert.equal(value(now, 'meddispatch_sla_orders_open'), 1);
  assert.equal(value(now, 'meddispatch_sla_orders_late'), 0);
  assert.ok(value(now, 'meddispatch_commit_seconds_count') > 0 && value(now, 'meddispatch_intake_batch_orders_sum') === 1);
  assert.equal(value(now, 'meddispatch_queue_depth', { queue: 'writer' }) >= 0, true);
  assert.ok(value(now, 'process_resident_memory_bytes') > 1e6);
  // histograms grow with their bounds, and end with their count
  for (const family of now.values()) {
    if (family.type !== 'histogram') continue;
    const series = new Map();
    for (const { name, labels: { le, ...rest }, value: count } of family.samples) {
      const id = JSON.stringify(rest), one = series.get(id) ?? series.set(id, { buckets: [] }).get(id);
      if (name.endsWith('_bucket')) one.buckets.push([le === '+Inf' ? Infinity : Number(le), count]);
      else one[name.endsWith('_count') ? 'count' : 'sum'] = count;
    }
    for (const { buckets, count, sum } of series.values()) {
      assert.ok(buckets.every(([le, n], i) => i === 0 || (le > buckets[i - 1][0] && n >= buckets[i - 1][1])), family.name);
      assert.deepEqual(buckets.at(-1), [Infinity, count], family.name);
      assert.ok(sum >= 0);
    }
  }
  assert.doesNotMatch(body, /M00000|李某|1390000/);
  board.cancel();
});

test('promtool finds no fault', async (t) => {
  const local = path.join(root, '.state/tools/usr/bin/promtool');
  const tool = process.env.PROMTOOL ?? (existsSync(local) ? local : 'promtool');
  if (spawnSync(tool, ['--version']).error) return t.skip('promtool is not here; deploy/test brings it');
  execFileSync(tool, ['check', 'metrics'], { input: (await get('/metrics')).body, stdio: ['pipe', 'inherit', 'inherit'] });
});
