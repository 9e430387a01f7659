// Two more lists: what nobody can take or has failed, with reasons; and alerts, which stay until somebody has seen them.
import { useState } from 'preact/hooks';
import { acknowledge } from '../state/acts';
import type { Alert } from '../state/rank';
import { isFailed, phaseName, riskOf } from '../state/model';
import { board, follow, lost, openAlerts, selected, turn, view, zone } from '../state/store';
import { time } from '../text/time';
import { t, tCode } from '../text/words';
import { Detail } from './later';
import { OrderRow } from './list';
import { Slack, VirtualList } from './parts';
import { readOnly } from './screen';

export function Unassigned() {
  const { unassigned, failed } = lost.value;
  return (
    <div class="columns two">
      <section class="column" aria-labelledby="unassigned-title">
        <header><h2 id="unassigned-title">{t('unassigned_title')} <span class="count">{unassigned.length}</span></h2></header>
        <VirtualList items={unassigned} row_px={58} idOf={(order) => order.id} active={selected.value} onActive={(id) => (selected.value = id)} label={t('unassigned_title')} empty={t('none')} render={(order) => <OrderRow order={order} />} />
        <header><h2>{t('failed_title')} <span class="count">{failed.length}</span></h2></header>
        <VirtualList items={failed} row_px={40} idOf={(order) => order.id} active={selected.value} onActive={(id) => (selected.value = id)} label={t('failed_title')} empty={t('none')}
          render={(order) => <div class="order"><div class="what"><b>{order.id}</b> {tCode('phase', phaseName(order.phase))} <span class="small">{time(order.promise_ms, zone.value)}{isFailed(order) && order.unplanned ? ` · ${tCode('risk', riskOf(order))}` : ''}</span></div></div>} />
      </section>
      <Detail />
    </div>
  );
}

const SHOWN_MAX = 200;
export function Alerts() {
  follow(turn);
  const list = openAlerts.value;
  const [active, setActive] = useState('');
  const see = (these: Alert[]) => void acknowledge(these);
  return (
    <div class="columns two">
      <section class="column" aria-labelledby="alerts-title">
        <header><h2 id="alerts-title">{t('view_alerts')} <span class="count">{list.length}</span></h2>
          {!readOnly.value && list.length > 0 && <button type="button" onClick={() => see(list.slice(0, SHOWN_MAX))}>{t('acknowledge_all')}</button>}</header>
        <ul class="alerts">
          {list.slice(0, SHOWN_MAX).map((alert) => {
            const order = board.orders.get(alert.order);
            return (
              <li key={alert.id} class={alert.id === active ? 'active' : ''}>
                <button type="button" class="quiet grow" onClick={() => {
                  setActive(alert.id);
                  selected.value = alert.order;
                }}><span aria-hidden="true">⚠</span> <b>{tCode('alert', alert.kind)}</b> · {t('order', alert.order)} · {tCode('risk', alert.risk)} {order && <Slack order={order} />}</button>
                {!readOnly.value && <button type="button" onClick={() => see([alert])}>{t('acknowledge')}</button>}
              </li>
            );
          })}
          {!list.length && <li class="empty">{t('alerts_none')}</li>}
        </ul>
      </section>
      <Detail />
    </div>
  );
}

export const openOrder = (id: string): void => {
  selected.value = id;
  if (view.value !== 'board' && view.value !== 'timeline' && view.value !== 'unassigned') view.value = 'board';
};
