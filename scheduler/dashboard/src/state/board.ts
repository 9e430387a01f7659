// The city by snapshot and numbered deltas. Pure: messages in, a changed board and what changed out; no clock, no network, no screen.
// The maps are changed in place: at 100 deltas a second, copying 10,000 orders each time would be the page's main work.
import type { Courier, Fact, Order } from './model';

export interface Snapshot { kind: 'snapshot'; seq: number; now_ms: number; orders: Order[]; couriers: Courier[] }
/** seq_first 0: positions, or only a sign of life. */
export interface Delta { kind: 'delta'; seq_first: number; seq_last: number; now_ms: number; orders: Order[]; couriers: Courier[]; facts: Fact[] }
export type Message = Snapshot | Delta;

export interface Board { seq: number; now_ms: number; orders: Map<string, Order>; couriers: Map<string, Courier>; synced: boolean }
export interface Change { gap: boolean; whole: boolean; orders: string[]; couriers: string[]; facts: Fact[] }

export const boardNew = (): Board => ({ seq: 0, now_ms: 0, orders: new Map(), couriers: new Map(), synced: false });
const nothing = (gap = false): Change => ({ gap, whole: false, orders: [], couriers: [], facts: [] });

function applySnapshot(board: Board, snapshot: Snapshot): Change {
  board.seq = snapshot.seq;
  board.now_ms = snapshot.now_ms;
  board.orders = new Map(snapshot.orders.map((order) => [order.id, order]));
  board.couriers = new Map(snapshot.couriers.map((courier) => [courier.id, courier]));
  board.synced = true;
  return { gap: false, whole: true, orders: [], couriers: [], facts: [] };
}

function applyDelta(board: Board, delta: Delta): Change {
  if (!board.synced) return nothing(true);
  if (delta.seq_first > 0) {
    if (delta.seq_last <= board.seq) return nothing(); // the snapshot had it already
    if (delta.seq_first !== board.seq + 1) {
      board.synced = false; // what came between is not known: nothing of this may be shown as the city
      return nothing(true);
    }
    board.seq = delta.seq_last;
  }
  board.now_ms = Math.max(board.now_ms, delta.now_ms);
  for (const order of delta.orders) board.orders.set(order.id, order);
  for (const courier of delta.couriers) board.couriers.set(courier.id, courier);
  return { gap: false, whole: false, orders: delta.orders.map((o) => o.id), couriers: delta.couriers.map((c) => c.id), facts: delta.facts };
}

export function boardApply(board: Board, message: Message): Change {
  return message.kind === 'snapshot' ? applySnapshot(board, message) : applyDelta(board, message);
}

/** Changes of one turn as one. After a gap nothing else counts. */
export function changeJoin(changes: Change[]): Change {
  const all = nothing();
  const orders = new Set<string>(), couriers = new Set<string>();
  for (const change of changes) {
    all.gap ||= change.gap;
    all.whole ||= change.whole;
    for (const id of change.orders) orders.add(id);
    for (const id of change.couriers) couriers.add(id);
    all.facts.push(...change.facts);
  }
  all.orders = [...orders];
  all.couriers = [...couriers];
  return all;
}
