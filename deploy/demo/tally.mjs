// What happened, from the orders' own facts as WatchOrders tells them: the player keeps no second truth. At the end the list of orders
// and claims is read once more and must agree.
export const PROMISE_MS = 3 * 3600 * 1000;
const TERMINAL = new Set(['REFUSED', 'DELIVERED', 'REPORTED', 'SPECIMEN_REJECTED', 'CANCELLED', 'FAILED', 'RETURNED']);
const CARRIED = new Set(['PICKED_UP', 'KIT_PICKED_UP', 'ARRIVED', 'COLLECTED', 'SEALED', 'LAB_ACCEPTED', 'RETURNING']);
const phaseName = (phase) => phase.replace('ORDER_PHASE_', '');
const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);

export class Tally {
  constructor() {
    this.orders = new Map();     // id -> { phase, kind, accepted_ms, done_ms, reason }
    this.refusals = new Map();   // rule -> count
    this.faults = [];
    this.refusedEvents = new Map();
    this.givenUp = new Set();
    this.seq = '0';
    this.accepts = 0;
    this.declines = 0;
    this.waiters = [];
  }

  follow(api, city_id) {
    this.stop = api.follow('OrderService', 'WatchOrders', () => ({ city_id, after_seq: this.seq }), (message) => {
      for (const fact of message.facts) this.fact(fact);
      if (BigInt(message.seq) > BigInt(this.seq)) this.seq = message.seq;
    }, (error) => this.fault('WatchOrders', error));
  }

  fact(fact) {
    const order = this.orders.get(fact.order_id) ?? { id: fact.order_id, phase: 'RECEIVED' };
    this.orders.set(fact.order_id, order);
    const phase = phaseName(fact.phase);
    if (phase !== 'UNSPECIFIED') order.phase = phase;
    if ((phase === 'DELIVERED' || phase === 'LAB_ACCEPTED') && !order.done_ms) order.done_ms = Number(fact.at_ms);
  }

  submitted(order, answer) {
    const phase = phaseName(answer.order.phase);
    const known = this.orders.get(order.id) ?? { id: order.id, phase };
    Object.assign(known, { index: order.index, kind: order.kind, acknowledged: true, rule: answer.claim.refusal_rule, reason: answer.claim.refusal_text });
    if (phase === 'REFUSED') {
      known.phase = phase;
      count(this.refusals, answer.claim.refusal_rule || 'unnamed');
    }
    this.orders.set(order.id, known);
  }

  ended(id) {
    return TERMINAL.has(this.orders.get(id)?.phase);
  }
  carried(id) {
    return CARRIED.has(this.orders.get(id)?.phase);
  }
  answered(accept) {
    if (accept) this.accepts++;
    else this.declines++;
  }
  refusedEvent(text) {
    count(this.refusedEvents, text);
  }
  fault(where, error) {
    const text = `${where}: ${error.message ?? error}`;
    if (this.faults.length < 1000) this.faults.push(text);
  }

  phases() {
    const phases = {};
    for (const order of this.orders.values()) phases[order.phase] = (phases[order.phase] ?? 0) + 1;
    return phases;
  }
  open() {
    return [...this.orders.values()].filter((order) => !TERMINAL.has(order.phase));
  }

  /** Read everything once more through the API: lists, claims. Disagreement is a fault. */
  async close(api, city_id) {
    const listed = [], claims = [];
    for (let after = '0'; ;) {
      const page = await api.call('OrderService', 'ListOrders', { city_id, page_size: 500, after_order_id: after });
      listed.push(...page.orders);
      after = page.next_after_order_id;
      if (after === '0' || page.orders.length === 0) break;
    }
    for (let after = '0'; ;) {
      const page = await api.call('ClaimService', 'ListClaims', { city_id, page_size: 500, after_claim_id: after });
      claims.push(...page.claims);
      after = page.next_after_claim_id;
      if (after === '0' || page.claims.length === 0) break;
    }
    const stored = new Map(listed.map((order) => [order.state.order_id, order]));
    for (const order of this.orders.values()) {
      const row = stored.get(order.id);
      if (!row) {
        if (order.acknowledged) this.fault('list', `order ${order.id} was acknowledged and is not there`);
        continue;
      }
      if (phaseName(row.state.phase) !== order.phase) this.fault('list', `order ${order.id} is ${row.state.phase} in the list, ${order.phase} in the stream`);
      order.accepted_ms = Number(row.accepted_ms);
      order.reason = row.end_reason || order.reason;
    }
    return { claims };
  }

  summary(orders_asked) {
    const all = [...this.orders.values()];
    const in_phase = (...names) => all.filter((order) => names.includes(order.phase));
    const delivered = in_phase('DELIVERED', 'LAB_ACCEPTED', 'REPORTED');
    const minutes = delivered.map((order) => (order.done_ms - order.accepted_ms) / 60000).sort((a, b) => a - b);
    const within = delivered.filter((order) => order.done_ms - order.accepted_ms <= PROMISE_MS).length;
    const wanted = delivered.length + this.givenUp.size;
    const mean = minutes.length ? minutes.reduce((sum, m) => sum + m, 0) / minutes.length : 0;
    const reasons = new Map();
    for (const order of in_phase('FAILED', 'RETURNED', 'SPECIMEN_REJECTED')) count(reasons, order.reason || 'no reason given');
    for (const order of in_phase('CANCELLED')) count(reasons, `cancelled: ${order.reason || 'no reason given'}`);
    return { orders_asked, orders_total: all.length, orders_delivered: delivered.length, orders_failed: in_phase('FAILED', 'RETURNED', 'SPECIMEN_REJECTED').length, orders_cancelled: in_phase('CANCELLED').length,
      orders_refused: in_phase('REFUSED').length, orders_open: this.open().length, orders_given_up: this.givenUp.size, share_within_3h: wanted ? within / wanted : 0,
      mean_minutes: mean, p90_minutes: minutes.length ? minutes[Math.min(minutes.length - 1, Math.floor(minutes.length * 0.9))] : 0,
      endings_without_reason: all.filter((order) => ['FAILED', 'RETURNED', 'SPECIMEN_REJECTED', 'CANCELLED', 'REFUSED'].includes(order.phase) && !order.reason).length,
      refusals_by_rule: Object.fromEntries([...this.refusals].sort()), endings_by_reason: Object.fromEntries([...reasons].sort()),
      offers_accepted: this.accepts, offers_declined: this.declines, events_refused: Object.fromEntries(this.refusedEvents) };
  }
}
