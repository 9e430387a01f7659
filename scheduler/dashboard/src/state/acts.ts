// What a dispatcher can do: each act is a dialog that asks the reason, a call with the version seen, and an outcome for each order. It knows no screen.
import { board as client, deadline, key, orders as orderService, patiently, refusal } from '../api/clients';
import type { Refusal } from '../api/clients';
import { city, dispatcher, SOURCE } from '../api/session';
import { t, tCode } from '../text/words';
import { phaseName, PRIORITY_NAMES } from './model';
import type { Order } from './model';
import { act, finish } from './acting';
import type { Flag, Outcome, Undo } from './acting';
import { board, courierName } from './store';
import type { Alert } from './rank';

const REASON_BYTES = 53; // as the dialogs' field has it
const head = (version: number | null = null) => ({ idempotencyKey: key(), cityId: city.value, source: SOURCE, dispatcher: dispatcher.value, ...(version === null ? {} : { expectedVersion: version }) });

/** What is different now from what the dispatcher saw. */
function meanwhile(seen: Order | undefined, id: string): string {
  const is = board.orders.get(id);
  if (!seen || !is || is.version === seen.version) return '';
  return t('refused_meanwhile', id, tCode('phase', phaseName(seen.phase)), tCode('phase', phaseName(is.phase)), courierName(seen.courier), courierName(is.courier));
}

export function refusalText(told: Refusal, seen?: Order): string {
  if (told.missing) return t('refused_missing');
  if (told.denied) return t('refused_denied');
  if (told.away) return t('refused_away');
  if (!told.changed) return told.text;
  const change = seen ? meanwhile(seen, seen.id) : '';
  return change ? `${t('refused_changed', told.text)} ${change}` : t('refused_changed', told.text);
}

/** One order after the other: each has its own answer, and one refusal stops nothing else. */
async function each(ids: string[], one: (id: string, seen: Order | undefined) => Promise<string>, looked?: Order): Promise<Outcome[]> {
  const rows: Outcome[] = [];
  for (const id of ids) {
    const seen = looked?.id === id ? looked : board.orders.get(id);
    const before = seen ? { ...seen } : undefined;
    try {
      rows.push({ order: id, ok: true, text: await one(id, before) });
    } catch (error) {
      const told = refusal(error);
      if (told.changed) await new Promise((done) => setTimeout(done, 400)); // the stream brings what changed
      rows.push({ order: id, ok: false, text: refusalText(told, before) });
    }
  }
  return rows;
}

/** `shown`: version and order as the preview had them, for a single one; others go by their present version. */
export const reassign = (ids: string[], to: string, reason: string, shown: { version: number; order: Order | undefined } | null = null): Promise<void> =>
  act(async () => {
    const before = new Map(ids.map((id) => [id, { courier: board.orders.get(id)?.courier ?? '', pinned: board.orders.get(id)?.pinned ?? false }]));
    const put = async (id: string, courier: string, version: number, why: string) => {
      const request = { ...head(version), orderId: BigInt(id), toCourierId: BigInt(courier || 0), reason: why };
      await patiently(() => client.reassign(request, deadline));
      return t('done_reassign', id, courier ? courierName(courier) : t('to_pool'));
    };
    const rows = await each(ids, (id, seen) => put(id, to, shown?.version ?? seen?.version ?? 0, reason), shown?.order);
    const done = rows.filter((row) => row.ok).map((row) => row.order);
    const why = `undo: ${reason}`.slice(0, REASON_BYTES);
    const undo: Undo = { text: t('act_reassign'), run: () => each(done, async (id, seen) => {
      const was = before.get(id);
      const text = await put(id, was?.courier ?? '', seen?.version ?? 0, why);
      if (was?.courier && !was.pinned) await putFlag(id, 'unpin', why, 0); // the planner was free to move it, and is again
      return text;
    }) };
    finish(t(ids.length > 1 ? 'bulk' : 'act_reassign'), rows, undo);
  });

const OPPOSITE: Partial<Record<Flag, Flag>> = { pin: 'unpin', unpin: 'pin', hold: 'release', release: 'hold' };
const FLAG_WORDS = { pin: 'act_pin', unpin: 'act_unpin', hold: 'act_hold', release: 'act_release', cancel: 'act_cancel' } as const;
const FLAG_DONE = { pin: 'done_pin', unpin: 'done_unpin', hold: 'done_hold', release: 'done_release', cancel: 'done_cancel' } as const;
export const flagWord = (flag: Flag) => FLAG_WORDS[flag];

async function putFlag(id: string, flag: Flag, reason: string, version: number): Promise<string> {
  const about = { ...head(), orderId: BigInt(id), reason };
  if (flag === 'cancel') {
    const service = await orderService();
    const request = { idempotencyKey: about.idempotencyKey, cityId: about.cityId, source: SOURCE, orderId: about.orderId, reason, expectedVersion: version };
    await patiently(() => service.cancelOrder(request, deadline));
  } else if (flag === 'pin' || flag === 'unpin') {
    await patiently(() => client.pin({ ...about, pinned: flag === 'pin' }, deadline));
  } else {
    await patiently(() => client.hold({ ...about, held: flag === 'hold' }, deadline));
  }
  return t(FLAG_DONE[flag], id);
}

export const flag = (ids: string[], which: Flag, reason: string): Promise<void> =>
  act(async () => {
    const rows = await each(ids, (id, seen) => putFlag(id, which, reason, seen?.version ?? 0));
    const back = OPPOSITE[which], done = rows.filter((row) => row.ok).map((row) => row.order);
    finish(t(FLAG_WORDS[which]), rows, back ? { text: t(FLAG_WORDS[which]), run: () => each(done, (id, seen) => putFlag(id, back, `undo: ${reason}`.slice(0, REASON_BYTES), seen?.version ?? 0)) } : null);
  });

const priorityName = (priority: number): string => tCode('priority', PRIORITY_NAMES[priority] ?? 'ROUTINE');
async function putPriority(id: string, priority: number, reason: string, version: number): Promise<string> {
  const request = { ...head(version), orderId: BigInt(id), priority, reason };
  await patiently(() => client.prioritize(request, deadline));
  return t('done_priority', id, priorityName(priority));
}

export const prioritize = (ids: string[], priority: number, reason: string): Promise<void> =>
  act(async () => {
    const before = new Map(ids.map((id) => [id, board.orders.get(id)?.priority ?? 1]));
    const rows = await each(ids, (id, seen) => putPriority(id, priority, reason, seen?.version ?? 0));
    const done = rows.filter((row) => row.ok).map((row) => row.order);
    finish(t('act_priority'), rows, { text: t('act_priority'), run: () => each(done, (id, seen) => putPriority(id, before.get(id) || 1, `undo: ${reason}`.slice(0, REASON_BYTES), seen?.version ?? 0)) });
  });

/** Acknowledged for all boards; those that could not be are told. */
export const acknowledge = (alerts: Alert[]): Promise<void> =>
  act(async () => {
    const rows: Outcome[] = [];
    for (const alert of alerts) {
      const request = { ...head(), orderId: BigInt(alert.order), alert: alert.kind };
      try {
        await patiently(() => client.acknowledge(request, deadline));
        rows.push({ order: alert.order, ok: true, text: `${t('acknowledged')}: ${tCode('alert', alert.kind)}` });
      } catch (error) {
        rows.push({ order: alert.order, ok: false, text: refusalText(refusal(error)) });
      }
    }
    finish(t('acknowledge'), rows, null);
  });

/** Any other act: one call, one outcome. */
export const single = (title: string, call: () => Promise<string>): Promise<void> =>
  act(async () => {
    let row: Outcome;
    try {
      row = { order: '', ok: true, text: await call() };
    } catch (error) {
      row = { order: '', ok: false, text: refusalText(refusal(error)) };
    }
    finish(title, [row], null);
  });
export const callHead = head;
