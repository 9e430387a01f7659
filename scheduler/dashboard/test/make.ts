// Orders and couriers for the tests: everything ordinary, changed where a test says so.
import type { Courier, Order, Stop } from '../src/state/model';

export const NOW = Date.UTC(2026, 0, 5, 2, 0, 0);
export const MINUTE = 60000;

export const makeOrder = (changes: Partial<Order> = {}): Order => ({
  id: '1', phase: 5, version: 1, courier: '9', promise_ms: NOW + 90 * MINUTE, eta_ms: NOW + 60 * MINUTE, kind: 1, priority: 1, pickup: { lat: 30, lon: 120 }, home: { lat: 30.01, lon: 120.01 },
  pharmacy: '3', accepted_ms: NOW - 30 * MINUTE, ready_ms: NOW, unplanned: '', pinned: false, held: false, alerts: [], seen: [], ...changes });

export const makeStop = (changes: Partial<Stop> = {}): Stop => ({
  order: '1', kind: 1, at: { lat: 30, lon: 120 }, facility: '3', arrive_ms: NOW, begin_ms: NOW, leave_ms: NOW + 3 * MINUTE, travel_s: 300, travel_m: 1500, told: true, arrived: false, ...changes });

export const makeCourier = (changes: Partial<Courier> = {}): Courier => ({ id: '9', on_shift: true, at: { lat: 30, lon: 120 }, seen_ms: NOW, heading: 0, stops: [], route_version: 1, shift_ends_ms: NOW + 480 * MINUTE, ...changes });
