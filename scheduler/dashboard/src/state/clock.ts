// The city's time, as the server tells it. The browser's clock is only a stop-watch between two messages; a simulated city runs faster, and the pace is
// learned from the messages themselves.

export interface Clock { base_ms: number; base_at: number; rate: number; first_ms: number; first_at: number }

const LEARN_MS = 1500; // two messages nearer than this tell nothing of the pace
const REAL_TIME = 1.5; // a slower pace than this is jitter: real time

export const clockNew = (): Clock => ({ base_ms: 0, base_at: 0, rate: 1, first_ms: 0, first_at: 0 });

/** A message with the server's time came; `at` is performance.now(). */
export function clockHear(clock: Clock, now_ms: number, at: number): void {
  if (now_ms <= 0) return;
  if (clock.base_ms === 0 || now_ms < clock.base_ms - 60000) {
    clock.first_ms = now_ms;
    clock.first_at = at;
    clock.rate = 1;
  } else if (at - clock.first_at >= LEARN_MS) {
    const rate = (now_ms - clock.first_ms) / (at - clock.first_at);
    clock.rate = rate > REAL_TIME ? rate : 1;
    if (at - clock.first_at > 20 * LEARN_MS) {
      clock.first_ms = clock.base_ms;
      clock.first_at = clock.base_at;
    }
  }
  clock.base_ms = now_ms;
  clock.base_at = at;
}

/** The city's time now; never more than ten real seconds beyond the last word: a silent server's clock stops. */
export function clockNow(clock: Clock, at: number): number {
  if (clock.base_ms === 0) return 0;
  return clock.base_ms + Math.min(Math.max(at - clock.base_at, 0), 10000) * clock.rate;
}
