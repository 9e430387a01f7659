// gRPC-Web over HTTP/1.1: calls of every kind, both codecs, both ways a body comes, backpressure, and peers that leave.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Server, frame, until } from './house.mjs';

const server = new Server();
before(() => server.start());
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));

const sizes = [0, 1, 5, 1000, 8192, 100000, 3000000];
for (const way of [{}, { text: true }, { pieces: 4093, chunked: true }, { text: true, chunked: true }]) {
  test(`a unary call echoes, ${JSON.stringify(way)}`, async () => {
    for (const size of sizes) {
      const message = Buffer.alloc(size, 'häuser');
      const { status, headers, messages, trailers, ended } = await server.call('Echo', message, way);
      assert.equal(status, 200);
      assert.equal(headers['content-type'], way.text ? 'application/grpc-web-text+proto' : 'application/grpc-web+proto');
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['access-control-allow-origin'], undefined);
      assert.equal(messages.length, 1);
      assert.ok(messages[0].equals(message));
      assert.deepEqual([trailers['grpc-status'], ended], ['0', true]);
    }
  });
}

test('metadata goes both ways, whatever the case of its names', async () => {
  const { headers, trailers } = await server.call('Echo', 'x', { headers: { 'X-Echo': 'ja', 'x-Echo-Bin': Buffer.from('häuser').toString('base64') } });
  assert.equal(headers['x-echo'], 'ja');
  assert.equal(Buffer.from(trailers['x-echo-bin'], 'base64').toString(), 'häuser');
});

test('errors come in the trailers with their details, unknown methods and lying lengths too', async () => {
  const failed = await server.call('Fail', 'x');
  assert.equal(failed.trailers['grpc-status'], '3');
  assert.match(decodeURIComponent(failed.trailers['grpc-message']), /太小/);
  assert.ok(Buffer.from(failed.trailers['grpc-status-details-bin'], 'base64').includes('TEST_REASON'));
  assert.deepEqual(failed.messages, []);
  assert.equal((await server.call('None', 'x')).trailers['grpc-status'], '12');
  assert.equal((await server.call('Echo', [])).trailers['grpc-status'], '12');
  assert.equal((await server.call('Echo', ['a', 'b'])).trailers['grpc-status'], '12');
  assert.equal((await server.call('Fail', Buffer.alloc(2000))).trailers['grpc-status'], '8');
});

test('a server stream comes whole and in order; a client stream is taken', async () => {
  for (const text of [false, true]) {
    const { messages, trailers } = await server.call('Stream', Buffer.from([200]), { text });
    assert.deepEqual(messages.map((message) => message[0]), Array.from({ length: 200 }, (_, i) => i));
    assert.equal(trailers['grpc-status'], '0');
  }
  const { messages } = await server.call('Collect', Array.from({ length: 500 }, () => Buffer.alloc(777)), { chunked: true });
  assert.equal(messages[0].readBigUInt64LE(), BigInt(500 * 777));
});

test('one connection serves calls, health and figures in turn', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set();
  for (let i = 0; i < 20; i++) {
    const call = await server.call('Echo', `number ${i}`, { agent });
    assert.equal(String(call.messages[0]), `number ${i}`);
    const health = await server.request('/healthz', { agent });
    assert.equal(String(health.body), 'SERVING\n');
    const figures = await server.request('/metrics', { agent });
    assert.match(String(figures.body), /^test_gone \d+\n$/);
    assert.match(figures.headers['content-type'], /^text\/plain; version=0\.0\.4/);
    for (const { response } of [call, health, figures]) ports.add(response.socket?.localPort ?? 'kept');
  }
  assert.equal(ports.size, 1);
  agent.destroy();
});

test('calls that are pipelined are answered one after another', async () => {
  const one = (text, more = '') => Buffer.concat([
    Buffer.from(`POST /test.Echo/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\n${more}Content-Length: ${text.length + 5}\r\n\r\n`), frame(text)]);
  const got = await server.exchange(Buffer.concat([...Array.from({ length: 30 }, (_, i) => one(`<${i}>`)), one('<last>', 'Connection: close\r\n')]));
  assert.deepEqual(got.match(/<\w+>/g), [...Array.from({ length: 30 }, (_, i) => `<${i}>`), '<last>']);
  assert.equal(got.split('HTTP/1.1 200 OK').length - 1, 31);
});

test('HTTP/1.0 gets its answer without chunks; Expect is answered', async () => {
  const body = Buffer.concat([Buffer.from('POST /test.Echo/Echo HTTP/1.0\r\nContent-Type: application/grpc-web\r\nContent-Length: 7\r\n\r\n'), frame('ab')]);
  const old = await server.exchange(body);
  assert.match(old, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(old, /Transfer-Encoding/);
  assert.match(old, /\0\0\0\0\x02ab/);
  const socket = server.socket();
  let got = '';
  socket.setEncoding('latin1');
  socket.on('data', (part) => (got += part));
  socket.write('POST /test.Echo/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n');
  await until(() => got.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  socket.write(frame('cd'));
  await until(() => got.includes('grpc-status: 0'));
  socket.destroy();
});

test('deadlines', async () => {
  const { trailers } = await server.call('Wait', 'x', { headers: { 'grpc-timeout': '50m' } });
  assert.equal(trailers['grpc-status'], '4');
});

test('a peer that leaves ends its call', async () => {
  const { gone } = await server.counts();
  const waiting = server.socket();
  waiting.write(Buffer.concat([Buffer.from('POST /test.Echo/Wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\nContent-Length: 6\r\n\r\n'), frame('a')]));
  const halfway = server.socket();
  halfway.write('POST /test.Echo/Collect HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\0\0\0\r\n');
  const feed = await server.call('Endless', 'x', { stream: true });
  let heard = 0;
  feed.response.on('data', (part) => (heard += part.length));
  feed.response.on('error', () => {});
  await until(() => heard > 3000000);
  waiting.destroy();
  halfway.destroy();
  feed.request.destroy();
  await until(async () => (await server.counts()).gone === gone + 3);
});

test('a reader that does not read costs a bounded queue, and is cut in the end', async () => {
  const { gone } = await server.counts();
  const socket = server.socket();
  socket.pause();
  socket.write(Buffer.concat([Buffer.from('POST /test.Echo/Endless HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\nContent-Length: 6\r\n\r\n'), frame('a')]));
  const pushed = await until(async () => {
    const before = (await server.counts()).pushed;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return (await server.counts()).pushed === before && before;
  });
  assert.ok(pushed < 60000, `${pushed} kB for readers in all`); // what the sockets hold, and 256 kB
  await until(async () => (await server.counts()).gone === gone + 1, 30000);
  socket.destroy();
});
