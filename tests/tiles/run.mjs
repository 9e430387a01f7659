// Runs one test file by node's own runner, after seeing that what it needs is here: exit 77 is a skip that has said why.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
if (!existsSync(path.join(here, 'node_modules/@mapbox/vector-tile'))) {
  console.log('skipped: tests/tiles/node_modules is missing; run npm ci there, or deploy/test');
  process.exit(77);
}
process.exit(spawnSync(process.execPath, ['--test', path.join(here, process.argv[2])], { stdio: 'inherit' }).status ?? 1);
