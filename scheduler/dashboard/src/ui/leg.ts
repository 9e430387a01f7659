// A leg's geometry as the wire has it. Pure.
import type { Place } from '../state/model';

/** The first value whole, then differences, in 1e-7 degrees. */
export function legLine(lat_e7: number[], lon_e7: number[]): Place[] {
  let lat = 0, lon = 0;
  return lat_e7.map((step, i) => ({ lat: (lat += step) / 1e7, lon: (lon += lon_e7[i] ?? 0) / 1e7 }));
}
