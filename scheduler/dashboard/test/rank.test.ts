import assert from 'node:assert/strict';
import test from 'node:test';
import { boardApply, boardNew } from '../src/state/board';
import { Phase, isAtRisk, riskOf, slack } from '../src/state/model';
import { alerts, byUrgency, compareIds, figures, FILTER_NONE, percentile, search, unassigned } from '../src/state/rank';
import { MINUTE, NOW, makeCourier, makeOrder } from './make';
import type { Order } from '../src/state/model';

const city = (orders: Order[], couriers = [makeCourier()]) => {
  const board = boardNew();
  boardApply(board, { kind: 'snapshot', seq: 1, now_ms: NOW, orders, couriers });
  return board;
};

test('slack counts from the estimate, and from now when the estimate has passed', () => {
  assert.equal(slack(makeOrder(), NOW), 30 * MINUTE);
  assert.equal(slack(makeOrder({ eta_ms: NOW - 5 * MINUTE }), NOW), 90 * MINUTE);
  assert.equal(slack(makeOrder({ eta_ms: 0 }), NOW), null);
});

test('the list is by slack; unplanned orders come before easy ones; ended and returning ones are not on it', () => {
  const board = city([makeOrder({ id: '1' }), makeOrder({ id: '2', eta_ms: NOW + 95 * MINUTE }), makeOrder({ id: '3', eta_ms: 0, courier: '', unplanned: 'NO_COURIER', promise_ms: NOW + 70 * MINUTE }),
    makeOrder({ id: '4', phase: Phase.DELIVERED }), makeOrder({ id: '5', phase: Phase.RETURNING }), makeOrder({ id: '6', phase: Phase.LAB_ACCEPTED })]);
  assert.deepEqual(byUrgency(board, NOW).map((o) => o.id), ['2', '3', '1']);
  assert.deepEqual(byUrgency(board, NOW, { ...FILTER_NONE, only_risk: true }).map((o) => o.id), ['2', '3']);
  assert.deepEqual(unassigned(board, NOW).map((o) => o.id), ['3']);
});

test('the list agrees with a plain recomputation on random cities', () => {
  let seed = 99;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let round = 0; round < 20; round++) {
    const orders = Array.from({ length: 60 }, (_, i) => makeOrder({ id: String(i + 1), phase: 1 + random(20), eta_ms: random(5) ? NOW + random(200) * MINUTE : 0, promise_ms: NOW + random(200) * MINUTE }));
    const list = byUrgency(city(orders), NOW);
    const open = orders.filter((o) => ![2, 11, 14, 15, 16, 17, 18, 19, 20].includes(o.phase) && o.promise_ms > 0);
    assert.equal(list.length, open.length);
    const value = (o: Order) => (o.eta_ms ? o.promise_ms - Math.max(o.eta_ms, NOW) : o.promise_ms - NOW - 60 * MINUTE);
    for (let i = 1; i < list.length; i++) assert.ok(value(list[i - 1]!) <= value(list[i]!));
  }
});

test('the reason is the one a dispatcher can act upon', () => {
  assert.equal(riskOf(makeOrder({ held: true, unplanned: 'NO_SKILL' })), 'held');
  assert.equal(riskOf(makeOrder({ alerts: ['TEMPERATURE'] })), 'cold');
  assert.equal(riskOf(makeOrder({ unplanned: 'STABILITY', courier: '' })), 'specimen');
  assert.equal(riskOf(makeOrder({ unplanned: 'NO_SKILL', courier: '' })), 'no_skill');
  assert.equal(riskOf(makeOrder({ phase: Phase.ADJUDICATED })), 'approval');
  assert.equal(riskOf(makeOrder({ phase: Phase.APPROVED })), 'pharmacy');
  assert.equal(riskOf(makeOrder({ courier: '' })), 'no_courier');
  assert.equal(riskOf(makeOrder({ alerts: ['COURIER_SILENT'] })), 'silent');
  assert.equal(riskOf(makeOrder()), 'travel');
});

test('fifteen minutes of slack are the border of risk', () => {
  assert.equal(isAtRisk(makeOrder({ eta_ms: NOW + 75 * MINUTE }), NOW), false);
  assert.equal(isAtRisk(makeOrder({ eta_ms: NOW + 75 * MINUTE + 1 }), NOW), true);
});

test('figures count each order once', () => {
  const done = (minutes: number, id: string) => makeOrder({ id, phase: Phase.DELIVERED, accepted_ms: NOW - 300 * MINUTE, eta_ms: NOW - 300 * MINUTE + minutes * MINUTE });
  const seen = figures(city([makeOrder({ id: '1' }), makeOrder({ id: '2', eta_ms: NOW + 100 * MINUTE }), done(60, '3'), done(180, '4'), done(181, '5'), makeOrder({ id: '6', phase: Phase.FAILED }), makeOrder({ id: '7', phase: Phase.PICKED_UP })],
    [makeCourier(), makeCourier({ id: '8', on_shift: false })]), NOW);
  assert.equal(seen.open, 3);
  assert.equal(seen.over, 4);
  assert.equal(seen.failed, 1);
  assert.equal(seen.at_risk, 1);
  assert.equal(seen.late, 1);
  assert.equal(seen.carried, 1);
  assert.equal(seen.within_3h, 2 / 3);
  assert.equal(seen.p50_ms, 180 * MINUTE);
  assert.equal(seen.couriers_on, 1);
  assert.ok(Number.isNaN(figures(city([]), NOW).within_3h), 'no share of nothing');
});

test('percentiles are members of the list', () => {
  assert.equal(percentile([], 0.5), 0);
  assert.equal(percentile([5], 0.9), 5);
  assert.equal(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), 9);
});

test('search finds numbers before names', () => {
  const board = city([makeOrder({ id: '12' }), makeOrder({ id: '123' })], [makeCourier({ id: '12' })]);
  const found = search(board, new Map([['12', { id: '12', name: '王骑手' }]]), new Map([['3', { id: '3', name: 'Store 12' }]]), '12');
  assert.deepEqual(found.map((f) => `${f.kind} ${f.id}`), ['order 12', 'courier 12', 'order 123', 'place 3']);
  assert.equal(search(board, new Map([['12', { id: '12', name: '王骑手' }]]), new Map(), '骑手')[0]!.id, '12');
  assert.deepEqual(search(board, new Map(), new Map(), '  '), []);
});

test('ids sort as numbers do', () => assert.deepEqual(['10', '9', '18446744073709551615'].sort(compareIds), ['9', '10', '18446744073709551615']));

test('an alert for each order and kind, none for ended orders', () => {
  const list = alerts(city([makeOrder({ id: '1', alerts: ['READY_LATE', 'PROMISE_AT_RISK'] }), makeOrder({ id: '2', phase: Phase.CANCELLED, alerts: ['READY_LATE'] })]));
  assert.deepEqual(list.map((a) => a.id), ['1:PROMISE_AT_RISK', '1:READY_LATE']);
});
