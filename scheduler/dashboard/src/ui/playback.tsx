// A past hour from the event log, on the same map as the present, with its events. It says on top that nothing of it is live.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { refusal } from '../api/clients';
import { readLog } from '../api/log';
import { refusalText } from '../state/acts';
import { isCarried, isOpen, phaseName } from '../state/model';
import type { Fact } from '../state/model';
import { pastNew, pastTo } from '../state/past';
import type { Known, Past } from '../state/past';
import { board, courierName, now, places, selected, zone } from '../state/store';
import { day as dayOf, midnight, time, timeWithSeconds } from '../text/time';
import { t, tCode } from '../text/words';
import { PastMap } from './later';
import { VirtualList } from './parts';
import { canDraw, narrow } from './screen';

const HOUR_MS = 3600000, BEFORE_MS = 4 * HOUR_MS, FACTS_MAX = 400000, FRAME_MS = 200;
const SPEEDS = [10, 60, 300, 1000];
const known: Known = { order: (id) => board.orders.get(id), facility: (id) => places.value.get(id)?.at };

interface Log { from_ms: number; facts: Fact[]; whole: boolean }

export function Playback() {
  const [day, setDay] = useState(() => dayOf(now() - HOUR_MS, zone.value));
  const [hour, setHour] = useState(() => Number(time(now() - HOUR_MS, zone.value).slice(0, 2)));
  const [log, setLog] = useState<Log | null>(null);
  const [state, setState] = useState<'idle' | 'reading' | 'error'>('idle');
  const [error, setError] = useState('');
  const [at_ms, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(60);
  const reading = useRef<AbortController | null>(null);
  const past = useRef<Past>(pastNew());
  useEffect(() => () => reading.current?.abort(), []);

  const read = () => {
    reading.current?.abort();
    const stop = (reading.current = new AbortController());
    const from_ms = midnight(day, zone.value) + hour * HOUR_MS, facts: Fact[] = [];
    setState('reading');
    setPlaying(false);
    readLog(from_ms - BEFORE_MS, from_ms + HOUR_MS, stop.signal, (fact) => {
      if (facts.length >= FACTS_MAX) throw new Error(t('playback_long'));
      facts.push(fact);
    }).then(() => {
      past.current = pastNew();
      setLog({ from_ms, facts, whole: true });
      setAt(from_ms);
      setState('idle');
    }, (failure: unknown) => {
      if (stop.signal.aborted) return;
      setError(failure instanceof Error && facts.length >= FACTS_MAX ? failure.message : refusalText(refusal(failure)));
      setState('error');
    });
  };
  useEffect(() => {
    if (!playing || !log) return;
    const timer = setInterval(() => setAt((before) => {
      const next = Math.min(log.from_ms + HOUR_MS, before + FRAME_MS * speed);
      if (next >= log.from_ms + HOUR_MS) setPlaying(false);
      return next;
    }), FRAME_MS);
    return () => clearInterval(timer);
  }, [playing, log, speed]);

  const shown = useMemo(() => (log ? (past.current = pastTo(past.current, log.facts, at_ms, known)) : null), [log, at_ms]);
  const events = useMemo(() => (log ? log.facts.filter((fact) => fact.at_ms >= log.from_ms) : []), [log]);
  const seen = useMemo(() => {
    let count = 0;
    while (count < events.length && events[count]!.at_ms <= at_ms) count++;
    return events.slice(0, count).reverse();
  }, [events, at_ms]);
  const orders = shown ? [...shown.board.orders.values()] : [];
  const open = orders.filter(isOpen);
  const cells: [string, number][] = [[t('kpi_open'), open.length], [t('carried'), open.filter(isCarried).length], [t('delivered'), orders.filter((order) => ['DELIVERED', 'REPORTED', 'LAB_ACCEPTED'].includes(phaseName(order.phase))).length], [t('kpi_failed'), orders.filter((order) => ['FAILED', 'RETURNED', 'RETURNING', 'SPECIMEN_REJECTED'].includes(phaseName(order.phase))).length], [t('couriers'), shown ? [...shown.board.couriers.values()].filter((one) => one.on_shift).length : 0]];
  return (
    <div class="columns two-wide playback">
      <section class="column" aria-labelledby="playback-title">
        <header><h2 id="playback-title">{t('playback_title')}</h2>
          <form class="tools" onSubmit={(event) => {
            event.preventDefault();
            read();
          }}>
            <label>{t('playback_from')} <input type="date" value={day} onChange={(event) => event.currentTarget.value && setDay(event.currentTarget.value)} /></label>
            <select aria-label={t('playback_from')} value={hour} onChange={(event) => setHour(Number(event.currentTarget.value))}>{Array.from({ length: 24 }, (_, h) => <option key={h} value={h}>{String(h).padStart(2, '0')}:00</option>)}</select>
            <button type="submit" class="main" disabled={state === 'reading'}>{state === 'reading' ? t('acting') : t('playback_load')}</button>
          </form></header>
        <p class="note">{t('playback_note')}</p>
        {state === 'error' && <p class="refused pad" role="status">{error}</p>}
        {log && (
          <>
            <div class="playbar">
              <button type="button" class="main" disabled={!events.length} onClick={() => {
                if (at_ms >= log.from_ms + HOUR_MS) setAt(log.from_ms);
                setPlaying(!playing);
              }}>{playing ? `‖ ${t('playback_pause')}` : `▶ ${t('playback_play')}`}</button>
              <input type="range" aria-label={t('playback_at')} aria-valuetext={timeWithSeconds(at_ms, zone.value)} min={log.from_ms} max={log.from_ms + HOUR_MS} step={1000} value={at_ms} onInput={(event) => setAt(event.currentTarget.valueAsNumber)} />
              <output class="clock" data-testid="playback-at">{timeWithSeconds(at_ms, zone.value)}</output>
              <label>{t('playback_speed')} <select value={speed} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>{SPEEDS.map((one) => <option key={one} value={one}>×{one}</option>)}</select></label>
            </div>
            <dl class="kpis" data-testid="playback-figures">{cells.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
          </>
        )}
        {log && !events.length ? <p class="empty">{t('playback_none')}</p> : shown && canDraw && !narrow.value ? <PastMap board={shown.board} at_ms={at_ms} /> : <p class="empty">{log ? '' : t('playback_start')}</p>}
      </section>
      <section class="column" aria-label={t('playback_facts', events.length)}>
        <header><h2>{t('playback_facts', `${seen.length} / ${events.length}`)}</h2></header>
        <VirtualList items={seen} row_px={40} idOf={(fact) => String(fact.seq)} active="" onActive={(seq) => {
          const fact = seen.find((one) => String(one.seq) === seq);
          if (fact?.order) selected.value = fact.order;
        }} label={t('history')} empty={t('facts_none')} render={(fact) => <div class="order fact"><span class="when">{timeWithSeconds(fact.at_ms, zone.value)}</span><div class="what"><div>{tCode('fact', fact.kind)}{fact.order && <b> {fact.order}</b>}</div><div class="small">{fact.courier ? courierName(fact.courier) : ''}{fact.actor ? ` · ${fact.actor}` : ''}</div></div></div>} />
      </section>
    </div>
  );
}
