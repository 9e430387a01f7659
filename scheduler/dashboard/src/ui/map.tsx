// The city on a map of our own streets. Couriers with heading and load, the chosen one's way driven and planned, stops by state, pharmacies and laboratories,
// closures; closures are drawn here. Marks are redrawn once a second at most: the map is a picture of the city, the lists are its record.
import { effect } from '@preact/signals';
import maplibregl from 'maplibre-gl';
import type { GeoJSONSource, Map as MapLibre, MapMouseEvent } from 'maplibre-gl';
import { useEffect, useRef, useState } from 'preact/hooks';
import { role } from '../api/session';
import { dialog, drawing } from '../state/acting';
import type { Board } from '../state/board';
import type { Place } from '../state/model';
import { board as live, courierInfo, courierName, mapTo, now, placeName, places, say, selected, selectedCourier, trails, turn, zone } from '../state/store';
import { ago, time } from '../text/time';
import { language, t, tCode } from '../text/words';
import { glyphFile } from './glyphs';
import { bounds, courierShapes, orderShapes, placeShapes, roadShapes, routeShapes } from './mapdata';
import type { Shapes } from './mapdata';
import { addLayers, DARK, EMPTY, giveImage, LIGHT, styleOf } from './mapstyle';
import { lineOf, readRoads, roads } from './roads';
import { skillsOf } from './parts';
import { dark, readOnly } from './screen';

const REDRAW_MS = 1000, ROADS_AGAIN_MS = 30000, NEAR_PX = 12, FAINT_ROUTES_MAX = 400;
const LAYERS = { routes: ['planned', 'planned-halo', 'driven'], orders: ['orders'], places: ['places'], roads: ['closure-area', 'closure-line', 'closure-points'] } as const;
type Layer = keyof typeof LAYERS;

maplibregl.addProtocol('glyphs', (request) => Promise.resolve({ data: glyphFile(request.url) }));

/** The map itself and what is put on it; the component below is its frame. */
class CityPicture {
  readonly map: MapLibre;
  private ready = false;
  private stopped = false;
  private lines = new Map<string, Place[]>();
  private asked = '';
  private last = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private seen = { orders: -1, fitted: false };
  private readonly stops: (() => void)[] = [];
  hidden = new Set<Layer>();

  /** `past`: a rebuilt city instead of the live one. */
  constructor(box: HTMLElement, private readonly onPlace: (text: string) => void, private past: { board: Board; at_ms: number } | null = null) {
    this.map = new maplibregl.Map({ container: box, style: styleOf(dark.value ? DARK : LIGHT, location.origin), center: [116.4, 39.9], zoom: 11, attributionControl: false, fadeDuration: 0, pitchWithRotate: false, dragRotate: false, maxZoom: 19, localIdeographFontFamily: "'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif" });
    this.map.touchZoomRotate.disableRotation();
    this.map.on('styleimagemissing', (event) => giveImage(this.map, event.id, dark.value ? DARK : LIGHT));
    this.map.on('style.load', () => {
      addLayers(this.map, dark.value ? DARK : LIGHT);
      this.ready = true;
      this.showLayers();
      this.draw();
    });
    this.map.on('click', (event) => this.click(event));
    this.map.on('mousemove', (event) => (this.map.getCanvas().style.cursor = drawing.value ? 'crosshair' : this.at(event.point, ['couriers', 'orders', 'places']) ? 'pointer' : ''));
    this.map.on('error', () => undefined); // a tile that did not come is asked for again
    let theme = dark.value;
    this.stops.push(
      effect(() => {
        void [turn.value, selected.value, selectedCourier.value, places.value, roads.value, drawing.value, courierInfo.value];
        this.soon();
      }),
      effect(() => {
        const here = mapTo.value;
        if (here) this.map.jumpTo({ center: [here.lon, here.lat], zoom: Math.max(15, this.map.getZoom()) });
      }),
      effect(() => {
        const order = selected.value ? live.orders.get(selected.value) : undefined;
        if (order && (order.home.lat || order.home.lon) && !this.map.getBounds().contains([order.home.lon, order.home.lat])) this.map.jumpTo({ center: [order.home.lon, order.home.lat] });
      }),
      effect(() => {
        if (dark.value === theme) return;
        theme = dark.value;
        this.ready = false;
        this.map.setStyle(styleOf(theme ? DARK : LIGHT, location.origin), { diff: false });
      }),
    );
  }

  show(past: { board: Board; at_ms: number }): void {
    this.past = past;
    this.soon();
  }

  stop(): void {
    this.stopped = true;
    this.ready = false;
    for (const stop of this.stops) stop();
    if (this.timer) clearTimeout(this.timer);
    this.map.remove();
  }

  showLayers(): void {
    if (!this.ready) return;
    for (const [name, ids] of Object.entries(LAYERS)) for (const id of ids) this.map.setLayoutProperty(id, 'visibility', this.hidden.has(name as Layer) ? 'none' : 'visible');
  }

  /** The feature under the pointer, of the first layer that has one. */
  at(point: { x: number; y: number }, layers: string[]): { layer: string; id: string } | null {
    if (!this.ready) return null;
    const box: [[number, number], [number, number]] = [[point.x - NEAR_PX, point.y - NEAR_PX], [point.x + NEAR_PX, point.y + NEAR_PX]];
    for (const layer of layers) {
      const found = this.map.queryRenderedFeatures(box, { layers: [layer] })[0];
      if (found) return { layer, id: String(found.properties['id']) };
    }
    return null;
  }

  private click(event: MapMouseEvent): void {
    const now_drawing = drawing.value;
    if (now_drawing) {
      const corner = { lat: event.lngLat.lat, lon: event.lngLat.lng };
      if (!now_drawing.area) finishDrawing({ area: false, corners: [corner] });
      else {
        const first = now_drawing.corners[0];
        const there = first && this.map.project([first.lon, first.lat]);
        if (there && now_drawing.corners.length > 2 && Math.hypot(there.x - event.point.x, there.y - event.point.y) < NEAR_PX) finishDrawing(now_drawing);
        else drawing.value = { area: true, corners: [...now_drawing.corners, corner] };
      }
      return;
    }
    const found = this.at(event.point, ['couriers', 'orders', 'places']);
    this.onPlace('');
    if (!found) selectedCourier.value = '';
    else if (found.layer === 'couriers') selectedCourier.value = found.id;
    else if (found.layer === 'orders') selected.value = found.id;
    else this.onPlace(`${tCode('place', String(places.value.get(found.id)?.kind ?? 0))}: ${placeName(found.id)}`);
  }

  private soon(): void {
    if (this.timer || this.stopped) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.draw();
    }, Math.max(0, REDRAW_MS - (performance.now() - this.last)));
  }

  private put(source: string, data: Shapes): void {
    (this.map.getSource(source) as GeoJSONSource | undefined)?.setData(data as never);
  }

  private draw(): void {
    if (!this.ready || document.hidden) return;
    this.last = performance.now();
    const at_ms = this.past?.at_ms ?? now(), board = this.past?.board ?? live;
    this.fit();
    const owner = (selected.value && board.orders.get(selected.value)?.courier) || '';
    const chosen = selectedCourier.value || owner;
    this.put('couriers', courierShapes(board, at_ms, chosen, this.past ? undefined : trails));
    if (!this.hidden.has('orders')) this.put('orders', orderShapes(board, at_ms, selected.value));
    this.put('places', placeShapes(places.value.values()));
    this.put('closures', roadShapes(roads.value, drawing.value?.corners ?? []));
    const busy = [...board.couriers.values()].filter((courier) => courier.on_shift && courier.stops.length > 0);
    const shown = this.hidden.has('routes') ? [] : busy.length > FAINT_ROUTES_MAX ? busy.filter((courier) => courier.id === chosen) : busy;
    const courier = board.couriers.get(chosen);
    if (courier && !shown.includes(courier)) shown.push(courier);
    this.put('routes', shown.length ? routeShapes(shown, chosen, this.lines, trails) : (EMPTY as Shapes));
    if (courier && !this.past) this.askLine(courier.id, `${courier.id}/${courier.route_version}/${courier.stops.length}`);
  }

  /** The chosen courier's way by the roads, asked again when his route or his next stop has changed. */
  private askLine(id: string, what: string): void {
    if (this.asked === what) return;
    this.asked = what;
    const courier = live.couriers.get(id);
    if (!courier) return;
    void lineOf(courier).then((line) => {
      if (this.asked !== what) return;
      this.lines = line ? new Map([[id, line]]) : new Map();
      this.soon();
    });
  }

  private fit(): void {
    if (this.seen.fitted) return;
    const all = bounds(live, places.value.values());
    if (!all) return;
    this.seen.fitted = true;
    this.map.fitBounds(all, { padding: 50, animate: false });
  }
}

function finishDrawing(what: { area: boolean; corners: Place[] }): void {
  drawing.value = null;
  if (what.area && what.corners.length < 3) return;
  dialog.value = { kind: 'road', corners: what.corners, area: what.area };
}

/** Who the chosen courier is, in words: the map alone never has to be read. */
function CourierCard() {
  void turn.value;
  const courier = live.couriers.get(selectedCourier.value);
  if (!courier) return null;
  return (
    <div class="card" role="group" aria-label={t('courier')} data-testid="courier-card">
      <b>{courierName(courier.id)}</b> <span class="small">{skillsOf(courier.id)}</span>
      <div class="small">{courier.stops.length ? t('load', courier.stops.length) : t('idle')} · {courier.seen_ms ? t('seen', ago(now() - courier.seen_ms, language.value)) : t('never_seen')} · {t('shift_until', time(courier.shift_ends_ms, zone.value))}</div>
      <ol>{courier.stops.slice(0, 6).map((stop, i) => <li key={i}><button type="button" class="link" onClick={() => (selected.value = stop.order)}>{stop.order}</button> {tCode('stop', ['UNKNOWN', 'PICKUP', 'HOME', 'KIT', 'LAB', 'RETURN', 'BASE'][stop.kind] ?? 'UNKNOWN')} {time(stop.arrive_ms, zone.value)}</li>)}</ol>
      <button type="button" class="quiet close" aria-label={t('close')} onClick={() => (selectedCourier.value = '')}>✕</button>
    </div>
  );
}

function RoadList() {
  const list = roads.value;
  if (!list.length) return null;
  return (
    <div class="road-list" role="group" aria-label={t('road_list')}>
      <b>{t('road_list')}</b>
      <ul>{list.map((one) => (
        <li key={one.id}><span><span aria-hidden="true">{one.closed ? '⊖' : '≤'}</span> {one.closed ? t('road_closed') : t('road_slowed', one.speed_kmh || `${one.speed_percent} %`)} <span class="small">{one.text} · {t('until')} {time(one.until_ms, zone.value)}</span></span>
          {!readOnly.value && <button type="button" onClick={() => (dialog.value = { kind: 'withdraw', road: one.id })}>{t('road_withdraw')}</button>}</li>
      ))}</ul>
    </div>
  );
}

const LEGEND: [string, string, 'legend_late' | 'legend_risk' | 'legend_good' | 'legend_carried' | 'legend_driven' | 'legend_planned'][] = [['▲', 'late', 'legend_late'], ['◆', 'risk', 'legend_risk'], ['●', 'good', 'legend_good'], ['◉', 'good', 'legend_carried'], ['━', 'driven', 'legend_driven'], ['┅', 'planned', 'legend_planned']];

export function CityMap() {
  const box = useRef<HTMLDivElement>(null);
  const picture = useRef<CityPicture | null>(null);
  const [note, setNote] = useState('');
  const [hidden, setHidden] = useState<ReadonlySet<Layer>>(new Set());
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let made: CityPicture;
    try {
      made = new CityPicture(box.current!, setNote);
    } catch {
      setFailed(true);
      return;
    }
    picture.current = made;
    made.map.getCanvas().setAttribute('aria-label', t('map'));
    const known = effect(() => void (role.value && readRoads()));
    const again = setInterval(() => void readRoads(), ROADS_AGAIN_MS);
    return () => {
      known();
      clearInterval(again);
      made.stop();
      picture.current = null;
    };
  }, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!drawing.value) return;
      if (event.key === 'Enter') finishDrawing(drawing.value);
      else if (event.key === 'Escape') drawing.value = null;
      else if (event.key === 'Backspace') drawing.value = { ...drawing.value, corners: drawing.value.corners.slice(0, -1) };
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, []);
  const toggle = (layer: Layer) => {
    const next = new Set(hidden);
    if (!next.delete(layer)) next.add(layer);
    setHidden(next);
    if (picture.current) {
      picture.current.hidden = next;
      picture.current.showLayers();
      turn.value++;
    }
  };
  const drop = (event: DragEvent) => {
    const order = event.dataTransfer?.getData('text/x-order');
    if (!order || !box.current || readOnly.value) return;
    event.preventDefault();
    const rect = box.current.getBoundingClientRect();
    const found = picture.current?.at({ x: event.clientX - rect.left, y: event.clientY - rect.top }, ['couriers']);
    if (found) dialog.value = { kind: 'reassign', orders: [order], to: found.id };
    else say(t('drop_missed'));
  };
  const begin = (area: boolean) => {
    drawing.value = { area, corners: [] };
    say(t('road_draw'));
  };
  if (failed) return <p class="empty map">{t('map_off')}</p>;
  return (
    <section class="map-box" aria-label={t('map')} onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div ref={box} class="canvas" data-testid="map" />
      <div class="map-tools">
        <fieldset class="layers"><legend class="hidden">{t('layers')}</legend>{(Object.keys(LAYERS) as Layer[]).map((layer) => <label key={layer}><input type="checkbox" checked={!hidden.has(layer)} onChange={() => toggle(layer)} /> {t(`layer_${layer}`)}</label>)}</fieldset>
        {!readOnly.value && (drawing.value
          ? <div class="map-note" role="status">{drawing.value.area ? t('road_draw') : t('road_draw_one')} {drawing.value.area && t('road_corners', drawing.value.corners.length)} {drawing.value.corners.length > 2 && <button type="button" class="main" onClick={() => drawing.value && finishDrawing(drawing.value)}>{t('road_done')}</button>} <button type="button" onClick={() => (drawing.value = null)}>{t('back_out')}</button></div>
          : <div class="draw"><button type="button" class="quiet" onClick={() => begin(false)}>⊖ {t('road_point')}</button><button type="button" class="quiet" onClick={() => begin(true)}>◇ {t('road_area')}</button></div>)}
        {note && <div class="map-note" role="status">{note}</div>}
      </div>
      <div class="map-zoom" role="group" aria-label={t('zoom')}>
        <button type="button" aria-label={t('zoom_in')} onClick={() => picture.current?.map.zoomIn({ animate: false })}>+</button>
        <button type="button" aria-label={t('zoom_out')} onClick={() => picture.current?.map.zoomOut({ animate: false })}>−</button>
        <button type="button" aria-label={t('zoom_all')} title={t('zoom_all')} onClick={() => {
          const all = bounds(live, places.value.values());
          if (all) picture.current?.map.fitBounds(all, { padding: 50, animate: false });
        }}>▣</button>
      </div>
      <CourierCard />
      <RoadList />
      <div class="map-foot"><span class="legend" aria-label={t('legend')}>{LEGEND.map(([sign, level, word]) => <span key={word}><span class={`sign ${level}`} aria-hidden="true">{sign}</span> {t(word)}</span>)}</span> <a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">{t('attribution')}</a></div>
    </section>
  );
}

/** The map of a rebuilt city: to look at only. */
export function PastMap({ board, at_ms }: { board: Board; at_ms: number }) {
  const box = useRef<HTMLDivElement>(null);
  const picture = useRef<CityPicture | null>(null);
  useEffect(() => {
    try {
      picture.current = new CityPicture(box.current!, () => undefined, { board, at_ms });
    } catch {
      return;
    }
    picture.current.map.getCanvas().setAttribute('aria-label', t('map'));
    return () => picture.current?.stop();
  }, []);
  useEffect(() => picture.current?.show({ board, at_ms }), [board, at_ms]);
  return <section class="map-box past" aria-label={t('map')}><div ref={box} class="canvas" /><div class="map-foot"><a href="https://www.openstreetmap.org/copyright" target="_blank" rel="noreferrer">{t('attribution')}</a></div></section>;
}
