// Runs one test file by node's own runner, after seeing that what it needs is here: exit 77 is a skip that has said why.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
if (!existsSync(path.join(here, '../../deploy/demo/node_modules/@grpc/grpc-js'))) {
  console.log('skipped: deploy/demo/node_modules is missing; run npm ci there, or deploy/test');
  process.exit(77);
}
if (!process.env.MEDDISPATCH || !existsSync(process.env.MEDDISPATCH)) {
  console.log(`the program ${process.env.MEDDISPATCH} is not built`);
  process.exit(1);
}
process.exit(spawnSync(process.execPath, ['--test', path.join(here, process.argv[2])], { stdio: 'inherit' }).status ?? 1);
