// The HTTP listener from outside: what each request gets, encodings and tags, and what hostile peers get: bounded memory, an end, and never the others' time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Server, decode, exchange, roadsOf, synthMap, tileAt } from './house.mjs';

const server = new Server();
let path; // of a tile with content
before(async () => {
  const map = synthMap(3000, 21);
  await server.start(map);
  const roads = roadsOf(map);
  let most = 0;
  for (const road of roads.slice(0, 60)) {
    const candidate = `/tiles/${tileAt(road.points[0], 14).join('/')}.mvt`;
    const { body } = await server.get(candidate);
    if (body.length > most) (most = body.length), (path = candidate);
  }
  assert.ok(most > 2000, `the largest tile has ${most} bytes`);
});
after(async () => {
  const how = await server.stop();
  assert.deepEqual(how, { code: 0, signal: null }); // no leak, no race, nothing left behind
});

const rss = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);

test('a tile: type, length, cache, no other origins', async () => {
  const { status, headers, body } = await server.get(path);
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/vnd.mapbox-vector-tile');
  assert.equal(Number(headers['content-length']), body.length);
  assert.match(headers['cache-control'], /max-age=\d+/);
  assert.match(headers.etag, /^W\/"[0-9a-f]{16}-14-\d+-\d+"$/);
  assert.ok(Math.abs(Date.parse(headers.date) - Date.now()) < 3600000);
  assert.equal(headers['access-control-allow-origin'], undefined);
  assert.ok(decode(body).length > 10);
  assert.deepEqual((await server.get(path)).body, body);
});

test('gzip for who takes it, and the same content', async () => {
  const plain = await server.get(path);
  const packed = await server.get(path, { headers: { 'accept-encoding': 'br;q=1, gzip;q=0.5' } });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(packed.headers.vary, 'Accept-Encoding');
  assert.ok(packed.body.length < plain.body.length);
  assert.deepEqual(gunzipSync(packed.body), plain.body);
  assert.equal((await server.get(path, { headers: { 'accept-encoding': 'gzip;q=0' } })).headers['content-encoding'], undefined);
});

test('who has the tile is told so; HEAD has the head alone; nowhere is empty', async () => {
  const { headers } = await server.get(path);
  const again = await server.get(path, { headers: { 'if-none-match': headers.etag } });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
  assert.equal(again.headers.etag, headers.etag);
  assert.equal((await server.get(path, { headers: { 'if-none-match': '"other"' } })).status, 200);
  const head = await server.get(path, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
  assert.equal(head.headers['content-length'], headers['content-length']);
  const empty = await server.get('/tiles/14/0/0.mvt');
  assert.equal(empty.status, 204);
  assert.equal(empty.headers['content-length'], undefined);
});

test('addresses that are none, tiles that are not, methods that are not taken', async () => {
  for (const [path, status] of [['/tiles/a/b/c.mvt', 400], ['/tiles/1/0/0', 400], ['/tiles/01/0/0.mvt', 400], ['/tiles/1/0/-0.mvt', 400], ['/tiles/19/0/0.mvt', 404], ['/tiles/3/8/0.mvt', 404],
    ['/tiles/99999999999999999999/0/0.mvt', 400], ['/', 404], ['/tiles', 404], ['/../../etc/passwd', 404], ['/tiles/../../etc/passwd.mvt', 400], ['/metricsx', 404]]) {
    const answer = await server.get(path);
    assert.equal(answer.status, status, path);
    assert.match(answer.headers['content-type'], /^text\/plain/);
    assert.ok(answer.body.length > 0);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
    const answer = await server.get(path, { method });
    assert.equal(answer.status, 405, method);
    assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
  }
  const options = await server.get(path, { method: 'OPTIONS', headers: { origin: 'http://elsewhere', 'access-control-request-method': 'GET' } });
  assert.equal(options.status, 204);
  assert.equal(options.headers['access-control-allow-origin'], undefined);
});

test('healthz says what it is told', async () => {
  assert.equal((await server.get('/healthz')).status, 200);
  await server.tell('unready');
  const { status, body } = await server.get('/healthz');
  assert.equal(status, 503);
  assert.equal(String(body), 'NOT_SERVING\n');
  await server.tell('ready');
  assert.equal(String((await server.get('/healthz')).body), 'SERVING\n');
});

test('one connection serves many, pipelined or in pieces', async () => {
  const one = `GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`, last = one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  const answers = await exchange(server, one.repeat(300) + `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n` + last);
  assert.equal(answers.split('HTTP/1.1 200 OK').length - 1, 302);
  assert.match(answers, /Connection: close\r\n\r\nSERVING\n$/);
  const socket = server.socket();
  let got = '';
  socket.setEncoding('latin1');
  const ended = new Promise((resolve) => socket.on('end', resolve));
  socket.on('data', (part) => (got += part));
  for (const byte of one + last) await new Promise((resolve) => socket.write(byte, resolve));
  await ended;
  assert.equal(got.split('SERVING\n').length - 1, 2);
});

test('what cannot be read ends the connection with its status', async () => {
  for (const [bytes, status] of [
    ['nonsense\r\n\r\n', 400], ['GET / HTTP/1.1\r\n\r\n', 400], ['GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400], ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n', 413],
    ['GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', 501], ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505], [`GET /${'a'.repeat(2000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(9000)}`, 431], [`GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(80)}\r\n`, 431], ['a'.repeat(9000), 414], ['\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400]]) {
    const answer = await exchange(server, Buffer.from(bytes, 'latin1'));
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), bytes.slice(0, 40));
    assert.match(answer, /\r\nConnection: close\r\n/);
    assert.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer and no more');
  }
});

test('a body that nobody wants does not hide the answer', async () => {
  const { status } = await server.get('/tiles/1/0/0.mvt', { method: 'POST', body: Buffer.alloc(150000) });
  assert.equal(status, 405);
});

test('silent and dripping connections end; more than the cap push out the idle ones; others are served meanwhile', async () => {
  const sockets = [], closed = [];
  for (let i = 0; i < 300; i++) {
    const socket = server.socket();
    socket.on('error', () => {});
    closed.push(new Promise((resolve) => socket.on('close', resolve)));
    await new Promise((resolve) => socket.on('connect', resolve));
    sockets.push(socket);
  }
  await Promise.all(closed.slice(0, 40)); // the oldest made room
  assert.equal((await server.get('/healthz')).status, 200);
  const drip = sockets[299];
  const timer = setInterval(() => drip.write('x'), 200); // a head that never ends, and never pauses
  await closed[299];
  clearInterval(timer);
  assert.equal((await server.get(path)).status, 200);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
});

test('who reads late and slowly gets every byte', async () => {
  const { body } = await server.get(path);
  const times = Math.ceil(12e6 / body.length); // more than sockets hold
  const socket = server.socket();
  const parts = [], ended = new Promise((resolve) => socket.on('end', resolve));
  socket.on('data', (part) => {
    parts.push(part);
    if (parts.length % 40 === 0) {
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    }
  });
  socket.pause(); // a listener for data sets it flowing
  for (let i = 0; i < times; i++) socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${i === times - 1 ? 'Connection: close\r\n' : ''}\r\n`);
  await server.get('/healthz');
  socket.resume();
  await ended;
  const got = Buffer.concat(parts);
  let at = 0, answers = 0;
  for (; at < got.length; answers++) {
    const head = got.indexOf('\r\n\r\n', at) + 4;
    assert.match(got.toString('latin1', at, head), /^HTTP\/1.1 200 OK\r\n/);
    assert.ok(got.subarray(head, head + body.length).equals(body));
    at = head + body.length;
  }
  assert.equal(answers, times);
});

test('who asks and does not read costs one answer', async () => {
  const before = rss();
  const sockets = [];
  for (let i = 0; i < 100; i++) {
    const socket = server.socket();
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(3000));
    sockets.push(socket);
  }
  for (let i = 0; i < 50; i++) assert.equal((await server.get('/healthz')).status, 200);
  assert.ok(rss() - before < 40000, `${rss() - before} KiB more`);
  for (const socket of sockets) socket.destroy();
});
