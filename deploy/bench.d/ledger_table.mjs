// One table of bench_ledger's JSON lines: the figure, beside its baseline, beside what was asked for.
import { readFileSync } from 'node:fs';

const GOALS = [
  [/^hold and post in batches/, '>= 15,000/s'], [/^hold and post one by one, 32 clients, uniform/, '>= 6,000/s'], [/^hold and post one by one, payees by Zipf/, '>= 0.9 x uniform'],
  [/^adjudicate alone/, '>= 1,000,000/s'], [/^the night, close to files sent, 1000000/, '<= 60 s, 500 MB'], [/^the night, ten times/, 'linear: 10'], [/^reconcile, 1000000/, '<= 60 s'],
  [/^ledger verify of an export, 10000000/, '<= 60 s'],
];
const number = (n) => (n >= 1000 ? Math.round(n).toLocaleString('en') : Number(n.toPrecision(4)).toString());
const lines = readFileSync(process.argv[2], 'utf8').trim().split('\n').map((l) => JSON.parse(l));
console.log(`\n${lines[0]?.machine}`);
console.log(`${'figure'.padEnd(68)} ${'value'.padStart(12)} unit           ${'goal'.padEnd(18)} baseline (ratio)`);
for (const line of lines) {
  const goal = GOALS.find(([which]) => which.test(line.figure))?.[1] ?? '';
  const baseline = line.baseline ? `${line.baseline}: ${number(line.baseline_value)} (${line.ratio})` : '';
  const more = ['cpu_s', 'memory_mb', 'wal_bytes_per_posting', 'dead_rows', 'hot_updates_percent', 'index_share'].filter((k) => k in line).map((k) => `${k} ${line[k]}`).join(', ');
  console.log(`${line.figure.padEnd(68)} ${number(line.value).padStart(12)} ${line.unit.padEnd(14)} ${goal.padEnd(18)} ${baseline}${more ? ` [${more}]` : ''}`);
}
