// Dialogs that are open, acts that are under way, and how the last one went. No network here: it is part of the first paint.
import { signal } from '@preact/signals';
import { t } from '../text/words';
import type { Place } from './model';
import { marked, say } from './store';

export type Flag = 'pin' | 'unpin' | 'hold' | 'release' | 'cancel';
export type Dialog =
  | { kind: 'reassign'; orders: string[]; to: string }
  | { kind: 'flag'; act: Flag; orders: string[] }
  | { kind: 'priority'; orders: string[] }
  | { kind: 'confirm'; title: string; note: string; run: () => void }
  | { kind: 'reveal'; order: string }
  | { kind: 'road'; corners: Place[]; area: boolean }
  | { kind: 'withdraw'; road: string }
  | { kind: 'courier' }
  | { kind: 'search' }
  | { kind: 'help' };

export const dialog = signal<Dialog | null>(null);
export const drawing = signal<{ area: boolean; corners: Place[] } | null>(null); // a closure being drawn on the map

export interface Outcome { order: string; ok: boolean; text: string }
export interface Result { title: string; rows: Outcome[]; undo: Undo | null }
export interface Undo { text: string; run: () => Promise<Outcome[]> }
/** How the last act went: it stays until it is closed, so that a refusal is never missed. */
export const result = signal<Result | null>(null);
export const busy = signal(false);

export function finish(title: string, rows: Outcome[], undo: Undo | null): void {
  const good = rows.filter((row) => row.ok).length;
  result.value = { title, rows, undo: good ? undo : null };
  dialog.value = null;
  marked.value = new Set();
  say(rows.length === 1 ? rows[0]!.text : t('bulk_result', good, rows.length - good));
}

export async function act(run: () => Promise<void>): Promise<void> {
  if (busy.value) return;
  busy.value = true;
  try {
    await run();
  } finally {
    busy.value = false;
  }
}

export const undo = (): Promise<void> =>
  act(async () => {
    const last = result.value;
    if (!last?.undo) return;
    const rows = await last.undo.run();
    result.value = { title: t('undo_for', last.undo.text), rows: rows.map((row) => ({ ...row, text: row.ok ? t('undone') : row.text })), undo: null };
    say(rows.every((row) => row.ok) ? t('undone') : rows.find((row) => !row.ok)!.text);
  });
