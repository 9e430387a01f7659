import assert from 'node:assert/strict';
import test from 'node:test';
import { boardApply, boardNew, changeJoin } from '../src/state/board';
import type { Delta, Snapshot } from '../src/state/board';
import { makeCourier, makeOrder } from './make';

const snapshot = (seq: number, ids: string[]): Snapshot => ({ kind: 'snapshot', seq, now_ms: 1000, orders: ids.map((id) => makeOrder({ id })), couriers: [] });
const delta = (first: number, last: number, changes: Partial<Delta> = {}): Delta => ({ kind: 'delta', seq_first: first, seq_last: last, now_ms: 2000, orders: [], couriers: [], facts: [], ...changes });

test('a snapshot replaces everything', () => {
  const board = boardNew();
  boardApply(board, snapshot(7, ['1', '2']));
  const change = boardApply(board, snapshot(9, ['3']));
  assert.deepEqual([...board.orders.keys()], ['3']);
  assert.equal(board.seq, 9);
  assert.equal(change.whole, true);
});

test('deltas in sequence change what they name', () => {
  const board = boardNew();
  boardApply(board, snapshot(7, ['1', '2']));
  const change = boardApply(board, delta(8, 10, { orders: [makeOrder({ id: '2', version: 5 })] }));
  assert.equal(change.gap, false);
  assert.deepEqual(change.orders, ['2']);
  assert.equal(board.orders.get('2')!.version, 5);
  assert.equal(board.seq, 10);
});

test('a gap changes nothing and is told, until a snapshot comes', () => {
  const board = boardNew();
  boardApply(board, snapshot(7, ['1']));
  assert.equal(boardApply(board, delta(9, 9, { orders: [makeOrder({ id: '1', version: 9 })] })).gap, true);
  assert.equal(board.orders.get('1')!.version, 1);
  assert.equal(boardApply(board, delta(10, 10)).gap, true, 'what follows a gap is a gap');
  assert.equal(boardApply(board, snapshot(12, ['1'])).gap, false);
  assert.equal(boardApply(board, delta(13, 13)).gap, false);
});

test('a delta that the snapshot already has is passed over', () => {
  const board = boardNew();
  boardApply(board, snapshot(7, ['1']));
  const change = boardApply(board, delta(6, 7, { orders: [makeOrder({ id: '1', version: 0 })] }));
  assert.equal(change.gap, false);
  assert.equal(board.orders.get('1')!.version, 1);
});

test('positions come without numbers and leave the sequence alone', () => {
  const board = boardNew();
  boardApply(board, snapshot(7, []));
  boardApply(board, delta(0, 0, { couriers: [makeCourier({ id: '4', seen_ms: 5 })] }));
  assert.equal(board.seq, 7);
  assert.equal(board.couriers.get('4')!.seen_ms, 5);
});

test('deltas before any snapshot are a gap', () => {
  assert.equal(boardApply(boardNew(), delta(0, 0)).gap, true);
});

test('random streams end where a snapshot of the end would', () => {
  let seed = 12345;
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let round = 0; round < 50; round++) {
    const board = boardNew(), truth = new Map([['1', 1], ['2', 1], ['3', 1]]);
    boardApply(board, snapshot(0, [...truth.keys()]));
    let seq = 0;
    for (let step = 0; step < 40; step++) {
      const id = String(1 + random(5)), version = (truth.get(id) ?? 0) + 1, count = 1 + random(3);
      truth.set(id, version);
      const message = delta(seq + 1, seq + count, { orders: [makeOrder({ id, version })] });
      seq += count;
      const lost = random(8) === 0;
      if (!lost && boardApply(board, message).gap) boardApply(board, { kind: 'snapshot', seq, now_ms: 1, orders: [...truth].map(([i, v]) => makeOrder({ id: i, version: v })), couriers: [] });
    }
    const last = boardApply(board, delta(seq + 1, seq + 1));
    if (last.gap) continue; // the loss was the last thing: told, not hidden
    assert.deepEqual(new Map([...board.orders].map(([id, order]) => [id, order.version])), truth);
  }
});

test('joined changes keep each id once', () => {
  const one = { gap: false, whole: false, orders: ['1', '2'], couriers: [], facts: [] };
  assert.deepEqual(changeJoin([one, one]).orders, ['1', '2']);
  assert.equal(changeJoin([one, { ...one, gap: true }]).gap, true);
});
