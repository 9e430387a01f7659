// The city as GeoJSON for the map: couriers, the stops they have before them, places, closures. Pure.
import { AT_RISK_MS, isCarried, isOver, isPromised, urgency } from '../state/model';
import type { Courier, Order, Place } from '../state/model';
import { isSilent } from '../state/rank';
import { headingOf } from '../state/trail';
import type { Board } from '../state/board';

type Props = Record<string, string | number | boolean>;
export interface Shape { type: 'Feature'; properties: Props; geometry: { type: 'Point'; coordinates: [number, number] } | { type: 'LineString'; coordinates: [number, number][] } | { type: 'Polygon'; coordinates: [number, number][][] } }
export interface Shapes { type: 'FeatureCollection'; features: Shape[] }

const at = (place: Place): [number, number] => [place.lon, place.lat];
const isSomewhere = (place: Place): boolean => place.lat !== 0 || place.lon !== 0;
const point = (place: Place, properties: Props): Shape => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at(place) } });
export const shapes = (features: Shape[]): Shapes => ({ type: 'FeatureCollection', features });

export function courierShapes(board: Board, now_ms: number, selected: string, trails?: ReadonlyMap<string, Place[]>): Shapes {
  const out: Shape[] = [];
  for (const courier of board.couriers.values()) {
    if (!courier.on_shift || !isSomewhere(courier.at)) continue;
    out.push(point(courier.at, { id: courier.id, label: courier.stops.length > 99 ? '99' : String(courier.stops.length), heading: courier.heading || headingOf(trails?.get(courier.id)) || 0, state: trails && isSilent(courier, now_ms) && courier.stops.length ? 'silent' : courier.stops.length ? 'busy' : 'idle', selected: courier.id === selected }));
  }
  return shapes(out);
}

export const level = (order: Order, now_ms: number): 'late' | 'risk' | 'good' | 'over' => {
  if (!isPromised(order)) return 'over';
  const left = urgency(order, now_ms);
  return left < 0 ? 'late' : left < AT_RISK_MS ? 'risk' : 'good';
};

const RANK = { over: 0, good: 1, risk: 2, late: 3 }; // what is drawn over what

export function orderShapes(board: Board, now_ms: number, selected: string): Shapes {
  const out: Shape[] = [];
  for (const order of board.orders.values()) {
    if (isOver(order)) continue;
    const how = level(order, now_ms);
    if (isSomewhere(order.home)) out.push(point(order.home, { id: order.id, level: how, carried: isCarried(order), selected: order.id === selected, rank: order.id === selected ? 9 : RANK[how] }));
    if (order.id === selected && isSomewhere(order.pickup)) out.push(point(order.pickup, { id: order.id, level: 'over', carried: false, selected: true, rank: 8 }));
  }
  return shapes(out);
}

/** Straight lines from stop to stop until the roads are known (`roads`: the courier's drawn line, when it was asked for). */
export function routeShapes(couriers: Courier[], chosen: string, roads: ReadonlyMap<string, Place[]>, driven: ReadonlyMap<string, Place[]>): Shapes {
  const out: Shape[] = [];
  for (const courier of couriers) {
    const line = roads.get(courier.id) ?? [courier.at, ...courier.stops.map((stop) => stop.at)].filter(isSomewhere);
    if (line.length > 1) out.push({ type: 'Feature', properties: { id: courier.id, kind: 'planned', faint: courier.id !== chosen }, geometry: { type: 'LineString', coordinates: line.map(at) } });
    const past = courier.id === chosen ? driven.get(courier.id) : undefined;
    if (past && past.length > 1) out.push({ type: 'Feature', properties: { id: courier.id, kind: 'driven', faint: false }, geometry: { type: 'LineString', coordinates: past.map(at) } });
  }
  return shapes(out);
}

export function placeShapes(places: Iterable<{ id: string; name: string; kind: number; at: Place }>): Shapes {
  return shapes([...places].filter((place) => isSomewhere(place.at)).map((place) => point(place.at, { id: place.id, name: place.name, sign: ['?', 'Rx', 'Lab', 'Kit'][place.kind] ?? '?' })));
}

export interface RoadShape { id: string; polygon: Place[]; road: Place[]; closed: boolean }
export function roadShapes(roads: RoadShape[], drawing: Place[]): Shapes {
  const out: Shape[] = [];
  for (const road of roads) {
    if (road.polygon.length > 2) out.push({ type: 'Feature', properties: { id: road.id, closed: road.closed }, geometry: { type: 'Polygon', coordinates: [[...road.polygon, road.polygon[0]!].map(at)] } });
    else for (const one of road.road) out.push(point(one, { id: road.id, closed: road.closed }));
  }
  if (drawing.length) {
    out.push({ type: 'Feature', properties: { id: '', closed: true, drawing: true }, geometry: { type: 'LineString', coordinates: drawing.map(at) } });
    for (const corner of drawing) out.push(point(corner, { id: '', closed: true, drawing: true }));
  }
  return shapes(out);
}

/** Where the city is: all that has a place; null if nothing has. */
export function bounds(board: Board, places: Iterable<{ at: Place }>): [[number, number], [number, number]] | null {
  let west = 180, east = -180, south = 90, north = -90;
  const add = (place: Place) => {
    if (!isSomewhere(place)) return;
    west = Math.min(west, place.lon);
    east = Math.max(east, place.lon);
    south = Math.min(south, place.lat);
    north = Math.max(north, place.lat);
  };
  for (const place of places) add(place.at);
  for (const courier of board.couriers.values()) add(courier.at);
  for (const order of board.orders.values()) add(order.home);
  return west > east ? null : [[west, south], [east, north]];
}
