// The dashboard's files: types, forms, tags, caching, policy lines; and no way out of the folder.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { Server } from './house.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-files-'));
const server = new Server();
const page = '<!doctype html><title>board</title>', script = 'console.log("häuser");\n'.repeat(200);
before(async () => {
  mkdirSync(path.join(folder, 'site/assets'), { recursive: true });
  const put = (name, content) => writeFileSync(path.join(folder, name), content);
  put('secret.txt', 'secret');
  put('site/index.html', page);
  put('site/plain.css', 'a{}');
  put('site/.hidden', 'secret');
  put('site/empty.txt', '');
  put('site/assets/app-B1x9_qZ7.js', script);
  put('site/assets/app-B1x9_qZ7.js.gz', gzipSync(script));
  put('site/assets/app-B1x9_qZ7.js.br', brotliCompressSync(script));
  put('site/assets/somewhere-else.js', 'x');
  symlinkSync(path.join(folder, 'secret.txt'), path.join(folder, 'site/link.txt'));
  symlinkSync(folder, path.join(folder, 'site/up'));
  await server.start(path.join(folder, 'site'));
});
after(async () => {
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  rmSync(folder, { recursive: true });
});

test('the page, with what it may do', async () => {
  for (const name of ['/', '/index.html', '/?city=1']) {
    const { status, headers, body } = await server.request(name);
    assert.equal(status, 200);
    assert.equal(String(body), page);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-cache');
    assert.match(headers['content-security-policy'], /default-src 'self'.*frame-ancestors 'none'/);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  }
});

test('hashed names are kept for ever, others are asked for again; who has them is told so', async () => {
  const app = await server.request('/assets/app-B1x9_qZ7.js');
  assert.equal(app.headers['cache-control'], 'public, max-age=31536000, immutable');
  assert.equal(app.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.equal((await server.request('/assets/somewhere-else.js')).headers['cache-control'], 'no-cache');
  assert.equal((await server.request('/plain.css')).headers['cache-control'], 'no-cache');
  for (const tag of [app.headers.etag, `"x", ${app.headers.etag}`, '*']) {
    const again = await server.request('/assets/app-B1x9_qZ7.js', { headers: { 'if-none-match': tag } });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
  }
  assert.equal((await server.request('/assets/app-B1x9_qZ7.js', { headers: { 'if-none-match': '"other"' } })).status, 200);
});

test('packed forms go to who takes them', async () => {
  const ask = async (accept) => server.request('/assets/app-B1x9_qZ7.js', { headers: accept ? { 'accept-encoding': accept } : {} });
  const plain = await ask();
  assert.equal(String(plain.body), script);
  assert.equal(plain.headers['content-encoding'], undefined);
  for (const answer of [plain, await ask('gzip'), await ask('br')]) assert.equal(answer.headers.vary, 'Accept-Encoding');
  const gzip = await ask('gzip, deflate'), brotli = await ask('gzip, deflate, br');
  assert.equal(gzip.headers['content-encoding'], 'gzip');
  assert.equal(String(gunzipSync(gzip.body)), script);
  assert.equal(brotli.headers['content-encoding'], 'br');
  assert.equal(String(brotliDecompressSync(brotli.body)), script);
  assert.equal((await ask('br;q=0, gzip;q=0')).headers['content-encoding'], undefined);
  const head = await server.request('/assets/app-B1x9_qZ7.js', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length, Number(head.headers['content-length'])], [200, 0, script.length + 200]);
});

test('empty files are files; nothing else is', async () => {
  const empty = await server.request('/empty.txt');
  assert.deepEqual([empty.status, empty.body.length], [200, 0]);
  for (const name of ['/none', '/assets', '/assets/', '/.hidden', '/link.txt', '/up/secret.txt', '/../secret.txt', '/assets/../../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt',
    '//secret.txt', '/./index.html', '/index.html/', '/assets/app-B1x9_qZ7.js%00', `/${'a'.repeat(900)}`, `${'/assets'.repeat(100)}`, '/etc/passwd', '\\..\\secret.txt']) {
    const { status, body } = await server.request(name).catch(() => ({ status: 400, body: '' }));
    assert.ok(status === 404 || status === 400, `${name}: ${status}`);
    assert.doesNotMatch(String(body), /secret\n?$/);
  }
  const raw = await server.exchange('GET /../secret.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.match(raw, /^HTTP\/1\.1 404 /);
});
