// Who does what when: a lane for each courier, his stops as blocks with the way to them, promises, the now-line and the end of his shift. An order is dragged to
// another lane, or carried there by keys. Our own SVG; only lanes in sight are drawn.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { dialog } from '../state/acting';
import { STOP_NAMES } from '../state/model';
import { board, courierName, follow, now, say, selected, selectedCourier, tick, turn, zone } from '../state/store';
import { time } from '../text/time';
import { t, tCode } from '../text/words';
import { lanes, row, ROW_PX, stepOrder, ticks, xOf } from './gantt';
import type { Block, Row, Span } from './gantt';
import { Detail } from './later';
import { level } from './mapdata';
import { skillsOf } from './parts';
import { readOnly } from './screen';

const LABEL_PX = 172, HEAD_PX = 26, BEFORE_MS = 30 * 60000, HOUR_MS = 3600000, OVERSCAN = 4, DRAG_PX = 5;
const SHAPES = { late: '▲', risk: '◆', good: '', over: '' };

interface Drag { order: string; from: string; x: number; y: number; moved: boolean; over: string }

function Lane({ one, y, width, chosen, target, onGrab }: { one: Row; y: number; width: number; chosen: boolean; target: boolean; onGrab: (event: PointerEvent, block: Block, courier: string) => void }) {
  const courier = one.courier;
  const mid = ROW_PX / 2;
  return (
    <g transform={`translate(0 ${y})`} data-lane={courier.id}>
      <rect class={`lane ${chosen ? 'selected' : ''} ${target ? 'over' : ''}`} x={0} y={0} width={LABEL_PX + width} height={ROW_PX} onClick={() => (selectedCourier.value = courier.id)} />
      <line class="grid" x1={0} x2={LABEL_PX + width} y1={ROW_PX - 0.5} y2={ROW_PX - 0.5} />
      <svg x={LABEL_PX} y={0} width={width} height={ROW_PX}>
        {one.off_x < width && <rect class="off" x={Math.max(0, one.off_x)} y={2} width={Math.max(0, width - Math.max(0, one.off_x))} height={ROW_PX - 4}><title>{t('shift_until', time(courier.shift_ends_ms, zone.value))}</title></rect>}
        {one.pauses.map((pause, i) => <g key={`p${i}`}><rect class="pause" x={pause.x} y={mid - 5} width={pause.width} height={10} rx={3} />{pause.width > 60 && <text class="soft" x={pause.x + 6} y={mid + 4}>{t('pause')}</text>}</g>)}
        {one.blocks.map((block, i) => (
          <g key={`${block.order}-${i}`} class={`stop ${block.order === selected.value ? 'chosen' : ''}`} data-order={block.order} data-kind={STOP_NAMES[block.kind]} onPointerDown={(event) => onGrab(event, block, courier.id)}>
            <title>{`${t('order', block.order)} · ${tCode('stop', STOP_NAMES[block.kind] ?? 'UNKNOWN')}`}</title>
            <line class="travel" x1={block.travel_x} x2={Math.max(block.travel_x, block.wait_x)} y1={mid} y2={mid} />
            {block.x - block.wait_x > 2 && <line class="waiting-line" x1={block.wait_x} x2={block.x} y1={mid} y2={mid} />}
            <rect class={`block ${block.level} ${block.told ? 'told' : 'planned'} ${block.order === selected.value ? 'chosen' : ''}`} x={block.x} y={6} width={block.width} height={ROW_PX - 12} rx={3} />
            {block.width > 24 && <text class="on" x={block.x + 4} y={mid + 4}>{SHAPES[block.level]}{block.order}</text>}
          </g>
        ))}
        {one.promises.map((promise) => <path key={promise.order} class={`promise ${promise.order === selected.value ? 'chosen' : ''}`} d={`M${promise.x} 11 l-4.5 -9 h9 z M${promise.x - 0.75} 9 h1.5 v${ROW_PX - 12} h-1.5 z`}><title>{`${t('promise')} · ${t('order', promise.order)}`}</title></path>)}
      </svg>
      <text x={10} y={mid - 1} class="name">{courierName(courier.id)}</text>
      <text x={10} y={mid + 13} class="soft">{[courier.stops.length ? t('load', courier.stops.length) : t('idle'), skillsOf(courier.id)].filter(Boolean).join(' · ')}</text>
    </g>
  );
}

/** Keys: up and down choose a courier, left and right an order of his; M carries the order to another lane, Enter puts it down. */
function useKeys(list: ReturnType<typeof lanes>, show: (index: number) => void) {
  const [carried, setCarried] = useState('');
  const onKeyDown = (event: JSX.TargetedKeyboardEvent<HTMLDivElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = list.findIndex((courier) => courier.id === selectedCourier.value);
    const choose = (index: number) => {
      const courier = list[Math.max(0, Math.min(list.length - 1, index))];
      if (!courier) return;
      selectedCourier.value = courier.id;
      show(list.indexOf(courier));
      say(carried ? t('carry_over', carried, courierName(courier.id)) : `${courierName(courier.id)}: ${courier.stops.length ? t('load', courier.stops.length) : t('idle')}`);
    };
    const courier = list[at];
    if (event.key === 'ArrowDown') choose(at + 1);
    else if (event.key === 'ArrowUp') choose(at < 0 ? 0 : at - 1);
    else if (event.key === 'Home') choose(0);
    else if (event.key === 'End') choose(list.length - 1);
    else if ((event.key === 'ArrowRight' || event.key === 'ArrowLeft') && courier && !carried) {
      selected.value = stepOrder(courier.stops, selected.value, event.key === 'ArrowRight' ? 1 : -1);
      if (selected.value) say(t('order', selected.value));
    } else if (event.key.toLowerCase() === 'm' && selected.value && !readOnly.value) {
      setCarried(selected.value);
      say(t('carry_start', selected.value));
    } else if (event.key === 'Enter' && carried && courier) {
      dialog.value = { kind: 'reassign', orders: [carried], to: courier.id };
      setCarried('');
    } else if (event.key === 'Escape' && carried) {
      setCarried('');
      say(t('carry_end'));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return { carried, onKeyDown };
}

function useDrag(box: { current: HTMLDivElement | null }) {
  const [drag, setDrag] = useState<Drag | null>(null);
  const state = useRef<Drag | null>(null);
  const set = (next: Drag | null) => {
    state.current = next;
    setDrag(next);
  };
  const laneAt = (event: PointerEvent): string => (document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-lane]') as SVGElement | null)?.dataset['lane'] ?? '';
  useEffect(() => {
    const move = (event: PointerEvent) => {
      const now_drag = state.current;
      if (!now_drag) return;
      if (!now_drag.moved && Math.hypot(event.clientX - now_drag.x, event.clientY - now_drag.y) < DRAG_PX) return;
      const rect = box.current?.getBoundingClientRect();
      if (rect && box.current) {
        if (event.clientY > rect.bottom - 24) box.current.scrollTop += 14;
        else if (event.clientY < rect.top + 40) box.current.scrollTop -= 14;
      }
      set({ ...now_drag, x: event.clientX, y: event.clientY, moved: true, over: laneAt(event) });
    };
    const up = (event: PointerEvent) => {
      const now_drag = state.current;
      set(null);
      if (!now_drag?.moved) return;
      const over = laneAt(event);
      if (over && over !== now_drag.from) dialog.value = { kind: 'reassign', orders: [now_drag.order], to: over };
    };
    const cancel = (event: KeyboardEvent) => event.key === 'Escape' && state.current && set(null);
    addEventListener('pointermove', move);
    addEventListener('pointerup', up);
    addEventListener('keydown', cancel, true);
    return () => {
      removeEventListener('pointermove', move);
      removeEventListener('pointerup', up);
      removeEventListener('keydown', cancel, true);
    };
  }, []);
  const grab = (event: PointerEvent, block: Block, courier: string) => {
    if (event.button !== 0 || !block.order) return;
    selected.value = block.order;
    selectedCourier.value = courier;
    if (!readOnly.value) {
      event.preventDefault();
      box.current?.focus();
      set({ order: block.order, from: courier, x: event.clientX, y: event.clientY, moved: false, over: '' });
    }
  };
  return { drag: drag?.moved ? drag : null, grab };
}

export function Timeline() {
  follow(turn, tick);
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 900, height: 500 });
  const [top, setTop] = useState(0);
  const [hours, setHours] = useState(4);
  const [shift_ms, setShift] = useState(0);
  const [only_busy, setOnlyBusy] = useState(false);
  useLayoutEffect(() => {
    const seen = new ResizeObserver(([entry]) => setSize({ width: entry!.contentRect.width, height: entry!.contentRect.height }));
    seen.observe(box.current!);
    return () => seen.disconnect();
  }, []);
  const at_ms = now();
  const from_ms = at_ms - BEFORE_MS + shift_ms;
  const span: Span = { from_ms, to_ms: from_ms + hours * HOUR_MS };
  const width = Math.max(320, size.width - LABEL_PX);
  const list = lanes(board, only_busy);
  const show = (index: number) => {
    const element = box.current;
    if (!element || index < 0) return;
    const y = index * ROW_PX;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + ROW_PX + HEAD_PX > element.scrollTop + element.clientHeight) element.scrollTop = y + ROW_PX + HEAD_PX - element.clientHeight;
  };
  const { carried, onKeyDown } = useKeys(list, show);
  const { drag, grab } = useDrag(box);
  useEffect(() => show(list.findIndex((courier) => courier.id === selectedCourier.value)), [selectedCourier.value]);
  const first = Math.max(0, Math.floor(top / ROW_PX) - OVERSCAN), last = Math.min(list.length, Math.ceil((top + size.height) / ROW_PX) + OVERSCAN);
  const marks = ticks(span, 8 * HOUR_MS), now_x = xOf(at_ms, span, width);
  const rows = list.slice(first, last).map((courier) => row(courier, board.orders, (order) => level(order, at_ms), span, width, at_ms));
  return (
    <div class="columns two">
      <section class="gantt" aria-label={t('timeline_title')}>
        <div class="bar">
          <h2>{t('timeline_title')} <span class="count">{list.length}</span></h2>
          <button type="button" onClick={() => setShift(shift_ms - HOUR_MS / 2)}>‹ {t('earlier')}</button>
          <button type="button" onClick={() => setShift(0)} disabled={shift_ms === 0}>{t('now')}</button>
          <button type="button" onClick={() => setShift(shift_ms + HOUR_MS / 2)}>{t('later')} ›</button>
          <label>{t('zoom')} <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>{[1, 2, 4, 6, 12].map((h) => <option key={h} value={h}>{t('road_hours', h)}</option>)}</select></label>
          <label><input type="checkbox" checked={only_busy} onChange={(event) => setOnlyBusy(event.currentTarget.checked)} /> {t('only_busy')}</label>
          <span class="small" id="gantt-hint">{carried ? t('carry_over', carried, courierName(selectedCourier.value)) : t('timeline_hint')}</span>
        </div>
        <div ref={box} class="rows" role="group" tabIndex={0} aria-label={t('timeline_title')} aria-describedby="gantt-hint" data-testid="gantt" onKeyDown={onKeyDown} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
          <svg class="axis" width={LABEL_PX + width} height={HEAD_PX} aria-hidden="true">{marks.map((ms) => <text key={ms} class="soft" x={LABEL_PX + xOf(ms, span, width)} y={17} text-anchor="middle">{time(ms, zone.value)}</text>)}
            {now_x >= 0 && now_x <= width && <g><rect class="now-flag" x={LABEL_PX + now_x - 22} y={4} width={44} height={17} rx={8} /><text class="now-text" x={LABEL_PX + now_x} y={17} text-anchor="middle">{time(at_ms, zone.value)}</text></g>}</svg>
          {list.length ? (
            <svg class={`lanes ${drag ? 'dragging' : ''}`} width={LABEL_PX + width} height={list.length * ROW_PX}>
              {rows.map((one, i) => <Lane key={one.courier.id} one={one} y={(first + i) * ROW_PX} width={width} chosen={one.courier.id === selectedCourier.value} target={drag?.over === one.courier.id && drag.from !== one.courier.id} onGrab={grab} />)}
              {marks.map((ms) => <line key={ms} class="grid through" x1={LABEL_PX + xOf(ms, span, width)} x2={LABEL_PX + xOf(ms, span, width)} y1={first * ROW_PX} y2={last * ROW_PX} />)}
              {now_x >= 0 && now_x <= width && <line class="nowline" x1={LABEL_PX + now_x} x2={LABEL_PX + now_x} y1={first * ROW_PX} y2={last * ROW_PX}><title>{t('now')}</title></line>}
            </svg>
          ) : <p class="empty">{t('couriers_none')}</p>}
        </div>
        <div class="bar small gantt-key"><span><i class="block good" /> {t('legend_good')}</span><span><i class="block risk" /> ◆ {t('legend_risk')}</span><span><i class="block late" /> ▲ {t('legend_late')}</span><span>▽ {t('promise')}</span><span><i class="off" /> {t('off_shift')}</span><span><i class="pause" /> {t('pause')}</span></div>
        {drag && <div class="ghost" style={{ left: `${drag.x + 12}px`, top: `${drag.y + 8}px` }}>{t('order', drag.order)}{drag.over && drag.over !== drag.from ? ` → ${courierName(drag.over)}` : ''}</div>}
      </section>
      <Detail />
    </div>
  );
}
