// What the page knows of the city, in its own words: ids are strings (64 bits do not fit a number), times are numbers of milliseconds.
// It must not know the wire: api/convert.ts translates.

export const Phase = {
  UNKNOWN: 0, RECEIVED: 1, REFUSED: 2, ADJUDICATED: 3, APPROVED: 4, READY: 5, ASSIGNED: 6, ACCEPTED: 7, PICKED_UP: 8, KIT_PICKED_UP: 9, ARRIVED: 10,
  DELIVERED: 11, COLLECTED: 12, SEALED: 13, LAB_ACCEPTED: 14, REPORTED: 15, SPECIMEN_REJECTED: 16, CANCELLED: 17, FAILED: 18, RETURNING: 19, RETURNED: 20,
} as const;
export type PhaseName = keyof typeof Phase;
export const PHASE_NAMES = Object.keys(Phase) as PhaseName[];
export const phaseName = (phase: number): PhaseName => PHASE_NAMES[phase] ?? 'UNKNOWN';

export const KIND_NAMES = ['UNKNOWN', 'PRESCRIPTION', 'TEST', 'RETURN'] as const;
export const PRIORITY_NAMES = ['ROUTINE', 'ROUTINE', 'URGENT', 'CRITICAL'] as const;
export const STOP_NAMES = ['UNKNOWN', 'PICKUP', 'HOME', 'KIT', 'LAB', 'RETURN', 'BASE'] as const;

export interface Place { lat: number; lon: number }

export interface Order {
  id: string;
  phase: number;
  version: number;
  courier: string; // '': none
  promise_ms: number;
  eta_ms: number; // 0: unknown
  kind: number;
  priority: number;
  pickup: Place;
  home: Place;
  pharmacy: string;
  accepted_ms: number;
  ready_ms: number;
  unplanned: string; // the server's reason, '': planned
  pinned: boolean;
  held: boolean;
  alerts: string[];
  seen: string[]; // those of `alerts` that somebody has acknowledged
}

export interface Stop {
  order: string;
  kind: number;
  at: Place;
  facility: string;
  arrive_ms: number;
  begin_ms: number;
  leave_ms: number;
  travel_s: number;
  travel_m: number;
  told: boolean;
  arrived: boolean;
}

export interface Courier {
  id: string;
  on_shift: boolean;
  at: Place;
  seen_ms: number; // 0: never
  heading: number;
  stops: Stop[];
  route_version: number;
  shift_ends_ms: number;
}

export interface Fact {
  seq: number;
  at_ms: number;
  kind: string;
  order: string;
  courier: string;
  phase: number;
  version: number;
  actor: string;
  detail: string;
}

const OVER = new Set<number>([Phase.REFUSED, Phase.DELIVERED, Phase.REPORTED, Phase.SPECIMEN_REJECTED, Phase.CANCELLED, Phase.FAILED, Phase.RETURNED]);
const FAILED = new Set<number>([Phase.FAILED, Phase.RETURNING, Phase.RETURNED, Phase.SPECIMEN_REJECTED]);
const CARRIED = new Set<number>([Phase.PICKED_UP, Phase.KIT_PICKED_UP, Phase.ARRIVED, Phase.COLLECTED, Phase.SEALED, Phase.RETURNING]);

export const isOver = (order: Order): boolean => OVER.has(order.phase);
export const isOpen = (order: Order): boolean => !OVER.has(order.phase);
export const isFailed = (order: Order): boolean => FAILED.has(order.phase);
export const isCarried = (order: Order): boolean => CARRIED.has(order.phase);
/** The clock of the promise still runs: a specimen at the laboratory or goods on their way back wait for nobody's promise. */
export const isPromised = (order: Order): boolean => isOpen(order) && order.phase !== Phase.LAB_ACCEPTED && order.phase !== Phase.RETURNING && order.promise_ms > 0;
/** Nobody has it and somebody should. */
export const isUnassigned = (order: Order): boolean => isPromised(order) && order.courier === '' && order.unplanned !== '';

/** Milliseconds left after the planned end; an estimate that has passed has become "now". null: nothing is planned. */
export function slack(order: Order, now_ms: number): number | null {
  if (order.eta_ms === 0) return null;
  return order.promise_ms - Math.max(order.eta_ms, isOpen(order) ? now_ms : 0);
}

/** The order in which dispatchers should look: unplanned ones by what is left of the promise, others by slack. */
export function urgency(order: Order, now_ms: number): number {
  const left = slack(order, now_ms);
  return left === null ? order.promise_ms - now_ms - UNPLANNED_NEEDS_MS : left;
}
const UNPLANNED_NEEDS_MS = 60 * 60 * 1000; // an order without a plan is taken to need an hour yet

export const AT_RISK_MS = 15 * 60 * 1000;
export const isAtRisk = (order: Order, now_ms: number): boolean => isPromised(order) && urgency(order, now_ms) < AT_RISK_MS;

export type Risk = 'no_courier' | 'no_skill' | 'capacity' | 'shift' | 'pharmacy' | 'approval' | 'cold' | 'specimen' | 'lab' | 'unreachable' | 'held' | 'silent' | 'travel';

/** Why it is at risk: the first that is true, the most telling first. */
export function riskOf(order: Order): Risk {
  if (order.held) return 'held';
  if (order.alerts.includes('TEMPERATURE')) return 'cold';
  switch (order.unplanned) {
    case 'NO_SKILL': return 'no_skill';
    case 'CAPACITY': return 'capacity';
    case 'SHIFT_END': return 'shift';
    case 'LAB_CLOSED': return 'lab';
    case 'STABILITY': return 'specimen';
    case 'UNREACHABLE': return 'unreachable';
    case 'HELD': return 'held';
    case 'NO_COURIER': return 'no_courier';
    default: break;
  }
  if (order.phase === Phase.RECEIVED || order.phase === Phase.ADJUDICATED) return 'approval';
  if (order.phase === Phase.APPROVED && order.kind === 1) return 'pharmacy';
  if (order.courier === '') return 'no_courier';
  if (order.alerts.includes('COURIER_SILENT')) return 'silent';
  return 'travel';
}
