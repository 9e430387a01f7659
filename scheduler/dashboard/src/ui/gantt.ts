// What the timeline draws, as numbers: rows of couriers, blocks of stops, gaps. Pure.
import type { Courier, Order, Stop } from '../state/model';
import { isPromised } from '../state/model';
import { compareIds } from '../state/rank';
import type { Board } from '../state/board';

export const ROW_PX = 38;
export interface Span { from_ms: number; to_ms: number }
export const xOf = (ms: number, span: Span, width: number): number => ((ms - span.from_ms) / (span.to_ms - span.from_ms)) * width;

export interface Block { order: string; kind: number; x: number; width: number; travel_x: number; wait_x: number; told: boolean; level: 'late' | 'risk' | 'good' | 'over' }
export interface Row { courier: Courier; blocks: Block[]; promises: { order: string; x: number }[]; off_x: number; pauses: { x: number; width: number }[] }

/** Couriers with work first, the most stops on top among equals by name's number; so that rows do not jump with each change, the order is by id alone within a group. */
export function lanes(board: Board, only_busy: boolean): Courier[] {
  return [...board.couriers.values()].filter((courier) => courier.on_shift && (!only_busy || courier.stops.length > 0)).sort((a, b) => compareIds(a.id, b.id));
}

const BLOCK_PX_MIN = 7, PAUSE_MS = 10 * 60000;
const HOME = 2, LAB = 4;

export function row(courier: Courier, orders: ReadonlyMap<string, Order>, levelOf: (order: Order) => Block['level'], span: Span, width: number, now_ms: number): Row {
  const blocks: Block[] = [], promises: Row['promises'] = [], pauses: Row['pauses'] = [];
  const promised = new Set<string>();
  let free_ms = now_ms;
  for (const stop of courier.stops) {
    const order = orders.get(stop.order);
    const arrive_ms = stop.arrived ? Math.min(stop.arrive_ms, now_ms) : stop.arrive_ms;
    const begin = xOf(stop.begin_ms, span, width), end = xOf(Math.max(stop.leave_ms, stop.begin_ms), span, width);
    const drive_ms = stop.arrived ? arrive_ms : arrive_ms - stop.travel_s * 1000;
    if (drive_ms - free_ms > PAUSE_MS) pauses.push({ x: xOf(free_ms, span, width), width: xOf(drive_ms, span, width) - xOf(free_ms, span, width) });
    free_ms = Math.max(free_ms, stop.leave_ms);
    blocks.push({ order: stop.order, kind: stop.kind, x: begin, width: Math.max(BLOCK_PX_MIN, end - begin), travel_x: xOf(drive_ms, span, width), wait_x: xOf(arrive_ms, span, width), told: stop.told, level: order ? levelOf(order) : 'over' });
    if (order && isPromised(order) && !promised.has(order.id) && (stop.kind === LAB || (stop.kind === HOME && order.kind !== 2))) {
      promised.add(order.id);
      promises.push({ order: order.id, x: xOf(order.promise_ms, span, width) });
    }
  }
  return { courier, blocks, promises, pauses, off_x: xOf(courier.shift_ends_ms, span, width) };
}

/** Marks of the axis: whole quarters, half hours or hours, so that about ten are seen. */
export function ticks(span: Span, offset_ms: number): number[] {
  const whole = span.to_ms - span.from_ms;
  const step = [5, 15, 30, 60, 120, 240].map((m) => m * 60000).find((ms) => whole / ms <= 12) ?? 480 * 60000;
  const out: number[] = [];
  for (let at = Math.ceil((span.from_ms + offset_ms) / step) * step - offset_ms; at < span.to_ms; at += step) out.push(at);
  return out;
}

/** The next or previous stop's order of a courier, from the one chosen. */
export function stepOrder(stops: Stop[], from: string, by: 1 | -1): string {
  const ids = [...new Set(stops.map((stop) => stop.order).filter(Boolean))];
  if (!ids.length) return '';
  const at = ids.indexOf(from);
  return at < 0 ? (by > 0 ? ids[0]! : ids[ids.length - 1]!) : ids[Math.max(0, Math.min(ids.length - 1, at + by))]!;
}
