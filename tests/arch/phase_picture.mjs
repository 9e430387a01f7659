// PROGRAM README.md: the program's output must stand in the README.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [program, readme] = process.argv.slice(2);
const picture = execFileSync(program, { encoding: 'utf8' });
if (!readFileSync(readme, 'utf8').includes(picture)) {
  console.error(`${readme} does not hold the picture as the table has it; put this there:\n${picture}`);
  process.exit(1);
}
