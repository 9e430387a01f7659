// Puts a town on whatever map the daemon has: neighbourhoods, homes, pharmacies, laboratories, depots, couriers' starting places. Knows the
// map only through RoutingService: a place is good if there is a road to it and back. Facilities and couriers are then loaded as the
// operator's system would load them, through CatalogService.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { status } from './api.mjs';
import { chance } from './chance.mjs';
import { readCsv } from './csv.mjs';

const CATALOG = fileURLToPath(new URL('../catalog', import.meta.url));
export const catalog = (name) => readCsv(path.join(CATALOG, `${name}.csv`));

export function metres(a, b) {
  const k = Math.PI / 180;
  const x = (b.lon - a.lon) * k * Math.cos(((a.lat + b.lat) / 2) * k), y = (b.lat - a.lat) * k;
  return 6371008.8 * Math.hypot(x, y);
}

const PLACE_TRIES_MAX = 400;
const PARALLEL = 8;

/** Run `job(i)` for 0..count-1, a few at a time; results in order. */
export async function each(count, job) {
  const out = new Array(count);
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(PARALLEL, count) }, async () => {
    while (next < count) {
      const i = next++;
      out[i] = await job(i);
    }
  }));
  return out;
}

export class Town {
  constructor(api, city_id, area, seed) {
    Object.assign(this, { api, city_id, area, seed });
    this.centre = { lat: (area.south + area.north) / 2, lon: (area.west + area.east) / 2 };
  }

  inside(point) {
    return point.lat > this.area.south && point.lat < this.area.north && point.lon > this.area.west && point.lon < this.area.east;
  }

  /** Travel to the point and back, or null where no road is. */
  async trip(from, to) {
    try {
      return await this.api.call('RoutingService', 'Route', { city_id: this.city_id, points: [from, to, from], without_geometry: true });
    } catch (error) {
      if ([status.INVALID_ARGUMENT, status.NOT_FOUND, status.FAILED_PRECONDITION, status.OUT_OF_RANGE].includes(error.code)) return null;
      throw error;
    }
  }

  anywhere(luck) {
    const { south, west, north, east } = this.area;
    return { lat: luck.between(south + (north - south) * 0.04, north - (north - south) * 0.04), lon: luck.between(west + (east - west) * 0.04, east - (east - west) * 0.04) };
  }

  near(luck, centre, sigma_m) {
    return { lat: centre.lat + (luck.normal() * sigma_m) / 111195, lon: centre.lon + (luck.normal() * sigma_m) / (111195 * Math.cos((centre.lat * Math.PI) / 180)) };
  }

  /** The first candidate that roads reach from the town's middle. */
  async place(luck, candidate) {
    for (let i = 0; i < PLACE_TRIES_MAX; i++) {
      const point = candidate(luck);
      if (this.inside(point) && (await this.trip(this.anchor, point))) return point;
    }
    throw new Error(`no road within reach after ${PLACE_TRIES_MAX} tries: is the map's area ${JSON.stringify(this.area)} right?`);
  }

  async settle() {
    const luck = chance(this.seed, 'town');
    for (let i = 0; !this.anchor; i++) {
      if (i > PLACE_TRIES_MAX) throw new Error('no road found anywhere on the map');
      const spread = Math.min(1, 0.05 + i / 100);
      const point = { lat: this.centre.lat + (this.area.north - this.area.south) * 0.5 * spread * luck.between(-1, 1), lon: this.centre.lon + (this.area.east - this.area.west) * 0.5 * spread * luck.between(-1, 1) };
      if (await this.trip(point, point)) this.anchor = point;
    }
    const height_m = metres({ lat: this.area.south, lon: this.centre.lon }, { lat: this.area.north, lon: this.centre.lon });
    const width_m = metres({ lat: this.centre.lat, lon: this.area.west }, { lat: this.centre.lat, lon: this.area.east });
    this.size_m = Math.min(height_m, width_m);
    const sigma_m = this.size_m / 5;
    this.quarters = [this.anchor];
    for (let i = 0; i < 7; i++) this.quarters.push(await this.place(chance(this.seed, `quarter ${i}`), (l) => this.near(l, this.anchor, sigma_m)));
  }

  /** Where people live: mostly in the quarters, some anywhere. */
  home(name) {
    return this.place(chance(this.seed, name), (luck) => (luck.is(0.12) ? this.anywhere(luck) : this.near(luck, luck.pick(this.quarters), this.size_m / 14)));
  }

  async build({ couriers, homes }) {
    await this.settle();
    const rows = catalog('facilities');
    const pharmacies = Math.max(8, Math.min(20, Math.round(couriers / 3)));
    const chosen = [...rows.filter((row) => row.kind === 'PHARMACY').slice(0, pharmacies), ...rows.filter((row) => row.kind === 'LAB').slice(0, 3), ...rows.filter((row) => row.kind === 'DEPOT').slice(0, 3)];
    this.facilities = await each(chosen.length, async (i) => {
      const row = chosen[i];
      const quarter = this.quarters[i % this.quarters.length];
      const at = await this.place(chance(this.seed, `facility ${row.facility_id}`), (luck) => this.near(luck, quarter, this.size_m / 20));
      // always open: a run may begin at any hour of the day
      return { facility_id: row.facility_id, kind: `FACILITY_KIND_${row.kind}`, name: row.name, at, week: [], service_s: Number(row.service_s), prep_s: Number(row.prep_s),
        payee: row.payee, tests: row.kind === 'LAB' ? row.tests.split(';').filter(Boolean) : [] };
    });
    const people = catalog('couriers');
    this.couriers = Array.from({ length: couriers }, (_, i) => {
      const row = people[i % people.length];
      return { courier_id: String(i + 1), name: i < people.length ? row.name : `${row.name}-${i}`, relay_phone: row.relay_phone, cold_chain: row.cold_chain === '1', sampling: row.sampling === '1',
        volume_ml: Number(row.volume_ml), cold_ml: Number(row.cold_ml), kits_preloaded: Number(row.kits_preloaded) };
    });
    await this.upsert('UpsertFacilities', { facilities: this.facilities });
    await this.upsert('UpsertCouriers', { couriers: this.couriers });
    this.homes = await each(homes, (i) => this.home(`home ${i}`));
    this.pharmacies = this.facilities.filter((facility) => facility.kind === 'FACILITY_KIND_PHARMACY');
    this.labs = this.facilities.filter((facility) => facility.kind === 'FACILITY_KIND_LAB');
  }

  async upsert(method, message) {
    const answer = await this.api.load('CatalogService', method, [{ city_id: this.city_id, ...message }]);
    if (Number(answer.refused) > 0) throw new Error(`${method} refused ${answer.refused}: ${JSON.stringify(answer.problems.slice(0, 3))}`);
  }

  nearest(list, at, count) {
    return [...list].sort((a, b) => metres(a.at, at) - metres(b.at, at)).slice(0, count);
  }
}
