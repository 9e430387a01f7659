// A living city for the browser: the real daemon with tokens on a real database, the player of deploy/demo moving orders and couriers, and a browser to look at
// it. Run below tests/support/with_postgres. What is right is the tests' matter.
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { CITY, House, catalog, db, key, root, run, until } from '../wire/house.mjs';

export { CITY, key, root, until };
export const dist = path.join(root, 'scheduler/dashboard/dist');
export const playwright = createRequire(path.join(root, 'tests/browser/package.json'))('playwright-core');

export class City {
  constructor({ speed = 20, orders = 300, couriers = 16, hours = 6, rush = 24, size = 1600 } = {}) {
    Object.assign(this, { speed, orders, couriers, hours, rush, size });
    this.house = new House();
    this.anchor_ms = Date.now();
  }

  async start() {
    this.house.prepare({ size: this.size, seed: 3 });
    this.tokens = Object.fromEntries(['admin', 'logistics', 'dispatcher'].map((role) => [role, run('token', 'create', '--db', db, '--role', role, '--subject', `city ${role}`).trim()]));
    await this.serve();
  }

  /** Start, or start again on the same ports: what a page knows of the address stays true. */
  async serve() {
    await this.house.serve({ speed: this.speed, anchor_ms: this.anchor_ms, insecure: false, address: this.grpc ?? '127.0.0.1:0', set: [`http_listen = ${this.http ?? '127.0.0.1:0'}`, `http_files = ${dist}`] });
    this.grpc = this.house.address;
    this.http = [...this.house.lastLog().matchAll(/event=listening_http address=(\S+)/g)].at(-1)[1];
    this.house.api.tokens = this.tokens;
  }

  get url() { return `http://${this.http}/`; }
  get api() { return this.house.api; }

  /** A sign-in link that opens once. */
  link(role = 'dispatcher', subject = `board ${role}`) {
    return run('token', 'link', '--db', db, '--role', role, '--subject', subject, '--url', this.url).trim();
  }

  /** The player: pharmacies, couriers, laboratories. Ends with the city. */
  play() {
    const log = openSync(path.join(this.house.folder, 'play.log'), 'w');
    const { south, west, north, east } = this.house.area;
    this.player = spawn(process.execPath, [path.join(root, 'deploy/demo/play.mjs'), '--address', this.grpc, `--area=${[south, west, north, east].join(',')}`, '--orders', String(this.orders), '--couriers', String(this.couriers),
      '--hours', String(this.hours), '--rush', String(this.rush), '--seed', '5'], { stdio: ['ignore', log, log], env: { ...process.env, MEDDISPATCH_TOKENS: JSON.stringify(this.tokens) } });
    this.player.on('exit', () => (this.player = null));
  }

  call(service, method, request) {
    return this.api.call(service, method, { city_id: CITY, ...request });
  }

  /** An order of the test's own, approved (or not) and ready only in 100 minutes: nobody but a dispatcher moves it. */
  async quietOrder(member_code, { approve = true } = {}) {
    const places = await this.call('BoardService', 'ListPlaces', {});
    const pharmacies = places.facilities.filter((one) => one.kind === 'FACILITY_KIND_PHARMACY');
    const product = catalog('formulary').find((row) => row.eligible === '1' && row.prohibited === '0' && row.controlled === '0' && row.injection === '0' && row.chronic === '0' && !row.sex && !row.indications && !Number(row.age_min) && !Number(row.age_max));
    const now_ms = await this.now();
    const { order } = await this.call('OrderService', 'SubmitPrescription', {
      idempotency_key: key('rx'), source: `pharmacy-${pharmacies[0].facility_id}`, member_code, pharmacy_id: pharmacies[0].facility_id, prescription_number: key('N'), prescriber_code: 'DR-1', diagnosis_code: 'J06.9',
      issued_ms: now_ms - 600000, valid_days: 3, lines: [{ product_code: product.code, quantity: 1, price_fen: Number(product.price_fen) }],
      recipient: { name: '李某', phone: '13900000001', address: '示范路1号', at: pharmacies[1].at } });
    if (order.phase === 'ORDER_PHASE_REFUSED') throw new Error(`${member_code}'s order was refused`);
    if (approve) await this.call('OrderService', 'ApprovePrescription', { idempotency_key: key('approve'), source: 'test', order_id: order.order_id, pharmacist_code: 'PH-T', approved: true, expected_ready_ms: now_ms + 100 * 60000 });
    return order.order_id;
  }

  async now() {
    return (await this.api.health()).time_ms;
  }

  state(order_id) {
    return this.call('BoardService', 'Explain', { order_id }).then((told) => told.order);
  }

  /** kill -9: what an open page sees when the machine room loses power. */
  async kill() {
    this.house.daemon.kill('SIGKILL');
    await this.house.ended;
    this.house.api.close();
    this.house.api = null;
  }

  async stop() {
    this.player?.kill('SIGTERM');
    return this.house.stop();
  }
}
