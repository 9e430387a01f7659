// The rpc room on the wire, by the official Node client and by raw frames. Messages are bytes: no .proto is needed.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import http2 from 'node:http2';
import net from 'node:net';
import zlib from 'node:zlib';

const require = createRequire(new URL('../../deploy/demo/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js');
const same = (b) => b;
let server, address, client;

function start(drain_ms = 3000) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.env.ECHO_SERVER, ['127.0.0.1:0', String(drain_ms)], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', (d) => resolve([child, /address=(\S+)/.exec(d)[1]]));
    child.once('error', reject);
  });
}
before(async () => {
  [server, address] = await start();
  client = new grpc.Client(address, grpc.credentials.createInsecure(), { 'grpc.max_receive_message_length': 64 << 20, 'grpc.max_send_message_length': 64 << 20 });
});
after(() => {
  client.close();
  server.kill('SIGKILL');
});

const unary = (method, message, { metadata = new grpc.Metadata(), options = {}, on = client } = {}) =>
  new Promise((resolve) => {
    let headers, trailers;
    const call = on.makeUnaryRequest(`/test.Echo/${method}`, same, same, message, metadata, options, (error, response) =>
      setImmediate(() => resolve({ error, response, headers, trailers })));
    call.on('metadata', (m) => (headers = m));
    call.on('status', (s) => (trailers = s.metadata));
  });

test('unary: empty, small, large', async () => {
  for (const size of [0, 1, 1000, 300000, 4 << 20]) {
    const { error, response } = await unary('Unary', Buffer.alloc(size, 7));
    assert.equal(error, null);
    assert.equal(response.length, size);
    assert.ok(response.every((b) => b === 7));
  }
});

test('metadata goes round, binary too', async () => {
  const metadata = new grpc.Metadata();
  metadata.set('x-echo-initial', 'hello');
  metadata.set('x-echo-trailing-bin', Buffer.from([0, 255, 1, 2, 3]));
  const { headers, trailers } = await unary('Unary', Buffer.from('a'), { metadata });
  assert.deepEqual(headers.get('x-echo-initial'), ['hello']);
  assert.deepEqual([...trailers.get('x-echo-trailing-bin')[0]], [0, 255, 1, 2, 3]);
});

test('errors carry message and details', async () => {
  const { error } = await unary('Fail', Buffer.alloc(0));
  assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
  assert.equal(error.details, 'lines[2].price_fen must be 0..10000000, is -1 — 太小%');
  const details = error.metadata.get('grpc-status-details-bin')[0].toString('latin1');
  for (const part of ['google.rpc.BadRequest', 'lines[2].price_fen', 'google.rpc.ErrorInfo', 'TEST_REASON', 'meddispatch', 'google.rpc.RetryInfo'])
    assert.ok(details.includes(part), part);
});

test('unknown method, too large a message, wrong message counts', async () => {
  assert.equal((await unary('Nothing', Buffer.alloc(0))).error.code, grpc.status.UNIMPLEMENTED);
  const { error } = await unary('Unary', Buffer.alloc((4 << 20) + 1));
  assert.equal(error.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(error.details, /4194304/);
  assert.equal((await unary('Unary', Buffer.from('still'))).response.toString(), 'still');
});

test('server stream in order', async () => {
  const got = [];
  for await (const m of client.makeServerStreamRequest('/test.Echo/Stream', same, same, Buffer.from([200]))) got.push(m[0]);
  assert.deepEqual(got, Array.from({ length: 200 }, (_, i) => i));
});

test('client stream of many bytes', async () => {
  const total = await new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest('/test.Echo/Collect', same, same, (error, response) => (error ? reject(error) : resolve(response.readBigUInt64LE())));
    for (let i = 0; i < 200; i++) call.write(Buffer.alloc(i * 500));
    call.end();
  });
  assert.equal(total, BigInt((199 * 200 * 500) / 2));
});

test('bidirectional ping-pong', async () => {
  const call = client.makeBidiStreamRequest('/test.Echo/Bidi', same, same);
  const got = [];
  for (let i = 0; i < 5; i++) {
    call.write(Buffer.from(`ping ${i}`));
    got.push((await new Promise((resolve) => call.once('data', resolve))).toString());
  }
  call.end();
  await new Promise((resolve) => call.once('end', resolve));
  assert.deepEqual(got, [0, 1, 2, 3, 4].map((i) => `ping ${i}`));
});

test('deadline and cancel reach the handler', async () => {
  const before_ = (await unary('Gone', Buffer.alloc(0))).response.readUInt32LE();
  const { error } = await unary('Sleep', Buffer.from([200]), { options: { deadline: Date.now() + 60 } });
  assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
  await new Promise((resolve) => {
    const call = client.makeUnaryRequest('/test.Echo/Sleep', same, same, Buffer.from([200]), (e) => resolve(e));
    setTimeout(() => call.cancel(), 50);
  });
  let gone = 0;
  for (let i = 0; i < 50 && gone < before_ + 2; i++) {
    await new Promise((r) => setTimeout(r, 20));
    gone = (await unary('Gone', Buffer.alloc(0))).response.readUInt32LE();
  }
  assert.equal(gone, before_ + 2);
});

test('health: serving, unknown, watch', async () => {
  const health = (message) => new Promise((resolve) => client.makeUnaryRequest('/grpc.health.v1.Health/Check', same, same, message, (error, response) => resolve({ error, response })));
  assert.deepEqual([...(await health(Buffer.alloc(0))).response], [8, 1]);
  const name = (s) => Buffer.concat([Buffer.from([0x0a, s.length]), Buffer.from(s)]);
  assert.deepEqual([...(await health(name('test.Echo'))).response], [8, 1]);
  assert.equal((await health(name('no.Such'))).error.code, grpc.status.NOT_FOUND);
  const watch = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, name('no.Such'));
  watch.on('error', () => {});
  assert.deepEqual([...(await new Promise((resolve) => watch.once('data', resolve)))], [8, 3]);
  watch.cancel();
});

// ---- raw HTTP/2: what a well-behaved client does not do ----

const frame = (message, flag = 0) => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};
const raw = (headers, body, end = true) =>
  new Promise((resolve, reject) => {
    const session = http2.connect(`http://${address}`);
    session.on('error', reject);
    const stream = session.request({ ':method': 'POST', ':path': '/test.Echo/Unary', 'content-type': 'application/grpc', te: 'trailers', ...headers });
    let head, tail = {}, data = [];
    stream.on('response', (h) => (head = h));
    stream.on('trailers', (t) => (tail = t));
    stream.on('data', (d) => data.push(d));
    stream.on('error', () => {});
    stream.on('close', () => {
      session.close();
      resolve({ status: head?.[':status'], grpc: Number(tail['grpc-status'] ?? head?.['grpc-status']), data: Buffer.concat(data) });
    });
    if (body) stream.write(body);
    if (end) stream.end();
  });

test('the status table', async () => {
  assert.equal((await raw({ 'content-type': 'application/json' }, frame(Buffer.from('x')))).status, 415);
  assert.equal((await raw({ ':method': 'PUT' }, frame(Buffer.from('x')))).status, 405);
  assert.equal((await raw({}, null)).grpc, grpc.status.UNIMPLEMENTED, 'no message');
  assert.equal((await raw({}, Buffer.concat([frame(Buffer.from('x')), frame(Buffer.from('y'))]))).grpc, grpc.status.UNIMPLEMENTED, 'two messages');
  assert.equal((await raw({ 'grpc-encoding': 'snappy' }, frame(Buffer.from('x')))).grpc, grpc.status.UNIMPLEMENTED);
  assert.equal((await raw({}, frame(Buffer.from('x'), 1))).grpc, grpc.status.INTERNAL, 'flag without encoding');
  assert.equal((await raw({ 'grpc-timeout': '5x' }, frame(Buffer.from('x')))).grpc, grpc.status.INTERNAL);
  assert.equal((await raw({}, frame(Buffer.from('abc')).subarray(0, 6))).grpc, grpc.status.INTERNAL, 'cut message');
  const lie = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]);
  assert.equal((await raw({}, lie, false)).grpc, grpc.status.RESOURCE_EXHAUSTED, 'a lying length, refused by its prefix');
});

test('a call that the peer breaks is gone for its handler too', async () => {
  const gone = async () => (await unary('Gone', Buffer.alloc(0))).response.readUInt32LE();
  const before_ = await gone();
  const broken = await raw({ ':path': '/test.Echo/Collect' }, Buffer.concat([frame(Buffer.from('abc')), frame(Buffer.from('x'), 7)]));
  assert.equal(broken.grpc, grpc.status.INTERNAL);
  const cut = await raw({ ':path': '/test.Echo/Collect' }, Buffer.concat([frame(Buffer.from('abc')), Buffer.from([0, 0])]));
  assert.equal(cut.grpc, grpc.status.INTERNAL);
  assert.equal(await gone(), before_ + 2);
});

test('gzip: taken, bounded while inflating', async () => {
  const good = await raw({ 'grpc-encoding': 'gzip' }, frame(zlib.gzipSync(Buffer.alloc(50000, 3)), 1));
  assert.equal(good.grpc, 0);
  assert.equal(good.data.length, 50005);
  const bomb = await raw({ 'grpc-encoding': 'gzip' }, frame(zlib.gzipSync(Buffer.alloc(64 << 20)), 1));
  assert.equal(bomb.grpc, grpc.status.RESOURCE_EXHAUSTED);
});

test('healthz', async () => {
  const session = http2.connect(`http://${address}`);
  const stream = session.request({ ':path': '/healthz' });
  let text = '';
  for await (const d of stream) text += d;
  session.close();
  assert.equal(text, 'serving\n');
});

test('plain HTTP is answered when its body has ended, and a body of the wrong length never', async () => {
  const session = http2.connect(`http://${address}`);
  const ask = (headers, body) => new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined });
    const got = { text: '' };
    stream.on('response', (h) => (got.status = h[':status']));
    stream.on('data', (d) => (got.text += d));
    stream.on('error', (e) => (got.error = e.code));
    stream.on('close', () => resolve({ ...got, rst: stream.rstCode }));
    if (body !== undefined) stream.end(body);
  });
  assert.equal((await ask({ ':path': '/test.Echo/Unary' })).status, 405);
  assert.equal((await ask({ ':method': 'POST', ':path': '/test.Echo/Unary', 'content-type': 'application/json' }, '{}')).status, 415);
  const wrong = await ask({ ':method': 'POST', ':path': '/', 'content-type': 'text/plain', 'content-length': '1' }, 'test');
  assert.equal(wrong.status, undefined);
  assert.equal(wrong.rst, http2.constants.NGHTTP2_PROTOCOL_ERROR);
  session.close();
});

// Sends bytes on a bare socket and reports how the connection ended: GOAWAY code, or closed.
const attack = (bytes, { ms = 4000, drip } = {}) =>
  new Promise((resolve) => {
    const [host, port] = address.split(':');
    const socket = net.connect(Number(port), host);
    let received = Buffer.alloc(0), sent = 0;
    const done = (how) => {
      clearTimeout(timer);
      socket.destroy();
      let goaway;
      for (let at = 0; at + 9 <= received.length; ) {
        const length = received.readUIntBE(at, 3);
        if (received[at + 3] === 7 && at + 17 <= received.length) goaway = received.readUInt32BE(at + 13);
        at += 9 + length;
      }
      resolve({ how, goaway });
    };
    const timer = setTimeout(() => done('open'), ms);
    socket.on('data', (d) => (received = Buffer.concat([received, d])));
    socket.on('close', () => done('closed'));
    socket.on('error', () => {});
    socket.on('connect', () => {
      socket.write(bytes);
      if (drip) {
        const more = () => {
          if (socket.destroyed || sent++ > 2000) return;
          socket.write(drip, () => setImmediate(more));
        };
        more();
      }
    });
  });
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
const h2frame = (type, flags, stream, payload = Buffer.alloc(0)) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

test('attacks end bounded, with GOAWAY', async () => {
  const many = (f, n) => Buffer.concat(Array.from({ length: n }, f));
  const calm = 11;
  assert.equal((await attack(Buffer.concat([PREFACE, many(() => h2frame(6, 0, 0, Buffer.alloc(8)), 50)]))).goaway, calm, 'pings');
  assert.equal((await attack(Buffer.concat([PREFACE, many(() => h2frame(4, 0, 0), 300)]), { drip: many(() => h2frame(4, 0, 0), 50) })).goaway, calm, 'settings');
  assert.equal((await attack(PREFACE, { drip: many((_, i) => h2frame(2, 0, 1 + 2 * i, Buffer.from([0, 0, 0, 0, 1])), 200) })).goaway, calm, 'priority');
  assert.equal((await attack(PREFACE, { drip: many(() => h2frame(0xbb, 0, 0), 200) })).goaway, calm, 'unknown frames');
  assert.equal((await attack(PREFACE, { drip: many(() => h2frame(8, 0, 0, Buffer.from([0, 0, 0, 1])), 100) })).goaway, calm, 'window updates');
  const noise = await attack(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  assert.equal(noise.how, 'closed', 'not HTTP/2');
  assert.equal((await attack(Buffer.from('PRI * HT'), { ms: 6000 })).how, 'closed', 'a preface that never ends');
  assert.equal((await unary('Unary', Buffer.from('alive'))).response.toString(), 'alive');
});

test('rapid reset is cut, and others go on', async () => {
  const header = Buffer.from([0x83, 0x86, 0x44, 16, ...Buffer.from('/test.Echo/Sleep'), 0x41, 1, 0x78, 0x5f, 16, ...Buffer.from('application/grpc')]);
  let stream = 1;
  const burst = () => {
    const parts = [];
    for (let i = 0; i < 100; i++, stream += 2) parts.push(h2frame(1, 4, stream, header), h2frame(3, 0, stream, Buffer.from([0, 0, 0, 8])));
    return Buffer.concat(parts);
  };
  const { goaway } = await attack(Buffer.concat([PREFACE, ...Array.from({ length: 40 }, burst)]));
  assert.equal(goaway, 11);
  assert.equal((await unary('Unary', Buffer.from('alive'))).response.toString(), 'alive');
});

test('SIGTERM: a call in flight ends well, new ones go elsewhere', async () => {
  const [other, at] = await start();
  const second = new grpc.Client(at, grpc.credentials.createInsecure());
  const slow = unary('Sleep', Buffer.from([40]), { on: second });
  await new Promise((r) => setTimeout(r, 100));
  const ended = new Promise((resolve) => other.once('exit', resolve));
  other.kill('SIGTERM');
  assert.equal((await slow).response?.toString(), 'awake');
  second.close();
  assert.equal(await ended, 0);
});

test('SIGTERM: watchers hear it at once, calls that outlast the drain hear why they end', async () => {
  const [other, at] = await start(600);
  const second = new grpc.Client(at, grpc.credentials.createInsecure());
  const watch = second.makeServerStreamRequest('/grpc.health.v1.Health/Watch', same, same, Buffer.alloc(0));
  const states = [];
  watch.on('data', (message) => states.push(message[1]));
  const watched = new Promise((resolve) => watch.on('error', resolve));
  const bidi = second.makeBidiStreamRequest('/test.Echo/Bidi', same, same);
  bidi.on('data', () => {});
  bidi.write(Buffer.from('a'));
  const began = Date.now();
  const broken = new Promise((resolve) => bidi.on('error', (error) => resolve({ error, after: Date.now() - began })));
  await new Promise((r) => setTimeout(r, 100));
  const ended = new Promise((resolve) => other.once('exit', resolve));
  other.kill('SIGTERM');
  assert.equal((await watched).code, grpc.status.UNAVAILABLE);
  assert.deepEqual(states, [1, 2]);
  const { error, after } = await broken;
  assert.equal(error.code, grpc.status.UNAVAILABLE);
  assert.match(error.details, /stopping/);
  assert.ok(after >= 600 && after < 2500, `${after} ms`);
  assert.equal(await ended, 0);
  second.close();
});
