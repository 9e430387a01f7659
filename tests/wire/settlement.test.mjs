// The nightly books over the wire: a claim is delivered, partly given back, closed, batched, approved by a second person, downloaded, paid and reconciled.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { HOSTILE, camt053 } from '../money/pain.mjs';
import { caller } from './callers.mjs';
import { Api, CITY, House, Stream, db, details, failure, key, prescription, run, status, until } from './house.mjs';

const house = new House();
const { As, closeAll } = caller(house);
const token = (role, subject, ...more) => run('token', 'create', '--db', db, '--role', role, '--subject', subject, ...more).trim();
const sql = (text) => execFileSync('psql', ['-qAtc', text], { encoding: 'utf8' }).trim();
const who = {};
let town, api, claim, day, batch;
const S = 'SettlementService';

/** An order from the pharmacy to the door. */
async function deliver(request, courier_id) {
  const call = (service, method, more) => api.call(service, method, { city_id: CITY, ...more });
  const command = (what, order_id, more = {}) => ({ idempotency_key: key(what), source: 'wire', order_id, ...more });
  const { order, claim: summary } = await api.call('OrderService', 'SubmitPrescription', request);
  const order_id = order.order_id;
  const { order: read } = await call('OrderService', 'GetOrder', { order_id });
  await call('OrderService', 'ApprovePrescription', command('ok', order_id, { pharmacist_code: 'PH-1', approved: true }));
  await call('OrderService', 'MarkReady', command('ready', order_id, { parcels: 1 }));
  const route = new Stream(api.client('CourierService').WatchRoute({ city_id: CITY, courier_id }, api.who('CourierService')));
  await until('an offer', () => route.messages.some((message) => message.offers.some((offer) => offer.order_id === order_id)));
  await call('CourierService', 'AnswerOffer', command('yes', order_id, { courier_id, accept: true }));
  for (const [event, more] of [['ARRIVED'], ['PICKED_UP'], ['ARRIVED'], ['DELIVERED', { code: read.pickup_code, recipient_checked: true, proof_reference: 'photo' }]])
    await call('CourierService', 'RecordStopEvent', command(event, order_id, { courier_id, event: `STOP_EVENT_${event}`, ...more }));
  route.cancel();
  return summary;
}

before(async () => {
  house.prepare();
  await house.serve({ insecure: false });
  for (const [name, role, subject] of [['admin', 'admin', 'insurer'], ['fleet', 'logistics', 'fleet'], ['board', 'dispatcher', 'board'], ['ann', 'settlement', 'ann'], ['ann2', 'settlement', 'ann'],
    ['ben', 'settlement', 'ben'], ['auditor', 'auditor', 'auditor']]) who[name] = new As(token(role, subject));
  await until('the daemon has seen the tokens', async () => (await who.auditor.refusal('AccessService', 'WhoAmI', {})).code === status.OK);
  api = house.api = new Api(house.address, { tokens: { admin: who.admin.secret, logistics: who.fleet.secret, dispatcher: who.board.secret } });
  town = await house.town({ couriers: 2, homes: 4 });
  const courier_id = town.couriers[0].courier_id;
  await api.call('CourierService', 'StartShift', { city_id: CITY, idempotency_key: key('start'), source: 'wire', courier_id, at: town.pharmacies[0].at, ends_ms: Date.now() + 8 * 3600000 });
  const request = prescription(town);
  request.lines[0].quantity = 2;
  claim = await deliver(request, courier_id);
  await deliver(prescription(town, { member_code: 'M000003', pharmacy_id: town.pharmacies[1].facility_id, recipient: { ...request.recipient, at: town.homes[1] } }), courier_id);
  day = sql('SELECT max(business_day) FROM ledger');
});
after(async () => {
  closeAll();
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});

const fields = (refusal) => refusal.fields.map(({ field }) => field);

test('ReverseClaim takes units of a line back, once a key', async () => {
  const request = { idempotency_key: key('back'), source: 'insurer', claim_id: claim.claim_id, line: 1, quantity: 1, reason: 'one pack returned unopened' };
  const reverse = (changes) => who.admin.refusal('ClaimService', 'ReverseClaim', { ...request, ...changes });
  for (const [field, value] of [['claim_id', 0], ['line', 0], ['line', 6], ['quantity', 0], ['quantity', 1000], ['reason', ''], ['source', ''], ['idempotency_key', ''], ['reason', 'x'.repeat(161)]]) {
    const refusal = await reverse({ [field]: value });
    assert.deepEqual([refusal.code, fields(refusal)], [status.INVALID_ARGUMENT, [field]], `${field} ${value}`);
  }
  assert.equal((await who.ann.refusal('ClaimService', 'ReverseClaim', request)).code, status.PERMISSION_DENIED);
  assert.equal((await reverse({ claim_id: 999999 })).code, status.NOT_FOUND);
  assert.equal((await reverse({ quantity: 3 })).code, status.OUT_OF_RANGE);
  const first = await who.admin.call('ClaimService', 'ReverseClaim', request), line = claim.lines[0];
  assert.equal(first.repeated, false);
  assert.equal(Number(first.reversed_fen), Math.floor((Number(line.benefit_fen) * 1 + 1) / 2), 'DOMAIN: (benefit x q + n/2) / n');
  assert.equal(first.claim.summary.lines[0].reversed_quantity, 1);
  assert.equal(first.claim.summary.claim_id, claim.claim_id);
  const again = await who.admin.call('ClaimService', 'ReverseClaim', request);
  assert.deepEqual([again.repeated, again.reversed_fen, again.member_fen], [true, first.reversed_fen, first.member_fen]);
  assert.equal((await reverse({ quantity: 2 })).code, status.ALREADY_EXISTS);
  assert.equal((await reverse({ idempotency_key: key('more'), quantity: 2 })).code, status.OUT_OF_RANGE, 'one is left');
  assert.equal(sql(`SELECT count(*) FROM access_log WHERE what = 'claim reversed' AND actor LIKE 'admin:%insurer' AND subject = ${claim.claim_id}`), '2');
});

test('CloseDay: not before it has begun, by nobody else, and once', async () => {
  const tomorrow = new Date(Date.parse(day) + 2 * 86400000).toISOString().slice(0, 10);
  const future = await who.ann.refusal(S, 'CloseDay', { business_day: tomorrow });
  assert.deepEqual([future.code, fields(future)], [status.INVALID_ARGUMENT, ['business_day']]);
  for (const business_day of ['', '2026-02-30', 'today', '1969-01-01'])
    assert.deepEqual(fields(await who.ann.refusal(S, 'CloseDay', { business_day })), ['business_day'], business_day);
  assert.equal((await who.ann.refusal(S, 'CloseDay', { business_day: day, city_id: 2 })).code, status.NOT_FOUND);
  const other = await who.ann.refusal(S, 'CloseDay', { business_day: day, actor: 'ben' });
  assert.deepEqual([other.code, other.reason], [status.PERMISSION_DENIED, 'TENANT']);
  for (const method of ['PrepareBatches', 'Reconcile']) {
    const open = await who.ann.refusal(S, method, { business_day: day });
    assert.deepEqual([open.code, open.reason], [status.FAILED_PRECONDITION, 'DAY_OPEN'], method);
  }
  const closed = await who.ann.call(S, 'CloseDay', { business_day: day, actor: 'ann' });
  assert.ok(closed.days_closed >= 1);
  assert.match(closed.ledger_hash, /^[0-9a-f]{64}$/);
  assert.equal(Number(closed.entries), Number(sql(`SELECT count(*) FROM ledger WHERE business_day = '${day}'`)));
  assert.equal(Number(closed.total_fen), Number(sql(`SELECT sum(amount_fen) FROM ledger WHERE business_day = '${day}'`)));
  assert.deepEqual(await who.ben.call(S, 'CloseDay', { business_day: day }), { ...closed, days_closed: 0 });
  assert.equal(sql(`SELECT closed_by FROM business_day WHERE day = '${day}'`), 'ann');
});

test('PrepareBatches, ListBatches, GetBatch', async () => {
  const prepared = await who.ann.call(S, 'PrepareBatches', { business_day: day });
  assert.deepEqual([prepared.batch_count, prepared.prepared, prepared.batches.length], [2, 2, 2]);
  assert.deepEqual(await who.ann.call(S, 'PrepareBatches', { business_day: day }), { ...prepared, prepared: 0 }, 'again: the same, nothing made');
  batch = prepared.batches.find(({ payee }) => payee === town.pharmacies[0].payee);
  assert.deepEqual([batch.state, batch.prepared_by, batch.approved_by, batch.business_day], ['SEALED', 'ann', '', day]);
  assert.equal(batch.batch_id, `${batch.payee}-${day.replaceAll('-', '')}-1`);
  assert.equal(batch.item_count, 2, 'the posting and what came back');
  assert.equal(Number(prepared.total_fen), prepared.batches.reduce((sum, one) => sum + Number(one.total_fen), 0));
  assert.deepEqual((await who.auditor.call(S, 'GetBatch', { batch_id: batch.batch_id })).batch, batch);
  const first = await who.auditor.call(S, 'ListBatches', { business_day: day, page_size: 1 });
  assert.deepEqual([first.batches.length, first.batch_count, first.next_after_batch_id, first.total_fen], [1, 2, prepared.batches[0].batch_id, prepared.total_fen]);
  const rest = await who.auditor.call(S, 'ListBatches', { business_day: day, page_size: 1, after_batch_id: first.next_after_batch_id });
  assert.deepEqual([rest.batches[0], rest.next_after_batch_id], [prepared.batches[1], '']);
  assert.equal((await who.ann.call(S, 'ListBatches', { business_day: '2020-01-01' })).batch_count, 0);
  assert.deepEqual(fields(await who.ann.refusal(S, 'ListBatches', { business_day: day, after_batch_id: 'nobody' })), ['after_batch_id']);
  assert.deepEqual(fields(await who.ann.refusal(S, 'ListBatches', { business_day: day, page_size: 1001 })), ['page_size']);
  for (const batch_id of ['x', '-20260101-1', 'PH-20260230-1', 'PH-20260101-0', 'PH-20260101-01', 'PH-2026010-1', 'PH-20260101-', 'PH-20260101-99999999999', 'p'.repeat(33) + '-20260101-1'])
    assert.deepEqual(fields(await who.ann.refusal(S, 'GetBatch', { batch_id })), ['batch_id'], batch_id);
  assert.equal((await who.ann.refusal(S, 'GetBatch', { batch_id: `${batch.payee}-${day.replaceAll('-', '')}-2` })).code, status.NOT_FOUND);
});

test('ApproveBatch: another person, whatever token the first one shows', async () => {
  for (const same of [who.ann, who.ann2]) {
    const refusal = await same.refusal(S, 'ApproveBatch', { batch_id: batch.batch_id });
    assert.deepEqual([refusal.code, refusal.reason], [status.FAILED_PRECONDITION, 'payout_four_eyes']);
  }
  assert.equal((await who.ann.refusal(S, 'ApproveBatch', { batch_id: batch.batch_id, actor: 'ben' })).code, status.PERMISSION_DENIED);
  assert.equal((await who.ben.refusal(S, 'ApproveBatch', { batch_id: `nobody-${day.replaceAll('-', '')}-1` })).code, status.NOT_FOUND);
  const { batch: approved } = await who.ben.call(S, 'ApproveBatch', { batch_id: batch.batch_id });
  assert.deepEqual(approved, { ...batch, state: 'APPROVED', approved_by: 'ben' });
  assert.deepEqual((await who.ben.call(S, 'ApproveBatch', { batch_id: batch.batch_id })).batch, approved, 'again: the same');
  assert.equal(sql("SELECT count(*) FROM payout_batch WHERE state = 'APPROVED'"), '1', 'this one alone');
  batch = approved;
});

const download = (as, batch_id) => new Promise((resolve, reject) => {
  const stream = as.client(S).DownloadFile({ city_id: CITY, batch_id }, as.metadata), messages = [];
  stream.on('data', (message) => messages.push(message));
  stream.on('error', reject);
  stream.on('end', () => resolve({ first: messages[0], bytes: Buffer.concat(messages.map(({ chunk }) => chunk)) }));
});

test('DownloadFile gives the sealed bytes, which are those that are sent', async () => {
  const { first, bytes } = await download(who.auditor, batch.batch_id);
  assert.deepEqual([first.file_name, first.file_sha256, Number(first.size_bytes)], [batch.file_name, batch.file_sha256, bytes.length]);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), batch.file_sha256);
  assert.match(bytes.toString(), /^H,meddispatch-remittance,1,/);
  assert.doesNotMatch(bytes.toString(), /李|1390000|M000001|示范路/);
  assert.equal((await failure(download(who.ann, `nobody-${day.replaceAll('-', '')}-1`))).code, status.NOT_FOUND);
  assert.deepEqual(fields(await failure(download(who.ann, ''))), ['batch_id']);
  run('settle', 'payer', '--db', db, '--name', 'Insurer', '--account', '62990001', '--bank', 'BKCHCNBJ');
  for (const { batch_id } of (await who.ben.call(S, 'ListBatches', { business_day: day })).batches) await who.ben.call(S, 'ApproveBatch', { batch_id });
  run('settle', 'send', '--business-date', day, '--db', db, '--out', house.folder, '--actor', 'ben');
  assert.deepEqual(readFileSync(path.join(house.folder, batch.file_name)), bytes);
  assert.deepEqual((await download(who.ben, batch.batch_id)).bytes, bytes, 'also after it was sent');
  const books = await who.ann.call(S, 'Reconcile', { business_day: day });
  assert.deepEqual([books.clean, books.exceptions, books.exception_count, books.run], [true, [], 0, 1]);
  assert.ok(Number(books.checked) >= 4);
});

test('ImportBankFile in pieces, applied whole, once', async () => {
  const load = (as, messages) => new Promise((resolve, reject) => {
    const stream = as.client(S).ImportBankFile(as.metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
    for (const message of messages) stream.write(message);
    stream.end();
  });
  const pieces = (text, size, first = { city_id: CITY, name: 'statement.xml' }) => {
    const bytes = Buffer.from(text), out = [];
    for (let at = 0; at < bytes.length; at += size) out.push({ ...(at ? {} : first), chunk: bytes.subarray(at, at + size) });
    return out;
  };
  for (const [name, text] of Object.entries(HOSTILE)) {
    const refusal = await failure(load(who.ann, pieces(text, 50)));
    assert.equal(refusal.code, status.INVALID_ARGUMENT, name);
  }
  const { batches } = await who.ann.call(S, 'ListBatches', { business_day: day });
  const file = camt053('ST-1', [{ id: batches[0].batch_id, fen: BigInt(batches[0].total_fen) }, { id: batches[1].batch_id, fen: BigInt(batches[1].total_fen) + 1n }, { id: 'unknown', fen: 5n }]);
  assert.deepEqual(fields(await failure(load(who.ann, []))), ['chunk']);
  assert.equal((await failure(load(who.ann, pieces(file, 100, { city_id: 9 })))).code, status.NOT_FOUND);
  assert.equal((await failure(load(who.ann, pieces(file, 100, { city_id: CITY, actor: 'ben' })))).code, status.PERMISSION_DENIED);
  const twice = pieces(file, 100);
  twice[1].name = 'again';
  assert.equal((await failure(load(who.ann, twice))).code, status.INVALID_ARGUMENT);
  const told = await load(who.ann, pieces(file, 7));
  assert.deepEqual([told.confirmed, told.failed, told.matched, told.exceptions, told.repeated, told.message_id], [1, 0, 1, 2, false, 'ST-1']);
  assert.equal((await who.ann.call(S, 'GetBatch', { batch_id: batches[0].batch_id })).batch.state, 'CONFIRMED');
  assert.equal((await load(who.ben, pieces(file, 1000))).repeated, true);
  const five = await Promise.all(Array.from({ length: 6 }, () => failureOrOk(load(who.ann, pieces(file, 200)))));
  assert.ok(five.every((code) => code === status.OK || code === status.RESOURCE_EXHAUSTED), String(five));
  assert.ok(five.includes(status.OK));
});
const failureOrOk = (promise) => promise.then(() => status.OK, (error) => error.code);

test('Reconcile names what does not fit', async () => {
  const first = await who.ann.call(S, 'Reconcile', { business_day: day });
  assert.equal(first.clean, false);
  const [wrong] = first.exceptions;
  assert.deepEqual([first.exception_count, first.exceptions.length, wrong.kind, wrong.difference_fen, Number(wrong.expected_fen) + 1], [1, 1, 'BANK_AMOUNT', '1', Number(wrong.found_fen)]);
  assert.match(wrong.subject, /^payee PH-\d+ claim 0/);
  assert.deepEqual(first.payees.map(({ payee }) => payee).sort(), [...new Set(first.payees.map(({ payee }) => payee))].sort());
  const mine = first.payees.find(({ payee }) => payee === batch.payee);
  assert.deepEqual([mine.claims, mine.ledger_entries, mine.claims_fen, mine.paid_fen], ['1', '1', mine.ledger_fen, batch.total_fen]);
  assert.equal((await who.ann.call(S, 'Reconcile', { business_day: day })).run, first.run + 1);
});

test('GetProgress tells what runs, and that nothing runs', async () => {
  const idle = await who.auditor.call(S, 'GetProgress', {});
  assert.deepEqual([idle.running, idle.verb, idle.waiting], [false, '', 0]);
  const jobs = Array.from({ length: 8 }, () => failureOrOk(who.ann.call(S, 'Reconcile', { business_day: day })));
  const seen = await until('a job is seen at work', async () => {
    const now = await who.auditor.call(S, 'GetProgress', {});
    return now.running && now;
  }, 5000, 1);
  assert.deepEqual([seen.verb, seen.business_day, seen.actor], ['reconcile', day, 'ann']);
  assert.ok(Math.abs(Number(seen.began_ms) - Date.now()) < 60000);
  assert.ok((await Promise.all(jobs)).every((code) => code === status.OK));
  const many = await Promise.all(Array.from({ length: 40 }, () => who.ann.refusal(S, 'Reconcile', { business_day: day })));
  const full = many.filter(({ code }) => code === status.RESOURCE_EXHAUSTED);
  assert.ok(full.length >= 10, 'a line of sixteen, no more');
  assert.ok(full[0].retry && full[0].reason === 'QUEUE_FULL');
});

test('a database user who may not take the role is told so, and nothing else suffers', async () => {
  sql("CREATE ROLE plain LOGIN; GRANT meddispatch_app TO plain");
  const closed = await house.stopDaemon();
  assert.equal(closed.code, 0);
  await house.serve({ insecure: false, set: [`settlement_db = ${db.replace(/user=\S+/, 'user=plain')}`] });
  closeAll();
  const fresh = caller(house), refusal = await new fresh.As(who.ann.secret).refusal(S, 'Reconcile', { business_day: day });
  assert.deepEqual([refusal.code, !!refusal.retry], [status.UNAVAILABLE, true], refusal.message);
  assert.equal((await new fresh.As(who.ann.secret).call(S, 'ListBatches', { business_day: day })).batch_count, 2);
  fresh.closeAll();
});
