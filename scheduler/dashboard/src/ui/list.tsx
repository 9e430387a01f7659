// The left column: open orders, the one with least slack on top, each with its countdown and what is wrong.
import { useMemo } from 'preact/hooks';
import { dialog } from '../state/acting';
import { isAtRisk, KIND_NAMES, phaseName, PRIORITY_NAMES, riskOf } from '../state/model';
import type { Order } from '../state/model';
import { courierName, filter, mark, marked, now, ranked, selected } from '../state/store';
import { t, tCode } from '../text/words';
import { Countdown, Slack, VirtualList } from './parts';
import { readOnly } from './screen';

const ROW_PX = 58;

export function OrderRow({ order, withMark = true }: { order: Order; withMark?: boolean }) {
  const risk = isAtRisk(order, now());
  const isMarked = marked.value.has(order.id); // not a checkbox: an option of a list has no controls inside; X does the same
  return (
    <div class="order" draggable={!readOnly.value} onDragStart={(event) => event.dataTransfer?.setData('text/x-order', order.id)}>
      {withMark && !readOnly.value && (
        <span class={`check ${isMarked ? 'on' : ''}`} title={t('key_mark')} onClick={(event) => {
          event.stopPropagation();
          mark(order.id);
        }}>{isMarked && <><span aria-hidden="true">✓</span><span class="hidden">{t('marked_one')}</span></>}</span>
      )}
      <div class="what">
        <div><b>{order.id}</b> <span class="tag">{tCode('kind', KIND_NAMES[order.kind] ?? 'UNKNOWN')}</span>{order.priority > 1 && <span class={`tag p${order.priority}`}>{'!'.repeat(order.priority - 1)} {tCode('priority', PRIORITY_NAMES[order.priority] ?? 'ROUTINE')}</span>}
          {order.pinned && <span class="tag">{t('pinned')}</span>}{order.held && <span class="tag">{t('held')}</span>}</div>
        <div class="small">{tCode('phase', phaseName(order.phase))} · {courierName(order.courier)}{risk && <b class="why"> · {tCode('risk', riskOf(order))}</b>}</div>
      </div>
      <div class="when"><Slack order={order} /><div class="small">{t('promise')} <Countdown to_ms={order.promise_ms} /></div></div>
    </div>
  );
}

export function RiskList() {
  const items = ranked.value;
  const count = useMemo(() => items.length, [items]);
  return (
    <section class="column risk" aria-labelledby="risk-title">
      <header>
        <h2 id="risk-title">{t('at_risk')} <span class="count">{count}</span></h2>
        <div class="tools">
          <label><input type="checkbox" checked={filter.value.only_risk} onChange={(event) => (filter.value = { ...filter.value, only_risk: event.currentTarget.checked })} /> {t('at_risk_only')}</label>
          <input type="search" aria-label={t('filter')} placeholder={t('filter')} value={filter.value.text} onInput={(event) => (filter.value = { ...filter.value, text: event.currentTarget.value.trim() })} />
        </div>
      </header>
      {marked.value.size > 0 && (
        <div class="bulk" role="group" aria-label={t('bulk')}>
          <span>{t('marked', marked.value.size)}</span>
          <button type="button" onClick={() => (dialog.value = { kind: 'reassign', orders: [...marked.value], to: '' })}>{t('bulk')}</button>
          <button type="button" onClick={() => (dialog.value = { kind: 'flag', act: 'hold', orders: [...marked.value] })}>{t('act_hold')}</button>
          <button type="button" class="quiet" onClick={() => (marked.value = new Set())}>{t('mark_none')}</button>
        </div>
      )}
      <VirtualList items={items} row_px={ROW_PX} idOf={(order) => order.id} active={selected.value} onActive={(id) => (selected.value = id)} label={t('at_risk')} empty={t('list_empty')} render={(order) => <OrderRow order={order} />} />
    </section>
  );
}
