// Who may speak to the listener: names against DNS rebinding, origins, CORS; methods and content types.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from './house.mjs';

const server = new Server();
before(() => server.start('', 'https://board.example:8443, http://localhost:5173'));
after(async () => assert.deepEqual(await server.stop(), { code: 0, signal: null }));
const echo = (headers) => server.call('Echo', 'x', { headers });

test('a request must be for a name of ours', async () => {
  for (const host of [`127.0.0.1:${server.port}`, 'localhost', 'LOCALHOST:1', '[::1]:99', 'board.example', 'Board.Example:443']) {
    assert.equal((await server.request('/healthz', { headers: { host } })).status, 200, host);
    assert.equal((await echo({ host })).trailers['grpc-status'], '0', host);
  }
  for (const host of ['attacker.example', 'localhost.attacker.example', 'xlocalhost', 'board.example.', '127.0.0.1.attacker.example', '10.0.0.1', ':80', 'a@localhost', 'localhost:80:80']) {
    assert.equal((await server.request('/healthz', { headers: { host } })).status, 421, host);
    assert.equal((await server.request('/test.Echo/Echo', { method: 'POST', headers: { host, 'content-type': 'application/grpc-web' } })).status, 421, host);
    assert.equal((await server.request('/metrics', { headers: { host } })).status, 421, host);
  }
});

test('pages of our own origin and of listed ones may call, others may not', async () => {
  const own = `http://127.0.0.1:${server.port}`;
  const same = await echo({ origin: own });
  assert.equal(same.trailers['grpc-status'], '0');
  assert.equal(same.headers['access-control-allow-origin'], undefined);
  assert.equal((await echo({ origin: 'https://board.example', host: 'board.example' })).trailers['grpc-status'], '0'); // behind a proxy with TLS
  for (const origin of ['https://board.example:8443', 'http://localhost:5173']) {
    const listed = await echo({ origin });
    assert.equal(listed.headers['access-control-allow-origin'], origin);
    assert.match(listed.headers['access-control-expose-headers'], /grpc-status-details-bin/);
    assert.match(listed.headers.vary, /Origin/);
    assert.equal(listed.headers['access-control-allow-credentials'], undefined);
    assert.equal((await server.request('/healthz', { headers: { origin } })).headers['access-control-allow-origin'], origin);
  }
  for (const origin of ['null', 'https://board.example', 'http://board.example:8443', 'https://attacker.example', `http://127.0.0.1:${server.port + 1}`, `https://attacker.example/127.0.0.1:${server.port}`, 'x']) {
    const answer = await server.request('/test.Echo/Echo', { method: 'POST', headers: { origin, 'content-type': 'application/grpc-web' } });
    assert.equal(answer.status, 403, origin);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
    assert.equal((await server.request('/metrics', { headers: { origin } })).status, 403, origin);
  }
});

test('a preflight is answered for listed origins', async () => {
  const ask = (origin) => server.request('/test.Echo/Echo', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-grpc-web' } });
  const listed = await ask('http://localhost:5173');
  assert.equal(listed.status, 204);
  assert.equal(listed.headers['access-control-allow-origin'], 'http://localhost:5173');
  assert.match(listed.headers['access-control-allow-headers'], /authorization, content-type, grpc-timeout.*x-grpc-web, x-user-agent/);
  assert.match(listed.headers['access-control-allow-methods'], /POST/);
  const foreign = await ask('https://attacker.example');
  assert.equal(foreign.headers['access-control-allow-origin'], undefined);
  assert.equal(foreign.headers['access-control-allow-headers'], undefined);
});

test('only calls are posted, and only as gRPC-Web', async () => {
  const post = (type, path = '/test.Echo/Echo') => server.request(path, { method: 'POST', headers: type ? { 'content-type': type } : {}, body: 'abcdefg' });
  for (const type of [undefined, 'application/grpc', 'application/grpc-webx', 'application/grpc-web+json', 'text/plain', 'application/x-www-form-urlencoded', 'application/grpc-web-textual'])
    assert.equal((await post(type)).status, 415, type);
  for (const path of ['/healthz', '/tiles/1/0/0.mvt']) assert.equal((await post('text/plain', path)).status, 405);
  for (const method of ['PUT', 'DELETE', 'PATCH', 'TRACE', 'CONNECT2'])
    assert.match(await server.exchange(`${method} /test.Echo/Echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/grpc-web\r\n\r\n`), /^HTTP\/1\.1 405 /);
  assert.equal((await server.request('/test.Echo/Echo')).status, 404);
  assert.equal((await server.request('/metrics')).status, 200);
});
