// The official browser client (connect-web) in headless Chromium against the real daemon's HTTP/1.1 listener: unary and streaming calls, errors, deadlines,
// leaving, under the page's own Content-Security-Policy; and a page of another origin, which gets nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Api, CITY, House, db, prescription, root, run, until } from '../wire/house.mjs';

const dashboard = path.join(root, 'scheduler/dashboard'), tools = path.join(root, 'tests/browser');
const chromium = process.env.CHROMIUM;
const playwright = createRequire(path.join(tools, 'package.json'))('playwright-core');
const esbuild = createRequire(path.join(dashboard, 'package.json'))('esbuild');

// in the page: services by their descriptors, no generated code
const PAGE = `
import { createClient, ConnectError, Code } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
const bytes = new Uint8Array(await (await fetch('/contract.bin')).arrayBuffer());
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));
const told = (error) => ({ code: Code[ConnectError.from(error).code], text: ConnectError.from(error).rawMessage, details: ConnectError.from(error).details.length });
const plain = (value) => JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? Number(one) : one)));
window.client = (service, token, base = location.origin) => createClient(registry.getService('meddispatch.v1.' + service), createGrpcWebTransport({ baseUrl: base,
  interceptors: [(next) => (request) => { if (token) request.header.set('authorization', 'Bearer ' + token); return next(request); }] }));
window.unary = async (service, method, request, token, options) => {
  try { return plain(await window.client(service, token)[method](request, options)); } catch (error) { return told(error); }
};
window.streams = {};
window.watch = async (name, service, method, request, token) => {
  const stream = (window.streams[name] = { messages: [], ended: null, abort: new AbortController() });
  try { for await (const message of window.client(service, token)[method](request, { signal: stream.abort.signal })) stream.messages.push(plain(message)); stream.ended = 'ended'; }
  catch (error) { stream.ended = told(error).code; }
};
window.ready = true;
`;

const house = new House();
let browser, page, address, dispatcher, admin, town;
before(async () => {
  house.prepare();
  const files = path.join(house.folder, 'files'), source = path.join(house.folder, 'page.mjs');
  mkdirSync(files);
  writeFileSync(source, PAGE);
  await esbuild.build({ entryPoints: [source], bundle: true, format: 'esm', outfile: path.join(files, 'page.js'), nodePaths: [path.join(dashboard, 'node_modules')], logLevel: 'error' });
  execFileSync('protoc', [`--proto_path=${root}/proto`, '--include_imports', `--descriptor_set_out=${files}/contract.bin`, ...['board', 'order', 'routing', 'access', 'catalog'].map((name) => `meddispatch/v1/${name}.proto`)]);
  writeFileSync(path.join(files, 'index.html'), '<!doctype html><title>calls</title><script type="module" src="/page.js"></script>');
  await house.serve({ set: ['http_listen = 127.0.0.1:0', `http_files = ${files}`] }); // insecure, to build the town
  town = await house.town({ couriers: 2, homes: 3 });
  await house.stopDaemon();
  dispatcher = run('token', 'create', '--db', db, '--role', 'dispatcher', '--subject', 'browser').trim();
  admin = run('token', 'create', '--db', db, '--role', 'admin', '--subject', 'browser admin').trim();
  await house.serve({ set: ['http_listen = 127.0.0.1:0', `http_files = ${files}`], insecure: false });
  address = [...house.lastLog().matchAll(/event=listening_http address=(\S+)/g)].at(-1)[1];
  browser = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
  page = await browser.newPage();
  page.on('pageerror', (error) => console.log(`page: ${error}`));
  await page.goto(`http://${address}/`);
  await page.waitForFunction(() => window.ready);
});
after(async () => {
  await browser?.close();
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});
const unary = (...given) => page.evaluate((all) => window.unary(...all), given);
const watchers = async () => Number(/^meddispatch_watchers (\d+)$/m.exec(await (await fetch(`http://${address}/metrics`)).text())[1]);

test('unary calls: an answer, its error with details, a deadline', async () => {
  const who = await unary('AccessService', 'whoAmI', {}, dispatcher);
  assert.equal(who.identity.role, 'dispatcher');
  assert.equal((await unary('AccessService', 'whoAmI', {}, null)).code, 'Unauthenticated');
  assert.equal((await unary('OrderService', 'getOrder', { cityId: CITY, orderId: 99999999 }, admin)).code, 'NotFound');
  const wrong = await unary('OrderService', 'getOrder', { cityId: CITY, orderId: 0 }, admin);
  assert.equal(wrong.code, 'InvalidArgument');
  assert.ok(wrong.details > 0, 'BadRequest came through grpc-status-details-bin');
  assert.equal((await unary('AccessService', 'whoAmI', {}, dispatcher, { timeoutMs: 5000 })).identity.subject, 'browser');
});

test('a stream begins with its snapshot and goes on while other calls are made; leaving ends it here and there', async () => {
  await page.evaluate((all) => void window.watch(...all), ['board', 'BoardService', 'watchBoard', { cityId: CITY }, dispatcher]);
  await page.waitForFunction(() => window.streams.board.messages[0]?.what.case === 'snapshot');
  assert.equal(await watchers(), 1);
  for (let i = 0; i < 5; i++) assert.equal((await unary('AccessService', 'whoAmI', {}, dispatcher)).identity.role, 'dispatcher');
  assert.equal(await page.evaluate(() => window.streams.board.ended), null);
  await page.evaluate(() => window.streams.board.abort.abort());
  await until('the daemon hears that the reader has left', async () => (await watchers()) === 0);
  // a tab that is closed
  const other = await browser.newPage();
  await other.goto(`http://${address}/`);
  await other.waitForFunction(() => window.ready);
  await other.evaluate((all) => void window.watch(...all), ['board', 'BoardService', 'watchBoard', { cityId: CITY }, dispatcher]);
  await until('it watches', async () => (await watchers()) === 1);
  await other.close();
  await until('the daemon hears that the tab was closed', async () => (await watchers()) === 0);
});

test('what happens meanwhile comes through the stream, each fact once and in order', async () => {
  await page.evaluate((all) => void window.watch(...all), ['orders', 'OrderService', 'watchOrders', { cityId: CITY, afterSeq: 0 }, admin]);
  const api = new Api(house.address, { tokens: { admin } });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => api.call('OrderService', 'SubmitPrescription', prescription(town, { member_code: `M${String(i + 1).padStart(6, '0')}` }))));
  const taken = answers.map(({ order }) => order).filter(({ phase }) => phase === 'ORDER_PHASE_ADJUDICATED').map(({ order_id }) => Number(order_id));
  assert.ok(taken.length > 20, `${taken.length} of 60 orders were taken`);
  const facts = () => page.evaluate(() => window.streams.orders.messages.flatMap((message) => message.facts).map(({ seq, orderId }) => [seq, orderId]));
  await until('every order has been told', async () => new Set((await facts()).map(([, order]) => order)).size === taken.length);
  const told = await facts();
  assert.deepEqual(new Set(told.map(([, order]) => order)), new Set(taken));
  assert.ok(told.every(([seq], i) => i === 0 || seq > told[i - 1][0]));
  assert.equal(await page.evaluate(() => window.streams.orders.ended), null);
  await page.evaluate(() => window.streams.orders.abort.abort());
  api.close();
  await until('it has ended', async () => (await watchers()) === 0);
});

test('a page of another origin gets nothing, and a foreign name neither', async () => {
  const elsewhere = http.createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>')).listen(0, '127.0.0.1');
  await new Promise((resolve) => elsewhere.on('listening', resolve));
  const other = await browser.newPage();
  await other.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
  const result = await other.evaluate(async ([base, token]) => {
    const ask = async (init) => fetch(`${base}/meddispatch.v1.AccessService/WhoAmI`, init).then((answer) => `read ${answer.status}`, () => 'refused');
    const body = new Uint8Array(5);
    return [await ask({ method: 'POST', body, headers: { 'content-type': 'application/grpc-web+proto', authorization: `Bearer ${token}` } }), await ask({ method: 'POST', body, headers: { 'content-type': 'text/plain' } }),
      await fetch(`${base}/metrics`).then(() => 'read', () => 'refused')];
  }, [`http://${address}`, dispatcher]);
  assert.deepEqual(result, ['refused', 'refused', 'refused']);
  await other.close();
  elsewhere.close();
  // DNS rebinding: a name that is not ours, resolved to us
  const rebound = await playwright.chromium.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP attacker.example 127.0.0.1'] });
  const answer = await (await rebound.newPage()).goto(`http://attacker.example:${address.split(':').at(-1)}/`);
  assert.equal(answer.status(), 421);
  await rebound.close();
});
