// Runs a bench and reads what it says: every line is JSON, has its fields, and its figures are positive. No figure is judged.
import { execFileSync } from 'node:child_process';
import assert from 'node:assert/strict';

const [program, ...args] = process.argv.slice(2);
const lines = execFileSync(program, args, { encoding: 'utf8' }).trim().split('\n').map((line) => JSON.parse(line));
assert.ok(lines.length >= 5, 'a bench has more to say');
for (const line of lines) {
  for (const field of ['bench', 'figure', 'unit', 'machine', 'seed']) assert.ok(field in line, `${field} is missing in ${JSON.stringify(line)}`);
  assert.ok(Number.isFinite(line.value) && line.value > 0, `not positive: ${JSON.stringify(line)}`);
  if (line.baseline) assert.ok(line.baseline_value > 0 && Math.abs(line.ratio - line.value / line.baseline_value) <= 0.01 * line.ratio + 0.001, `wrong ratio: ${JSON.stringify(line)}`);
}
console.log(`${lines.length} figures read`);
