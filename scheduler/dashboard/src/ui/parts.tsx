// Small parts that every screen uses: a virtual list, a dialog, marks that say in shape and word what colour says.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Order } from '../state/model';
import { AT_RISK_MS, isPromised, phaseName, slack } from '../state/model';
import { courierInfo, follow, now, tick, turn } from '../state/store';
import { left, span } from '../text/time';
import { language, t, tCode } from '../text/words';

interface ListProps<T> {
  items: T[];
  row_px: number;
  idOf: (item: T) => string;
  render: (item: T, active: boolean) => ComponentChildren;
  active: string;
  onActive: (id: string) => void;
  onOpen?: (id: string) => void;
  label: string;
  empty: string;
  class?: string;
}

const OVERSCAN = 6;

/** A list that draws only what is seen; arrows, j/k, Home and End move in it, Enter opens. */
export function VirtualList<T>({ items, row_px, idOf, render, active, onActive, onOpen, label, empty, class: name }: ListProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  useLayoutEffect(() => {
    if (!box.current) return;
    const seen = new ResizeObserver(([entry]) => setHeight(entry!.contentRect.height));
    seen.observe(box.current);
    return () => seen.disconnect();
  }, []);
  const at = items.findIndex((item) => idOf(item) === active);
  const show = (index: number) => {
    const element = box.current;
    if (!element || index < 0) return;
    if (index * row_px < element.scrollTop) element.scrollTop = index * row_px;
    else if ((index + 1) * row_px > element.scrollTop + element.clientHeight) element.scrollTop = (index + 1) * row_px - element.clientHeight;
  };
  const go = (index: number) => {
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (!item) return;
    onActive(idOf(item));
    show(items.indexOf(item));
  };
  const onKeyDown = (event: JSX.TargetedKeyboardEvent<HTMLDivElement>) => {
    const page = Math.max(1, Math.floor(height / row_px) - 1);
    const moves: Record<string, number> = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: items.length - 1, PageDown: at + page, PageUp: at - page };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) {
      event.preventDefault();
      event.stopPropagation();
      go(moves[event.key]!);
    } else if (event.key === 'Enter' && at >= 0) onOpen?.(active);
  };
  const from = Math.max(0, Math.floor(top / row_px) - OVERSCAN), to = Math.min(items.length, Math.ceil((top + height) / row_px) + OVERSCAN);
  const rows: JSX.Element[] = [];
  for (let i = from; i < to; i++) {
    const id = idOf(items[i]!);
    rows.push(
      <div key={id} id={`row-${label}-${id}`.replace(/\s/g, '')} role="option" aria-selected={id === active} aria-setsize={items.length} aria-posinset={i + 1} class={id === active ? 'row active' : 'row'} style={{ top: `${i * row_px}px`, height: `${row_px}px` }} onClick={() => {
        onActive(id);
        onOpen?.(id);
      }}>
        {render(items[i]!, id === active)}
      </div>,
    );
  }
  return (
    <div ref={box} class={`virtual ${name ?? ''}`} role="listbox" tabIndex={0} aria-label={label} aria-activedescendant={at >= from && at < to ? `row-${label}-${active}`.replace(/\s/g, '') : undefined} onKeyDown={onKeyDown} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      {items.length ? <div class="tall" role="presentation" style={{ height: `${items.length * row_px}px` }}>{rows}</div> : <div role="option" aria-selected={false} class="empty">{empty}</div>}
    </div>
  );
}

/** A modal dialog: focus goes in, stays in, and comes back; Esc closes. */
export function Modal({ title, onClose, children, wide, class: name }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; class?: string }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const back = document.activeElement;
    box.current?.showModal();
    box.current?.querySelector<HTMLElement>('[data-first]')?.focus();
    return () => {
      if (back instanceof HTMLElement && back.isConnected) back.focus();
    };
  }, []);
  return (
    <dialog ref={box} class={`${wide ? 'wide' : ''} ${name ?? ''}`} aria-label={title} onCancel={(event) => {
      event.preventDefault();
      onClose();
    }} onClick={(event) => {
      if (event.target === event.currentTarget) onClose();
    }}>
      <div class="inside">
        <header>
          <h2>{title}</h2>
          <button type="button" class="quiet" onClick={onClose} aria-label={t('close')}>✕</button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** Slack as colour, shape and words. */
export function Slack({ order }: { order: Order }) {
  follow(tick, turn);
  if (!isPromised(order)) return <span class="slack over">{tCode('phase', phaseName(order.phase))}</span>;
  const value = slack(order, now());
  const promise = order.promise_ms - now();
  const level = value === null ? 'none' : value < 0 ? 'late' : value < AT_RISK_MS ? 'risk' : 'good';
  const shape = { none: '◇', late: '▲', risk: '◆', good: '●' }[level];
  return (
    <span class={`slack ${level}`}>
      <span aria-hidden="true">{shape}</span> {value === null ? `${t('no_plan')} · ${left(promise, language.value)}` : left(value, language.value)}
    </span>
  );
}

export function Countdown({ to_ms }: { to_ms: number }) {
  follow(tick);
  const rest = to_ms - now();
  return <span class="countdown">{rest >= 0 ? span(rest, language.value) : left(rest, language.value)}</span>;
}

const REASON_MAX = 53; // the server keeps 160 bytes of UTF-8
export function Reason({ value, onInput, first }: { value: string; onInput: (value: string) => void; first?: boolean }) {
  return (
    <label class="field">
      {t('reason')}
      <input type="text" value={value} maxLength={REASON_MAX} required placeholder={t('reason_needed')} onInput={(event) => onInput(event.currentTarget.value)} data-first={first ? true : undefined} />
    </label>
  );
}

/** What a courier can besides riding, in words. */
export function skillsOf(id: string): string {
  const info = courierInfo.value.get(id);
  return [info?.cold && t('skill_cold'), info?.sampling && t('skill_sampling')].filter(Boolean).join(', ');
}
