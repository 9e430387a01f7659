// Closures in force, read again when one was made or withdrawn and every half minute; and lines of routes by the roads, asked for one courier at a time.
import { signal } from '@preact/signals';
import { board as client, deadline, routing } from '../api/clients';
import { id, place } from '../api/convert';
import { city, role } from '../api/session';
import type { Courier, Place } from '../state/model';
import { legLine } from './leg';
import type { RoadShape } from './mapdata';

export interface RoadNow extends RoadShape { text: string; by: string; until_ms: number; speed_kmh: number; speed_percent: number }
export const roads = signal<RoadNow[]>([]);

export async function readRoads(): Promise<void> {
  if (!role.value) return; // nobody has signed in yet
  try {
    const told = await client.listRoads({ cityId: city.value }, deadline);
    roads.value = told.roads.filter((one) => !one.withdrawnMs).map((one) => ({ id: id(one.overrideId), polygon: one.polygon.map(place), road: one.road.map(place), closed: !one.speedKmh && !one.speedPercent, speed_kmh: one.speedKmh, speed_percent: one.speedPercent, text: one.reason, by: one.reportedBy, until_ms: Number(one.untilMs) }));
  } catch {
    return; // what was known stays; the banner tells when the server is away
  }
}

const ROUTE_POINTS_MAX = 25;
/** The line of a courier's route by the roads; null: none, or the server does not say. */
export async function lineOf(courier: Courier): Promise<Place[] | null> {
  const points = [courier.at, ...courier.stops.map((stop) => stop.at)].filter((one) => one.lat || one.lon).slice(0, ROUTE_POINTS_MAX);
  if (points.length < 2) return null;
  try {
    const told = await (await routing()).route({ cityId: city.value, points }, deadline);
    return told.legs.flatMap((leg) => legLine(leg.latE7, leg.lonE7));
  } catch {
    return null;
  }
}
