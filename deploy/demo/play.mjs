// Plays a shift against a running meddispatch, through its gRPC API only. deploy/run starts it; it can be run by hand:
//
//   node deploy/demo/play.mjs --address HOST:PORT --area SOUTH,WEST,NORTH,EAST [--orders N] [--couriers N] [--hours H] [--seed S] [--city N] [--rush N] [--town S]
//                             [--key TEXT] [--result FILE] [--quiet]
//
// Exit 0: every order ended with a reason, and nothing went wrong that should not. The result file says the rest.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Api, CityClock } from './api.mjs';
import { Courier } from './courier.mjs';
import { chance } from './chance.mjs';
import { makeDemand } from './demand.mjs';
import { Providers } from './provider.mjs';
import { Tally } from './tally.mjs';
import { Town, each } from './town.mjs';

const TAIL_MS = 8 * 3600 * 1000; // city time after the last order in which everything must have ended
const LINE_MS = 2000;

const { values: given } = parseArgs({ options: {
  address: { type: 'string' }, area: { type: 'string' }, orders: { type: 'string', default: '120' }, couriers: { type: 'string', default: '20' }, hours: { type: 'string', default: '2' }, rush: { type: 'string', default: '0' }, town: { type: 'string' },
  seed: { type: 'string', default: '1' }, city: { type: 'string', default: '1' }, key: { type: 'string' }, result: { type: 'string' }, quiet: { type: 'boolean', default: false } } });
const number = (name, low, high) => {
  const value = Number(given[name]);
  if (!Number.isFinite(value) || value < low || value > high) throw new Error(`--${name} must be ${low}..${high}`);
  return value;
};

class Play {
  constructor() {
    this.orders = number('orders', 1, 20000);
    this.hours = number('hours', 0.1, 10);
    this.seed = given.seed;
    this.key = given.key ?? `s${given.seed}`;
    this.city_id = number('city', 1, 4294967295);
    const [south, west, north, east] = (given.area ?? '').split(',').map(Number);
    if (![south, west, north, east].every(Number.isFinite)) throw new Error('--area SOUTH,WEST,NORTH,EAST is required');
    this.area = { south, west, north, east };
    // tokens come by the environment: arguments can be read by everybody on the machine
    const tokens = process.env.MEDDISPATCH_TOKENS ? JSON.parse(process.env.MEDDISPATCH_TOKENS) : null;
    this.api = new Api(given.address, { tokens });
    this.tally = new Tally();
    this.reports = [];
  }

  async prepare() {
    this.clock = await CityClock.of(this.api);
    this.town = new Town(this.api, this.city_id, this.area, given.town ?? this.seed); // the same town may have another day
    await this.town.build({ couriers: number('couriers', 1, 2000), homes: this.orders });
    this.providers = new Providers({ api: this.api, clock: this.clock, city_id: this.city_id, town: this.town, seed: this.seed, tally: this.tally });
    const demand = makeDemand({ seed: this.seed, orders: this.orders, hours: this.hours, labs: this.town.labs });
    const rush = number('rush', 0, 20000); // orders that have waited for the doors to open: they come one upon the other
    for (const order of demand) {
      order.key = `${this.key}-${order.index}`;
      if (order.index < rush) order.at_ms = Math.min(order.at_ms, order.index * 4000);
    }
    const luck = chance(this.seed, 'starts');
    this.couriers = this.town.couriers.map((row) => new Courier(this, row, luck.pick(this.town.facilities).at));
    return demand;
  }

  async shift(demand) {
    this.tally.follow(this.api, this.city_id);
    const now = this.clock.now();
    const ends_ms = now + Math.min(15.9 * 3600000, this.hours * 3600000 + TAIL_MS + 1800000);
    await each(this.couriers.length, (i) => this.couriers[i].start(ends_ms));
    this.providers.start_ms = this.started_ms = this.clock.now();
    this.reporter = this.reportPositions();
    const line = setInterval(() => this.line(), process.stdout.isTTY ? LINE_MS : 5 * LINE_MS);
    const stories = demand.map((order) => this.providers.play(order).catch((error) => {
      this.tally.fault(`order ${order.index}`, error);
    }));
    await Promise.all(stories);
    const bound_ms = this.started_ms + this.hours * 3600000 + TAIL_MS;
    while (this.tally.open().length > 0 && this.clock.now() < bound_ms) await this.clock.sleep(30000);
    await Promise.all(this.reports);
    clearInterval(line);
    this.line();
    if (process.stdout.isTTY) process.stdout.write('\n');
    this.providers.over = true;
    for (const order of this.tally.open().slice(0, 5)) await this.explain(order);
    this.ended_ms = this.clock.now();
    await each(this.couriers.length, (i) => this.couriers[i].end().catch((error) => this.tally.fault('EndShift', error)));
    this.over = true;
    await this.reporter;
  }

  async explain(order) {
    const answer = await this.api.call('BoardService', 'Explain', { city_id: this.city_id, order_id: order.id }).catch((error) => ({ summary: error.message }));
    this.tally.fault('open at the end', `order ${order.id} is ${order.phase}: ${answer.summary}`);
  }

  /** A laboratory reports its result to the member some time after it has accepted the specimen. */
  reportLater(order_id, lab, after_ms) {
    this.reports.push((async () => {
      await this.clock.sleep(after_ms);
      await this.api.call('CourierService', 'RecordStopEvent', { idempotency_key: `${this.key}-${order_id}-reported`, city_id: this.city_id, order_id, event: 'STOP_EVENT_REPORTED', at_ms: this.clock.now(), ...lab });
    })().catch((error) => this.tally.fault('report', error)));
  }

  /** All couriers' positions every few seconds, on a client stream that is opened anew now and then (and when it breaks). */
  async reportPositions() {
    const every_ms = Math.min(5000, Math.max(100, 10000 / this.clock.speed));
    while (!this.over) {
      await new Promise((next) => {
        const stream = this.api.client('CourierService').ReportPositions(this.api.who('CourierService'), { deadline: Date.now() + 30000 }, () => end());
        let timer = null, beats = 0, ended = false;
        const end = () => {
          if (ended) return;
          ended = true;
          clearInterval(timer);
          setTimeout(next, 100);
        };
        timer = setInterval(() => {
          if (this.over || ++beats > 40) {
            clearInterval(timer);
            stream.end();
            return;
          }
          const at_ms = this.clock.now();
          const positions = this.couriers.map((courier) => ({ courier_id: courier.id, at: courier.position(), at_ms }));
          for (let i = 0; i < positions.length; i += 1000) stream.write({ city_id: this.city_id, positions: positions.slice(i, i + 1000) });
        }, every_ms);
        stream.on('error', end);
      });
    }
  }

  line() {
    if (given.quiet) return;
    const phases = this.tally.phases();
    const sum = (...names) => names.reduce((total, name) => total + (phases[name] ?? 0), 0);
    const time = new Date(this.clock.now() + 8 * 3600000).toISOString().slice(11, 16);
    const busy = this.couriers.filter((courier) => courier.busy).length;
    const km = Math.round(this.couriers.reduce((total, courier) => total + courier.driven_m, 0) / 1000);
    const text = `${time}  asked ${this.tally.orders.size}/${this.orders}  at the pharmacy ${sum('RECEIVED', 'ADJUDICATED', 'APPROVED')}  ready ${sum('READY', 'ASSIGNED', 'ACCEPTED')}  on the way ${sum('PICKED_UP', 'KIT_PICKED_UP', 'ARRIVED', 'COLLECTED', 'SEALED', 'RETURNING')}` +
      `  at the lab ${sum('LAB_ACCEPTED')}  done ${sum('DELIVERED', 'REPORTED')}  ended otherwise ${sum('REFUSED', 'CANCELLED', 'FAILED', 'RETURNED', 'SPECIMEN_REJECTED')}  couriers busy ${busy}/${this.couriers.length}  ${km} km`;
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
    else console.log(text);
  }

  async result() {
    const { claims } = await this.tally.close(this.api, this.city_id);
    const summary = this.tally.summary(this.orders);
    const paid = claims.filter((claim) => claim.summary.state === 'POSTED' || claim.summary.state === 'REVERSED');
    const driven_m = this.couriers.reduce((total, courier) => total + courier.driven_m, 0);
    const day = (ms) => new Date(ms + 8 * 3600000).toISOString().slice(0, 10);
    const days = [];
    for (let ms = this.started_ms; ; ms += 86400000) {
      if (!days.includes(day(Math.min(ms, this.ended_ms)))) days.push(day(Math.min(ms, this.ended_ms)));
      if (ms >= this.ended_ms) break;
    }
    return { ...summary, km_per_order: summary.orders_delivered ? driven_m / 1000 / summary.orders_delivered : 0, km_total: driven_m / 1000, couriers: this.couriers.length,
      claims_total: claims.length, claims_posted: paid.length, benefit_fen: paid.reduce((sum, claim) => sum + Number(claim.summary.benefit_fen), 0), member_fen: paid.reduce((sum, claim) => sum + Number(claim.summary.member_fen), 0),
      city_from_ms: this.started_ms, city_to_ms: this.ended_ms, business_days: days, clock_speed: this.clock.speed, calls_repeated: this.api.repeats,
      faults: this.tally.faults, acknowledged: [...this.tally.orders.values()].filter((order) => order.acknowledged).map((order) => order.id) };
  }
}

const play = new Play();
const demand = await play.prepare();
await play.shift(demand);
const result = await play.result();
if (given.result) writeFileSync(given.result, `${JSON.stringify(result, null, 2)}\n`);
play.tally.stop();
play.api.close();
for (const fault of result.faults.slice(0, 20)) console.error(`fault: ${fault}`);
const good = result.orders_open === 0 && result.orders_total === result.orders_asked && result.faults.length === 0 && result.endings_without_reason === 0;
process.exit(good ? 0 : 1);
