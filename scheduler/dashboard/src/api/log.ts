// The event log of a span of time, page by page as it comes.
import type { Fact } from '../state/model';
import { board } from './clients';
import { fact } from './convert';
import { city } from './session';

/** Calls `take` for every fact of [from_ms, to_ms) in order. */
export async function readLog(from_ms: number, to_ms: number, signal: AbortSignal, take: (fact: Fact) => void): Promise<void> {
  for await (const page of board.replay({ cityId: city.value, fromMs: BigInt(Math.round(from_ms)), toMs: BigInt(Math.round(to_ms)) }, { signal })) for (const one of page.facts) take(fact(one));
}
