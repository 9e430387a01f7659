// How the map looks: streets from our own tiles, and the marks on them. Marks differ by shape as well as by colour; pictures are drawn here, so that no
// font server and no sprite is asked for. Pure but for the canvas.
import type { Map as MapLibre, StyleSpecification } from 'maplibre-gl';

export interface Palette { ground: string; ink: string; soft: string; halo: string; casing: string; major: string; middle: string; minor: string; path: string; accent: string; late: string; risk: string; good: string; none: string; driven: string; paper: string }
export const LIGHT: Palette = { ground: '#f2f0ea', ink: '#17212b', soft: '#4c5a67', halo: '#ffffff', casing: '#d3cdc0', major: '#ffd98c', middle: '#fff1c9', minor: '#ffffff', path: '#e2dccf', accent: '#0b6e69', late: '#b3261e', risk: '#b86e00', good: '#1d7a4c', none: '#6b46a8', driven: '#5b7fa6', paper: '#ffffff' };
export const DARK: Palette = { ground: '#12181f', ink: '#e8edf1', soft: '#a9b6c1', halo: '#0c1116', casing: '#0c1116', major: '#6b5a34', middle: '#4a4636', minor: '#2d3742', path: '#222b34', accent: '#4fc3ba', late: '#ff8f86', risk: '#f5b84f', good: '#6fd39a', none: '#c9b2f0', driven: '#7fa6d1', paper: '#19212a' };

const MAJOR = ['motorway', 'trunk', 'primary'], MIDDLE = ['secondary', 'tertiary'], MINOR = ['residential', 'other', 'service'], PATH = ['cycleway', 'track', 'footway', 'steps'];
const width = (at12: number, at16: number): ['interpolate', ['exponential', number], ['zoom'], ...number[]] => ['interpolate', ['exponential', 1.6], ['zoom'], 10, at12 / 3, 12, at12, 16, at16, 19, at16 * 3];

const roads = (id: string, classes: string[], color: string, at12: number, at16: number, minzoom = 0) =>
  ({ id, type: 'line' as const, source: 'roads', 'source-layer': 'roads', minzoom, filter: ['in', ['get', 'class'], ['literal', classes]] as unknown as never, layout: { 'line-cap': 'round' as const, 'line-join': 'round' as const }, paint: { 'line-color': color, 'line-width': width(at12, at16) as never } });

export function styleOf(palette: Palette, origin: string): StyleSpecification {
  return {
    version: 8,
    glyphs: 'glyphs://{fontstack}/{range}',
    sources: { roads: { type: 'vector', tiles: [`${origin}/tiles/{z}/{x}/{y}.mvt`], minzoom: 5, maxzoom: 16, attribution: '© OpenStreetMap contributors' } },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': palette.ground } },
      roads('path', PATH, palette.path, 0.4, 2, 14),
      roads('minor-casing', MINOR, palette.casing, 1.4, 9, 12),
      roads('middle-casing', MIDDLE, palette.casing, 2.6, 13),
      roads('major-casing', MAJOR, palette.casing, 3.6, 16),
      roads('minor', MINOR, palette.minor, 0.8, 7, 12),
      roads('middle', MIDDLE, palette.middle, 1.8, 11),
      roads('major', MAJOR, palette.major, 2.6, 14),
      { id: 'ferry', type: 'line', source: 'roads', 'source-layer': 'roads', filter: ['==', ['get', 'class'], 'ferry'], paint: { 'line-color': palette.soft, 'line-dasharray': [3, 3], 'line-width': 1 } },
      { id: 'names', type: 'symbol', source: 'roads', 'source-layer': 'roads', minzoom: 13, filter: ['has', 'name'], layout: { 'symbol-placement': 'line', 'text-field': ['get', 'name'], 'text-size': 11, 'symbol-spacing': 420, 'text-font': ['sans-serif'] }, paint: { 'text-color': palette.soft, 'text-halo-color': palette.halo, 'text-halo-width': 1.4 } },
    ],
  };
}

const PIXELS = 2;
type Draw = (context: CanvasRenderingContext2D, size: number) => void;
function picture(size: number, draw: Draw): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * PIXELS;
  const context = canvas.getContext('2d')!;
  context.scale(PIXELS, PIXELS);
  draw(context, size);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function shape(context: CanvasRenderingContext2D, points: [number, number][], fill: string, line: string, thick = 2): void {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.lineJoin = 'round';
  context.lineWidth = thick * 2;
  context.strokeStyle = line;
  context.stroke();
  context.fillStyle = fill;
  context.fill();
}
function dot(context: CanvasRenderingContext2D, x: number, y: number, r: number, fill: string, line: string, thick = 2): void {
  context.beginPath();
  context.arc(x, y, r, 0, Math.PI * 2);
  context.lineWidth = thick * 2;
  context.strokeStyle = line;
  context.stroke();
  context.fillStyle = fill;
  context.fill();
}
function words(context: CanvasRenderingContext2D, text: string, x: number, y: number, color: string, px: number): void {
  context.font = `700 ${px}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = color;
  context.fillText(text, x, y + 0.5);
}

/** Order stops: triangle late, diamond at risk, circle in time, square not promised any more. A ring: on board of a courier. */
function stopPicture(level: string, carried: boolean, selected: boolean, p: Palette): ImageData {
  const color = { late: p.late, risk: p.risk, good: p.good }[level] ?? p.soft;
  return picture(26, (context) => {
    const line = selected ? p.ink : p.halo, thick = selected ? 2.5 : 1.5;
    if (level === 'late') shape(context, [[13, 4], [21.5, 20], [4.5, 20]], color, line, thick);
    else if (level === 'risk') shape(context, [[13, 3.5], [22, 13], [13, 22.5], [4, 13]], color, line, thick);
    else if (level === 'good') dot(context, 13, 13, 6.5, color, line, thick);
    else shape(context, [[8, 8], [18, 8], [18, 18], [8, 18]], color, line, thick);
    if (carried) dot(context, 13, level === 'late' ? 15 : 13, 2.6, p.halo, p.halo, 0.2);
  });
}
/** A courier: a disc with the number of stops; hollow when idle, crossed out when silent. */
function courierPicture(state: string, load: string, selected: boolean, p: Palette): ImageData {
  return picture(30, (context) => {
    const fill = state === 'busy' ? p.accent : p.paper, ink = state === 'busy' ? p.paper : state === 'silent' ? p.late : p.accent;
    dot(context, 15, 15, 9, fill, selected ? p.ink : state === 'busy' ? p.halo : ink, selected ? 3 : 1.5);
    words(context, state === 'silent' ? '?' : load, 15, 15, ink, load.length > 1 ? 9.5 : 11.5);
  });
}
/** Points to where he heads; lies under the disc and turns with him. */
function headingPicture(p: Palette): ImageData {
  return picture(48, (context) => shape(context, [[24, 1.5], [31, 13], [17, 13]], p.accent, p.halo, 1.5));
}
function placePicture(sign: string, p: Palette): ImageData {
  return picture(30, (context) => {
    context.beginPath();
    context.roundRect(2, 6, 26, 18, 5);
    context.fillStyle = p.paper;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = p.soft;
    context.stroke();
    words(context, sign, 15, 15, p.ink, 10);
  });
}
function closurePicture(closed: boolean, p: Palette): ImageData {
  return picture(24, (context) => {
    dot(context, 12, 12, 8.5, closed ? p.late : p.risk, p.halo, 1.5);
    if (closed) {
      context.fillStyle = p.halo;
      context.fillRect(7, 10.4, 10, 3.2);
    } else words(context, '≤', 12, 11.5, p.halo, 12);
  });
}

/** Pictures by name, made when a layer first asks: "stop/late/1/0", "courier/busy/3/0", "heading", "place/Rx", "road/1". */
export function giveImage(map: MapLibre, id: string, palette: Palette): void {
  if (map.hasImage(id)) return;
  const [kind, a = '', b = '', c = ''] = id.split('/');
  const made = kind === 'stop' ? stopPicture(a, b === '1', c === '1', palette) : kind === 'courier' ? courierPicture(a, b, c === '1', palette) : kind === 'heading' ? headingPicture(palette) : kind === 'place' ? placePicture(a, palette) : kind === 'road' ? closurePicture(a === '1', palette) : null;
  if (made) map.addImage(id, made, { pixelRatio: PIXELS });
}

export const EMPTY = { type: 'FeatureCollection' as const, features: [] };

/** Our own sources and layers, on top of the streets; added again after each change of the style. */
export function addLayers(map: MapLibre, p: Palette): void {
  for (const source of ['closures', 'routes', 'places', 'orders', 'couriers']) map.addSource(source, { type: 'geojson', data: EMPTY });
  const closed = ['get', 'closed'] as unknown as boolean;
  map.addLayer({ id: 'closure-area', type: 'fill', source: 'closures', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': ['case', closed, p.late, p.risk], 'fill-opacity': 0.22 } });
  map.addLayer({ id: 'closure-line', type: 'line', source: 'closures', filter: ['!=', ['geometry-type'], 'Point'], paint: { 'line-color': ['case', closed, p.late, p.risk], 'line-width': 2, 'line-dasharray': [2, 1.5] } });
  map.addLayer({ id: 'driven', type: 'line', source: 'routes', filter: ['==', ['get', 'kind'], 'driven'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': p.driven, 'line-width': 3.5, 'line-opacity': 0.8 } });
  map.addLayer({ id: 'planned-halo', type: 'line', source: 'routes', filter: ['==', ['get', 'kind'], 'planned'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': p.halo, 'line-width': ['case', ['get', 'faint'], 0, 6], 'line-opacity': 0.8 } });
  map.addLayer({ id: 'planned', type: 'line', source: 'routes', filter: ['==', ['get', 'kind'], 'planned'], layout: { 'line-join': 'round' }, paint: { 'line-color': p.accent, 'line-width': ['case', ['get', 'faint'], 1, 3.5], 'line-opacity': ['case', ['get', 'faint'], 0.35, 1], 'line-dasharray': [2, 1] } });
  map.addLayer({ id: 'places', type: 'symbol', source: 'places', layout: { 'icon-image': ['concat', 'place/', ['get', 'sign']], 'icon-allow-overlap': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 10, 0.6, 14, 1] } });
  map.addLayer({ id: 'orders', type: 'symbol', source: 'orders', layout: { 'icon-image': ['concat', 'stop/', ['get', 'level'], '/', ['case', ['get', 'carried'], '1', '0'], '/', ['case', ['get', 'selected'], '1', '0']], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['get', 'rank'], 'icon-size': ['interpolate', ['linear'], ['zoom'], 9, 0.4, 13, 0.9] } });
  map.addLayer({ id: 'headings', type: 'symbol', source: 'couriers', filter: ['==', ['get', 'state'], 'busy'], layout: { 'icon-image': 'heading', 'icon-rotate': ['get', 'heading'], 'icon-rotation-alignment': 'map', 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 9, 0.5, 13, 1] } });
  map.addLayer({ id: 'couriers', type: 'symbol', source: 'couriers', layout: { 'icon-image': ['concat', 'courier/', ['get', 'state'], '/', ['get', 'label'], '/', ['case', ['get', 'selected'], '1', '0']], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 9, 0.5, 13, 1] } });
  map.addLayer({ id: 'closure-points', type: 'symbol', source: 'closures', filter: ['==', ['geometry-type'], 'Point'], layout: { 'icon-image': ['concat', 'road/', ['case', closed, '1', '0']], 'icon-allow-overlap': true } });
}
