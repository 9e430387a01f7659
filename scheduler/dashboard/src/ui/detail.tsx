// The right column: one order with its stops, history, custody and proof, claim lines with their rules, and why it is where it is.
import { useEffect, useState } from 'preact/hooks';
import { id as idOf, stop as stopOf } from '../api/convert';
import { board as client, deadline, orders as orderService, refusal } from '../api/clients';
import { city, role } from '../api/session';
import type { ExplainCandidate, ExplainResponse } from '../gen/meddispatch/v1/board_pb';
import type { GetOrderResponse, OrderFact } from '../gen/meddispatch/v1/order_pb';
import { dialog } from '../state/acting';
import type { Dialog } from '../state/acting';
import { refusalText } from '../state/acts';
import { isOpen, KIND_NAMES, phaseName, PRIORITY_NAMES, riskOf, isAtRisk, slack, STOP_NAMES } from '../state/model';
import type { Order } from '../state/model';
import { courierName, health, now, orderNow, placeName, selected, zone } from '../state/store';
import { distance, left, money, span, time, timeWithSeconds } from '../text/time';
import { language, t, tCode } from '../text/words';
import { Countdown, Slack } from './parts';
import { narrow, readOnly } from './screen';

interface Read { id: string; version: number; order: GetOrderResponse | null; why: ExplainResponse | null; error: string }

/** The order's own record, read again whenever its version has grown. */
function useRecord(order: Order | null): Read | null {
  const [read, setRead] = useState<Read | null>(null);
  const id = order?.id ?? '', version = order?.version ?? 0, live = health.value === 'live';
  useEffect(() => {
    if (!id || !live) return;
    const stop = new AbortController();
    const options = { ...deadline, signal: stop.signal };
    const load = async () => {
      try {
        const service = await orderService();
        const whole = await service.getOrder({ cityId: city.value, orderId: BigInt(id), withHistory: true }, options);
        setRead((before) => ({ id, version, order: whole, why: before?.id === id ? before.why : null, error: '' }));
        const why = await client.explain({ cityId: city.value, orderId: BigInt(id) }, options).catch(() => null);
        setRead((before) => (before?.id === id ? { ...before, why } : before));
      } catch (error) {
        if (!stop.signal.aborted) setRead((before) => ({ id, version, order: before?.id === id ? before.order : null, why: null, error: refusalText(refusal(error)) }));
      }
    };
    void load();
    return () => stop.abort();
  }, [id, version, live]);
  return read?.id === id ? read : null;
}

function Acts({ order }: { order: Order }) {
  const open = (next: Dialog) => () => (dialog.value = next);
  if (readOnly.value) return <p class="small">{t(narrow.value ? 'read_only' : 'read_only_role')}</p>;
  const at = [order.id];
  return (
    <div class="acts" role="toolbar" aria-label={t('order', order.id)}>
      {isOpen(order) && <>
        <button type="button" class="main" onClick={open({ kind: 'reassign', orders: at, to: '' })}>{t('act_reassign')} <kbd>R</kbd></button>
        <button type="button" onClick={open({ kind: 'flag', act: order.pinned ? 'unpin' : 'pin', orders: at })}>{t(order.pinned ? 'act_unpin' : 'act_pin')} <kbd>P</kbd></button>
        <button type="button" onClick={open({ kind: 'flag', act: order.held ? 'release' : 'hold', orders: at })}>{t(order.held ? 'act_release' : 'act_hold')} <kbd>H</kbd></button>
        <button type="button" onClick={open({ kind: 'priority', orders: at })}>{t('act_priority')} <kbd>U</kbd></button>
        <button type="button" class="danger" onClick={open({ kind: 'flag', act: 'cancel', orders: at })}>{t('act_cancel')}</button>
      </>}
      <button type="button" onClick={open({ kind: 'reveal', order: order.id })}>{t('act_reveal')}</button>
    </div>
  );
}

const fields = (detail: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(detail || '{}');
    return typeof value === 'object' && value ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
};
const told = (fact: OrderFact): string => Object.entries(fields(fact.detail)).filter(([name, value]) => value !== '' && value !== 0 && value !== false && name !== 'custody')
  .map(([name, value]) => `${name.replace(/_(ms|mdegc|id)$/, '').replace(/_/g, ' ')} ${name.endsWith('_ms') ? time(Number(value), zone.value) : name.endsWith('_mdegc') ? `${(Number(value) / 1000).toFixed(1)} °C` : String(value)}`).join(' · ');

function History({ facts }: { facts: OrderFact[] }) {
  if (!facts.length) return <p class="small">{t('facts_none')}</p>;
  return (
    <table>
      <thead><tr><th scope="col">{t('when')}</th><th scope="col">{t('what')}</th><th scope="col">{t('who')}</th></tr></thead>
      <tbody>{facts.map((fact) => (
        <tr key={`${fact.seq}-${fact.kind}-${fact.version}`}><td>{timeWithSeconds(Number(fact.atMs), zone.value)}</td><td>{tCode('fact', fact.kind)}<div class="small">{told(fact)}</div></td><td class="small">{fact.actor || '–'}{fact.courierId ? <div>{courierName(idOf(fact.courierId))}</div> : null}</td></tr>
      ))}</tbody>
    </table>
  );
}

/** Hand-overs with their hashes, and what proves them. */
function Custody({ facts }: { facts: OrderFact[] }) {
  const hands = facts.map((fact) => ({ fact, at: fields(fact.detail) })).filter(({ at }) => typeof at['custody'] === 'string' && !/^0*$/.test(at['custody']));
  if (!hands.length) return <p class="small">{t('facts_none')}</p>;
  return (
    <ol class="custody">{hands.map(({ fact, at }) => (
      <li key={String(fact.seq)}>{timeWithSeconds(Number(fact.atMs), zone.value)} {tCode('fact', fact.kind)}{at['recipient_checked'] === true && ' ✓ ID'}{Number(at['temperature_mdegc']) ? ` ${(Number(at['temperature_mdegc']) / 1000).toFixed(1)} °C` : ''} <code title={String(at['custody'])}>{String(at['custody']).slice(0, 12)}…</code></li>
    ))}</ol>
  );
}

function Claim({ read }: { read: Read }) {
  const claim = read.order?.order?.claim;
  if (!claim) return <p class="small">{t('claim_none')}</p>;
  const fen = (value: bigint) => money(Number(value));
  return (
    <>
      <p>#{String(claim.claimId)} <b>{tCode('claim', claim.state)}</b>{claim.refusalRule && <> · {claim.refusalRule}: {claim.refusalText}</>}<br />{t('submitted')} {fen(claim.submittedFen)} · {t('benefit')} <b>{fen(claim.benefitFen)}</b> · {t('member_pays')} {fen(claim.memberFen)}</p>
      <table>
        <thead><tr><th scope="col">{t('lines')}</th><th scope="col">{t('submitted')}</th><th scope="col">{t('eligible')}</th><th scope="col">{t('benefit')}</th><th scope="col">{t('rules')}</th></tr></thead>
        <tbody>{claim.lines.map((line, i) => <tr key={i}><td>{line.code || `#${i + 1}`} ×{line.allowedQuantity === line.quantity ? line.quantity : `${line.allowedQuantity}/${line.quantity}`}</td><td>{fen(line.submittedFen)}</td><td>{fen(line.eligibleFen)}</td><td>{fen(line.benefitFen)}</td><td class="small">{line.rules || '–'}</td></tr>)}</tbody>
      </table>
    </>
  );
}

/** The server's answer in the page's language: its codes have words here; a code that is new is told in the server's own sentence. */
function reasonOf(one: ExplainCandidate): string {
  if (one.courierId && !one.rule) return `${courierName(idOf(one.courierId))}: ${t('arrives', time(Number(one.arriveMs), zone.value))}`;
  const word = tCode('why', one.rule);
  const who = one.courierId ? courierName(idOf(one.courierId)) : t('why_couriers', one.couriers);
  return word === one.rule ? one.text : `${who}: ${word}`;
}

function Why({ why, order }: { why: ExplainResponse; order: Order }) {
  const left_ms = slack(order, now());
  const summary = why.unplannedReason ? tCode('why', why.unplannedReason) : order.courier && left_ms !== null ? `${tCode('phase', phaseName(order.phase))} · ${courierName(order.courier)} · ${left(left_ms, language.value)}` : '';
  return (
    <>
      <p>{summary && summary !== why.unplannedReason ? summary : why.summary}</p>
      <ul class="why-list">{why.candidates.map((one, i) => <li key={i} title={one.text}>{one.rule ? <span aria-hidden="true">✗ </span> : <span aria-hidden="true">✓ </span>}{reasonOf(one)}</li>)}</ul>
      {why.stops.length > 0 && <ol>{why.stops.map(stopOf).map((stop, i) => <li key={i}>{tCode('stop', STOP_NAMES[stop.kind] ?? 'UNKNOWN')} {stop.facility ? placeName(stop.facility) : ''} {time(stop.arrive_ms, zone.value)} · {span(stop.travel_s * 1000, language.value)}, {distance(stop.travel_m)}</li>)}</ol>}
    </>
  );
}

export function Detail() {
  const order = orderNow.value;
  const read = useRecord(order);
  if (!order) return <aside class="column detail" aria-label={t('detail')}><p class="empty">{t('nothing_selected')}</p></aside>;
  const whole = read?.order;
  return (
    <aside class="column detail" aria-label={t('detail')}>
      <header>
        <h2>{t('order', order.id)} <span class="tag">{tCode('kind', KIND_NAMES[order.kind] ?? 'UNKNOWN')}</span>{order.priority > 1 && <span class={`tag p${order.priority}`}>{tCode('priority', PRIORITY_NAMES[order.priority] ?? 'ROUTINE')}</span>}</h2>
        <button type="button" class="quiet" aria-label={t('close')} onClick={() => (selected.value = '')}>✕</button>
      </header>
      <div class="scroll" tabIndex={0}>
        <p class="state"><b>{tCode('phase', phaseName(order.phase))}</b> · <Slack order={order} />{isAtRisk(order, now()) && <b class="why"> · {tCode('risk', riskOf(order))}</b>}{order.pinned && ` · ${t('pinned')}`}{order.held && ` · ${t('held')}`}</p>
        <dl>
          <dt>{t('promise')}</dt><dd>{time(order.promise_ms, zone.value)} (<Countdown to_ms={order.promise_ms} />)</dd>
          <dt>{t('eta')}</dt><dd>{time(order.eta_ms, zone.value)}</dd>
          <dt>{t('courier')}</dt><dd>{courierName(order.courier)}</dd>
          <dt>{t('place_1')}</dt><dd>{placeName(order.pharmacy)}</dd>
          <dt>{t('recipient')}</dt><dd>••• <span class="small">({t('masked')})</span></dd>
          <dt>{t('version')}</dt><dd>{order.version}</dd>
          {whole?.order?.endReason && <><dt>{t('end_reason')}</dt><dd>{whole.order.endReason}</dd></>}
        </dl>
        <Acts order={order} />
        {read?.error && <p class="refused" role="status">{read.error}</p>}
        {read?.why && <section><h3>{t('explain')}</h3><Why why={read.why} order={order} /></section>}
        {whole && <section><h3>{t('claim')}</h3>{role.value === 'dispatcher' ? <p class="small">{t('claim_not_yours')}</p> : <Claim read={read} />}</section>}
        {whole && <section><h3>{t('custody')} · {t('proof')}</h3><Custody facts={whole.history} /></section>}
        {whole && <section><h3>{t('history')}</h3><History facts={whole.history} /></section>}
      </div>
    </aside>
  );
}
