// Lists out of the city: who is at risk, who is nobody's, what the day's figures are. Pure.
import { AT_RISK_MS, isCarried, isFailed, isOpen, isPromised, isUnassigned, phaseName, riskOf, slack, urgency } from './model';
import type { Board } from './board';
import type { Courier, Order, Risk } from './model';

export interface Filter { text: string; only_risk: boolean; kind: number; courier: string }
export const FILTER_NONE: Filter = { text: '', only_risk: false, kind: 0, courier: '' };

/** Promised orders, the most urgent first; equal ones by id, so that rows do not jump. */
export function byUrgency(board: Board, now_ms: number, filter: Filter = FILTER_NONE): Order[] {
  const rows: { order: Order; urgency: number }[] = [];
  for (const order of board.orders.values()) {
    if (!isPromised(order)) continue;
    const value = urgency(order, now_ms);
    if (filter.only_risk && value >= AT_RISK_MS) continue;
    if (filter.kind && order.kind !== filter.kind) continue;
    if (filter.courier && order.courier !== filter.courier) continue;
    if (filter.text && !matches(order, filter.text)) continue;
    rows.push({ order, urgency: value });
  }
  rows.sort((a, b) => a.urgency - b.urgency || compareIds(a.order.id, b.order.id));
  return rows.map((row) => row.order);
}

function matches(order: Order, text: string): boolean {
  return order.id.startsWith(text) || order.courier === text || phaseName(order.phase).toLowerCase().startsWith(text.toLowerCase());
}

export const compareIds = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

export const unassigned = (board: Board, now_ms: number): Order[] => [...board.orders.values()].filter(isUnassigned).sort((a, b) => urgency(a, now_ms) - urgency(b, now_ms) || compareIds(a.id, b.id));
export const failed = (board: Board): Order[] => [...board.orders.values()].filter(isFailed).sort((a, b) => b.promise_ms - a.promise_ms || compareIds(a.id, b.id));

export interface Figures {
  open: number; at_risk: number; late: number; unassigned: number; carried: number; over: number; failed: number;
  within_3h: number; // share of delivered ones, 0..1; NaN: none yet
  p50_ms: number; p90_ms: number; // acceptance to hand-over of delivered ones; 0: none yet
  couriers_on: number; couriers_busy: number; silent: number;
}

const THREE_HOURS_MS = 3 * 3600 * 1000;

/** A rank of a sorted list, the nearest: 0 if it is empty. */
export const percentile = (sorted: number[], share: number): number => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]! : 0);

export function figures(board: Board, now_ms: number): Figures {
  const out: Figures = { open: 0, at_risk: 0, late: 0, unassigned: 0, carried: 0, over: 0, failed: 0, within_3h: NaN, p50_ms: 0, p90_ms: 0, couriers_on: 0, couriers_busy: 0, silent: 0 };
  const spans: number[] = [];
  for (const order of board.orders.values()) {
    if (isOpen(order)) {
      out.open++;
      if (isCarried(order)) out.carried++;
      if (isUnassigned(order)) out.unassigned++;
      if (isPromised(order)) {
        const left = urgency(order, now_ms);
        if (left < AT_RISK_MS) out.at_risk++;
        if (left < 0 && (slack(order, now_ms) ?? order.promise_ms - now_ms) < 0) out.late++;
      }
    } else {
      out.over++;
      if (isFailed(order)) out.failed++;
    }
    const name = phaseName(order.phase);
    if ((name === 'DELIVERED' || name === 'REPORTED' || name === 'LAB_ACCEPTED') && order.eta_ms > order.accepted_ms) spans.push(order.eta_ms - order.accepted_ms);
  }
  spans.sort((a, b) => a - b);
  if (spans.length) out.within_3h = spans.filter((span) => span <= THREE_HOURS_MS).length / spans.length;
  out.p50_ms = percentile(spans, 0.5);
  out.p90_ms = percentile(spans, 0.9);
  for (const courier of board.couriers.values()) {
    if (!courier.on_shift) continue;
    out.couriers_on++;
    if (courier.stops.length) out.couriers_busy++;
    if (courier.stops.length && isSilent(courier, now_ms)) out.silent++;
  }
  return out;
}

export const SILENT_MS = 5 * 60 * 1000;
export const isSilent = (courier: Courier, now_ms: number): boolean => courier.seen_ms === 0 || now_ms - courier.seen_ms > SILENT_MS;

export interface Alert { id: string; order: string; kind: string; risk: Risk }
/** One alert for each order and kind that nobody has acknowledged. */
export function alerts(board: Board): Alert[] {
  const out: Alert[] = [];
  for (const order of board.orders.values()) {
    if (!isOpen(order)) continue;
    for (const kind of order.alerts) if (!order.seen.includes(kind)) out.push({ id: `${order.id}:${kind}`, order: order.id, kind, risk: riskOf(order) });
  }
  return out.sort((a, b) => compareIds(a.order, b.order) || (a.kind < b.kind ? -1 : 1));
}

export interface Found { kind: 'order' | 'courier' | 'place'; id: string; label: string }
export interface Named { id: string; name: string }

/** Orders by number or state, couriers and places by number or name; the nearest matches first. */
export function search(board: Board, couriers: ReadonlyMap<string, Named>, places: ReadonlyMap<string, Named>, text: string, most = 20): Found[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const out: { found: Found; rank: number }[] = [];
  const add = (kind: Found['kind'], id: string, name: string) => {
    const low = name.toLowerCase();
    const rank = id === wanted ? 0 : low === wanted ? 1 : id.startsWith(wanted) ? 2 : low.startsWith(wanted) ? 3 : low.includes(wanted) ? 4 : 9;
    if (rank < 9) out.push({ found: { kind, id, label: name }, rank });
  };
  for (const order of board.orders.values()) add('order', order.id, phaseName(order.phase));
  for (const courier of board.couriers.values()) add('courier', courier.id, couriers.get(courier.id)?.name ?? '');
  for (const place of places.values()) add('place', place.id, place.name);
  out.sort((a, b) => a.rank - b.rank || compareIds(a.found.id, b.found.id));
  return out.slice(0, most).map((one) => one.found);
}
