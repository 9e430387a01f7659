// TLS by the official Node client and by Node's own: the cases that matter over it, mutual TLS, what is refused, and certificates changed while calls run.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.mjs';

const require = createRequire(new URL('../../deploy/demo/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js');
const here = path.dirname(fileURLToPath(import.meta.url));
const definition = require('@grpc/proto-loader').loadSync('grpc/testing/test.proto', { includeDirs: [path.join(here, 'protos')], keepCase: true, defaults: true, enums: String });
const { TestService } = grpc.loadPackageDefinition(definition).grpc.testing;

const folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-tls-'));
const file = (name) => path.join(folder, name);
const read = (name) => readFileSync(file(name));
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function authority(name) {
  openssl('req', '-x509', ...EC, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`);
}
function certificate(name, alternative, ca) {
  openssl('req', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(file(`${name}.ext`), `subjectAltName=${alternative}\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '2', '-out', `${name}.pem`, '-extfile', `${name}.ext`);
}

let server, mutual;
before(async () => {
  ['ca', 'ca2', 'strangers'].forEach(authority);
  certificate('server', 'DNS:localhost,IP:127.0.0.1', 'ca');
  certificate('server2', 'DNS:localhost,IP:127.0.0.1', 'ca2');
  certificate('pharmacy', 'URI:pharmacy:17', 'ca');
  certificate('stranger', 'URI:pharmacy:17', 'strangers');
  ['pem', 'key'].forEach((end) => copyFileSync(file(`server.${end}`), file(`now.${end}`)));
  server = await startServer('--tls', '--cert', file('now.pem'), '--key', file('now.key'));
  mutual = await startServer('--tls', '--cert', file('server.pem'), '--key', file('server.key'), '--client-ca', file('ca.pem'));
});
after(async () => {
  await server.stop();
  await mutual.stop();
  rmSync(folder, { recursive: true });
});

const connect = (to, ca, who) => new TestService(to.address, grpc.credentials.createSsl(read(`${ca}.pem`), ...(who ? [read(`${who}.key`), read(`${who}.pem`)] : [])), { 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': -1 });
const unary = (client, request = { response_size: 10 }) =>
  new Promise((resolve) => {
    let headers;
    const call = client.unaryCall(request, new grpc.Metadata(), { deadline: Date.now() + 8000 }, (error, response) => resolve({ error, response, headers }));
    call.on('metadata', (got) => (headers = got));
  });
const certificateOf = (to) =>
  new Promise((resolve, reject) => {
    const [host, port] = to.address.split(':');
    const socket = tls.connect({ host, port, servername: 'localhost', ALPNProtocols: ['h2'], rejectUnauthorized: false }, () => {
      resolve({ issuer: socket.getPeerCertificate().issuer.CN, protocol: socket.getProtocol(), alpn: socket.alpnProtocol });
      socket.destroy();
    });
    socket.on('error', reject);
  });

test('large calls and streams over TLS', async () => {
  const client = connect(server, 'ca');
  for (let i = 0; i < 20; i++) {
    const { error, response } = await unary(client, { response_size: 314159, payload: { body: Buffer.alloc(271828) } });
    assert.equal(error, null);
    assert.equal(response.payload.body.length, 314159);
  }
  let bytes = 0;
  for await (const { payload } of client.streamingOutputCall({ response_parameters: Array.from({ length: 20 }, () => ({ size: 300000 })) })) bytes += payload.body.length;
  assert.equal(bytes, 6000000);
  const call = client.fullDuplexCall();
  for (const size of [31415, 9, 2653, 58979]) {
    call.write({ response_parameters: [{ size }], payload: { body: Buffer.alloc(size) } });
    assert.equal((await new Promise((resolve) => call.once('data', resolve))).payload.body.length, size);
  }
  call.end();
  assert.equal((await new Promise((resolve) => call.on('status', resolve).resume())).code, grpc.status.OK);
  client.close();
});

test('TLS 1.3 by default, 1.2 too, nothing older; h2 or nothing', async () => {
  assert.deepEqual(await certificateOf(server), { issuer: 'ca', protocol: 'TLSv1.3', alpn: 'h2' });
  const [host, port] = server.address.split(':');
  const attempt = (options) =>
    new Promise((resolve) => {
      const socket = tls.connect({ host, port, servername: 'localhost', rejectUnauthorized: false, ...options });
      socket.on('secureConnect', () => resolve(socket.getProtocol()));
      socket.on('error', (error) => resolve(error.code));
      socket.on('close', () => resolve('closed'));
    });
  assert.equal(await attempt({ ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' }), 'TLSv1.2');
  assert.match(await attempt({ ALPNProtocols: ['h2'], minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), /PROTOCOL/);
  assert.match(await attempt({ ALPNProtocols: ['http/1.1'] }), /NO_APPLICATION_PROTOCOL/);
});

test('mutual TLS: a certificate of the right authority names the caller; others get no call', async () => {
  const pharmacy = connect(mutual, 'ca', 'pharmacy');
  const { error, headers } = await unary(pharmacy);
  assert.equal(error, null);
  assert.deepEqual(headers.get('x-identity'), ['uri:pharmacy:17']);
  pharmacy.close();
  for (const who of ['stranger', undefined]) {
    const client = connect(mutual, 'ca', who);
    assert.equal((await unary(client)).error.code, grpc.status.UNAVAILABLE);
    client.close();
  }
});

test('SIGHUP: new connections see the new certificate, open ones go on; bad files change nothing', async () => {
  const before_ = connect(server, 'ca');
  assert.equal((await unary(before_)).error, null);
  ['pem', 'key'].forEach((end) => copyFileSync(file(`server2.${end}`), file(`now.${end}`)));
  assert.equal(await server.reload(), 'OK');
  assert.equal((await certificateOf(server)).issuer, 'ca2');
  assert.equal((await unary(before_)).error, null, 'the open connection goes on');
  const after_ = connect(server, 'ca2');
  assert.equal((await unary(after_)).error, null);
  copyFileSync(file('server.key'), file('now.key')); // of another certificate
  assert.equal(await server.reload(), 'INVALID_ARGUMENT');
  assert.equal((await certificateOf(server)).issuer, 'ca2');
  before_.close();
  after_.close();
});
