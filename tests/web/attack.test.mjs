// Hostile peers on raw sockets: bodies that two programs could read differently, slow, endless or broken ones. Each gets its end, and others are served.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Server, frame, until } from './house.mjs';

const server = new Server();
before(() => server.start());
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));
const head = (fields, method = 'Echo') => `POST /test.Echo/${method} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\n${fields}\r\n`;
const alive = async () => assert.equal((await server.call('Echo', 'still here')).trailers['grpc-status'], '0');
const chunk = (bytes) => `${bytes.length.toString(16)}\r\n${bytes.toString('latin1')}\r\n`;

test('lengths and codings that could be read in two ways are refused', async () => {
  const body = frame('x').toString('latin1');
  for (const [fields, status] of [
    ['Content-Length: 6\r\nContent-Length: 6\r\n', 400], ['Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', 400], ['Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', 400],
    ['Content-Length: +6\r\n', 400], ['Content-Length: 0x6\r\n', 400], ['Content-Length: 6, 6\r\n', 400], ['Content-Length: -1\r\n', 400], ['Content-Length: 99999999999999999999\r\n', 400],
    ['Transfer-Encoding: gzip, chunked\r\n', 501], ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', 501], ['Transfer-Encoding: identity\r\n', 501],
    ['Transfer-Encoding: xchunked\r\n', 501], ['Transfer-Encoding : chunked\r\n', 400], ['Content-Length: 6\r\n X: folded\r\n', 400]]) {
    const got = await server.exchange(head(fields) + body);
    assert.match(got, new RegExp(`^HTTP/1\\.1 ${status} `), fields);
    assert.equal(got.split('HTTP/1.1 ').length, 2, fields);
  }
  await alive();
});

test('broken chunks end the connection, before an answer with 400', async () => {
  for (const body of ['x\r\n', '\r\n', '6 x\n', '-1\r\n', '6\n', '0x6\r\n', '123456789\r\n', `6;${'a'.repeat(400)}\r\n`, '1\r\nxx\r\n', '1\r\nx\n', `0\r\n${'A: b\r\n'.repeat(300)}\r\n`, '0\r\n\n', '6\r\r\n']) {
    const got = await server.exchange(head('Transfer-Encoding: chunked\r\n') + body);
    assert.match(got, /^HTTP\/1\.1 400 /, JSON.stringify(body.slice(0, 20)));
    assert.doesNotMatch(got, /grpc-status/);
  }
  assert.match(await server.exchange(head('Content-Length: 8\r\n').replace('grpc-web', 'grpc-web-text') + 'AA==!AAA'), /^HTTP\/1\.1 400 /);
  assert.match(await server.exchange(head('Content-Length: 6\r\n').replace('grpc-web', 'grpc-web-text') + 'AAAAAA'), /^HTTP\/1\.1 400 /);
  await alive();
});

test('chunks cut anywhere are read alike, with extensions and trailers', async () => {
  const body = frame('some text'), bytes = head('Transfer-Encoding: chunked\r\nConnection: close\r\n') + chunk(body.subarray(0, 3)) + `${(body.length - 3).toString(16).toUpperCase()} ; a="b"\r\n` +
    body.subarray(3).toString('latin1') + '\r\n000\r\nTrailer: x\r\n\r\n';
  for (const step of [1, 2, 7, 1000]) {
    const socket = server.socket();
    let got = '';
    socket.setEncoding('latin1').on('data', (part) => (got += part));
    const ended = new Promise((resolve) => socket.on('close', resolve));
    for (let at = 0; at < bytes.length; at += step) await new Promise((resolve) => socket.write(Buffer.from(bytes.slice(at, at + step), 'latin1'), resolve));
    await ended;
    assert.match(got, /some text/);
    assert.match(got, /grpc-status: 0/);
  }
});

test('a body is no place to hide a request in', async () => {
  const inner = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const refused = await server.exchange(`POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`);
  assert.equal(refused.split('HTTP/1.1 ').length, 2); // 405, and the body is not looked into
  const tooLong = await server.exchange(head(`Content-Length: ${inner.length}\r\n`, 'None') + inner + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.equal(tooLong.split('SERVING').length, 2); // the inner one was the body of an unknown method; the next is a request
});

test('lying and endless messages are ended by their prefix', async () => {
  const lie = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);
  const got = await server.exchange(Buffer.concat([Buffer.from(head('Content-Length: 4294967300\r\nConnection: close\r\n')), lie, Buffer.alloc(4096)]));
  assert.match(got, /grpc-status: 8/);
  const socket = server.socket();
  let closed = false;
  socket.on('error', () => {}).on('close', () => (closed = true));
  socket.resume();
  socket.write(Buffer.concat([Buffer.from(head('Transfer-Encoding: chunked\r\n')), Buffer.from(chunk(lie), 'latin1')]));
  const more = Buffer.from(chunk(Buffer.alloc(16384)), 'latin1');
  while (!closed) await new Promise((resolve) => (socket.writable ? socket.write(more, resolve) : setTimeout(resolve, 5)));
  await alive(); // who goes on sending after his answer is cut, and may not get to read it
});

test('slow bodies end; many of them hold nobody up', async () => {
  const sockets = [];
  let closed = 0;
  for (let i = 0; i < 200; i++) {
    const socket = server.socket();
    socket.on('error', () => {}).on('close', () => closed++);
    socket.write(head('Content-Length: 100\r\n') + '\0');
    sockets.push(socket);
  }
  await alive();
  await until(() => closed === sockets.length, 20000);
  await alive();
});

test('more connections than the cap, all at work: new ones are turned away, and memory stays bounded', async () => {
  const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
  const before = memory(), sockets = [];
  let closed = 0;
  for (let i = 0; i < 400; i++) {
    const socket = server.socket();
    socket.on('error', () => {}).on('close', () => closed++);
    socket.write(head('Content-Length: 6\r\n', 'Wait') + '\0\0\0\0\x01x');
    sockets.push(socket);
  }
  await until(() => closed >= 400 - 256, 20000);
  assert.ok(memory() - before < 60000, `${memory() - before} kB for 256 connections`);
  for (const socket of sockets) socket.destroy();
  await until(() => server.call('Echo', 'x').then(() => true, () => false));
  await alive();
});
