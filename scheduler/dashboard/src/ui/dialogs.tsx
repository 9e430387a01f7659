// Dialogs: every act asks why; reassigning shows first what it changes. They come in a chunk of their own.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { board as client, couriers as courierService, deadline, key, patiently, refusal } from '../api/clients';
import { id as idOf } from '../api/convert';
import { city, dispatcher, SOURCE } from '../api/session';
import type { PreviewOrder, PreviewReassignResponse } from '../gen/meddispatch/v1/board_pb';
import { busy, dialog } from '../state/acting';
import type { Dialog } from '../state/acting';
import { callHead, flag, flagWord, prioritize, reassign, refusalText, single } from '../state/acts';
import { isSilent, search } from '../state/rank';
import { board, courierInfo, courierName, mapTo, now, places, selectedCourier, turn, view, VIEWS, zone } from '../state/store';
import { PRIORITY_NAMES } from '../state/model';
import type { Order, Place } from '../state/model';
import { distance, left, span, time } from '../text/time';
import { language, t, tCode } from '../text/words';
import { openOrder } from './lists';
import { Modal, Reason, skillsOf } from './parts';
import { readRoads } from './roads';

const close = () => (dialog.value = null);

function Buttons({ ready, danger, word }: { ready: boolean; danger?: boolean; word?: string }) {
  return (
    <footer>
      <button type="button" onClick={close}>{t('back_out')}</button>
      <button type="submit" class={danger ? 'danger' : 'main'} disabled={!ready || busy.value}>{busy.value ? t('acting') : (word ?? t('confirm'))}</button>
    </footer>
  );
}

/* ---- reassign ---- */

interface Choice { id: string; label: string; note: string; able: boolean }

/** Couriers on shift: those who can by Explain first, the best first; then the rest by number of stops. */
function useChoices(order: string): Choice[] {
  const [able, setAble] = useState<Map<string, { rank: number; done: number }>>(new Map());
  useEffect(() => {
    const stop = new AbortController();
    client.explain({ cityId: city.value, orderId: BigInt(order) }, { ...deadline, signal: stop.signal }).then((why) => {
      setAble(new Map(why.candidates.filter((one) => one.courierId && !one.rule).map((one, rank) => [idOf(one.courierId), { rank, done: Number(one.arriveMs) }])));
    }, () => undefined);
    return () => stop.abort();
  }, [order]);
  return useMemo(() => {
    const on = [...board.couriers.values()].filter((courier) => courier.on_shift);
    on.sort((a, b) => (able.get(a.id)?.rank ?? 99) - (able.get(b.id)?.rank ?? 99) || a.stops.length - b.stops.length || a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
    return on.map((courier) => {
      const can = able.get(courier.id);
      return { id: courier.id, label: courierName(courier.id), able: !!can, note: `${t('load', courier.stops.length)}${can ? ` · ✓ ${t('arrives', time(can.done, zone.value))}` : ''}${isSilent(courier, now()) ? ` · ⚠ ${tCode('alert', 'COURIER_SILENT')}` : ''}` };
    });
  }, [able, turn.value]);
}

type Preview = { state: 'none' } | { state: 'waiting' } | { state: 'told'; told: PreviewReassignResponse; seen: Order | undefined } | { state: 'error'; text: string; missing: boolean };

const copyOf = (id: string): Order | undefined => {
  const order = board.orders.get(id);
  return order && { ...order };
};

function usePreview(order: string, to: string | null): Preview {
  const [preview, setPreview] = useState<Preview>({ state: 'none' });
  useEffect(() => {
    if (to === null) return setPreview({ state: 'none' });
    const stop = new AbortController();
    setPreview({ state: 'waiting' });
    client.previewReassign({ cityId: city.value, orderId: BigInt(order), toCourierId: BigInt(to || 0) }, { ...deadline, signal: stop.signal })
      .then((told) => setPreview({ state: 'told', told, seen: copyOf(order) }), (error: unknown) => {
        if (!stop.signal.aborted) setPreview({ state: 'error', text: refusalText(refusal(error)), missing: refusal(error).missing });
      });
    return () => stop.abort();
  }, [order, to]);
  return preview;
}

function Changes({ preview }: { preview: Preview }) {
  if (preview.state === 'none') return null;
  if (preview.state === 'waiting') return <p role="status">{t('preview_wait')}</p>;
  if (preview.state === 'error') return <p role="status" class="refused">{preview.text}</p>;
  const { told } = preview;
  const slackOf = (promise: bigint, done: bigint) => (done ? left(Number(promise - done), language.value) : t('no_plan'));
  const promiseOf = (one: PreviewOrder) => one.promiseMs || BigInt(board.orders.get(idOf(one.orderId))?.promise_ms ?? 0);
  const minutes = (s: number) => span(s * 1000, language.value);
  return (
    <div class="preview" role="status">
      <h3>{t('preview')}</h3>
      {told.rule && <p class="refused"><span aria-hidden="true">✗</span> {t('preview_cannot', told.text || told.rule)}</p>}
      <ul>
        {told.orders.map((one) => <li key={String(one.orderId)} class={one.doneAfterMs > promiseOf(one) ? 'worse' : ''}>{t('preview_slack', t('order', String(one.orderId)), slackOf(promiseOf(one), one.doneBeforeMs), slackOf(promiseOf(one), one.doneAfterMs))}</li>)}
        {told.couriers.map((one) => <li key={String(one.courierId)}>{t('preview_travel', courierName(idOf(one.courierId)), `${minutes(one.travelBeforeS)}, ${distance(one.travelBeforeM)}`, `${minutes(one.travelAfterS)}, ${distance(one.travelAfterM)}`)}</li>)}
        {!told.orders.length && !told.couriers.length && !told.rule && <li>{t('preview_none')}</li>}
      </ul>
    </div>
  );
}

function Reassign({ about }: { about: Extract<Dialog, { kind: 'reassign' }> }) {
  const single_order = about.orders.length === 1;
  const first = about.orders[0]!;
  const [to, setTo] = useState<string | null>(about.to || null);
  const [reason, setReason] = useState('');
  const [narrow, setNarrow] = useState('');
  const choices = useChoices(first).filter((choice) => !narrow || choice.label.toLowerCase().includes(narrow.toLowerCase()) || choice.id === narrow);
  const preview = usePreview(first, single_order ? to : null);
  const mayCommit = to !== null && reason.trim().length > 0 && (!single_order || (preview.state === 'told' && !preview.told.rule) || (preview.state === 'error' && preview.missing));
  const commit = (event: Event) => {
    event.preventDefault();
    if (!mayCommit) return;
    const shown = single_order && preview.state === 'told' ? preview : null;
    void reassign(about.orders, to, reason.trim(), shown?.told.order ? { version: shown.told.order.version, order: shown.seen } : null);
  };
  return (
    <Modal title={single_order ? `${t('act_reassign')} · ${t('order', first)}` : `${t('bulk')} · ${about.orders.length} ${t('orders')}`} onClose={close} wide class="reassign">
      <form onSubmit={commit}>
        <label class="field">{t('choose_courier')}<input type="search" value={narrow} placeholder={t('filter')} onInput={(event) => setNarrow(event.currentTarget.value.trim())} /></label>
        <div class="choices" role="radiogroup" aria-label={t('choose_courier')}>
          {[{ id: '', label: t('to_pool'), note: '', able: true }, ...choices.slice(0, 60)].map((choice, i) => (
            <label key={choice.id} class={choice.able ? 'choice able' : 'choice'}><input type="radio" name="to" value={choice.id} checked={to === choice.id} data-first={i === 1 || undefined} onChange={() => setTo(choice.id)} /> <b>{choice.label}</b> <span class="small">{choice.note}</span></label>
          ))}
        </div>
        <Changes preview={preview} />
        <Reason value={reason} onInput={setReason} />
        <Buttons ready={mayCommit} word={t('commit')} />
      </form>
    </Modal>
  );
}

/* ---- one reason, one act ---- */

function WithReason({ title, note, danger, onReason, children }: { title: string; note?: string; danger?: boolean; onReason: (reason: string) => void; children?: preact.ComponentChildren }) {
  const [reason, setReason] = useState('');
  return (
    <Modal title={title} onClose={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim()) onReason(reason.trim());
      }}>
        {note && <p>{note}</p>}
        {children}
        <Reason value={reason} onInput={setReason} first />
        <Buttons ready={!!reason.trim()} danger={danger ?? false} />
      </form>
    </Modal>
  );
}

function FlagDialog({ about }: { about: Extract<Dialog, { kind: 'flag' }> }) {
  const who = about.orders.length === 1 ? t('order', about.orders[0]!) : `${about.orders.length} ${t('orders')}`;
  return <WithReason title={`${t(flagWord(about.act))} · ${who}`} danger={about.act === 'cancel'} onReason={(reason) => void flag(about.orders, about.act, reason)} />;
}

function Priority({ orders }: { orders: string[] }) {
  const [to, setTo] = useState(Math.min(3, (board.orders.get(orders[0]!)?.priority || 1) + 1));
  return (
    <WithReason title={`${t('act_priority')} · ${orders.length === 1 ? t('order', orders[0]!) : `${orders.length} ${t('orders')}`}`} onReason={(reason) => void prioritize(orders, to, reason)}>
      <fieldset><legend>{t('act_priority')}</legend>{[1, 2, 3].map((level) => <label key={level}><input type="radio" name="priority" value={level} checked={to === level} onChange={() => setTo(level)} /> {tCode('priority', PRIORITY_NAMES[level]!)}</label>)}</fieldset>
    </WithReason>
  );
}

function Confirm({ about }: { about: Extract<Dialog, { kind: 'confirm' }> }) {
  return (
    <Modal title={about.title} onClose={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        close();
        about.run();
      }}><p>{about.note}</p><Buttons ready /></form>
    </Modal>
  );
}

function Reveal({ order }: { order: string }) {
  const [shown, setShown] = useState('');
  const [error, setError] = useState('');
  if (shown) return <Modal title={t('order', order)} onClose={close}><p class="revealed">{shown}</p><footer><button type="button" class="main" data-first onClick={close}>{t('close')}</button></footer></Modal>;
  return (
    <WithReason title={`${t('act_reveal')} · ${t('order', order)}`} note={error || t('reveal_logged')} onReason={(reason) => {
      client.revealRecipient({ cityId: city.value, orderId: BigInt(order), dispatcher: dispatcher.value, reason }, deadline)
        .then((who) => setShown(`${who.name} · ${who.phone} · ${who.address}`), (failure: unknown) => setError(refusalText(refusal(failure))));
    }} />
  );
}

/* ---- roads ---- */

function Road({ corners, area }: { corners: Place[]; area: boolean }) {
  const [closed, setClosed] = useState(true);
  const [speed, setSpeed] = useState(10);
  const [hours, setHours] = useState(2);
  const at = corners.map((corner) => ({ lat: corner.lat, lon: corner.lon }));
  const report = (reason: string) => {
    const request = { ...callHead(), polygon: area ? at : [], road: area ? [] : at.slice(0, 1), speedPercent: 0, speedKmh: closed ? 0 : speed, untilMs: BigInt(Math.round(now() + hours * 3600000)), reason };
    void single(t('act_road'), async () => t('done_road', (await patiently(() => client.reportRoad(request, deadline))).roads)).then(readRoads);
  };
  return (
    <WithReason title={t('road_title')} note={area ? t('road_corners', corners.length) : t('road_point')} onReason={report}>
      <fieldset>
        <label><input type="radio" name="road" checked={closed} onChange={() => setClosed(true)} /> {t('road_closed')}</label>
        <label><input type="radio" name="road" checked={!closed} onChange={() => setClosed(false)} /> {t('road_slow')} <input type="number" min={1} max={60} value={speed} aria-label={t('road_slow')} onInput={(event) => setSpeed(Math.min(60, Math.max(1, event.currentTarget.valueAsNumber || 1)))} /></label>
      </fieldset>
      <label class="field">{t('road_until')}<select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>{[0.5, 1, 2, 4, 8, 24].map((h) => <option key={h} value={h}>{t('road_hours', h)}</option>)}</select></label>
    </WithReason>
  );
}

const Withdraw = ({ road }: { road: string }) => (
  <WithReason title={t('road_withdraw')} onReason={(reason) => {
    const request = { ...callHead(), overrideId: BigInt(road), reason };
    void single(t('road_withdraw'), async () => {
      await patiently(() => client.withdrawRoad(request, deadline));
      return t('done_withdrawn');
    }).then(readRoads);
  }} />
);

/* ---- a courier more ---- */

const SHIFT_MS = 8 * 3600000;
function AddCourier() {
  const off = [...courierInfo.value.values()].filter((one) => one.active && !board.couriers.get(one.id)?.on_shift);
  const bases = [...places.value.values()];
  const [who, setWho] = useState(off[0]?.id ?? '');
  const [at, setAt] = useState(bases[0]?.id ?? '');
  const base = places.value.get(at);
  return (
    <Modal title={t('act_courier')} onClose={close}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (!who || !base) return;
        const request = { idempotencyKey: key(), cityId: city.value, source: SOURCE, courierId: BigInt(who), at: { lat: base.at.lat, lon: base.at.lon }, endsMs: BigInt(Math.round(now() + SHIFT_MS)) };
        void single(t('act_courier'), async () => {
          const service = await courierService();
          await patiently(() => service.startShift(request, deadline));
          return t('done_courier', courierName(who));
        });
      }}>
        {!off.length && <p>{t('courier_all_on')}</p>}
        <label class="field">{t('courier')}<select data-first value={who} onChange={(event) => setWho(event.currentTarget.value)}>{off.map((one) => <option key={one.id} value={one.id}>{[one.name, skillsOf(one.id)].filter(Boolean).join(' · ')}</option>)}</select></label>
        <label class="field">{t('courier_at')}<select value={at} onChange={(event) => setAt(event.currentTarget.value)}>{bases.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
        <Buttons ready={!!who && !!base} word={t('start_shift')} />
      </form>
    </Modal>
  );
}

/* ---- search, help ---- */

function Search() {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const found = useMemo(() => search(board, courierInfo.value, places.value, text), [text, turn.value]);
  const open = (index: number) => {
    const one = found[index];
    if (!one) return;
    close();
    if (one.kind === 'order') openOrder(one.id);
    else if (one.kind === 'courier') {
      view.value = 'timeline';
      selectedCourier.value = one.id;
    } else {
      view.value = 'board';
      mapTo.value = places.value.get(one.id)?.at ?? null;
    }
  };
  return (
    <Modal title={t('search')} onClose={close} class="search">
      <input type="search" data-first role="combobox" aria-expanded={found.length > 0} aria-controls="found" aria-activedescendant={found.length ? `found-${at}` : undefined} aria-label={t('search_hint')} placeholder={t('search_hint')} value={text} onInput={(event) => {
        setText(event.currentTarget.value);
        setAt(0);
      }} onKeyDown={(event) => {
        if (event.key === 'ArrowDown') setAt(Math.min(found.length - 1, at + 1));
        else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
        else if (event.key === 'Enter') open(at);
        else if (event.key === 'Escape') close(); // a search field would only empty itself
        else return;
        event.preventDefault();
      }} />
      <ul id="found" role="listbox" aria-label={t('search')}>
        {found.map((one, i) => <li key={`${one.kind}${one.id}`} id={`found-${i}`} role="option" aria-selected={i === at} class={i === at ? 'active' : ''} onClick={() => open(i)}><span class="tag">{one.kind === 'order' ? t('order', '') : one.kind === 'courier' ? t('courier') : t('place_0')}</span> <b>{one.id}</b> {one.kind === 'order' ? tCode('phase', one.label) : one.label}</li>)}
      </ul>
      {text && !found.length && <p role="status">{t('search_none')}</p>}
    </Modal>
  );
}

function Help() {
  const keys: [string, string][] = [['Ctrl K', t('key_search')], ['↓ ↑ j k', t('key_move')], ['R', t('act_reassign')], ['P', `${t('act_pin')} / ${t('act_unpin')}`], ['H', `${t('act_hold')} / ${t('act_release')}`], ['U', t('act_priority')], ['A', t('acknowledge')], ['Z', t('act_undo')], ['M ↓ ↑ Enter', t('key_carry')], ['X', t('key_mark')], ['B', t('bulk')], ['1 … 7', `${t('key_views')}: ${VIEWS.map((one) => t(`view_${one}`)).join(', ')}`], ['Esc', t('key_escape')], ['?', t('key_help')]];
  return <Modal title={t('help')} onClose={close}><table>{keys.map(([name, what]) => <tr key={name}><td><kbd>{name}</kbd></td><td>{what}</td></tr>)}</table></Modal>;
}

export function Dialogs() {
  const about = dialog.value;
  if (!about) return null;
  switch (about.kind) {
    case 'reassign': return <Reassign key={about.orders.join()} about={about} />;
    case 'flag': return <FlagDialog about={about} />;
    case 'priority': return <Priority orders={about.orders} />;
    case 'confirm': return <Confirm about={about} />;
    case 'reveal': return <Reveal order={about.order} />;
    case 'road': return <Road corners={about.corners} area={about.area} />;
    case 'withdraw': return <Withdraw road={about.road} />;
    case 'courier': return <AddCourier />;
    case 'search': return <Search />;
    case 'help': return <Help />;
  }
}

