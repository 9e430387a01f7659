import assert from 'node:assert/strict';
import test from 'node:test';
import { Feed } from '../src/state/feed';
import type { Health } from '../src/state/feed';
import type { Message } from '../src/state/board';
import { makeOrder } from './make';

const snapshot = (seq: number): Message => ({ kind: 'snapshot', seq, now_ms: 1, orders: [makeOrder()], couriers: [] });
const delta = (seq: number): Message => ({ kind: 'delta', seq_first: seq, seq_last: seq, now_ms: 2, orders: [], couriers: [], facts: [] });

/** Streams by script: each opening plays the next list, then waits until it is cut (or ends, after 'end'). */
function play(scripts: (Message | 'end' | 'fail')[][]) {
  const told: Health[] = [];
  let opened = 0, at = 0, live: (() => void) | null = null;
  const feed = new Feed({
    open: async function* (signal) {
      for (const one of scripts[opened++] ?? []) {
        if (one === 'end') return;
        if (one === 'fail') throw new Error('connection refused');
        yield one;
      }
      await new Promise<void>((done) => signal.addEventListener('abort', () => done()));
    },
    onChange: () => undefined, onTime: () => undefined, now: () => at, turn_ms: 1, silent_ms: 4000,
    onHealth: (health) => {
      told.push(health);
      if (health === 'live') live?.();
    },
  });
  const untilLive = () => new Promise<void>((done) => (live = done));
  return { feed, told, untilLive, opened: () => opened, pass: (ms: number) => (at += ms) };
}

test('a gap is told and ends in a new snapshot by itself', async () => {
  const { feed, told, untilLive, opened } = play([[snapshot(1), delta(3)], [snapshot(5)]]);
  const first = untilLive();
  feed.start();
  await first;
  await untilLive();
  feed.stop();
  assert.deepEqual(told, ['live', 'gap', 'live']);
  assert.equal(opened(), 2);
  assert.equal(feed.board.seq, 5);
});

test('an ended and a refused stream are told as away, and the next one heals', async () => {
  const { feed, told, untilLive } = play([[snapshot(1), 'end'], ['fail'], [snapshot(2)]]);
  const first = untilLive();
  feed.start();
  await first;
  await untilLive();
  feed.stop();
  assert.deepEqual(told, ['live', 'away', 'away', 'live']);
});

test('silence of four seconds is told and the stream opened anew', async () => {
  const { feed, told, untilLive, pass } = play([[snapshot(1)], [snapshot(2)]]);
  const first = untilLive();
  feed.start();
  await first;
  const again = untilLive();
  pass(4100);
  await again;
  feed.stop();
  assert.deepEqual(told, ['live', 'silent', 'live']);
});
