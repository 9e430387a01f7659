// The page's frame: header, banner, figures, the screen that is looked at, dialogs, and the keys that work everywhere.
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { dispatcher, mayDispatch, maySettle, mayWatch, role, setDispatcher, signedOut } from './api/session';
import { busy, dialog, drawing, result, undo } from './state/acting';
import type { Dialog } from './state/acting';
import { isOpen } from './state/model';
import { follow, health, healthText, mark, marked, openAlerts, orderNow, now, said, selected, selectedCourier, start, tick, turn, view, VIEWS, zone } from './state/store';
import type { View } from './state/store';
import { timeWithSeconds } from './text/time';
import { language, t, tCode } from './text/words';
import { Kpis } from './ui/kpis';
import { Alerts, CityMap, Day, Detail, Dialogs, Playback, Settlement, Timeline, Unassigned } from './ui/later';
import { RiskList } from './ui/list';
import { canDraw, dark, narrow, readOnly, toggleTheme } from './ui/screen';

/** What is not true any more is said within five seconds, in words, on top. */
function Banner() {
  if (signedOut.value) return <div class="banner bad" role="alert" data-health="signed-out">{t(`signed_out_${signedOut.value}`)}</div>;
  if (!mayWatch()) return null;
  if (health.value === 'live') return null;
  return <div class={`banner ${health.value === 'opening' ? '' : 'bad'}`} role="alert" data-health={health.value}>{t(health.value)}{healthText.value && health.value === 'away' ? <span class="small"> ({healthText.value})</span> : null}</div>;
}

function Clock() {
  follow(tick, turn);
  return <span class="clock" title={t('server_time')}>{timeWithSeconds(now(), zone.value)}</span>;
}

const mayLook = (one: View): boolean => (one === 'settlement' ? maySettle() : mayWatch());

function Header() {
  const [naming, setNaming] = useState(false);
  return (
    <header class="top">
      <span class="brand"><svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true"><rect width="32" height="32" rx="7" fill="#0b6e69" /><path d="M13 6h6v7h7v6h-7v7h-6v-7H6v-6h7z" fill="#fff" /></svg> meddispatch</span>
      <nav aria-label={t('views')}>
        {VIEWS.filter(mayLook).map((one) => [one, VIEWS.indexOf(one)] as const).map(([one, i]) => <button key={one} type="button" class={view.value === one ? 'on' : ''} aria-current={view.value === one ? 'page' : undefined} title={`${t(`view_${one}`)} (${i + 1})`} onClick={() => (view.value = one)}>{t(`view_${one}`)}{one === 'alerts' && openAlerts.value.length > 0 && <span class="count"> {openAlerts.value.length}</span>}</button>)}
      </nav>
      {mayWatch() && <><button type="button" class="find" onClick={() => (dialog.value = { kind: 'search' })}>{t('search')} <kbd>Ctrl K</kbd></button>
      <span class={`state ${health.value}`} data-testid="health"><span aria-hidden="true">{health.value === 'live' ? '●' : '○'}</span> {health.value === 'live' ? t('live') : '…'}</span>
      <Clock /></>}
      {mayDispatch() && !readOnly.value && <button type="button" class="quiet" onClick={() => (dialog.value = { kind: 'courier' })}>+ {t('act_courier')}</button>}
      {naming ? <input class="name" aria-label={t('dispatcher')} value={dispatcher.value} maxLength={32} autofocus onBlur={(event) => {
        setDispatcher(event.currentTarget.value);
        setNaming(false);
      }} onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()} /> : <button type="button" class="quiet" title={`${t('dispatcher')}: ${tCode('role', role.value)}`} onClick={() => setNaming(true)}>{dispatcher.value || '…'}</button>}
      <button type="button" class="quiet" onClick={() => (language.value = language.value === 'zh' ? 'en' : 'zh')}>{t('language')}</button>
      <button type="button" class="quiet" aria-pressed={dark.value} title={t('theme')} onClick={toggleTheme}>{dark.value ? t('theme_light') : t('theme_dark')}</button>
      <button type="button" class="quiet" aria-label={t('help')} onClick={() => (dialog.value = { kind: 'help' })}>?</button>
    </header>
  );
}

/** The last act's outcome, order by order; a refusal stays until it is closed. */
function Outcome() {
  const last = result.value;
  useEffect(() => {
    if (!last || last.rows.some((row) => !row.ok)) return;
    const timer = setTimeout(() => result.value === last && (result.value = null), 12000);
    return () => clearTimeout(timer);
  }, [last]);
  if (!last) return null;
  const good = last.rows.filter((row) => row.ok).length;
  return (
    <div class="outcome" data-testid="outcome">
      <header><b>{last.title}</b>{last.rows.length > 1 && <> · {t('bulk_result', good, last.rows.length - good)}</>}<button type="button" class="quiet" aria-label={t('close')} onClick={() => (result.value = null)}>✕</button></header>
      <ul>{last.rows.map((row) => <li key={row.order} class={row.ok ? 'ok' : 'refused'}><span aria-hidden="true">{row.ok ? '✓' : '✗'}</span> {last.rows.length > 1 ? t('bulk_row', row.order, row.text) : row.ok ? row.text : `${t('refused')}: ${row.text}`}</li>)}</ul>
      {last.undo && <button type="button" disabled={busy.value} onClick={() => void undo()}>{t('act_undo')}</button>}
    </div>
  );
}

function Screen() {
  switch (view.value) {
    case 'board': return <div class="columns three"><RiskList />{canDraw && !narrow.value ? <CityMap /> : narrow.value ? null : <p class="empty map">{t('map_off')}</p>}<Detail /></div>;
    case 'timeline': return <Timeline />;
    case 'unassigned': return <Unassigned />;
    case 'alerts': return <Alerts />;
    case 'day': return <Day />;
    case 'playback': return <Playback />;
    case 'settlement': return <Settlement />;
  }
}

const typing = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || ((target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'radio') || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement));

function onKey(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    dialog.value = { kind: 'search' };
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog.value) return;
  const screen = VIEWS[Number(event.key) - 1];
  if (screen && mayLook(screen)) view.value = screen;
  else if (event.key === '?') dialog.value = { kind: 'help' };
  else if (event.key === 'Escape' && !drawing.value) {
    if (result.value) result.value = null;
    else if (selected.value) selected.value = '';
    else selectedCourier.value = '';
  } else if (!readOnly.value) act(event);
}

const acknowledgeOf = async (id: string): Promise<void> => {
  const mine = openAlerts.value.filter((alert) => alert.order === id);
  if (mine.length) await (await import('./state/acts')).acknowledge(mine);
};

function act(event: KeyboardEvent): void {
  const order = orderNow.value;
  const open = (next: Dialog) => {
    event.preventDefault();
    dialog.value = next;
  };
  if (event.key === 'z' && result.value?.undo) void undo();
  else if (event.key === 'b' && marked.value.size) open({ kind: 'reassign', orders: [...marked.value], to: '' });
  else if (!order) return;
  else if (event.key === 'r') open({ kind: 'reassign', orders: [order.id], to: '' });
  else if (event.key === 'p') open({ kind: 'flag', act: order.pinned ? 'unpin' : 'pin', orders: [order.id] });
  else if (event.key === 'h') open({ kind: 'flag', act: order.held ? 'release' : 'hold', orders: [order.id] });
  else if (event.key === 'u' && isOpen(order)) open({ kind: 'priority', orders: [order.id] });
  else if (event.key === 'a') void acknowledgeOf(order.id);
  else if (event.key === 'x') mark(order.id);
}

function App() {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  useEffect(() => {
    document.title = `${t('title')} · meddispatch`;
  }, [language.value]);
  return (
    <>
      <a class="skip" href="#screen">{t('skip')}</a>
      <Header />
      <Banner />
      {mayWatch() && view.value !== 'playback' && <Kpis />}
      <main id="screen" tabIndex={-1} class={health.value === 'live' || !mayWatch() || view.value === 'playback' ? '' : 'stale'}><Screen /></main>
      {dialog.value && <Dialogs />}
      <Outcome />
      <div class="hidden" role="status" aria-live="polite">{said.value}</div>
    </>
  );
}

start();
render(<App />, document.getElementById('board')!);
