import assert from 'node:assert/strict';
import test from 'node:test';
import type { Fact } from '../src/state/model';
import { Counter, pastNew, pastTo } from '../src/state/past';
import { makeOrder, MINUTE, NOW } from './make';

const fact = (seq: number, kind: string, changes: Partial<Fact> = {}): Fact => ({ seq, at_ms: NOW + seq * MINUTE, kind, order: '7', courier: '', phase: 5, version: seq, actor: '', detail: '', ...changes });
const known = { order: (id: string) => (id === '7' ? makeOrder({ id: '7', home: { lat: 31, lon: 121 } }) : undefined), facility: (id: string) => (id === '3' ? { lat: 32, lon: 122 } : undefined) };
const LIFE = [
  fact(1, 'ORDER_ENTERED', { phase: 3 }), fact(2, 'SHIFT_STARTED', { order: '', courier: '9', detail: '{"ends_ms":5}' }), fact(3, 'ORDER_ASSIGNED', { courier: '9', phase: 6, detail: '{"eta_ms":99}' }),
  fact(4, 'ORDER_TAKEN', { courier: '9', phase: 7 }), fact(5, 'STOP_ARRIVED', { courier: '9', phase: 7, detail: '{"stop":1,"facility_id":3}' }), fact(6, 'ORDER_PICKED_UP', { courier: '9', phase: 8 }),
  fact(7, 'STOP_ARRIVED', { courier: '9', phase: 10, detail: '{"stop":2,"facility_id":0}' }), fact(8, 'ORDER_DELIVERED', { courier: '9', phase: 11 }),
];

test('the past is what its facts were, at any moment, forwards and backwards', () => {
  let past = pastTo(pastNew(), LIFE, NOW + 5 * MINUTE, known);
  assert.equal(past.board.orders.get('7')!.phase, 7);
  assert.equal(past.board.orders.get('7')!.courier, '9');
  assert.equal(past.board.orders.get('7')!.eta_ms, 99);
  assert.deepEqual(past.board.couriers.get('9')!.at, { lat: 32, lon: 122 });
  past = pastTo(past, LIFE, NOW + 20 * MINUTE, known);
  assert.equal(past.board.orders.get('7')!.phase, 11);
  assert.deepEqual(past.board.couriers.get('9')!.at, { lat: 31, lon: 121 }, 'at the door');
  past = pastTo(past, LIFE, NOW + 2 * MINUTE, known);
  assert.equal(past.board.orders.get('7')!.phase, 3);
  assert.equal(past.board.orders.get('7')!.courier, '');
});

test('going on in small steps is the same as going at once', () => {
  let small = pastNew();
  for (let at = NOW; at <= NOW + 9 * MINUTE; at += MINUTE / 2) small = pastTo(small, LIFE, at, known);
  const whole = pastTo(pastNew(), LIFE, NOW + 9 * MINUTE, known);
  assert.deepEqual([...small.board.orders], [...whole.board.orders]);
  assert.deepEqual([...small.board.couriers], [...whole.board.couriers]);
});

test('a dispatcher’s returned courier, pins and holds are seen; broken details are passed over', () => {
  const past = pastTo(pastNew(), [...LIFE.slice(0, 4), fact(9, 'ORDER_UNASSIGNED', { courier: '9', phase: 5 }), fact(10, 'ORDER_PINNED', { detail: '{"on":true}' }), fact(11, 'ORDER_HELD', { detail: '{broken' })], NOW + 30 * MINUTE, known);
  assert.equal(past.board.orders.get('7')!.courier, '');
  assert.equal(past.board.orders.get('7')!.pinned, true);
  assert.equal(past.board.orders.get('7')!.held, false);
});

test('recovered is at risk, done, and not missed', () => {
  const counter = new Counter();
  const risk = { detail: '{"alert":"PROMISE_AT_RISK"}' };
  for (const one of [fact(1, 'ALERT_RAISED', { order: '1', ...risk }), fact(2, 'ORDER_DELIVERED', { order: '1' }), fact(3, 'ALERT_RAISED', { order: '2', ...risk }), fact(4, 'PROMISE_MISSED', { order: '2' }), fact(5, 'ORDER_DELIVERED', { order: '2' }),
    fact(6, 'ALERT_RAISED', { order: '3', ...risk }), fact(7, 'ALERT_RAISED', { order: '4', detail: '{"alert":"READY_LATE"}' }), fact(8, 'ORDER_DELIVERED', { order: '4' }), fact(9, 'ROUTE_PLANNED', { order: '', courier: '9', detail: '{"changes":3}' }),
    fact(10, 'ORDER_PINNED', { actor: 'dispatcher:li' })]) counter.add(one);
  assert.deepEqual(counter.told(), { at_risk: 3, recovered: 1, missed: 1, changes: 3, by_dispatcher: 1, facts: 10 });
});
