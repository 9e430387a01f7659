// The day: figures from the books (by the hour in which orders were accepted) and what the event log says of risk and change.
import { useEffect, useState } from 'preact/hooks';
import { board as client, deadline, refusal } from '../api/clients';
import { readLog } from '../api/log';
import { city } from '../api/session';
import type { GetKpisResponse } from '../gen/meddispatch/v1/board_pb';
import { refusalText } from '../state/acts';
import { Counter } from '../state/past';
import type { Counted } from '../state/past';
import { health, now, zone } from '../state/store';
import { day as dayOf, midnight, span, time } from '../text/time';
import { language, t } from '../text/words';
import { Chart } from './chart';

const HOUR_MS = 3600000, AGAIN_MS = 15000;
interface Hour { from_ms: number; kpis: GetKpisResponse }
interface Told { whole: GetKpisResponse; hours: Hour[] }

/** The whole day at once and hour by hour; hours that are long over are asked once. */
function useFigures(from_ms: number): { told: Told | null; error: string } {
  const [told, setTold] = useState<Told | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    const stop = new AbortController(), settled = new Map<number, Hour>();
    const ask = (from: number, to: number) => client.getKpis({ cityId: city.value, fromMs: BigInt(from), toMs: BigInt(to) }, { ...deadline, signal: stop.signal });
    const load = async () => {
      const until_ms = Math.min(from_ms + 24 * HOUR_MS, Math.max(from_ms + 1, now()));
      try {
        const whole = await ask(from_ms, from_ms + 24 * HOUR_MS);
        const hours: Hour[] = [];
        for (let at = from_ms; at < until_ms; at += HOUR_MS) {
          const hour = settled.get(at) ?? { from_ms: at, kpis: await ask(at, at + HOUR_MS) };
          if (at + 5 * HOUR_MS < until_ms) settled.set(at, hour);
          hours.push(hour);
        }
        setTold({ whole, hours });
        setError('');
      } catch (failure) {
        if (!stop.signal.aborted) setError(refusalText(refusal(failure)));
      }
    };
    void load();
    const again = setInterval(() => health.value === 'live' && void load(), AGAIN_MS);
    return () => {
      clearInterval(again);
      stop.abort();
    };
  }, [from_ms, city.value]);
  return { told, error };
}

/** Counted from the log once an opening; a long day's log is read in pieces and counted as it comes. */
function useCounted(from_ms: number): Counted | null {
  const [counted, setCounted] = useState<Counted | null>(null);
  useEffect(() => {
    const stop = new AbortController(), counter = new Counter();
    const read = async () => {
      for (let at = from_ms; at < Math.min(now(), from_ms + 24 * HOUR_MS); at += HOUR_MS) {
        await readLog(at, at + HOUR_MS, stop.signal, (fact) => counter.add(fact));
        setCounted(counter.told());
      }
    };
    void read().catch(() => undefined);
    return () => stop.abort();
  }, [from_ms, city.value]);
  return counted;
}

export function Day() {
  const today = dayOf(now(), zone.value);
  const [day, setDay] = useState(today);
  const from_ms = midnight(day, zone.value);
  const { told, error } = useFigures(from_ms);
  const counted = useCounted(from_ms);
  const share = (part: bigint, of: bigint) => (of ? `${(Math.floor((Number(part) / Number(of)) * 1000) / 10).toFixed(1)} %` : '–');
  const minutes = (s: number) => (s ? span(s * 1000, language.value) : '–');
  const whole = told?.whole;
  const hours = told?.hours.filter((hour, i, all) => hour.kpis.ordersTotal > 0n || all.slice(0, i).some((one) => one.kpis.ordersTotal > 0n)) ?? [];
  const labels = hours.map((hour) => time(hour.from_ms, zone.value));
  const cells: [string, string | number][] = whole ? [
    [t('first_attempt'), Number(whole.ordersTotal)], [t('delivered'), Number(whole.ordersDelivered)], [t('share_3h'), share(whole.ordersWithin3h, whole.ordersDelivered)], [t('kpi_p50'), minutes(whole.p50S)], [t('kpi_p90'), minutes(whole.p90S)], [t('kpi_p99'), minutes(whole.p99S)],
    [t('kpi_failed'), Number(whole.ordersFailed)], [t('used'), Number(whole.couriersUsed)], [t('recovered'), counted ? `${counted.recovered} / ${counted.at_risk}` : '…'], [t('missed'), counted ? counted.missed : '…'], [t('changes'), counted ? counted.changes : '…'], [t('by_dispatcher'), counted ? counted.by_dispatcher : '…'],
  ] : [];
  return (
    <section class="page" aria-labelledby="day-title">
      <header><h2 id="day-title">{t('day_title')}</h2><label>{t('settle_day')} <input type="date" value={day} max={today} onChange={(event) => event.currentTarget.value && setDay(event.currentTarget.value)} /></label><span class="small">{t('server_figures')}</span></header>
      {error && <p class="refused" role="status">{error}</p>}
      <dl class="tiles" data-testid="day-figures">{cells.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {told && (hours.length ? (
        <div class="charts">
          <Chart title={t('chart_done')} labels={labels} unit="" series={[{ name: t('first_attempt'), kind: 'bar', style: 'b', values: hours.map((hour) => Number(hour.kpis.ordersTotal)) }, { name: t('delivered'), kind: 'bar', style: 'a', values: hours.map((hour) => Number(hour.kpis.ordersDelivered)) }]} />
          <Chart title={`${t('chart_span')} (${t('minutes')})`} labels={labels} unit={t('minutes')} series={[{ name: t('kpi_p50'), kind: 'line', style: 'a', values: hours.map((hour) => (hour.kpis.p50S ? hour.kpis.p50S / 60 : null)) }, { name: t('kpi_p90'), kind: 'line', style: 'c', values: hours.map((hour) => (hour.kpis.p90S ? hour.kpis.p90S / 60 : null)) }]} />
          <Chart title={`${t('share_3h')} (%)`} labels={labels} unit="%" most={100} series={[{ name: t('share_3h'), kind: 'line', style: 'a', values: hours.map((hour) => (hour.kpis.ordersDelivered ? (Number(hour.kpis.ordersWithin3h) / Number(hour.kpis.ordersDelivered)) * 100 : null)) }]} />
          <Chart title={t('used')} labels={labels} unit="" series={[{ name: t('used'), kind: 'bar', style: 'a', values: hours.map((hour) => Number(hour.kpis.couriersUsed)) }]} />
        </div>
      ) : <p class="empty">{t('day_none')}</p>)}
    </section>
  );
}
