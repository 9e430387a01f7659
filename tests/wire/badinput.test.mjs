// Bad input, each kind: its status code, the field at fault in the details, and a message that says what to mend. Afterwards the daemon
// serves as before and nothing was stored.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { CITY, House, catalog, details, failure, key, prescription, rawCall, status, testOrder, v1 } from './house.mjs';

const house = new House();
let town, api;
const submit = (changes) => api.once('OrderService', 'SubmitPrescription', prescription(town, changes));
const recipient = (changes) => ({ recipient: { ...prescription(town).recipient, ...changes } });
const line = (changes) => ({ lines: [{ ...prescription(town).lines[0], ...changes }] });
const count = async () => (await api.call('OrderService', 'ListOrders', { city_id: CITY, page_size: 1000 })).orders.length;

before(async () => {
  house.prepare();
  await house.serve();
  api = house.api;
  town = await house.town({ couriers: 1, homes: 2 });
});
after(async () => {
  const { code, log } = await house.stop();
  assert.equal(code, 0, log);
});

/** Refused with INVALID_ARGUMENT at this field. */
async function refusedField(promise, field, text) {
  const seen = await failure(promise);
  assert.equal(seen.code, status.INVALID_ARGUMENT, `${seen.code} ${seen.message}`);
  assert.ok(seen.fields.some((violation) => violation.field === field), `a violation of ${field}, got ${JSON.stringify(seen.fields)}`);
  assert.match(seen.message, text);
  assert.equal(seen.status.code, seen.code, 'the details repeat the code');
}

test('missing fields are named', async () => {
  await refusedField(submit({ member_code: '' }), 'member_code', /required/);
  await refusedField(submit({ idempotency_key: '' }), 'idempotency_key', /required/);
  await refusedField(submit({ source: '' }), 'source', /required/);
  await refusedField(submit({ city_id: 0 }), 'city_id', /required/);
  await refusedField(submit({ pharmacy_id: 0 }), 'pharmacy_id', /required/);
  await refusedField(submit({ recipient: null }), 'recipient', /required/);
  await refusedField(submit({ lines: [] }), 'lines', /at least one|1\.\./);
  await refusedField(submit(recipient({ at: null })), 'recipient.at', /required/);
  await refusedField(submit(recipient({ name: '' })), 'recipient.name', /required/);
  await refusedField(submit(line({ product_code: '' })), 'lines[0].product_code', /required/);
  await refusedField(api.once('OrderService', 'SubmitTestOrder', testOrder(town, { tests: [] })), 'tests', /at least one/);
});

test('values out of bounds are named with their bounds', async () => {
  await refusedField(submit(line({ price_fen: -1 })), 'lines[0].price_fen', /0\.\.10000000/);
  await refusedField(submit(line({ price_fen: '9223372036854775807' })), 'lines[0].price_fen', /0\.\./);
  await refusedField(submit(line({ quantity: 0 })), 'lines[0].quantity', /1\.\.999/);
  await refusedField(submit(line({ quantity: 1000 })), 'lines[0].quantity', /1\.\.999/);
  await refusedField(submit({ lines: Array.from({ length: 6 }, () => prescription(town).lines[0]) }), 'lines', /5/);
  await refusedField(submit({ idempotency_key: 'k'.repeat(65) }), 'idempotency_key', /64/);
  await refusedField(submit({ member_code: 'M'.repeat(33) }), 'member_code', /32/);
  await refusedField(submit({ other_coverage_fen: -5 }), 'other_coverage_fen', /0\.\./);
  await refusedField(submit(recipient({ phone: 'call me' })), 'recipient.phone', /digits/);
  await refusedField(submit(recipient({ address: 'x'.repeat(241) })), 'recipient.address', /240/);
  await refusedField(submit(recipient({ name: 'a\u0007b' })), 'recipient.name', /control/);
  await refusedField(submit({ valid_days: 9 }), 'valid_days', /3/);
  await refusedField(submit({ priority: 17 }), 'priority', /./);
});

test('an address outside the map is refused, with the distance', async () => {
  const seen = await failure(submit(recipient({ at: { lat: 12.5, lon: 44.1 } })));
  assert.equal(seen.code, status.INVALID_ARGUMENT, seen.message);
  assert.equal(seen.fields[0]?.field, 'recipient.at');
  assert.equal(seen.reason, 'OFF_MAP');
  await refusedField(submit(recipient({ at: { lat: 0, lon: 0 } })), 'recipient.at', /0,0/);
  await refusedField(submit(recipient({ at: { lat: 91, lon: 10 } })), 'recipient.at', /-90\.\.90/);
  await refusedField(submit(recipient({ at: { lat: NaN, lon: 10 } })), 'recipient.at', /-90\.\.90/);
});

test('an unknown member is an answer with its rule', async () => {
  const answer = await submit({ member_code: 'NOBODY-AT-ALL' }).then((ok) => ({ ok }), (error) => ({ error: details(error) }));
  if (answer.error) {
    assert.equal(answer.error.code, status.NOT_FOUND, answer.error.message);
    assert.match(answer.error.message, /member/i);
  } else {
    assert.equal(answer.ok.order.phase, 'ORDER_PHASE_REFUSED');
    assert.equal(answer.ok.claim.refusal_rule, 'R2');
    assert.match(answer.ok.claim.refusal_text, /member/i);
  }
});

test('a medicine on the prohibited list is refused by rule 7', async () => {
  for (const banned of catalog('formulary').filter((row) => row.prohibited === '1').slice(0, 5)) {
    const answer = await submit(line({ product_code: banned.code }));
    assert.equal(answer.claim.refusal_rule, 'R7', banned.code);
    assert.equal(answer.claim.benefit_fen, '0');
  }
});

test('unknown product, pharmacy, test, order, courier, city: NOT_FOUND or the field', async () => {
  const known = [status.NOT_FOUND, status.INVALID_ARGUMENT];
  const once = (service, method, request) => () => api.once(service, method, { city_id: CITY, ...request });
  const unknown = [
    () => submit(line({ product_code: 'NO-SUCH-PRODUCT' })).then((answer) => { if (answer.order.phase === 'ORDER_PHASE_REFUSED') throw Object.assign(new Error('refused'), { refused: true }); }),
    () => submit({ pharmacy_id: 99999 }),
    once('OrderService', 'SubmitTestOrder', testOrder(town, { tests: [{ test_code: 'RT-NONE', price_fen: 1 }] })),
    once('OrderService', 'GetOrder', { order_id: '123456789' }), once('ClaimService', 'GetClaim', { claim_id: '123456789' }), once('ClaimService', 'GetBenefits', { member_code: 'NOBODY' }),
    once('BoardService', 'Explain', { order_id: '123456789' }), once('OrderService', 'GetOrder', { city_id: 42, order_id: 1 }),
    once('CourierService', 'StartShift', { idempotency_key: key('s'), source: 'wire', courier_id: 99999, at: town.homes[0], ends_ms: Date.now() + 3600000 }),
  ];
  for (const ask of unknown) {
    const error = await ask().then(() => null, (e) => e);
    assert.ok(error, `must not succeed: ${ask}`);
    if (error.refused) continue;
    const seen = details(error);
    assert.ok(known.includes(seen.code), `${seen.code} ${seen.message}`);
    assert.ok(seen.message.length > 8);
  }
});

test('the same idempotency key with another body is a conflict, with the same body the same answer', async () => {
  const request = prescription(town);
  const first = await api.once('OrderService', 'SubmitPrescription', request);
  const conflict = await failure(api.once('OrderService', 'SubmitPrescription', { ...request, other_coverage_fen: 1 }));
  assert.equal(conflict.code, status.ALREADY_EXISTS, conflict.message);
  assert.match(conflict.message, /key/);
  const again = await api.once('OrderService', 'SubmitPrescription', request);
  assert.equal(again.order.order_id, first.order.order_id);
  const cancel = { idempotency_key: key('c'), city_id: CITY, source: 'pharmacy-1', order_id: first.order.order_id, reason: 'x' };
  await api.once('OrderService', 'CancelOrder', cancel);
  assert.equal((await failure(api.once('OrderService', 'CancelOrder', { ...cancel, reason: 'y' }))).code, status.ALREADY_EXISTS);
  assert.equal((await api.once('OrderService', 'CancelOrder', cancel)).order.repeated, true);
});

test('a message of 10 MB is RESOURCE_EXHAUSTED and the connection lives on', async () => {
  // by node's own HTTP/2: the official client for node gives up by itself where its session holds 10 MB
  const session = http2.connect(`http://${house.address}`, { maxSessionMemory: 1000 });
  const post = (path, body) => new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    let told = {};
    stream.on('response', (headers) => Object.assign(told, headers));
    stream.on('trailers', (headers) => Object.assign(told, headers));
    stream.on('close', () => resolve(told));
    stream.on('error', reject);
    stream.resume();
    stream.end(body);
  });
  const framed = (bytes) => Buffer.concat([Buffer.from([0, bytes.length >> 24, bytes.length >> 16, bytes.length >> 8, bytes.length].map((n) => n & 255)), bytes]);
  const large = Buffer.from(v1.OrderService.service.SubmitPrescription.requestSerialize(prescription(town, recipient({ address: 'x'.repeat(10 << 20) }))));
  const seen = await post('/meddispatch.v1.OrderService/SubmitPrescription', framed(large));
  assert.equal(Number(seen['grpc-status']), status.RESOURCE_EXHAUSTED, JSON.stringify(seen));
  assert.match(decodeURIComponent(seen['grpc-message']), /1048\d{4} bytes; at most 65536/);
  const after = await post('/grpc.health.v1.Health/Check', framed(Buffer.alloc(0)));
  assert.equal(after['grpc-status'], '0', 'on the same connection');
  session.close();
});

test('invalid UTF-8 and bytes that are no message are INVALID_ARGUMENT', async () => {
  const good = Buffer.from(v1.OrderService.service.SubmitPrescription.requestSerialize(prescription(town, { member_code: 'MEMBERCODE' })));
  const at = good.indexOf('MEMBERCODE');
  assert.ok(at > 0);
  for (const bytes of [[0xc3, 0x28], [0xff, 0xfe], [0xed, 0xa0, 0x80], [0x00, 0x41]]) {
    const bad = Buffer.from(good);
    Buffer.from(bytes).copy(bad, at);
    const seen = await failure(rawCall(house.address, '/meddispatch.v1.OrderService/SubmitPrescription', bad));
    assert.equal(seen.code, status.INVALID_ARGUMENT, `${bytes}: ${seen.code} ${seen.message}`);
  }
  for (const bytes of [Buffer.from([0xff, 0xff, 0xff]), good.subarray(0, good.length - 3), Buffer.from([0x0a, 0x7f, 0x41])]) {
    const seen = await failure(rawCall(house.address, '/meddispatch.v1.OrderService/SubmitPrescription', bytes));
    assert.equal(seen.code, status.INVALID_ARGUMENT, `${seen.code} ${seen.message}`);
  }
});

test('pages and positions have bounds', async () => {
  await refusedField(api.once('OrderService', 'ListOrders', { city_id: CITY, page_size: 1001 }), 'page_size', /1000/);
  const many = Array.from({ length: 26 }, () => town.homes[0]);
  const points = await failure(api.once('RoutingService', 'Route', { city_id: CITY, points: many }));
  assert.equal(points.code, status.INVALID_ARGUMENT);
  const one = await failure(api.once('RoutingService', 'Route', { city_id: CITY, points: [town.homes[0]] }));
  assert.equal(one.code, status.INVALID_ARGUMENT);
  const sea = await failure(api.once('RoutingService', 'Route', { city_id: CITY, points: [town.homes[0], { lat: 1, lon: 1 }] }));
  assert.equal(sea.code, status.INVALID_ARGUMENT, sea.message);
});

test('no error text carries personal data, and refused submissions left nothing', async () => {
  const before = await count();
  const seen = await failure(submit({ ...recipient({ name: '机密姓名', phone: 'call 机密', address: '机密地址' }) }));
  assert.doesNotMatch(JSON.stringify(seen), /机密/);
  assert.equal(await count(), before);
});
