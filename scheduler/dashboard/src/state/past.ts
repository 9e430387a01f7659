// A past hour of the city, rebuilt from its facts. Pure. Facts say who did what and when; where a home is they do not say (it is nobody's business in a log), so
// places come from what the page knows of orders and facilities, and an order it does not know is in the lists but not on the map.
import { boardNew } from './board';
import type { Board } from './board';
import type { Courier, Fact, Order, Place } from './model';

export interface Known { order: (id: string) => Order | undefined; facility: (id: string) => Place | undefined }
export interface Past { board: Board; next: number; at_ms: number }

const NOWHERE: Place = { lat: 0, lon: 0 };
export const pastNew = (): Past => ({ board: boardNew(), next: 0, at_ms: 0 });

export function fields(detail: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(detail || '{}');
    return typeof value === 'object' && value ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function orderOf(past: Past, fact: Fact, known: Known): Order {
  const have = past.board.orders.get(fact.order);
  if (have) return have;
  const now = known.order(fact.order);
  const made: Order = { id: fact.order, phase: fact.phase, version: 0, courier: '', promise_ms: now?.promise_ms ?? 0, eta_ms: 0, kind: now?.kind ?? 0, priority: now?.priority ?? 1, pickup: now?.pickup ?? NOWHERE, home: now?.home ?? NOWHERE, pharmacy: now?.pharmacy ?? '',
    accepted_ms: fact.at_ms, ready_ms: 0, unplanned: '', pinned: false, held: false, alerts: [], seen: [] };
  past.board.orders.set(made.id, made);
  return made;
}

function courierOf(past: Past, id: string): Courier {
  const have = past.board.couriers.get(id);
  if (have) return have;
  const made: Courier = { id, on_shift: true, at: NOWHERE, seen_ms: 0, heading: 0, stops: [], route_version: 0, shift_ends_ms: 0 };
  past.board.couriers.set(id, made);
  return made;
}

/** One fact. What the kind does not change stays. */
export function pastApply(past: Past, fact: Fact, known: Known): void {
  past.at_ms = past.board.now_ms = fact.at_ms;
  const told = fields(fact.detail);
  const order = fact.order ? orderOf(past, fact, known) : null;
  const courier = fact.courier ? courierOf(past, fact.courier) : null;
  if (order) {
    order.phase = fact.phase;
    order.version = fact.version;
    if (fact.kind === 'ORDER_ASSIGNED' || fact.kind === 'ORDER_TAKEN') order.courier = fact.courier;
    else if (fact.kind === 'ORDER_UNASSIGNED' || fact.kind === 'ORDER_DECLINED') order.courier = '';
    else if (fact.kind === 'ORDER_PINNED') order.pinned = told['on'] === true;
    else if (fact.kind === 'ORDER_HELD') order.held = told['on'] === true;
    else if (fact.kind === 'ALERT_RAISED' && typeof told['alert'] === 'string') order.alerts = [...new Set([...order.alerts, told['alert']])];
    else if (fact.kind === 'ORDER_PRIORITIZED') order.priority = Number(told['priority']) || order.priority;
    if (typeof told['eta_ms'] === 'number') order.eta_ms = told['eta_ms'];
  }
  if (courier) {
    if (fact.kind === 'SHIFT_ENDED') courier.on_shift = false;
    else if (fact.kind === 'SHIFT_STARTED') {
      courier.on_shift = true;
      courier.shift_ends_ms = Number(told['ends_ms']) || 0;
    } else if (fact.kind === 'ROUTE_PLANNED') {
      // how many stops, not which: a log of facts has no places
      courier.stops = Array.from({ length: Math.min(99, Number(told['stops']) || 0) }, () => ({ order: '', kind: 0, at: NOWHERE, facility: '', arrive_ms: 0, begin_ms: 0, leave_ms: 0, travel_s: 0, travel_m: 0, told: false, arrived: false }));
    } else if (fact.kind === 'STOP_ARRIVED') {
      const facility = told['facility_id'] ? known.facility(String(told['facility_id'])) : undefined;
      const there = facility ?? (order && (order.home.lat || order.home.lon) ? order.home : undefined);
      if (there) courier.at = there;
      courier.seen_ms = fact.at_ms;
    }
  }
}

/** Go on to a moment; going back begins anew. `facts` in order. */
export function pastTo(past: Past, facts: Fact[], at_ms: number, known: Known): Past {
  let out = past;
  if (at_ms < out.at_ms) out = pastNew();
  while (out.next < facts.length && facts[out.next]!.at_ms <= at_ms) pastApply(out, facts[out.next++]!, known);
  out.at_ms = out.board.now_ms = at_ms;
  return out;
}

/** What a stretch of the log says about how well it went. */
export interface Counted { at_risk: number; recovered: number; missed: number; changes: number; by_dispatcher: number; facts: number }
export class Counter {
  private readonly risky = new Set<string>();
  private readonly lost = new Set<string>();
  private readonly done = new Set<string>();
  private readonly out: Counted = { at_risk: 0, recovered: 0, missed: 0, changes: 0, by_dispatcher: 0, facts: 0 };

  add(fact: Fact): void {
    this.out.facts++;
    if (fact.kind === 'ALERT_RAISED' && fields(fact.detail)['alert'] === 'PROMISE_AT_RISK') this.risky.add(fact.order);
    else if (fact.kind === 'PROMISE_MISSED') this.lost.add(fact.order);
    else if (fact.kind === 'ORDER_DELIVERED' || fact.kind === 'SPECIMEN_LAB_ACCEPTED') this.done.add(fact.order);
    else if (fact.kind === 'ROUTE_PLANNED') this.out.changes += Number(fields(fact.detail)['changes']) || 0;
    if (fact.actor.startsWith('dispatcher:')) this.out.by_dispatcher++;
  }

  /** Recovered: it was at risk, and was brought in time after all. */
  told(): Counted {
    return { ...this.out, at_risk: this.risky.size, missed: this.lost.size, recovered: [...this.risky].filter((id) => this.done.has(id) && !this.lost.has(id)).length };
  }
}
