// The wire's messages -> the page's words. 64-bit ids become strings, times numbers (exact until the year 287396).
import type { BoardCourier, BoardOrder, WatchBoardResponse } from '../gen/meddispatch/v1/board_pb';
import type { PlannedStop, Point } from '../gen/meddispatch/v1/common_pb';
import type { OrderFact } from '../gen/meddispatch/v1/order_pb';
import type { Courier, Fact, Order, Place, Stop } from '../state/model';
import type { Message } from '../state/board';

export const id = (value: bigint): string => (value === 0n ? '' : value.toString());
export const place = (point: Point | undefined): Place => ({ lat: point?.lat ?? 0, lon: point?.lon ?? 0 });

export function order(from: BoardOrder): Order {
  const state = from.state;
  return {
    id: id(state?.orderId ?? 0n), phase: state?.phase ?? 0, version: state?.version ?? 0, courier: id(state?.courierId ?? 0n), promise_ms: Number(state?.promiseMs ?? 0n), eta_ms: Number(state?.etaMs ?? 0n),
    kind: from.kind, priority: from.priority, pickup: place(from.pickup), home: place(from.home), pharmacy: id(from.pharmacyId), accepted_ms: Number(from.acceptedMs), ready_ms: Number(from.readyMs),
    unplanned: from.unplannedReason, pinned: from.pinned, held: from.held, alerts: from.alerts, seen: from.alertsSeen,
  };
}

export function stop(from: PlannedStop): Stop {
  return {
    order: id(from.orderId), kind: from.kind, at: place(from.at), facility: id(from.facilityId), arrive_ms: Number(from.arriveMs), begin_ms: Number(from.beginMs), leave_ms: Number(from.leaveMs),
    travel_s: from.travelS, travel_m: from.travelM, told: from.told, arrived: from.arrived,
  };
}

export function courier(from: BoardCourier): Courier {
  return {
    id: id(from.courierId), on_shift: from.onShift, at: place(from.at), seen_ms: Number(from.positionMs), heading: from.headingDeg, stops: from.stops.map(stop), route_version: from.routeVersion,
    shift_ends_ms: Number(from.shiftEndsMs),
  };
}

export function fact(from: OrderFact): Fact {
  return { seq: Number(from.seq), at_ms: Number(from.atMs), kind: from.kind, order: id(from.orderId), courier: id(from.courierId), phase: from.phase, version: from.version, actor: from.actor, detail: from.detail };
}

/** null: a message without content, which a later server may send. */
export function message(from: WatchBoardResponse): Message | null {
  switch (from.what.case) {
    case 'snapshot': {
      const { seq, nowMs, orders, couriers } = from.what.value;
      return { kind: 'snapshot', seq: Number(seq), now_ms: Number(nowMs), orders: orders.map(order), couriers: couriers.map(courier) };
    }
    case 'delta': {
      const { seqFirst, seqLast, nowMs, orders, couriers, facts } = from.what.value;
      return { kind: 'delta', seq_first: Number(seqFirst), seq_last: Number(seqLast), now_ms: Number(nowMs), orders: orders.map(order), couriers: couriers.map(courier), facts: facts.map(fact) };
    }
    case undefined: return null;
  }
}
