// The daemon over TLS, and without our .proto files: mutual TLS, certificates renewed by SIGHUP, reflection of the whole contract.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { House, grpc, root, until } from './house.mjs';

const house = new House();
const file = (name) => path.join(house.folder, name);
const read = (name) => readFileSync(file(name));
const openssl = (...args) => execFileSync('openssl', args, { cwd: house.folder, stdio: ['ignore', 'pipe', 'ignore'] });
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
function certificate(name, alternative) {
  openssl('req', ...EC, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  writeFileSync(file(`${name}.ext`), `subjectAltName=${alternative}\n`);
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-out', `${name}.pem`, '-extfile', `${name}.ext`);
}
const use = (name) => ['pem', 'key'].forEach((end) => copyFileSync(file(`${name}.${end}`), file(`now.${end}`)));

before(async () => {
  house.prepare();
  openssl('req', '-x509', ...EC, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca');
  certificate('first', 'DNS:localhost,IP:127.0.0.1');
  certificate('second', 'DNS:localhost,IP:127.0.0.1');
  certificate('pharmacy', 'URI:pharmacy:1');
  use('first');
  await house.serve({ set: [`tls_certificate = ${file('now.pem')}`, `tls_key = ${file('now.key')}`, `tls_client_ca = ${file('ca.pem')}`] });
});
after(async () => {
  const { code } = await house.stop();
  assert.equal(code, 0);
});

const ask = (credentials) =>
  new Promise((resolve) => {
    const client = new grpc.Client(house.address, credentials, { 'grpc.use_local_subchannel_pool': 1 });
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', (b) => b, (b) => b, Buffer.alloc(0), new grpc.Metadata(), { deadline: Date.now() + 5000 }, (error, answer) => {
      client.close();
      resolve(error ? error.code : [...answer]);
    });
  });
const shown = () =>
  new Promise((resolve, reject) => {
    const [host, port] = house.address.split(':');
    const socket = tls.connect({ host, port, servername: 'localhost', ALPNProtocols: ['h2'], ca: read('ca.pem'), key: read('pharmacy.key'), cert: read('pharmacy.pem') }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.on('error', reject);
  });

test('callers with a certificate are served, others are not', async () => {
  assert.deepEqual(await ask(grpc.credentials.createSsl(read('ca.pem'), read('pharmacy.key'), read('pharmacy.pem'))), [8, 1]);
  assert.equal(await ask(grpc.credentials.createSsl(read('ca.pem'))), grpc.status.UNAVAILABLE);
  assert.notDeepEqual(await ask(grpc.credentials.createInsecure()), [8, 1]);
});

test('SIGHUP brings a renewed certificate, and keeps the old one if the new is unfit', async () => {
  assert.equal(await shown(), 'first');
  use('second');
  house.daemon.kill('SIGHUP');
  await until('the second certificate', async () => (await shown()) === 'second');
  writeFileSync(file('now.pem'), 'not a certificate\n');
  house.daemon.kill('SIGHUP');
  await until('a word about it in the log', () => /event=reload certificate=kept/.test(house.lastLog()));
  assert.equal(await shown(), 'second');
});

test('reflection describes every service of the contract', async (t) => {
  const buf = path.join(root, 'tests/wire/node_modules/.bin/buf');
  if (!existsSync(buf)) return t.skip('tests/wire/node_modules is missing: npm ci there');
  const arguments_ = ['curl', '--protocol', 'grpc', '--cacert', file('ca.pem'), '--cert', file('pharmacy.pem'), '--key', file('pharmacy.key'), `https://${house.address}`];
  const { stdout } = await promisify(execFile)(buf, [...arguments_, '--list-methods'], { cwd: house.folder, timeout: 20000 });
  const listed = new Set(stdout.trim().split('\n'));
  let methods = 0;
  for (const name of ['order', 'courier', 'board', 'claim', 'settlement', 'catalog', 'routing']) {
    const source = readFileSync(path.join(root, `proto/meddispatch/v1/${name}.proto`), 'utf8').replaceAll(/\/\/.*/g, '');
    for (const [, service, body] of source.matchAll(/\bservice (\w+) \{([\s\S]*?)\n\}/g)) {
      if (![...listed].some((one) => one.startsWith(`meddispatch.v1.${service}/`))) continue; /* not served yet */
      for (const [, method] of body.matchAll(/\brpc (\w+)\(/g)) {
        methods++;
        assert.ok(listed.has(`meddispatch.v1.${service}/${method}`), `${service}/${method} is not described`);
      }
    }
  }
  assert.ok(methods > 20, `${methods} methods`);
});
