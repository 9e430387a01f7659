import assert from 'node:assert/strict';
import test from 'node:test';
import { boardApply, boardNew } from '../src/state/board';
import { midnight, time } from '../src/text/time';
import { niceMax } from '../src/ui/axis';
import { lanes, row, stepOrder, ticks, xOf } from '../src/ui/gantt';
import { legLine } from '../src/ui/leg';
import { makeCourier, makeOrder, makeStop, MINUTE, NOW } from './make';

const span = { from_ms: NOW, to_ms: NOW + 100 * MINUTE };

test('a lane’s blocks lie where their times are, a promise where it is kept', () => {
  const orders = new Map([['1', makeOrder({ id: '1', promise_ms: NOW + 90 * MINUTE })], ['2', makeOrder({ id: '2', kind: 2, promise_ms: NOW + 80 * MINUTE })]]);
  const courier = makeCourier({ stops: [
    makeStop({ order: '1', kind: 1, travel_s: 300, arrive_ms: NOW + 10 * MINUTE, begin_ms: NOW + 12 * MINUTE, leave_ms: NOW + 15 * MINUTE }),
    makeStop({ order: '1', kind: 2, travel_s: 600, arrive_ms: NOW + 25 * MINUTE, begin_ms: NOW + 25 * MINUTE, leave_ms: NOW + 40 * MINUTE }),
    makeStop({ order: '2', kind: 2, travel_s: 300, arrive_ms: NOW + 70 * MINUTE, begin_ms: NOW + 70 * MINUTE, leave_ms: NOW + 71 * MINUTE }),
  ], shift_ends_ms: NOW + 95 * MINUTE });
  const made = row(courier, orders, () => 'good', span, 1000, NOW);
  assert.deepEqual(made.blocks.map((block) => [block.order, Math.round(block.travel_x), Math.round(block.wait_x), Math.round(block.x), Math.round(block.width)]), [['1', 50, 100, 120, 30], ['1', 150, 250, 250, 150], ['2', 650, 700, 700, 10]]);
  assert.deepEqual(made.promises, [{ order: '1', x: 900 }], 'a test’s promise is kept at the laboratory, not at home');
  assert.equal(made.off_x, 950);
  assert.deepEqual(made.pauses.map((pause) => [Math.round(pause.x), Math.round(pause.width)]), [[400, 250]], 'free between 40 and 65 minutes');
});

test('lanes hold who is on shift, in an order that does not jump', () => {
  const board = boardNew();
  boardApply(board, { kind: 'snapshot', seq: 1, now_ms: NOW, orders: [], couriers: [makeCourier({ id: '10' }), makeCourier({ id: '9', stops: [makeStop()] }), makeCourier({ id: '8', on_shift: false })] });
  assert.deepEqual(lanes(board, false).map((one) => one.id), ['9', '10']);
  assert.deepEqual(lanes(board, true).map((one) => one.id), ['9']);
});

test('ticks are whole steps of the city’s clock and few', () => {
  for (const hours of [1, 2, 4, 6, 12]) {
    const marks = ticks({ from_ms: NOW + 7 * MINUTE, to_ms: NOW + 7 * MINUTE + hours * 60 * MINUTE }, 8 * 60 * MINUTE);
    assert.ok(marks.length >= 2 && marks.length <= 13, `${marks.length} for ${hours} h`);
    assert.ok(marks.every((ms) => time(ms, 'Asia/Shanghai').endsWith(hours >= 4 ? '0' : '5') || Number(time(ms, 'Asia/Shanghai').slice(3)) % 5 === 0));
  }
  assert.equal(xOf(NOW + 50 * MINUTE, span, 1000), 500);
});

test('keys step through a courier’s orders, each once', () => {
  const stops = ['4', '4', '7', '', '5', '7'].map((order) => makeStop({ order }));
  assert.deepEqual([stepOrder(stops, '', 1), stepOrder(stops, '4', 1), stepOrder(stops, '7', 1), stepOrder(stops, '5', 1), stepOrder(stops, '7', -1), stepOrder(stops, '', -1), stepOrder([], '', 1)], ['4', '7', '5', '5', '4', '5', '']);
});

test('a day begins at the city’s midnight', () => {
  assert.equal(midnight('2026-01-05', 'Asia/Shanghai'), Date.UTC(2026, 0, 4, 16));
  assert.equal(midnight('2026-01-05', 'UTC'), Date.UTC(2026, 0, 5));
  assert.equal(midnight('2026-07-05', 'America/New_York'), Date.UTC(2026, 6, 5, 4));
});

test('axes end at round numbers; a leg’s differences add up', () => {
  assert.deepEqual([0, 1, 3, 7, 24, 26, 101].map(niceMax), [1, 1, 5, 10, 25, 50, 200]);
  assert.deepEqual(legLine([300000000, 5], [1200000000, -10]), [{ lat: 30, lon: 120 }, { lat: 30.0000005, lon: 119.999999 }]);
});
