// Maps, a server on a map, requests, and the oracle's view of the roads. It must not know how tiles are drawn.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { VectorTile } from '@mapbox/vector-tile';
import Pbf from 'pbf';

export const binary = process.env.MEDDISPATCH;
export const server = process.env.TILE_SERVER;
export const data = process.env.MEDDISPATCH_DATA;
export const folder = mkdtempSync(path.join(tmpdir(), 'meddispatch-tiles-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const run = (...args) => execFileSync(binary, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A made-up city's map file, or a real one's; null if the data is not there. */
export function synthMap(size, seed) {
  const file = path.join(folder, `synth-${seed}`);
  run('map', 'synth', '--seed', String(seed), '--size', String(size), '-o', `${file}.osm.pbf`);
  run('map', 'build', `${file}.osm.pbf`, '-o', `${file}.mdmap`);
  return `${file}.mdmap`;
}
export function realMap(name) {
  const source = path.join(data ?? '', 'osm', name), file = path.join(folder, `${name}.mdmap`);
  if (!data || !existsSync(source)) return null;
  run('map', 'build', source, '-o', file, '--profile', 'car');
  return file;
}
export function tileFile(map, z, x, y) {
  const file = path.join(folder, `${z}-${x}-${y}.mvt`);
  execFileSync(binary, ['map', 'tile', map, `${z}/${x}/${y}`, '-o', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  return file;
}

const CLASSES = ['motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'residential', 'service', 'track', 'cycleway', 'footway', 'steps', 'ferry', 'other'];

/** The arcs of a map: { shape, class, way, oneway, name, points: [[lat, lon] in degrees] }; the directions and copies of a road have the same shape. */
export function roadsOf(map) {
  const text = execFileSync(server, ['--roads', map], { encoding: 'utf8', maxBuffer: 1 << 30 });
  return text.trimEnd().split('\n').map((line) => {
    const road = JSON.parse(line);
    return { ...road, class: CLASSES[road.class], points: road.points.map(([lat, lon]) => [lat / 1e7, lon / 1e7]) };
  });
}

/** A tile server on a map. */
export class Server {
  async start(map) {
    // the address sanitizer keeps freed memory for a while; here it is counted
    const env = { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=4` };
    this.child = spawn(server, [map], { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
    this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    const { value } = await this.lines.next();
    const [, host, port] = /^http address=(.*):(\d+)$/.exec(value);
    Object.assign(this, { host, port: Number(port) });
    return this;
  }
  async tell(word) {
    this.child.stdin.write(`${word}\n`);
    await this.lines.next();
  }
  async stop() {
    this.child.stdin.end();
    return this.ended;
  }
  get(path, options = {}) {
    return get(this, path, options);
  }
  socket() {
    return net.connect({ host: this.host, port: this.port });
  }
}

/** One request on a connection of its own: { status, headers, body }. */
export function get({ host, port }, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, path, method, headers, agent: false }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** What comes back for these bytes until the peer ends. */
export function exchange(peer, bytes) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: peer.host, port: peer.port });
    let got = '';
    socket.setEncoding('latin1');
    socket.on('data', (part) => (got += part));
    socket.on('end', () => resolve(got));
    socket.on('error', (error) => (got ? resolve(got) : reject(error)));
    socket.write(bytes);
  });
}

/** Decoded by another's library: [{ class, name, oneway, way, lines: [[{x, y}]] }]. */
export function decode(bytes) {
  const tile = new VectorTile(new Pbf(bytes));
  const names = Object.keys(tile.layers);
  if (names.length !== 1 || names[0] !== 'roads') throw new Error(`layers ${names}`);
  const layer = tile.layers.roads;
  if (layer.extent !== 4096 || layer.version !== 2) throw new Error(`extent ${layer.extent}, version ${layer.version}`);
  return Array.from({ length: layer.length }, (_, i) => {
    const feature = layer.feature(i);
    if (feature.type !== 2) throw new Error(`a feature of type ${feature.type}`);
    const { class: road_class, name = '', oneway = false, ...more } = feature.properties;
    if (Object.keys(more).length) throw new Error(`unknown properties ${Object.keys(more)}`);
    return { class: road_class, name, oneway, way: feature.id ?? 0, lines: feature.loadGeometry() };
  });
}

/** Web Mercator by its formula: units of the tile, 4096 a side. */
export function project([lat, lon], z, x, y) {
  const world = 4096 * 2 ** z, phi = (lat * Math.PI) / 180;
  return { x: (lon / 360 + 0.5) * world - x * 4096, y: ((1 - Math.log(Math.tan(phi) + 1 / Math.cos(phi)) / Math.PI) / 2) * world - y * 4096 };
}
export function tileAt([lat, lon], z) {
  const p = project([lat, lon], z, 0, 0);
  return [z, Math.floor(p.x / 4096), Math.floor(p.y / 4096)];
}

/** Seeded: mulberry32. */
export function chance(seed) {
  let a = seed >>> 0;
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}
