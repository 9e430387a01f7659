// The shift in words and figures, from what the player saw and what the nightly job left.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({ options: Object.fromEntries(['play', 'out', 'balanced', 'settled', 'build', 'map', 'setup', 'played', 'wall', 'peak', 'json'].map((name) => [name, { type: 'string' }])) });
const play = JSON.parse(readFileSync(given.play, 'utf8'));
const files = (folder) => readdirSync(folder).flatMap((name) => (statSync(path.join(folder, name)).isDirectory() ? files(path.join(folder, name)) : [path.join(folder, name)])).sort();
const round = (value, digits) => Number(value.toFixed(digits));

const result = {
  orders_total: play.orders_total, orders_delivered: play.orders_delivered, orders_failed: play.orders_failed, orders_cancelled: play.orders_cancelled, orders_refused: play.orders_refused,
  orders_open: play.orders_open, share_within_3h: round(play.share_within_3h, 4), mean_minutes: round(play.mean_minutes, 1), p90_minutes: round(play.p90_minutes, 1), km_per_order: round(play.km_per_order, 2),
  claims_total: play.claims_total, benefit_fen: play.benefit_fen, member_fen: play.member_fen, ledger_balanced: given.balanced === '0', settlement_clean: given.settled === '0',
  remittance_files: files(given.out), refusals_by_rule: play.refusals_by_rule, endings_by_reason: play.endings_by_reason, offers_declined: play.offers_declined, events_refused: Object.values(play.events_refused).reduce((sum, count) => sum + count, 0), faults: play.faults.length,
  business_days: play.business_days, build_seconds: Number(given.build), map_seconds: Number(given.map), setup_seconds: Number(given.setup), play_seconds: Number(given.played), wall_seconds: Number(given.wall),
  daemon_peak_mb: round(Number(given.peak) / 1024, 1), clock_speed: play.clock_speed };

const yuan = (fen) => `${(fen / 100).toFixed(2)} yuan`;
const list = (record) => Object.entries(record).map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
const time = (ms) => new Date(ms + 8 * 3600000).toISOString().slice(0, 16).replace('T', ' ');
console.log(`
The shift        ${time(play.city_from_ms)} to ${time(play.city_to_ms)} city time, ${play.couriers} couriers
Orders           ${result.orders_total}: ${result.orders_delivered} delivered, ${result.orders_refused} refused, ${result.orders_cancelled} cancelled, ${result.orders_failed} failed, ${result.orders_open} open
Within 3 hours   ${(100 * result.share_within_3h).toFixed(1)} %   mean ${result.mean_minutes} min, p90 ${result.p90_minutes} min
On the road      ${Math.round(play.km_total)} km, ${result.km_per_order} km per delivered order, ${result.offers_declined} offers declined
Refused by rule  ${list(result.refusals_by_rule)}
Ended otherwise  ${list(result.endings_by_reason)}
Claims           ${result.claims_total}, ${play.claims_posted} posted: benefit ${yuan(result.benefit_fen)}, members ${yuan(result.member_fen)}
Ledger           ${result.ledger_balanced ? 'balances' : 'DOES NOT BALANCE'}; settlement ${result.settlement_clean ? 'clean' : 'NOT CLEAN'} for ${result.business_days.join(', ')}
Remittances      ${result.remittance_files.length ? result.remittance_files.join('\n                 ') : 'none'}
Time             ${result.wall_seconds} s: build ${result.build_seconds}, map ${result.map_seconds}, ready after ${result.setup_seconds}, played ${result.play_seconds}; daemon's peak memory ${result.daemon_peak_mb} MB`);
if (given.json) writeFileSync(given.json, `${JSON.stringify(result, null, 2)}\n`);
