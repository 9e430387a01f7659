// Planted names, phones, addresses and identity numbers, looked for wherever bytes come out of the house: the daemon's log and metrics, error texts, exports and files of the
// night, a dump of the database, and its raw files with the write-ahead log. A word that may be seen is planted beside them, to show that the search can find something.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { caller } from './callers.mjs';
import { Api, CITY, House, binary, db, key, prescription, run, status, until } from './house.mjs';

const PLANTED = { name: 'Quimby Zzyzx', phone: '13987650123', address: '7741 Xanadu Terrace', given: 'Ottoline Wexford', home_phone: '13712340987', home: '9 Vellichor Mews', identity: '110101199912319876',
  name_zh: '欧阳震华', address_zh: '朝阳区植入胡同七十七号' };
const SEEN = 'DRVISIBLE77'; // a prescriber's code: claims keep it
const house = new House();
const { As, closeAll } = caller(house);
const who = {};
let town, orders = [];
const token = (role, ...more) => run('token', 'create', '--db', db, '--role', role, '--subject', `${role} desk`, ...more).trim();
const sql = (text) => execFileSync('psql', ['-qAtc', text], { encoding: 'utf8' }).trim();
const errors = [];
const refused = async (as, service, method, request) => {
  const refusal = await as.refusal(service, method, request);
  errors.push(JSON.stringify(refusal));
  return refusal;
};

/** As the bytes are, and as a dump prints bytes. */
function forms(word) {
  const bytes = Buffer.from(word, 'utf8');
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64').replace(/=+$/, '').slice(0, -2))];
}
function found(bytes, what) {
  return Object.entries({ ...PLANTED, SEEN }).filter(([, word]) => forms(word).some((form) => bytes.includes(form))).map(([name]) => `${name} in ${what}`);
}
const hidden = (list) => list.filter((line) => !line.startsWith('SEEN'));
function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(at);
    else if (entry.isFile() && statSync(at).size < 1 << 30) yield at;
  }
}

before(async () => {
  house.prepare();
  house.keys = path.join(house.folder, 'keys');
  run('keys', 'create', house.keys);
  const people = path.join(house.folder, 'people.csv');
  writeFileSync(people, 'code,birth_date,sex,policy,plan,valid_from,valid_to,inception,renewal,name,phone,address,identity_number\n' +
    `PLANTED1,1990-01-01,F,P-PLANTED1,HOME-60,2024-01-01,2040-01-01,2024-01-01,0,${PLANTED.given},${PLANTED.home_phone},${PLANTED.home},${PLANTED.identity}\n` +
    'PLANTED2,1991-01-01,M,P-PLANTED2,HOME-60,2024-01-01,2040-01-01,2024-01-01,0,,,,\n');
  run('load', '--db', db, '--keys', house.keys, 'members', people);
  await house.serve({ insecure: false, set: ['http_listen = 127.0.0.1:0'] });
  for (const role of ['admin', 'dispatcher', 'auditor', 'logistics', 'settlement']) who[role] = new As(token(role));
  await until('the daemon has seen the tokens', async () => (await who.settlement.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
  house.api = new Api(house.address, { tokens: { admin: who.admin.secret, logistics: who.logistics.secret, dispatcher: who.dispatcher.secret } });
  town = await house.town({ couriers: 2, homes: 4 });
  for (const [role, facility] of [['pharmacy', town.pharmacies[0].facility_id], ['other', town.pharmacies[1].facility_id]]) who[role] = new As(token('pharmacy', '--facility', String(facility)));
  await until('the daemon has seen the pharmacies', async () => (await who.other.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
});
after(async () => {
  closeAll();
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});

const recipient = () => ({ name: `${PLANTED.name} ${PLANTED.name_zh}`, phone: PLANTED.phone, address: `${PLANTED.address} ${PLANTED.address_zh}`, at: town.homes[0] });
const order = (member_code, changes = {}) => prescription(town, { member_code, prescriber_code: SEEN, recipient: recipient(), ...changes });
const reveal = (order_id) => who.dispatcher.call('BoardService', 'RevealRecipient', { order_id, dispatcher: 'li', reason: 'the caller asks' });

test('orders are taken in, read by whom they concern, and refused with words that name nobody', async () => {
  for (const member of ['PLANTED1', 'PLANTED2']) orders.push((await who.admin.call('OrderService', 'SubmitPrescription', order(member))).order.order_id);
  const told = await reveal(orders[0]);
  assert.deepEqual([told.name, told.phone, told.address], [recipient().name, PLANTED.phone, recipient().address]);
  for (const role of ['pharmacy', 'admin', 'auditor']) assert.ok((await who[role].call('OrderService', 'GetOrder', { order_id: orders[0], with_history: true })).order.pickup_code !== undefined, role);
  assert.equal((await refused(who.other, 'OrderService', 'GetOrder', { order_id: orders[0] })).code, status.NOT_FOUND);
  assert.equal((await who.pharmacy.call('OrderService', 'ListOrders', { page_size: 10 })).orders.length >= 2, true);
  assert.equal((await who.dispatcher.call('OrderService', 'ListOrders', { page_size: 10 })).orders.length >= 2, true);
  assert.ok((await who.settlement.call('ClaimService', 'ListClaims', { page_size: 10 })).claims.length >= 2);
  const good = recipient();
  for (const changes of [{ recipient: { ...good, phone: `${PLANTED.phone} x` } }, { recipient: { ...good, address: PLANTED.address.repeat(20) } }, { recipient: { ...good, name: PLANTED.name.repeat(20) } },
    { recipient: { ...good, at: { lat: 0, lon: 0 } } }, { member_code: 'NOBODY' }, { prescription_number: '' }, { lines: [] }, { recipient: null }])
    assert.notEqual((await refused(who.admin, 'OrderService', 'SubmitPrescription', order('PLANTED1', changes))).code, status.OK);
  const same = order('PLANTED2', { idempotency_key: 'twice' });
  await who.admin.call('OrderService', 'SubmitPrescription', same);
  assert.equal((await refused(who.admin, 'OrderService', 'SubmitPrescription', { ...order('PLANTED2'), idempotency_key: 'twice' })).code, status.ALREADY_EXISTS);
  assert.equal((await refused(who.dispatcher, 'BoardService', 'RevealRecipient', { order_id: 999999, dispatcher: 'li', reason: 'x' })).code, status.NOT_FOUND);
});

test('keys turn over while the daemon works', async () => {
  const before_rows = sql('SELECT count(DISTINCT key_id) || \' \' || min(key_id) FROM person_key');
  const rotated = JSON.parse(run('keys', 'rotate', '--keys', house.keys, '--db', db, '--json'));
  assert.ok(rotated.members >= 2);
  assert.equal((await reveal(orders[0])).phone, PLANTED.phone);
  orders.push((await who.admin.call('OrderService', 'SubmitPrescription', order('M000009'))).order.order_id);
  assert.notEqual(sql('SELECT count(DISTINCT key_id) || \' \' || min(key_id) FROM person_key'), before_rows);
  const [old] = run('keys', 'list', '--keys', house.keys, '--db', db, '--json').trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(old.members, 0);
  const early = spawnSync(binary, ['keys', 'retire', String(old.id), '--keys', house.keys, '--db', db], { encoding: 'utf8' });
  assert.equal(early.status, 1, early.stderr);
  run('keys', 'retire', String(old.id), '--keys', house.keys, '--db', db, '--grace', '0');
  assert.equal(run('keys', 'list', '--keys', house.keys).trim().split('\n').length, 1);
  for (const order_id of orders) assert.equal((await reveal(order_id)).phone, PLANTED.phone);
});

test('a member asks what is held of him, and has it erased; the books stand', async () => {
  const held = JSON.parse(run('person', 'show', '--member', 'PLANTED1', '--reason', 'asked by the member', '--actor', 'desk', '--keys', house.keys, '--db', db, '--json'));
  assert.deepEqual(held, { name: PLANTED.given, phone: PLANTED.home_phone, address: PLANTED.home, identity_number: PLANTED.identity });
  const early = spawnSync(binary, ['person', 'erase', '--member', 'PLANTED1', '--actor', 'desk', '--db', db], { encoding: 'utf8' });
  assert.equal(early.status, 1, early.stdout);
  assert.match(early.stderr, /under way/);
  await who.admin.call('OrderService', 'CancelOrder', { idempotency_key: key('cancel'), source: 'wire', order_id: orders[0], reason: 'called off' });
  await until('the order has ended', () => sql(`SELECT ended_ms > 0 FROM orders WHERE order_id = ${orders[0]}`) === 't');
  run('person', 'erase', '--member', 'PLANTED1', '--actor', 'desk', '--db', db);
  assert.equal((await refused(who.dispatcher, 'BoardService', 'RevealRecipient', { order_id: orders[0], dispatcher: 'li', reason: 'x' })).code, status.NOT_FOUND);
  assert.equal((await reveal(orders[1])).phone, PLANTED.phone);
  const gone = spawnSync(binary, ['person', 'show', '--member', 'PLANTED1', '--reason', 'again', '--keys', house.keys, '--db', db], { encoding: 'utf8' });
  assert.equal(gone.status, 3, gone.stdout);
  assert.equal((await refused(who.admin, 'OrderService', 'SubmitPrescription', order('PLANTED1'))).reason, 'ERASED');
  run('ledger', 'verify', '--db', db);
});

test('nothing that was planted comes out anywhere but where it was asked for', async () => {
  const out = path.join(house.folder, 'out'), day = sql('SELECT max(business_day) FROM ledger'), seen = [];
  mkdirSync(out);
  const settle = (verb, actor, ...more) => run('settle', verb, '--business-date', day, '--db', db, '--actor', actor, ...more);
  run('ledger', 'verify', '--db', db);
  settle('close', 'ann');
  settle('prepare', 'ann');
  settle('report', 'ann', '--out', out);
  run('ledger', 'export', '--db', db, '--export', path.join(out, 'ledger.tsv'));
  writeFileSync(path.join(out, 'audit.jsonl'), run('audit', 'list', '--db', db));
  writeFileSync(path.join(out, 'reconcile.txt'), spawnSync(binary, ['reconcile', '--business-date', day, '--db', db], { encoding: 'utf8' }).stdout);
  const web = /event=listening_http address=(\S+)/.exec(readFileSync(house.log, 'utf8'))[1];
  writeFileSync(path.join(out, 'metrics.txt'), await (await fetch(`http://${web}/metrics`)).text());
  writeFileSync(path.join(out, 'errors.txt'), errors.join('\n'));
  writeFileSync(path.join(out, 'dump.sql'), execFileSync('pg_dump', [], { maxBuffer: 1 << 28 }));
  for (const file of [house.log, ...filesBelow(out)]) seen.push(...found(readFileSync(file), path.basename(file)));
  assert.ok(readFileSync(path.join(out, 'metrics.txt'), 'utf8').includes('meddispatch_'), 'metrics were read');
  assert.ok(errors.length >= 12);
  assert.deepEqual(hidden(seen), []);
  assert.ok(seen.includes('SEEN in dump.sql'), 'the search finds what lies open');
  // the raw files, written out first; also what the write-ahead log still holds of rows that are gone
  execFileSync('psql', ['-qc', 'CHECKPOINT']);
  const raw = [];
  for (const file of filesBelow(path.join(process.env.PGHOST, 'data'))) raw.push(...found(readFileSync(file), file));
  assert.deepEqual(hidden(raw), []);
  assert.ok(raw.some((line) => line.includes('/base/')) && raw.some((line) => line.includes('/pg_wal/')), 'the search finds what lies open in tables and log');
});

test('every reading is in the chained log; a changed line is found', async () => {
  const lines = run('audit', 'list', '--db', db).trim().split('\n').map((line) => JSON.parse(line));
  for (const what of ['order', 'orders', 'claims', 'order_contact', 'person']) assert.ok(lines.some((line) => line.what === what), what);
  assert.ok(lines.some((line) => line.reason === 'the caller asks' && line.actor === 'li' || line.actor.startsWith('dispatcher:')));
  assert.match(run('audit', 'verify', '--db', db), /^\d+ lines, 0 faults/);
  const head = path.join(house.folder, 'head.txt');
  writeFileSync(head, run('audit', 'head', '--db', db));
  await reveal(orders[1]);
  run('audit', 'verify', '--db', db, '--head', head);
  sql('UPDATE access_log SET actor = \'somebody else\' WHERE seq = 2');
  const verified = spawnSync(binary, ['audit', 'verify', '--db', db, '--json'], { encoding: 'utf8' });
  assert.equal(verified.status, 1);
  assert.match(verified.stdout, /"fault":"LINE","line":2/);
});
