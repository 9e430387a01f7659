// simulate --map as its users run it: several policies on one day, a demand file, traffic by hour, the search for the number of couriers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

const program = process.env.MEDDISPATCH;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'city-')), file = (name) => path.join(scratch, name);
const map = file('city.mdmap');
const run = (...args) => spawnSync(program, args, { encoding: 'utf8' });
const simulate = (...args) => run('simulate', '--map', map, ...args);
const rows = ({ status, stdout, stderr }) => {
  assert.equal(status, 0, stderr);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
};

test.before(() => {
  assert.equal(run('map', 'synth', '--seed', '3', '--size', '3000', '-o', file('city.osm.pbf')).status, 0);
  assert.equal(run('map', 'build', file('city.osm.pbf'), '-o', map).status, 0);
});
test.after(() => fs.rmSync(scratch, { recursive: true }));

test('all policies play one day: nothing is lost, the day repeats bit by bit, and the table says the same', () => {
  const args = ['--orders', '60', '--couriers', '10', '--hours', '3', '--policy', 'all', '--iterations', '20'];
  const first = rows(simulate(...args, '--json')), again = rows(simulate(...args, '--json'));
  assert.deepEqual(first.map((row) => row.policy), ['nearest', 'batch', 'lns']);
  for (const [i, row] of first.entries()) {
    assert.equal(row.delivered + row.at_lab + row.failed + row.returned + row.cancelled + row.rejected + row.unfinished, row.orders);
    assert.equal(row.tests, first[0].tests);
    assert.ok(row.p50_minutes <= row.p90_minutes && row.p90_minutes <= row.p99_minutes);
    assert.equal(row.digest, again[i].digest);
  }
  const table = simulate(...args).stdout.trim().split('\n');
  assert.equal(table.length, 5);
  assert.match(table[4], new RegExp(`^lns +${first[2].delivered + first[2].at_lab} `));
});

test('the planner needs at least 15 % fewer couriers than the nearest idle one', () => {
  const [nearest, lns] = rows(simulate('--orders', '60', '--hours', '2', '--calm', '--all-day', '--policy', 'nearest,lns', '--iterations', '5', '--fleet-search', '--json'));
  console.log(`couriers needed: nearest ${nearest.couriers_needed}, lns ${lns.couriers_needed}`);
  assert.ok(lns.couriers_needed <= 0.85 * nearest.couriers_needed);
  const [kept] = rows(simulate('--orders', '60', '--hours', '2', '--calm', '--all-day', '--iterations', '5', '--couriers', String(lns.couriers_needed), '--json'));
  assert.ok(kept.share_of_all_within_3h >= 0.99);
});

test('a demand file is played as it is written, and slow roads take longer', () => {
  const bounds = run('map', 'info', map).stdout.match(/-?\d+\.\d+/g).map(Number);
  const lats = bounds.filter((value) => value > 20 && value < 60), lons = bounds.filter((value) => value > 70);
  const lat = (Math.min(...lats) + Math.max(...lats)) / 2, lon = (Math.min(...lons) + Math.max(...lons)) / 2;
  const lines = Array.from({ length: 20 }, (_, i) => `${i % 4 === 3 ? 'test' : 'prescription'},${i * 300},${i * 300 + 600},${lat},${lon},${lat + 0.001 * ((i % 5) - 2)},${lon + 0.001 * ((i % 3) - 1)},120,0`);
  const head = 'kind,accepted_s,ready_s,pickup_lat,pickup_lon,home_lat,home_lon,service_s,urgent';
  const write = (text) => fs.writeFileSync(file('demand.csv'), text);
  write(`${[head, ...lines].join('\n')}\n`);
  const args = ['--demand', file('demand.csv'), '--couriers', '5', '--hours', '3', '--calm', '--all-day', '--json'];
  const [day] = rows(simulate(...args));
  assert.equal(day.orders, 20);
  assert.equal(day.tests, 5);
  assert.equal(day.delivered, 15);
  assert.equal(day.at_lab, 5);
  fs.writeFileSync(file('traffic.csv'), 'class,days,from_hour,to_hour,speed_percent\n*,all,0,24,30\n');
  const [slow] = rows(simulate(...args, '--traffic', file('traffic.csv')));
  assert.ok(slow.mean_minutes > day.mean_minutes && slow.work_minutes_per_order > day.work_minutes_per_order);
  for (const [bad, told] of [['kind\n', /no column/], [`${head}\n`, /no orders/], [`${head}\n${lines[0].replace('prescription', 'pizza')}\n`, /line 2: kind/],
    [`${head}\n${lines[1]}\n${lines[0]}\n`, /line 3: orders ascend/], [`${head}\n${lines[0].replace(String(lat), '1.5')}\n`, /no road near/], [`${head}\n${lines[0].replace('120', 'x')}\n`, /service_s/]]) {
    write(bad);
    const { status, stderr } = simulate(...args);
    assert.equal(status, 3, bad);
    assert.match(stderr, told);
  }
});

test('options are refused with the exit code that says why', () => {
  assert.equal(simulate('--orders', '0').status, 2);
  assert.equal(simulate('--surge', '0.5').status, 2);
  assert.equal(simulate('--policy', 'nearest,').status, 2);
  assert.equal(run('simulate').status, 2);
  assert.equal(run('simulate', '--map', file('none.mdmap')).status, 4);
  assert.equal(simulate('--traffic', file('none.csv')).status, 4);
  assert.equal(simulate('--demand', file('none.csv')).status, 3);
});
