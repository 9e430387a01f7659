// The daemon is killed with SIGKILL ten times at random while a shift is played against it, and started again each time. Then: every
// acknowledged order is there and ended with a reason, no order was carried by two couriers, the ledger balances, and the world that the
// stored facts make is the world the daemon had, byte for byte.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { Api, CITY, House, Stream, db, pause, root, run, until } from '../wire/house.mjs';

const { chance } = await import(path.join(root, 'deploy/demo/chance.mjs'));
const KILLS = Number(process.env.CHAOS_KILLS ?? 10);
const SEED = process.env.CHAOS_SEED ?? String(Date.now() % 1000000);
const SPEED = 150;

const house = new House();
after(() => house.stop('SIGKILL'));

test(`a shift goes through ${KILLS} kills (CHAOS_SEED=${SEED})`, async () => {
  console.log(`CHAOS_SEED=${SEED}`);
  const luck = chance(SEED, 'kill');
  house.prepare({ size: 2000 });
  const anchor_ms = Date.now();
  const address = await house.serve({ speed: SPEED, anchor_ms });
  const result = path.join(house.folder, 'play.json');
  const { south, west, north, east } = house.area;
  const player = spawn(process.execPath, [path.join(root, 'deploy/demo/play.mjs'), '--address', address, `--area=${[south, west, north, east].join(',')}`, '--orders', '60', '--couriers', '10',
    '--hours', '2', '--seed', SEED, '--quiet', '--result', result], { stdio: ['ignore', 'inherit', 'inherit'] });
  let over = null;
  player.on('exit', (code, signal) => (over = { code, signal }));
  let kills = 0;
  try {
    await pause(1500);
    while (!over && kills < KILLS) {
      await pause(luck.between(100, 5000));
      if (over) break;
      house.daemon.kill('SIGKILL');
      assert.equal((await house.ended).signal, 'SIGKILL', `the daemon ended by itself:\n${house.lastLog()}`);
      kills++;
      await house.serve({ speed: SPEED, anchor_ms, address });
    }
    await until('the shift to end', () => over, 300000);
  } finally {
    player.kill('SIGKILL');
  }
  const played = JSON.parse(readFileSync(result, 'utf8'));
  assert.deepEqual(over, { code: 0, signal: null }, `the run must complete: ${JSON.stringify(played.faults)}`);
  assert.equal(kills, KILLS, 'the shift was too short for that many kills');
  assert.equal(played.orders_total, 60);
  assert.ok(played.orders_delivered > 40, `only ${played.orders_delivered} delivered`);

  const api = (house.api = new Api(house.address));
  const page = await api.call('OrderService', 'ListOrders', { city_id: CITY, page_size: 1000 });
  const stored = new Set(page.orders.map((order) => order.state.order_id));
  for (const id of played.acknowledged) assert.ok(stored.has(id), `order ${id} was acknowledged and is lost`);
  assert.equal(stored.size, played.acknowledged.length, 'and none is there twice');

  const facts = new Stream(api.client('OrderService').WatchOrders({ city_id: CITY, after_seq: 0 }));
  let seen = -1;
  await until('all facts', async () => {
    const before = seen;
    seen = facts.messages.reduce((sum, message) => sum + message.facts.length, 0);
    await pause(500);
    return seen > 0 && seen === before;
  });
  facts.cancel();
  const once = new Map();
  for (const fact of facts.messages.flatMap((message) => message.facts)) {
    if (!/PICKED_UP|DELIVERED|SPECIMEN_COLLECTED|LAB_ACCEPTED$/i.test(fact.kind)) continue;
    const key = `${fact.order_id} ${fact.kind}`;
    assert.ok(!once.has(key), `${key} happened twice: couriers ${once.get(key)} and ${fact.courier_id}`);
    once.set(key, fact.courier_id);
  }
  assert.ok(once.size >= played.orders_delivered);

  const how = await house.stopDaemon();
  assert.deepEqual(how, { code: 0, signal: null }, house.lastLog());
  const world = JSON.parse(run('world', 'verify', '--db', db, '--json'));
  assert.equal(world.equal, true);
  assert.equal(world.snapshot_compared, true, 'the picture saved at the end was compared');
  assert.equal(world.orders_with_two_couriers, 0);
  const ledger = JSON.parse(run('ledger', 'verify', '--db', db, '--json'));
  assert.equal(ledger.sound, true, JSON.stringify(ledger));
});
