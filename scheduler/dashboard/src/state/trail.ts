// Where couriers have been since the page opened: their reported positions, thinned out. Pure. The server keeps only the last position, so this is the page's memory.
import type { Courier, Place } from './model';

const POINTS_MAX = 240, STEP_M = 25;

export type Trails = Map<string, Place[]>;

const metres = (a: Place, b: Place): number => Math.hypot((a.lat - b.lat) * 111195, (a.lon - b.lon) * 111195 * Math.cos((a.lat * Math.PI) / 180));

/** Where he was going when he last moved, degrees from north; null: he has not moved. */
export function headingOf(trail: Place[] | undefined): number | null {
  if (!trail || trail.length < 2) return null;
  const a = trail[trail.length - 2]!, b = trail[trail.length - 1]!;
  return (Math.atan2((b.lon - a.lon) * Math.cos((a.lat * Math.PI) / 180), b.lat - a.lat) * 180) / Math.PI;
}

export function trailAdd(trails: Trails, courier: Courier): void {
  if (!courier.on_shift) {
    trails.delete(courier.id);
    return;
  }
  if (courier.at.lat === 0 && courier.at.lon === 0) return;
  const trail = trails.get(courier.id);
  if (!trail) {
    trails.set(courier.id, [courier.at]);
    return;
  }
  if (metres(trail[trail.length - 1]!, courier.at) < STEP_M) return;
  trail.push(courier.at);
  if (trail.length > POINTS_MAX) trail.splice(1, 1); // the beginning stays: where he came from
}
