// deploy/bench board: the page's main thread under a big city's deltas. The server here is this program: it speaks gRPC-Web with the page's own generated code and
// knows nothing of dispatching. One line of JSON a figure, or a table.
import { createRequire } from 'node:module';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url)), dashboard = path.join(root, 'scheduler/dashboard');
const { values: given } = parseArgs({ options: { couriers: { type: 'string', default: '5000' }, orders: { type: 'string', default: '10000' }, rate: { type: 'string', default: '100' }, seconds: { type: 'string', default: '15' }, json: { type: 'boolean', default: false } } });
const [COURIERS, ORDERS, RATE, SECONDS] = ['couriers', 'orders', 'rate', 'seconds'].map((name) => {
  const value = Number(given[name]);
  if (!Number.isInteger(value) || value < 1 || value > 100000) throw new Error(`--${name} takes a whole number above 0`);
  return value;
});
const need = (folder, name) => createRequire(path.join(root, folder, 'package.json'))(name);
const { chromium } = need('tests/browser', 'playwright-core');
const esbuild = need('scheduler/dashboard', 'esbuild');

// the contract's own code, as one module that node can read
const folder = mkdtempSync(path.join(dashboard, 'node_modules/.bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
await esbuild.build({ stdin: { contents: "export * from './src/gen/meddispatch/v1/board_pb'; export * as access from './src/gen/meddispatch/v1/access_pb'; export { create, toBinary } from '@bufbuild/protobuf';", resolveDir: dashboard, loader: 'ts' }, outfile: path.join(folder, 'wire.mjs'), bundle: true, platform: 'node', format: 'esm', logLevel: 'error' });
const wire = await import(pathToFileURL(path.join(folder, 'wire.mjs')).href);

let seed = 20260101;
const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
const place = () => ({ lat: 39.8 + random() * 0.25, lon: 116.2 + random() * 0.4 });
const T0 = BigInt(Date.now());
const minutes = (n) => BigInt(Math.round(n * 60000));
const order = (i, version = 1) => ({ state: { orderId: BigInt(i + 1), phase: [5, 6, 7, 8, 10][i % 5], version, courierId: BigInt((i % COURIERS) + 1), promiseMs: T0 + minutes(20 + ((i * 7) % 160)), etaMs: T0 + minutes(10 + ((i * 7 + version * 3) % 170)) }, kind: 1 + (i % 2), priority: 1 + (i % 11 === 0 ? 1 : 0), pickup: place(), home: place(), pharmacyId: BigInt((i % 40) + 1), acceptedMs: T0 - minutes(40), alerts: i % 50 ? [] : ['READY_LATE'], alertsSeen: [] });
const stop = (i, n) => ({ orderId: BigInt(((i + n * COURIERS) % ORDERS) + 1), kind: n % 2 ? 2 : 1, at: place(), arriveMs: T0 + minutes(8 + 16 * n), beginMs: T0 + minutes(8 + 16 * n), leaveMs: T0 + minutes(12 + 16 * n), travelS: 400, travelM: 2000, told: n < 2 });
const courier = (i, stops = true) => ({ courierId: BigInt(i + 1), onShift: true, at: place(), positionMs: T0 + BigInt(Math.round(performance.now())), headingDeg: Math.floor(random() * 360), stops: stops ? Array.from({ length: 4 }, (_, n) => stop(i, n)) : [], routeVersion: 1, shiftEndsMs: T0 + minutes(300) });
const couriers = Array.from({ length: COURIERS }, (_, i) => courier(i));

const frame = (bytes, flag = 0) => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const OK = frame(Buffer.from('grpc-status: 0\r\n'), 0x80);
const now = () => T0 + BigInt(Math.round(performance.now()));
let seq = 1000n, busy = true, sent = 0;
function delta() {
  seq++;
  sent++;
  const i = Math.floor(random() * ORDERS), version = 2 + Math.floor(sent / 7);
  const moved = [0, 1].map(() => {
    const c = Math.floor(random() * COURIERS);
    couriers[c] = { ...couriers[c], at: place(), positionMs: now() };
    return couriers[c];
  });
  return { what: { case: 'delta', value: { seqFirst: seq, seqLast: seq, nowMs: now(), orders: [order(i, version)], couriers: moved, facts: [{ seq, atMs: now(), kind: 'ROUTE_PLANNED', orderId: BigInt(i + 1), courierId: BigInt(i + 1), phase: 5, version, actor: '', detail: '{"stops":4}' }] } } };
}
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://bench');
  request.resume();
  if (request.method === 'POST') {
    response.writeHead(200, { 'content-type': 'application/grpc-web+proto' });
    const send = (schema, message) => response.write(frame(Buffer.from(wire.toBinary(schema, wire.create(schema, message)))));
    if (pathname.endsWith('/WhoAmI')) send(wire.access.WhoAmIResponseSchema, { identity: { role: 'anyone', subject: 'bench', cityId: 1 } });
    else if (pathname.endsWith('/ListPlaces')) send(wire.ListPlacesResponseSchema, { utcOffsetS: 28800, facilities: Array.from({ length: 40 }, (_, i) => ({ facilityId: BigInt(i + 1), kind: 1 + (i % 3), name: `Place ${i + 1}`, at: place() })), couriers: couriers.map((one) => ({ courierId: one.courierId, name: `Courier ${one.courierId}` })) });
    else if (pathname.endsWith('/WatchBoard')) {
      send(wire.WatchBoardResponseSchema, { what: { case: 'snapshot', value: { seq, nowMs: now(), orders: Array.from({ length: ORDERS }, (_, i) => order(i)), couriers } } });
      let due = 0, last = performance.now();
      const beat = () => {
        const at = performance.now();
        due = busy ? Math.min(RATE, due + ((at - last) * RATE) / 1000) : 0; // a second's deltas at most are made up for
        last = at;
        for (; due >= 1; due--) send(wire.WatchBoardResponseSchema, delta());
      };
      const timers = [setInterval(beat, 10), setInterval(() => send(wire.WatchBoardResponseSchema, { what: { case: 'delta', value: { nowMs: now() } } }), 2000)];
      response.on('close', () => timers.forEach(clearInterval));
      return;
    }
    response.end(OK);
    return;
  }
  const file = path.join(dashboard, 'dist', pathname === '/' ? 'index.html' : pathname);
  if (!file.startsWith(path.join(dashboard, 'dist')) || !existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file));
}).listen(0, '127.0.0.1');
await new Promise((ready) => server.on('listening', ready));

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'] });
const page = await (await browser.newContext({ viewport: { width: 1500, height: 860 } })).newPage();
page.on('pageerror', (error) => console.error(`page: ${error.message}`));
const began = performance.now();
await page.goto(`http://127.0.0.1:${server.address().port}/?lang=en`);
await page.locator('.risk .row').first().waitFor();
const first_list_ms = performance.now() - began;
const devtools = await page.context().newCDPSession(page);
await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
const metrics = async () => Object.fromEntries((await devtools.send('Performance.getMetrics')).metrics.map((one) => [one.name, one.value]));
const machine = `${os.cpus()[0].model.trim()} x ${os.cpus().length}`;
const figures = [];
const say = (figure, value, unit, baseline_value = null) => {
  const line = { bench: 'board', figure, value: Number(value.toFixed(1)), unit, ...(baseline_value ? { baseline: 'the same screen at rest', baseline_value: Number(baseline_value.toFixed(1)), ratio: Number((value / baseline_value).toFixed(2)) } : {}), orders: ORDERS, couriers: COURIERS, rate: RATE, machine, seed: 20260101 };
  figures.push(line);
  if (given.json) console.log(JSON.stringify(line));
};
/** Milliseconds of work per second of the main thread, over SECONDS. */
async function work(is_busy) {
  busy = is_busy;
  await page.waitForTimeout(2500); // what the change itself costs is not counted
  const before = await metrics(), sent_before = sent, at = performance.now();
  await page.waitForTimeout(SECONDS * 1000);
  const after = await metrics(), seconds = (performance.now() - at) / 1000;
  return { ms: ((after.TaskDuration - before.TaskDuration) * 1000) / seconds, rate: (sent - sent_before) / seconds, heap: after.JSHeapUsedSize };
}
say('until the list is there', first_list_ms, 'ms');
for (const [key, screen] of [['1', 'board with map'], ['2', 'timeline'], ['4', 'alerts']]) {
  await page.keyboard.press(key);
  await page.waitForTimeout(3000);
  const rest = await work(false), load = await work(true);
  say(`${screen}: main thread`, load.ms, 'ms/s', rest.ms);
  say(`${screen}: deltas sent`, load.rate, '1/s');
  say(`${screen}: heap`, load.heap / 2 ** 20, 'MB');
}
const rows = await page.locator('.virtual .row').count();
await page.keyboard.press('1');
await page.locator('.risk .row').first().waitFor();
say('rows of the list in the page', Math.max(rows, await page.locator('.risk .row').count()), 'rows');
await browser.close();
server.closeAllConnections?.();
server.close();
if (!given.json) for (const one of figures) console.log(`${one.figure.padEnd(34)} ${String(one.value).padStart(9)} ${one.unit}${one.baseline ? `   at rest ${one.baseline_value}, ${one.ratio} times` : ''}`);
