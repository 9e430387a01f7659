// deploy/bench intake: SubmitPrescription as pharmacies call it, committed with claim, hold and event; beside it the rows that it leaves, inserted by a bare libpq program;
// and couriers' positions. A real daemon on a real database (below tests/support/with_postgres --durable); prints one JSON line a figure.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { programs: { type: 'string' }, orders: { type: 'string', default: '20000' }, streams: { type: 'string', default: '64' }, rounds: { type: 'string', default: '3' }, seed: { type: 'string', default: '1' } },
});
const [orders, streams, rounds, seed] = [options.orders, options.streams, options.rounds, options.seed].map(Number);
if (![orders, streams, rounds, seed].every(Number.isInteger) || orders < streams || streams < 1 || rounds < 1) {
  console.error('deploy/bench intake: --orders, --streams, --rounds and --seed are whole numbers, at least as many orders as streams');
  process.exit(2);
}
const { House, run, catalog, v1, db, CITY } = await import('../../wire/house.mjs');
const { chance } = await import('../../../deploy/demo/chance.mjs');

/** What a submission leaves, besides its outbox row, which the dispatcher has taken away. */
const TABLES = ['order_line', 'order_contact', 'prescription_use', 'order_event', 'person_key', 'claim', 'claim_line', 'claim_basis', 'hold', 'ledger', 'ledger_key'];

const tell = (line) => console.log(JSON.stringify({ ...line, machine: os.cpus()[0].model, cores: os.cpus().length, seed }));
const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

function program(name, ...words) {
  const { status, stdout, stderr } = spawnSync(path.join(options.programs, `bench_rpc_${name}`), words.map(String), { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`bench_rpc_${name} ${words[0]} failed: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** Messages with their length prefixes, one after another. */
function frames(method, requests) {
  return Buffer.concat(requests.flatMap((request) => {
    const bytes = method.requestSerialize(request), head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    return [head, bytes];
  }));
}

/** Each order is another member's, so that each is decided by the rules and none refused; two products of different therapies. */
function members(house) {
  const file = path.join(house.folder, 'bench-members.csv'), count = orders * rounds;
  const line = (i) => `B${i},1990-01-${String((i % 28) + 1).padStart(2, '0')},${i % 2 ? 'F' : 'M'},P-B${i},HOME-60,2024-01-01,2040-01-01,2024-01-01,0`;
  writeFileSync(file, ['code,birth_date,sex,policy,plan,valid_from,valid_to,inception,renewal', ...Array.from({ length: count }, (_, i) => line(i)), ''].join('\n'));
  run('load', '--db', db, '--city-name', 'Bench City', 'members', file);
}

function prescriptions(round, place, pharmacy, now_ms) {
  const luck = chance(seed, `intake-${round}`);
  const free = catalog('formulary').filter((p) => p.eligible === '1' && p.prohibited === '0' && p.controlled === '0' && p.injection === '0' && !p.sex && !p.indications && p.age_min === '0' && p.age_max === '0');
  const pick = () => free[Math.floor(luck.between(0, free.length))];
  return Array.from({ length: orders }, (_, i) => {
    const first = pick();
    let second = pick();
    while (second.atc.slice(0, 5) === first.atc.slice(0, 5)) second = pick();
    return {
      idempotency_key: `bench-${round}-${i}`, city_id: CITY, source: 'bench', member_code: `B${round * orders + i}`, pharmacy_id: pharmacy, prescription_number: `RX-${round}-${i}`, prescriber_code: 'DR-7',
      issued_ms: String(now_ms), lines: [first, second].map((product) => ({ product_code: product.code, quantity: 1, price_fen: product.price_fen })),
      recipient: { name: 'Bench', phone: '13900000001', address: 'Bench Road 1', at: place },
    };
  });
}

/** What a fleet's gateway sends: client streams with a thousand positions a message, of couriers on shift. */
async function positions(town, port, file) {
  const MESSAGES = 50, EACH = 1000, STREAMS = 8, couriers = town.couriers.map((courier) => courier.courier_id);
  for (const courier_id of couriers) await house.api.call('CourierService', 'StartShift', { idempotency_key: `shift-${courier_id}`, city_id: CITY, source: 'bench', courier_id, at: town.anchor, ends_ms: String(Date.now() + 7200000) });
  const began_ms = Date.now(), luck = chance(seed, 'positions');
  const position = (m, i) => ({ courier_id: couriers[i % couriers.length], at: town.near(luck, town.anchor, 500), at_ms: String(began_ms - MESSAGES * EACH + m * EACH + i), heading_deg: i % 360, speed_dmps: 50 });
  writeFileSync(file, frames(v1.CourierService.service.ReportPositions, Array.from({ length: MESSAGES }, (_, m) => ({ city_id: CITY, positions: Array.from({ length: EACH }, (_, i) => position(m, i)) }))));
  for (let round = 0; round < rounds; round++) {
    const got = program('load', 'pour', '--port', port, '--connections', 2, '--streams', STREAMS / 2, '--path', '/meddispatch.v1.CourierService/ReportPositions', '--requests', file);
    tell({ ...got, figure: 'report_positions', round, positions: STREAMS * MESSAGES * EACH, positions_per_s: Math.round((STREAMS * MESSAGES * EACH) / got.seconds), accepted: got.taken });
  }
}

const house = new House();
try {
  house.prepare({ size: 900, seed });
  await house.serve({ set: ['caller_calls_per_s = 0'] });
  members(house);
  const town = await house.town({ couriers: 50, homes: 20 });
  const pharmacy = town.pharmacies[0], home = town.homes[0];
  const port = /:(\d+)$/.exec(house.address)[1];
  const path_of = (name) => path.join(house.folder, name);

  const rates = [], shares = [];
  for (let round = 0; round < rounds; round++) {
    writeFileSync(path_of('submit.bin'), frames(v1.OrderService.service.SubmitPrescription, prescriptions(round, home, pharmacy.facility_id, Date.now())));
    const ours = program('load', 'submit', '--port', port, '--connections', 8, '--streams', Math.ceil(streams / 8), '--path', '/meddispatch.v1.OrderService/SubmitPrescription', '--requests', path_of('submit.bin'));
    const [held, claims] = spawnSync('psql', [db, '-Atc', 'SELECT count(*) FILTER (WHERE state = 2), count(*) FROM claim'], { encoding: 'utf8' }).stdout.trim().split('|').map(Number);
    if (held !== claims || claims !== (round + 1) * orders) throw new Error(`${held} of ${claims} claims are held, there should be ${(round + 1) * orders}`);
    const bare = program('rows', '--db', db, '--orders', Math.min(orders, 5000), 'orders', ...TABLES);
    rates.push(ours.calls_per_s);
    shares.push(ours.calls_per_s / bare.orders_per_s);
    tell({ ...ours, figure: 'submit_prescription', round, orders_per_s: ours.calls_per_s, bare_orders_per_s: bare.orders_per_s, ratio: +(ours.calls_per_s / bare.orders_per_s).toFixed(3), rows_per_order: +(bare.rows / bare.orders).toFixed(1) });
  }
  await positions(town, port, path_of('positions.bin'));
  tell({ figure: 'submit_prescription_median', streams, orders_per_s: median(rates), ratio_to_bare_rows: +median(shares).toFixed(3) });
} finally {
  await house.stop();
}
