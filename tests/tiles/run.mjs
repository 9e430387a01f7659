// Runs one test file by node's own runner, after seeing that what it needs is here: exit 77 is a skip that has said why.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const needed = ['tests/tiles/node_modules/@mapbox/vector-tile', ...(process.argv[2] === 'daemon.test.mjs' ? ['deploy/demo/node_modules/@grpc/grpc-js'] : [])];
for (const name of needed) {
  if (existsSync(path.join(here, '../..', name))) continue;
  console.log(`skipped: ${name} is missing; run deploy/test, or npm ci in its folder`);
  process.exit(77);
}
process.exit(spawnSync(process.execPath, ['--test', path.join(here, process.argv[2])], { stdio: 'inherit' }).status ?? 1);
