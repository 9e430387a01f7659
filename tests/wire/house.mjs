// A real daemon on a real database for one test file: made-up city, sample catalogue, official client. Run below tests/support/with_postgres.
// It knows how to start and stop things, and how to read an error; what is right is the tests' matter.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const demo = path.join(root, 'deploy/demo');
if (!existsSync(path.join(demo, 'node_modules/@grpc/grpc-js'))) {
  console.log('skipped: deploy/demo/node_modules is missing; run deploy/test, or npm ci in deploy/demo');
  process.exit(77);
}
const require = createRequire(path.join(demo, 'package.json'));
export const grpc = require('@grpc/grpc-js');
const protobuf = require('protobufjs');
export const { Api, CityClock, pause, status, v1 } = await import(path.join(demo, 'api.mjs'));
export const { Town, catalog } = await import(path.join(demo, 'town.mjs'));

export const binary = process.env.MEDDISPATCH ?? path.join(root, 'build/dev/meddispatch');
export const db = process.env.MEDDISPATCH_TEST_DB;
export const CITY = 1;

export const run = (...args) => execFileSync(binary, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });

export class House {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-wire-'));
    this.api = null;
  }

  /** Schema, catalogue, map. `size`: junctions of the city. */
  prepare({ size = 900, seed = 7 } = {}) {
    run('migrate', '--db', db);
    for (const kind of ['payees', 'plans', 'formulary', 'tests', 'members']) run('load', '--db', db, '--city-name', 'Wire City', kind, path.join(root, `deploy/catalog/${kind}.csv`));
    this.map = path.join(this.folder, 'city.mdmap');
    run('map', 'synth', '--seed', String(seed), '--size', String(size), '-o', path.join(this.folder, 'city.osm.pbf'));
    run('map', 'build', path.join(this.folder, 'city.osm.pbf'), '-o', this.map);
    const info = JSON.parse(run('map', 'info', this.map, '--json'));
    const { south, west, north, east } = info.bounds ?? info;
    this.area = { south, west, north, east };
  }

  /** Start (again) and wait until it listens. */
  async serve({ speed = 1, anchor_ms = 0, address = '127.0.0.1:0', set = [], insecure = true } = {}) {
    const config = path.join(this.folder, 'meddispatch.conf');
    this.keys = path.join(this.folder, 'keys');
    if (!existsSync(this.keys)) run('keys', 'create', this.keys);
    writeFileSync(config, `key_file = ${this.keys}\nlisten = ${address}\ndb = ${db}\nmap = ${this.map}\nnode = wire\n${set.map((line) => `${line}\n`).join('')}`);
    const clock = [...(speed === 1 ? [] : ['--clock-speed', String(speed)]), ...(anchor_ms ? ['--clock-anchor', String(anchor_ms)] : [])];
    this.log = path.join(this.folder, 'serve.log');
    const daemon = spawn(binary, ['serve', '-c', config, ...(insecure ? ['--insecure'] : []), ...clock], { stdio: ['ignore', 'pipe', openSync(this.log, 'a')] });
    this.daemon = daemon;
    this.ended = new Promise((resolve) => daemon.on('exit', (code, signal) => resolve({ code, signal })));
    this.address = await new Promise((resolve, reject) => {
      let said = '';
      daemon.stdout.on('data', (data) => {
        said += data;
        const line = /^listening address=(\S+)/m.exec(said);
        if (line) resolve(line[1]);
      });
      daemon.on('exit', (code, signal) => reject(new Error(`the daemon ended (${code ?? signal}) before it served:\n${this.lastLog()}`)));
    });
    this.api ??= new Api(this.address);
    return this.address;
  }

  lastLog() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n').slice(-30).join('\n') : '';
  }

  async town({ couriers = 6, homes = 6 } = {}) {
    this.place = new Town(this.api, CITY, this.area, 'wire');
    await this.place.build({ couriers, homes });
    return this.place;
  }

  async stopDaemon(signal = 'SIGTERM') {
    this.api?.close();
    this.api = null;
    if (this.daemon && this.daemon.exitCode === null && this.daemon.signalCode === null) this.daemon.kill(signal);
    return this.daemon ? this.ended : null;
  }

  /** Stop and clear away; how the daemon ended, and the end of its log. */
  async stop(signal = 'SIGTERM') {
    const how = await this.stopDaemon(signal);
    const log = this.lastLog();
    if (!process.env.KEEP_WIRE) rmSync(this.folder, { recursive: true, force: true });
    else console.log(this.folder);
    return { ...how, log };
  }
}

/** Wait until `look()` gives something true; the thing, or an error that says what was awaited. */
export async function until(what, look, patience_ms = 20000, every_ms = 50) {
  const end = Date.now() + patience_ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`waited ${patience_ms} ms in vain: ${what}`);
    await pause(every_ms);
  }
}

const rpc = protobuf.parse(`syntax = "proto3"; package google.rpc;
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
message BadRequest { message FieldViolation { string field = 1; string description = 2; } repeated FieldViolation field_violations = 1; }
message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message RetryInfo { Duration retry_delay = 1; }`, { keepCase: true }).root;

/** grpc-status-details-bin, decoded: { code, message, fields: [{field, description}], reason, retry }. */
export function details(error) {
  const out = { code: error.code, message: error.details, fields: [], reason: '', retry: null };
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (!bytes) return out;
  const told = rpc.lookupType('google.rpc.Status').decode(bytes);
  out.status = told;
  for (const { type_url, value } of told.details) {
    const name = type_url.split('/').at(-1);
    const detail = rpc.lookupType(name).decode(value);
    if (name === 'google.rpc.BadRequest') out.fields.push(...detail.field_violations);
    if (name === 'google.rpc.ErrorInfo') out.reason = detail.reason;
    if (name === 'google.rpc.RetryInfo') out.retry = detail.retry_delay;
  }
  return out;
}

export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    return details(error);
  }
  throw new Error('the call should have failed');
}

/** Messages of a server stream as they come. */
export class Stream {
  constructor(call) {
    this.call = call;
    this.messages = [];
    this.error = null;
    call.on('data', (message) => this.messages.push(message));
    call.on('error', (error) => (this.error = error));
    call.on('end', () => (this.done = true));
  }
  cancel() {
    this.call.cancel();
  }
}

/** A client whose requests are bytes as they are: for what no honest client would send. */
export function rawCall(address, method, bytes, deadline_ms = 10000) {
  const Raw = grpc.makeGenericClientConstructor({ Call: { path: method, requestStream: false, responseStream: false, requestSerialize: (b) => b, responseDeserialize: (b) => b } }, 'raw');
  const client = new Raw(address, grpc.credentials.createInsecure());
  return new Promise((resolve, reject) => client.Call(bytes, new grpc.Metadata(), { deadline: Date.now() + deadline_ms }, (error, response) => {
    client.close();
    if (error) reject(error);
    else resolve(response);
  }));
}

let keys = 0;
export const key = (what) => `${what}-${process.pid}-${++keys}`;

/** A prescription that is fine, to be spoilt by the tests. */
export function prescription(town, changes = {}) {
  const product = catalog('formulary').find((row) => row.eligible === '1' && row.prohibited === '0' && row.controlled === '0' && row.injection === '0' && row.chronic === '0' && !row.sex && !row.indications && !Number(row.age_min) && !Number(row.age_max));
  return { idempotency_key: key('rx'), city_id: CITY, source: 'pharmacy-1', member_code: 'M000001', pharmacy_id: town.pharmacies[0].facility_id, prescription_number: key('N'), prescriber_code: 'DR-1',
    diagnosis_code: 'J06.9', issued_ms: Date.now() - 600000, valid_days: 3, lines: [{ product_code: product.code, quantity: 1, price_fen: Number(product.price_fen) }],
    recipient: { name: '李某', phone: '13900000001', address: '示范路1号', at: town.homes[0] }, ...changes };
}

export function testOrder(town, changes = {}) {
  return { idempotency_key: key('test'), city_id: CITY, source: 'clinic-online', member_code: 'M000002', tests: [{ test_code: 'RT-FLUA', price_fen: 3990 }],
    recipient: { name: '王某', phone: '13900000002', address: '示范路2号', at: town.homes[1] }, ...changes };
}
