// The cases of gRPC's interoperability description by the official Node client (@grpc/grpc-js); each test is named as its case.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import http2 from 'node:http2';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { startServer } from './server.mjs';

const require = createRequire(new URL('../../deploy/demo/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js');
const here = path.dirname(fileURLToPath(import.meta.url));
const definition = require('@grpc/proto-loader').loadSync('grpc/testing/test.proto', { includeDirs: [path.join(here, 'protos')], keepCase: true, defaults: true, enums: String });
const { TestService, UnimplementedService } = grpc.loadPackageDefinition(definition).grpc.testing;
const GZIP = 2, NO_COMPRESS = 2; // a channel's option, a message's flag
const connect = (options = {}) => new TestService(server.address, grpc.credentials.createInsecure(), { 'grpc.max_receive_message_length': -1, ...options });

let server, client;
before(async () => {
  server = await startServer();
  client = connect();
});
after(async () => {
  client.close();
  await server.stop();
});

const zeros = (size) => ({ type: 'COMPRESSABLE', body: Buffer.alloc(size) });
const isZeros = (payload, size) => {
  assert.equal(payload.type, 'COMPRESSABLE');
  assert.equal(payload.body.length, size);
  assert.ok(payload.body.every((byte) => byte === 0));
};
const unary = (method, request, { metadata = new grpc.Metadata(), options = {}, on = client } = {}) =>
  new Promise((resolve) => {
    let headers, trailers;
    const call = on[method](request, metadata, options, (error, response) => setImmediate(() => resolve({ error, response, headers, trailers })));
    call.on('metadata', (got) => (headers = got));
    call.on('status', (got) => (trailers = got.metadata));
  });
const good = async (...args) => {
  const { error, response } = await unary(...args);
  assert.equal(error, null);
  return response;
};
/** A stream's end: { code, details, messages }. */
const end = (call) =>
  new Promise((resolve) => {
    const messages = [];
    call.on('data', (message) => messages.push(message));
    call.on('error', () => {});
    call.on('status', ({ code, details, metadata }) => setImmediate(() => resolve({ code, details, metadata, messages })));
  });
const sum = (on, sizes) =>
  new Promise((resolve, reject) => {
    const call = on.streamingInputCall((error, response) => (error ? reject(error) : resolve(response.aggregated_payload_size)));
    for (const size of sizes) call.write({ payload: zeros(size) });
    call.end();
  });
const large = { response_type: 'COMPRESSABLE', response_size: 314159, payload: zeros(271828) };
const REQUESTS = [27182, 8, 1828, 45904], RESPONSES = [31415, 9, 2653, 58979];

test('empty_unary', async () => assert.deepEqual(await good('emptyCall', {}), {}));

test('large_unary', async () => isZeros((await good('unaryCall', large)).payload, 314159));

test('client_streaming', async () => assert.equal(await sum(client, REQUESTS), 74922));

test('server_streaming', async () => {
  const { code, messages } = await end(client.streamingOutputCall({ response_parameters: RESPONSES.map((size) => ({ size })) }));
  assert.equal(code, grpc.status.OK);
  assert.equal(messages.length, 4);
  messages.forEach(({ payload }, i) => isZeros(payload, RESPONSES[i]));
});

test('ping_pong', async () => {
  const call = client.fullDuplexCall();
  const ended = new Promise((resolve) => call.on('status', resolve));
  for (let i = 0; i < REQUESTS.length; i++) {
    const next = new Promise((resolve) => call.once('data', resolve));
    call.write({ response_parameters: [{ size: RESPONSES[i] }], payload: zeros(REQUESTS[i]) });
    isZeros((await next).payload, RESPONSES[i]);
  }
  call.end();
  call.on('data', assert.fail);
  assert.equal((await ended).code, grpc.status.OK);
});

test('empty_stream', async () => {
  const call = client.fullDuplexCall();
  call.end();
  const { code, messages } = await end(call);
  assert.equal(code, grpc.status.OK);
  assert.equal(messages.length, 0);
});

test('cancel_after_begin', async () => {
  const error = await new Promise((resolve) => {
    const call = client.streamingInputCall(resolve);
    setImmediate(() => call.cancel());
  });
  assert.equal(error.code, grpc.status.CANCELLED);
});

test('cancel_after_first_response', async () => {
  const call = client.fullDuplexCall();
  call.write({ response_parameters: [{ size: 31415 }], payload: zeros(27182) });
  call.once('data', () => call.cancel());
  const { code, messages } = await end(call);
  assert.equal(code, grpc.status.CANCELLED);
  assert.equal(messages.length, 1);
});

test('timeout_on_sleeping_server', async () => {
  const call = client.fullDuplexCall(new grpc.Metadata(), { deadline: Date.now() + 1 });
  call.write({ payload: zeros(27182) });
  assert.equal((await end(call)).code, grpc.status.DEADLINE_EXCEEDED);
});

test('custom_metadata', async () => {
  const metadata = new grpc.Metadata();
  metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
  metadata.set('x-grpc-test-echo-trailing-bin', Buffer.from([0xab, 0xab, 0xab]));
  const check = (headers, trailers) => {
    assert.deepEqual(headers.get('x-grpc-test-echo-initial'), ['test_initial_metadata_value']);
    assert.deepEqual([...trailers.get('x-grpc-test-echo-trailing-bin')[0]], [0xab, 0xab, 0xab]);
  };
  const { error, headers, trailers } = await unary('unaryCall', large, { metadata });
  assert.equal(error, null);
  check(headers, trailers);
  const call = client.fullDuplexCall(metadata);
  const first = new Promise((resolve) => call.on('metadata', resolve));
  call.write({ response_parameters: [{ size: 314159 }], payload: zeros(271828) });
  call.end();
  check(await first, (await end(call)).metadata);
});

const wants = (message) => ({ response_status: { code: 2, message } });
async function statusIsEchoed(message) {
  const { error } = await unary('unaryCall', wants(message));
  assert.equal(error.code, grpc.status.UNKNOWN);
  assert.equal(error.details, message);
  const call = client.fullDuplexCall();
  call.write(wants(message));
  call.end();
  const { code, details } = await end(call);
  assert.equal(code, grpc.status.UNKNOWN);
  assert.equal(details, message);
}
test('status_code_and_message', () => statusIsEchoed('test status message'));

test('special_status_message', () => statusIsEchoed('\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n'));

test('unimplemented_method', async () => assert.equal((await unary('unimplementedCall', {})).error.code, grpc.status.UNIMPLEMENTED));

test('unimplemented_service', async () => {
  const other = new UnimplementedService(server.address, grpc.credentials.createInsecure());
  assert.equal((await unary('unimplementedCall', {}, { on: other })).error.code, grpc.status.UNIMPLEMENTED);
  other.close();
});

test('half_duplex', async () => {
  const call = client.halfDuplexCall();
  let early = true;
  call.on('data', () => assert.ok(!early, 'answered before the last request'));
  RESPONSES.forEach((size) => call.write({ response_parameters: [{ size }] }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  early = false;
  call.end();
  const { code, messages } = await end(call);
  assert.equal(code, grpc.status.OK);
  assert.deepEqual(messages.map(({ payload }) => payload.body.length), RESPONSES);
});

// ---- compression ----

test('client_compressed_unary', async () => {
  const folding = connect({ 'grpc.default_compression_algorithm': GZIP });
  const request = (expected) => ({ ...large, expect_compressed: { value: expected } });
  assert.equal((await unary('unaryCall', request(true))).error.code, grpc.status.INVALID_ARGUMENT, 'the probe: not compressed, as it says it is');
  isZeros((await good('unaryCall', request(true), { on: folding })).payload, 314159);
  isZeros((await good('unaryCall', request(false))).payload, 314159);
  folding.close();
});

test('client_compressed_streaming', async () => {
  const folding = connect({ 'grpc.default_compression_algorithm': GZIP });
  const probe = await new Promise((resolve) => {
    const call = client.streamingInputCall(resolve);
    call.write({ expect_compressed: { value: true }, payload: zeros(27182) });
    call.end();
  });
  assert.equal(probe.code, grpc.status.INVALID_ARGUMENT);
  const total = await new Promise((resolve, reject) => {
    const call = folding.streamingInputCall((error, response) => (error ? reject(error) : resolve(response.aggregated_payload_size)));
    call.write({ expect_compressed: { value: true }, payload: zeros(27182) });
    call.write({ expect_compressed: { value: false }, payload: zeros(45904) }, NO_COMPRESS);
    call.end();
  });
  assert.equal(total, 73086);
  folding.close();
});

/** The client cannot tell how a message came, so the flags are read from the wire: [flag, message] of each. */
const raw = (method, request) =>
  new Promise((resolve, reject) => {
    const session = http2.connect(`http://${server.address}`);
    const stream = session.request({ ':method': 'POST', ':path': `/grpc.testing.TestService/${method}`, 'content-type': 'application/grpc', te: 'trailers', 'grpc-accept-encoding': 'identity,gzip' });
    const message = TestService.service[method].requestSerialize(request);
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    let data = Buffer.alloc(0), headers, trailers;
    stream.on('response', (got) => (headers = got));
    stream.on('trailers', (got) => (trailers = got));
    stream.on('data', (more) => (data = Buffer.concat([data, more])));
    stream.on('error', reject);
    stream.on('close', () => {
      session.close();
      const messages = [];
      for (let at = 0; at < data.length; ) {
        const size = data.readUInt32BE(at + 1), bytes = data.subarray(at + 5, at + 5 + size);
        messages.push([data[at], TestService.service[method].responseDeserialize(data[at] ? zlib.gunzipSync(bytes) : bytes), size]);
        at += 5 + size;
      }
      resolve({ headers, trailers, messages });
    });
    stream.end(Buffer.concat([head, message]));
  });

test('server_compressed_unary', async () => {
  for (const value of [true, false]) {
    const request = { ...large, response_compressed: { value } };
    isZeros((await good('unaryCall', request)).payload, 314159);
    const { headers, trailers, messages } = await raw('UnaryCall', request);
    assert.equal(trailers['grpc-status'], '0');
    assert.equal(headers['grpc-encoding'], value ? 'gzip' : undefined);
    assert.equal(messages[0][0], value ? 1 : 0);
    isZeros(messages[0][1].payload, 314159);
    if (value) assert.ok(messages[0][2] < 2000);
  }
});

test('server_compressed_streaming', async () => {
  for (const order of [[true, false], [false, true]]) {
    const request = { response_parameters: [{ size: 31415, compressed: { value: order[0] } }, { size: 92653, compressed: { value: order[1] } }] };
    const { code, messages } = await end(client.streamingOutputCall(request));
    assert.equal(code, grpc.status.OK);
    assert.deepEqual(messages.map(({ payload }) => payload.body.length), [31415, 92653]);
    const wire = await raw('StreamingOutputCall', request);
    assert.deepEqual(wire.messages.map(([flag]) => flag === 1), order);
    isZeros(wire.messages[0][1].payload, 31415);
    isZeros(wire.messages[1][1].payload, 92653);
  }
});

// ---- endurance, in small ----

test('rpc_soak: 300 large calls on one channel', async () => {
  for (let i = 0; i < 300; i += 10) await Promise.all(Array.from({ length: 10 }, () => good('unaryCall', large)));
});

test('channel_soak: 40 channels, a large call each', async () => {
  for (let i = 0; i < 40; i++) {
    const other = connect({ 'grpc.use_local_subchannel_pool': 1 });
    isZeros((await good('unaryCall', large, { on: other })).payload, 314159);
    other.close();
  }
});

test('intervals are kept, and a slow reader gets all of a long answer', async () => {
  const began = Date.now();
  const timed = await end(client.streamingOutputCall({ response_parameters: [{ size: 1 }, { size: 2, interval_us: 150000 }] }));
  assert.ok(Date.now() - began >= 150);
  assert.equal(timed.messages.length, 2);
  const call = client.streamingOutputCall({ response_parameters: Array.from({ length: 64 }, () => ({ size: 500000 })) });
  let bytes = 0;
  for await (const { payload } of call) {
    bytes += payload.body.length;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(bytes, 64 * 500000);
});
