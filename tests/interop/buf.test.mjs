// buf curl knows no .proto of ours: it asks for them by reflection, v1 and v1alpha, and calls what it has learnt.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startServer } from './server.mjs';

const buf = fileURLToPath(new URL('../wire/node_modules/.bin/buf', import.meta.url));
let server;
before(async () => (server = await startServer()));
after(() => server.stop());

async function curl(what, data, ...more) {
  const protocol = more.includes('--protocol') ? [] : ['--protocol', 'grpc'];
  const arguments_ = ['curl', ...protocol, '--http2-prior-knowledge', `http://${server.address}${what}`, ...(data ? ['-d', JSON.stringify(data)] : []), ...more];
  const { stdout } = await promisify(execFile)(buf, arguments_, { cwd: path.dirname(buf), timeout: 20000 });
  return stdout;
}
const messages = (text) => JSON.parse(`[${text.replaceAll(/}\s*{/g, '},{')}]`);

test('services and methods are listed', async () => {
  const services = await curl('', null, '--list-services');
  assert.deepEqual(services.trim().split('\n'), ['grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection', 'grpc.testing.TestService']);
  assert.match(await curl('', null, '--list-methods'), /^grpc\.testing\.TestService\/FullDuplexCall$/m);
});

for (const version of ['grpc-v1', 'grpc-v1alpha'])
  test(`calls by reflection ${version}`, async () => {
    const by = ['--reflect-protocol', version];
    const unary = JSON.parse(await curl('/grpc.testing.TestService/UnaryCall', { responseSize: 5, payload: { body: 'AAAA' } }, ...by));
    assert.deepEqual(unary, { payload: { body: 'AAAAAAA=' } });
    const stream = messages(await curl('/grpc.testing.TestService/StreamingOutputCall', { responseParameters: [{ size: 3 }, { size: 4 }] }, ...by));
    assert.deepEqual(stream.map((message) => message.payload.body), ['AAAA', 'AAAAAA==']);
    const health = JSON.parse(await curl('/grpc.health.v1.Health/Check', { service: 'grpc.testing.TestService' }, ...by));
    assert.deepEqual(health, { status: 'SERVING' });
  });

test('gRPC-Web over HTTP/2: messages, metadata, errors before and after the first message', async () => {
  const web = ['--protocol', 'grpcweb', '--reflect-protocol', 'grpc-v1'];
  const call = (method, data, ...more) => curl(`/grpc.testing.TestService/${method}`, data, ...web, ...more);
  assert.deepEqual(JSON.parse(await call('UnaryCall', { responseSize: 5, payload: { body: 'AAAA' } })), { payload: { body: 'AAAAAAA=' } });
  const stream = messages(await call('StreamingOutputCall', { responseParameters: [{ size: 3, compressed: { value: true } }, { size: 300000, intervalUs: 5000 }] }));
  assert.deepEqual(stream.map((message) => Buffer.from(message.payload.body, 'base64').length), [3, 300000]);
  const status = { code: 9, message: 'not now ☺' };
  for (const [method, data] of [['UnaryCall', { responseStatus: status }], ['StreamingOutputCall', { responseParameters: [{ size: 3 }], responseStatus: status }]]) {
    const error = await call(method, data).catch((failure) => JSON.parse(failure.stderr));
    assert.deepEqual({ code: error.code, message: error.message }, { code: 'failed_precondition', message: 'not now ☺' });
  }
});

test('an error comes with its code and message', async () => {
  const error = await curl('/grpc.testing.TestService/UnaryCall', { responseStatus: { code: 9, message: 'not now ☺' } }).catch((failure) => JSON.parse(failure.stderr));
  assert.deepEqual({ code: error.code, message: error.message }, { code: 'failed_precondition', message: 'not now ☺' });
});
