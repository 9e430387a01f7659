// simulate --mdrp, judged from its output files by code of another language. Days are made up here, so nothing from outside is needed; with the public
// instances at hand (MEDDISPATCH_DATA) one of them is played as well.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { judge } from './mdrp_rules.mjs';

const program = process.env.MEDDISPATCH, data = process.env.MEDDISPATCH_DATA ?? '';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mdrp-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));

function random(seed) {
  let state = BigInt(seed) * 2654435761n + 1n;
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n) % below;
  };
}

// A day with few restaurants, so that bundles pay, and few couriers, so that somebody must wait.
function makeDay(seed, orders, couriers) {
  const draw = random(seed), folder = path.join(scratch, `day${seed}`), spot = () => `${draw(7000)}\t${draw(7000)}`;
  const write = (file, head, rows) => fs.writeFileSync(path.join(folder, file), `${[head, ...rows].join('\n')}\n`);
  const each = (count, make) => Array.from({ length: count }, (_, i) => make(i + 1));
  fs.mkdirSync(folder);
  write('restaurants.txt', 'restaurant\tx\ty', each(4, (i) => `r${i}\t${spot()}`));
  write('orders.txt', 'order\tx\ty\tplacement_time\trestaurant\tready_time', each(orders, (i) => {
    const placed = 600 + draw(180);
    return `o${i}\t${spot()}\t${placed}\tr${1 + draw(4)}\t${placed + 5 + draw(25)}`;
  }));
  write('couriers.txt', 'courier\tx\ty\ton_time\toff_time', each(couriers, (i) => {
    const on = 570 + draw(120);
    return `c${i}\t${spot()}\t${on}\t${on + 60 + draw(180)}`;
  }));
  write('instance_parameters.txt', 'meters_per_minute\tpickup service minutes\tdropoff service minutes\ttarget click-to-door\tmaximum click-to-door\tpay per order\tguaranteed pay per hour',
    ['320\t4\t4\t40\t90\t10\t15']);
  return folder;
}

function play(folder, rules, ...more) {
  const out = path.join(scratch, `out-${path.basename(folder)}-${rules}`);
  const run = spawnSync(program, ['simulate', '--mdrp', folder, '--rules', rules, '--policy', 'all', '--iterations', '20', '--json', '-o', out, ...more], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return { out, rows: run.stdout.trim().split('\n').map((line) => JSON.parse(line)) };
}

function judgeAll(folder, rules) {
  const { out, rows } = play(folder, rules);
  assert.deepEqual(rows.map((row) => row.policy), ['nearest', 'batch', 'lns']);
  for (const row of rows) {
    const { faults, figures } = judge(folder, path.join(out, row.policy), { relaxed: rules === 'relaxed' });
    assert.deepEqual(faults, [], `${folder} ${rules} ${row.policy}`);
    assert.equal(figures.undelivered, row.undelivered);
    assert.equal(figures.orders, row.orders);
    for (const name of ['click_to_door_mean_min', 'click_to_door_p90_min', 'overage_mean_min']) assert.ok(Math.abs(figures[name] - row[name]) < 0.002, `${row.policy} ${name}`);
    assert.ok(row.undelivered > row.unreachable || row.click_to_door_mean_min >= row.bound_mean_min - 0.001 || row.unreachable > 0, 'faster than the bound');
  }
  return rows;
}

test('made-up days keep the strict rules and the relaxed ones, by every policy', () => {
  for (const [seed, orders, couriers] of [[1, 40, 12], [2, 60, 6], [3, 1, 1], [4, 25, 3], [5, 90, 30]]) {
    const folder = makeDay(seed, orders, couriers);
    for (const rules of ['strict', 'relaxed']) judgeAll(folder, rules);
  }
});

test('the same seed gives the same files, another seed other ones', () => {
  const folder = makeDay(11, 60, 8);
  const digests = (...more) => play(folder, 'strict', ...more).rows.map((row) => row.digest);
  assert.deepEqual(digests(), digests());
  assert.notEqual(digests()[2], digests('--seed', '7')[2]);
});

test('the judge finds what is wrong: each kind of spoilt file', () => {
  const folder = makeDay(21, 40, 10), { out } = play(folder, 'strict');
  const spoil = (file, change) => {
    const from = path.join(out, 'lns'), to = path.join(scratch, 'spoilt');
    fs.cpSync(from, to, { recursive: true });
    const name = path.join(to, `solution_info_${file}.txt`), before = fs.readFileSync(name, 'utf8').split('\n');
    fs.writeFileSync(name, change(before).join('\n'));
    return judge(folder, to).faults;
  };
  const field = (line, index, change) => line.split(' ').map((word, i) => (i === index ? change(word) : word)).join(' ');
  const at = (index, change) => (rows) => rows.map((row, i) => (i === index ? change(row) : row));
  assert.deepEqual(spoil('assignments', (rows) => rows), []);
  assert.match(spoil('assignments', at(3, (row) => field(row, 0, () => '1'))).join(), /before it is placed/);
  assert.match(spoil('assignments', at(3, (row) => field(row, 1, () => '601'))).join(), /before it is ready/);
  assert.match(spoil('assignments', at(3, (row) => field(row, 1, () => '9000'))).join(), /off time/);
  assert.match(spoil('assignments', (rows) => [...rows.slice(0, 4), ...rows.slice(3)]).join(), /twice/);
  assert.match(spoil('orders', at(5, (row) => field(row, 7, (word) => String(Number(word) - 1)))).join(), /handed over/);
  assert.match(spoil('orders', (rows) => rows.filter((_, i) => i !== 5)).join(), /no order|not in the solution/);
  assert.match(spoil('couriers', at(2, (row) => field(row, 1, (word) => String(Number(word) - 1)))).join(), /free|told|handed|where/);
  assert.match(spoil('couriers', (rows) => rows.filter((_, i) => i !== 2)).join(), /stands at|follow|told/);
});

test('bad folders and options are refused with the exit code that says so', () => {
  const run = (...args) => spawnSync(program, ['simulate', ...args], { encoding: 'utf8' });
  const folder = makeDay(31, 5, 2);
  assert.equal(run('--mdrp', folder, '--policy', 'fastest').status, 2);
  assert.equal(run('--mdrp', folder, '--rules', 'none').status, 2);
  assert.equal(run('--mdrp', folder, '--map', folder).status, 2);
  assert.equal(run('--mdrp', path.join(scratch, 'nowhere')).status, 3);
  const orders = path.join(folder, 'orders.txt'), good = fs.readFileSync(orders, 'utf8');
  for (const [bad, told] of [['', /empty/], [good.replace(/\tr\d/, '\tr99'), /line 2: no such restaurant/], [good.replace('o2\t', 'o1\t'), /o1 is there twice/], [good.replace(/\t\d+\n/, '\tsoon\n'), /line 2: ready_time/],
    [good.replace('placement_time', 'time'), /no column 'placement_time'/], [good.replace('\n', '\nx\n'), /line 2: not as many/], [good.replace('o1\t', `o${'1'.repeat(60)}\t`), /line 2/]]) {
    fs.writeFileSync(orders, bad);
    const { status, stderr } = run('--mdrp', folder);
    assert.equal(status, 3);
    assert.match(stderr, told);
  }
});

test('a public day: the planner is ahead of the matching, the matching of the nearest courier', { skip: !fs.existsSync(path.join(data, 'mdrp')) && 'no public instances: set MEDDISPATCH_DATA' }, () => {
  const folder = path.join(data, 'mdrp', '0o100t100s1p100'), [nearest, batch, lns] = judgeAll(folder, 'strict');
  console.log(`mean minutes: nearest ${nearest.click_to_door_mean_min}, batch ${batch.click_to_door_mean_min}, lns ${lns.click_to_door_mean_min}, bound ${lns.bound_mean_min}`);
  const cost = (row) => row.undelivered * 90 + row.click_to_door_mean_min * (row.orders - row.undelivered); // nobody waits more than 90 minutes gladly
  assert.ok(cost(lns) < cost(batch) && cost(batch) < cost(nearest));
  assert.equal(lns.undelivered, lns.unreachable);
});
