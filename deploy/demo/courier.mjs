// A courier: follows his route as the daemon tells it, answers offers, drives along the real streets, and says what happened at each stop.
// He knows his own route, his position and what the recipient says at the door; nothing of plans, claims or other couriers.
import { status } from './api.mjs';
import { chance } from './chance.mjs';
import { metres } from './town.mjs';

const REFUSED_TRIES_MAX = 6;     // an event the daemon keeps refusing is reported as a failure of the stop
const DECLINED = 0.03;
// taken away, cancelled or ended meanwhile: an answer, not a fault
const NOT_NOW = new Set([status.FAILED_PRECONDITION, status.PERMISSION_DENIED, status.ABORTED, status.NOT_FOUND, status.INVALID_ARGUMENT, status.ALREADY_EXISTS]);

/** Geometry of a leg as points with times, and where somebody is on it. */
class Drive {
  constructor(leg, start_ms, to) {
    this.start_ms = start_ms;
    this.end_ms = start_ms + leg.travel_ms;
    this.distance_m = leg.distance_m;
    this.to = to;
    let lat = 0, lon = 0;
    this.points = leg.lat_e7.map((difference, i) => ({ lat: (lat += difference) / 1e7, lon: (lon += leg.lon_e7[i]) / 1e7, at: leg.at_ms[i] ?? 0 }));
  }
  at(now_ms) {
    const t = now_ms - this.start_ms;
    const points = this.points;
    if (points.length === 0 || now_ms >= this.end_ms) return this.to;
    let i = 1;
    while (i < points.length && points[i].at <= t) i++;
    if (i >= points.length) return points.at(-1);
    const a = points[i - 1], b = points[i];
    const part = b.at > a.at ? Math.max(0, (t - a.at) / (b.at - a.at)) : 1;
    return { lat: a.lat + (b.lat - a.lat) * part, lon: a.lon + (b.lon - a.lon) * part };
  }
  driven_m(now_ms) {
    const whole = Math.max(1, this.end_ms - this.start_ms);
    return this.distance_m * Math.min(1, Math.max(0, (now_ms - this.start_ms) / whole));
  }
}

export class Courier {
  constructor(play, row, start) {
    Object.assign(this, { play, id: row.courier_id, here: start });
    this.luck = chance(play.seed, `courier ${row.courier_id}`);
    this.source = 'couriers-app';
    this.route = null;
    this.done = new Set();      // stops finished here, until the route agrees
    this.answered = new Set();  // offers
    this.refusals = new Map();  // stop -> times the daemon said no
    this.drive = null;
    this.driven_m = 0;
    this.wake = () => {};
    this.over = false;
  }

  position() {
    return this.drive ? this.drive.at(this.play.clock.now()) : this.here;
  }
  get busy() {
    return Boolean(this.drive || this.serving || this.next());
  }

  async start(ends_ms) {
    const { api, city_id } = this.play;
    await api.call('CourierService', 'StartShift', { idempotency_key: `${this.play.key}-start-${this.id}`, city_id, source: this.source, courier_id: this.id, at: this.here, ends_ms });
    this.stopWatching = api.follow('CourierService', 'WatchRoute', () => ({ city_id, courier_id: this.id }), (route) => this.told(route), (error) => this.play.tally.fault('WatchRoute', error));
    this.life = this.live();
  }

  async end() {
    this.over = true;
    this.wake();
    await this.life;
    this.stopWatching();
    await this.play.api.call('CourierService', 'EndShift', { idempotency_key: `${this.play.key}-end-${this.id}`, city_id: this.play.city_id, source: this.source, courier_id: this.id });
  }

  told(route) {
    this.route = route;
    for (const offer of route.offers) this.consider(offer);
    this.wake();
  }

  async consider(offer) {
    const key = `${offer.order_id}-${offer.answer_by_ms}`;
    if (this.answered.has(key)) return;
    this.answered.add(key);
    const accept = !this.luck.is(DECLINED);
    await this.play.clock.sleep(this.luck.between(3000, 20000));
    try {
      await this.play.api.call('CourierService', 'AnswerOffer', { idempotency_key: `${this.play.key}-offer-${this.id}-${key}`, city_id: this.play.city_id, source: this.source, courier_id: this.id,
        order_id: offer.order_id, accept, reason: accept ? '' : 'too far from here' });
      this.play.tally.answered(accept);
    } catch (error) {
      if (!NOT_NOW.has(error.code)) this.play.tally.fault('AnswerOffer', error);
    }
  }

  /** Where to go: not to what is only offered, not to what is done. */
  next() {
    const open = (stop) => this.route.offers.some((offer) => offer.order_id === stop.order_id);
    return this.route?.stops.find((stop) => !open(stop) && !this.done.has(`${stop.order_id}/${stop.kind}`)) ?? null;
  }

  /** Until something is told, or so much city time has passed. */
  rest(city_ms) {
    return new Promise((resume) => {
      const timer = setTimeout(() => this.wake(), this.play.clock.real_ms(city_ms));
      this.wake = () => {
        clearTimeout(timer);
        this.wake = () => {};
        resume();
      };
    });
  }

  async live() {
    while (!this.over) {
      const stop = this.next();
      try {
        if (!stop) await this.rest(60000);
        else if (metres(this.here, stop.at) > 1 && !(await this.driveTo(stop))) continue;
        else await this.serve(stop);
      } catch (error) {
        if (this.over) break;
        this.play.tally.fault(`courier ${this.id}`, error);
        await this.rest(60000);
      }
    }
  }

  /** True when there; false when the route has changed on the way. */
  async driveTo(stop) {
    const { api, clock, city_id } = this.play;
    const answer = await api.call('RoutingService', 'Route', { city_id, points: [this.here, stop.at] });
    this.drive = new Drive(answer.legs[0], clock.now(), stop.at);
    const same = () => {
      const next = this.next();
      return next && next.order_id === stop.order_id && next.kind === stop.kind && metres(next.at, stop.at) < 1;
    };
    while (!this.over && same() && clock.now() < this.drive.end_ms) await this.rest(this.drive.end_ms - clock.now());
    const now = clock.now();
    this.driven_m += this.drive.driven_m(now);
    this.here = this.drive.at(now);
    const there = now >= this.drive.end_ms;
    this.drive = null;
    if (there) this.here = stop.at;
    return there && same();
  }

  /** Say what happened. `who`: our own fields, or the laboratory's. False: the state forbids it. */
  async tell(stop, event, rest = {}, who = { courier_id: this.id, source: this.source }) {
    const request = { idempotency_key: `${this.play.key}-${stop.order_id}-${stop.kind.slice(10)}-${event}-${this.id}-${this.refusals.get(`${stop.order_id}/${stop.kind}`) ?? 0}`,
      city_id: this.play.city_id, order_id: stop.order_id, event: `STOP_EVENT_${event}`, at_ms: this.play.clock.now(), ...who, ...rest };
    try {
      await this.play.api.call('CourierService', 'RecordStopEvent', request);
      return true;
    } catch (error) {
      if (!NOT_NOW.has(error.code)) throw error;
      this.play.tally.refusedEvent(`${event}: ${error.details}`);
      return false;
    }
  }

  async serve(stop) {
    const key = `${stop.order_id}/${stop.kind}`;
    this.serving = true;
    if (!stop.arrived) await this.tell(stop, 'ARRIVED');
    const service_ms = Math.max(10000, Number(stop.leave_ms) - Number(stop.begin_ms)) * this.luck.between(0.7, 1.2);
    await this.play.clock.sleep(service_ms);
    const finished = await this[stop.kind](stop);
    this.serving = false;
    if (finished) {
      this.done.add(key);
      return;
    }
    const times = (this.refusals.get(key) ?? 0) + 1;
    this.refusals.set(key, times);
    if (times === REFUSED_TRIES_MAX) await this.tell(stop, 'FAILED', { fail_reason: 'FAIL_REASON_OTHER', reason: 'the stop could not be finished' });
    await this.rest(30000);
  }

  STOP_KIND_PICKUP(stop) {
    return this.tell(stop, 'PICKED_UP');
  }
  STOP_KIND_KIT(stop) {
    return this.tell(stop, 'PICKED_UP', { code: `KIT-${stop.order_id}` });
  }
  STOP_KIND_RETURN(stop) {
    return this.tell(stop, 'RETURNED', { fail_reason: 'FAIL_REASON_ABSENT', reason: 'nobody opened; brought back to the pharmacy' });
  }

  async STOP_KIND_HOME(stop) {
    const door = this.play.providers.doors.get(stop.order_id) ?? { code: '', absent: false };
    if (door.absent) return this.tell(stop, 'FAILED', { fail_reason: 'FAIL_REASON_ABSENT', reason: 'nobody opened, two calls unanswered' });
    const delivery = this.route.deliveries.find((one) => one.order_id === stop.order_id);
    if (delivery?.goods === 'test kit') {
      if (!(await this.tell(stop, 'COLLECTED', { code: `KIT-${stop.order_id}` }))) return false;
      return this.tell(stop, 'SEALED', { code: `SEAL-${stop.order_id}` });
    }
    if (delivery?.goods === 'medicine, cold') await this.tell(stop, 'TEMPERATURE', { temperature_mdegc: 4200 });
    return this.tell(stop, 'DELIVERED', { code: door.code, recipient_checked: true, proof_reference: `photo-${stop.order_id}` });
  }

  async STOP_KIND_LAB(stop) {
    const lab = { courier_id: 0, lab_id: stop.facility_id, source: `lab-${stop.facility_id}` };
    if (!(await this.tell(stop, 'LAB_ACCEPTED', { code: `SEAL-${stop.order_id}` }, lab))) return false;
    this.play.reportLater(stop.order_id, lab, this.luck.between(900, 1800) * 1000);
    return true;
  }
  STOP_KIND_BASE() {
    return true;
  }
}
