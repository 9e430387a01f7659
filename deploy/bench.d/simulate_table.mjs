// Meal-delivery days as one table: ours, judged from the output files by independent code, beside the published results of the peers.
import fs from 'node:fs';
import path from 'node:path';
import { judge } from '../../tests/sim/mdrp_rules.mjs';

const [, , data, variant, rules, out] = process.argv;
const days = ['0', '1', '2', '3', '4'], rows = new Map();
const add = (name, row) => rows.set(name, [...(rows.get(name) ?? []), row]);
let faults = 0;

for (const day of days) {
  const lines = fs.readFileSync(path.join(out, `${day}.jsonl`), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) {
    const folder = lines.length > 1 ? path.join(out, day, line.policy) : path.join(out, day);
    const verdict = judge(path.join(data, day + variant), folder, { relaxed: rules === 'relaxed' });
    faults += verdict.faults.length;
    verdict.faults.slice(0, 3).forEach((fault) => console.log(`${day}${variant} ${line.policy}: ${fault}`));
    add(line.policy, { ...verdict.figures, lost: verdict.figures.undelivered - line.unreachable, intime: line.in_target / line.bound_in_target, changes: line.changes_per_order });
  }
  add('bound', { click_to_door_mean_min: lines[0].bound_mean_min, click_to_door_p90_min: lines[0].bound_p90_min, overage_mean_min: NaN, lost: 0 });
}
if (rules === 'strict') {
  const [head, ...peers] = fs.readFileSync(path.join(data, 'peers_strict_rules.csv'), 'utf8').trim().split(/\r?\n/).map((line) => line.split(','));
  for (const peer of peers.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]]))))
    if (days.includes(peer.instance[0]) && peer.instance.slice(1) === variant)
      add(peer.policy, { click_to_door_mean_min: +peer.click_to_door_mean_min, click_to_door_p90_min: +peer.click_to_door_p90_min, overage_mean_min: +peer.overage_mean_min, lost: NaN, share: +peer.undelivered_percent });
}
const mean = (list, key) => list.reduce((sum, row) => sum + row[key], 0) / list.length;
const cell = (value, digits, width) => (Number.isFinite(value) ? value.toFixed(digits) : '-').padStart(width);
console.log(`${variant}, ${rules} rules, mean of ${days.length} days; minutes from click to door; "in time": of the orders that the bound brings within the target`);
console.log(`${'policy'.padEnd(10)}${'mean'.padStart(8)}${'p90'.padStart(8)}${'overage'.padStart(9)}${'in time %'.padStart(11)}${'undelivered'.padStart(13)}${'of them reachable'.padStart(19)}`);
for (const [name, list] of rows)
  console.log(name.padEnd(10) + cell(mean(list, 'click_to_door_mean_min'), 2, 8) + cell(mean(list, 'click_to_door_p90_min'), 2, 8) + cell(mean(list, 'overage_mean_min'), 2, 9) + cell(100 * mean(list, 'intime'), 2, 11)
    + (Number.isFinite(list[0].share) ? `${mean(list, 'share').toFixed(2)} %` : cell(list.reduce((sum, row) => sum + (row.undelivered ?? 0), 0), 0, 1)).padStart(13) + cell(list.reduce((sum, row) => sum + row.lost, 0), 0, 19));
console.log(faults ? `${faults} faults found by the independent judge` : 'no fault found by the independent judge');
process.exitCode = faults ? 1 : 0;
