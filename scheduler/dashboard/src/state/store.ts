// The page's state as signals. One number, `turn`, grows with each batch of changes: what is derived from the city hangs on it, so a hundred deltas are one drawing.
import { computed, signal } from '@preact/signals';
import { city, mayWatch, signedOut } from '../api/session';
import { clockHear, clockNew, clockNow } from './clock';
import { Feed } from './feed';
import type { Health } from './feed';
import type { Fact, Order } from './model';
import { alerts, byUrgency, failed, figures, FILTER_NONE, unassigned } from './rank';
import type { Filter, Named } from './rank';
import { trailAdd } from './trail';
import type { Trails } from './trail';

export type View = 'board' | 'timeline' | 'unassigned' | 'alerts' | 'day' | 'playback' | 'settlement';
export const VIEWS: View[] = ['board', 'timeline', 'unassigned', 'alerts', 'day', 'playback', 'settlement'];

export const health = signal<Health>('opening');
export const healthText = signal('');
export const turn = signal(0);
export const view = signal<View>('board');
export const selected = signal<string>(''); // an order
export const selectedCourier = signal<string>('');
export const mapTo = signal<{ lat: number; lon: number } | null>(null); // where the map should look
export const marked = signal<ReadonlySet<string>>(new Set()); // orders for a bulk act
export const filter = signal<Filter>(FILTER_NONE);
export const zone = signal('Asia/Shanghai');
export const facts = signal<Fact[]>([]); // the latest, newest first
export const said = signal(''); // for the polite live region
export interface Facility extends Named { kind: number; at: { lat: number; lon: number } }
export interface CourierInfo extends Named { cold: boolean; sampling: boolean; active: boolean }
export const places = signal<ReadonlyMap<string, Facility>>(new Map());
export const courierInfo = signal<ReadonlyMap<string, CourierInfo>>(new Map());

export const trails: Trails = new Map();
const FACTS_KEPT = 300;
const clock = clockNew();
/** The city's time; grows by itself between messages. */
export const now = (): number => clockNow(clock, performance.now());
export const pace = (): number => clock.rate;
/** Once a second of the page: for countdowns. */
export const tick = signal(0);

export const feed = new Feed({
  open: async function* (abort) {
    const { clients, convert } = await import('../api/wire');
    if (signedOut.value) throw new Error('not signed in');
    for await (const response of clients.board.watchBoard({ cityId: city.value }, { signal: abort })) yield convert.message(response);
  },
  onTime: (now_ms, at) => clockHear(clock, now_ms, at),
  onChange: (city_now, change) => {
    if (change.whole) for (const courier of city_now.couriers.values()) trailAdd(trails, courier);
    for (const id of change.couriers) trailAdd(trails, city_now.couriers.get(id)!);
    if (change.facts.length) facts.value = [...change.facts.slice(-FACTS_KEPT).reverse(), ...facts.value].slice(0, FACTS_KEPT);
    turn.value++;
  },
  onHealth: (value, why) => {
    health.value = value;
    healthText.value = why;
  },
  now: () => performance.now(),
});
export const board = feed.board;

/** Hang what is being computed on these. */
export const follow = (...on: { value: unknown }[]): void => on.forEach((one) => one.value);

/** Derived lists are made again with each turn, or with the second's tick as slack shrinks; a turn is at most four a second. */
export const ranked = computed<Order[]>(() => {
  follow(turn, tick);
  return byUrgency(board, now(), filter.value);
});
export const day = computed(() => {
  follow(turn, tick);
  return figures(board, now());
});
export const openAlerts = computed(() => {
  follow(turn);
  return alerts(board);
});
export const lost = computed(() => {
  follow(turn);
  return { unassigned: unassigned(board, now()), failed: failed(board) };
});
export const orderNow = computed<Order | null>(() => {
  follow(turn);
  return (selected.value && board.orders.get(selected.value)) || null;
});

export const say = (text: string): void => {
  said.value = text;
};
export const courierName = (id: string): string => (id ? courierInfo.value.get(id)?.name || `#${id}` : '–');
export const placeName = (id: string): string => (id ? places.value.get(id)?.name || `#${id}` : '–');

export function mark(id: string, on?: boolean): void {
  const next = new Set(marked.value);
  if (on ?? !next.has(id)) next.add(id);
  else next.delete(id);
  marked.value = next;
}

const PLACES_AGAIN_MS = 60000;
async function readPlaces(): Promise<void> {
  try {
    const { clients, convert } = await import('../api/wire');
    const told = await clients.board.listPlaces({ cityId: city.value }, { timeoutMs: 10000 });
    places.value = new Map(told.facilities.filter((one) => !one.inactive).map((one) => [convert.id(one.facilityId), { id: convert.id(one.facilityId), name: one.name, kind: one.kind, at: convert.place(one.at) }]));
    courierInfo.value = new Map(told.couriers.map((one) => [convert.id(one.courierId), { id: convert.id(one.courierId), name: one.name, cold: one.coldChain, sampling: one.sampling, active: !one.inactive }]));
    const hours = Math.round(told.utcOffsetS / 3600);
    zone.value = told.utcOffsetS === 28800 ? 'Asia/Shanghai' : hours === 0 ? 'UTC' : `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
  } catch {
    return; // an older server: numbers stand in for names
  }
}

/** Who is this? Asked until the server has answered; then the city is followed, if this role may see it. */
async function begin(): Promise<void> {
  for (;;) {
    try {
      const { clients } = await import('../api/wire');
      if (!(await clients.signIn())) return;
      break;
    } catch {
      health.value = 'away';
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
  if (!mayWatch()) {
    view.value = 'settlement';
    return;
  }
  feed.start();
  void readPlaces();
  setInterval(() => void readPlaces(), PLACES_AGAIN_MS);
}

export function start(): void {
  setInterval(() => tick.value++, 1000);
  void begin();
}
