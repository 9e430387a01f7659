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
  const arguments_ = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', `http://${server.address}${what}`, ...(data ? ['-d', JSON.stringify(data)] : []), ...more];
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

test('an error comes with its code and message', async () => {
  const error = await curl('/grpc.testing.TestService/UnaryCall', { responseStatus: { code: 9, message: 'not now ☺' } }).catch((failure) => JSON.parse(failure.stderr));
  assert.deepEqual({ code: error.code, message: error.message }, { code: 'failed_precondition', message: 'not now ☺' });
});
