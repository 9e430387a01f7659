// `meddispatch map info --json` on standard input -> SOUTH,WEST,NORTH,EAST in degrees.
import { readFileSync } from 'node:fs';

const info = JSON.parse(readFileSync(0, 'utf8'));
const { south, west, north, east } = info.bounds ?? info;
if (![south, west, north, east].every(Number.isFinite)) {
  console.error('map info has no south, west, north, east');
  process.exit(1);
}
console.log([south, west, north, east].join(','));
