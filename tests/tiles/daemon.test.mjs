// The real daemon with http_listen: tiles and health beside gRPC, off by default, loopback only.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { House, binary } from '../wire/house.mjs';
import { decode, get, tileAt } from './house.mjs';

const httpAddress = (house) => {
  const said = [...house.lastLog().matchAll(/event=listening_http address=(\S+):(\d+)/g)].at(-1);
  return said && { host: said[1], port: Number(said[2]) };
};

test('the daemon serves tiles and health beside gRPC, and says so only if it is asked to', async () => {
  const house = new House();
  house.prepare({ size: 600, seed: 3 });
  try {
    await house.serve({ set: ['http_listen = 127.0.0.1:0'] });
    const peer = httpAddress(house);
    const health = await get(peer, '/healthz');
    assert.equal(health.status, 200);
    assert.equal(String(health.body), 'SERVING\n');
    const middle = [(house.area.south + house.area.north) / 2, (house.area.west + house.area.east) / 2];
    const answer = await get(peer, `/tiles/${tileAt(middle, 12).join('/')}.mvt`);
    assert.equal(answer.status, 200);
    assert.ok(decode(answer.body).length > 10);
    const { code } = await house.stopDaemon();
    assert.equal(code, 0);
    await assert.rejects(get(peer, '/healthz'));
  } finally {
    await house.stop();
  }
});

test('without http_listen nothing listens; another than loopback is refused', async () => {
  const house = new House();
  house.prepare({ size: 600, seed: 3 });
  try {
    await house.serve();
    assert.equal(httpAddress(house), undefined);
    const refused = spawnSync(binary, ['serve', '-c', path.join(house.folder, 'meddispatch.conf'), '--insecure', '--set', 'http_listen=0.0.0.0:0'], { encoding: 'utf8' });
    assert.equal(refused.status, 3);
    assert.match(refused.stderr, /http_listen/);
  } finally {
    await house.stop();
  }
});
