// Runs one test file by node's own runner, after seeing that what it needs is here: exit 77 is a skip that has said why.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url)), root = path.join(here, '../..');
const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const needed = ['deploy/demo/node_modules/@grpc/grpc-js', 'scheduler/dashboard/node_modules/esbuild', 'tests/browser/node_modules/playwright-core', 'tests/browser/node_modules/axe-core'];
const missing = chromium ? needed.find((name) => !existsSync(path.join(root, name))) : 'chromium';
if (missing) {
  console.log(`skipped: ${missing} is missing; run deploy/test`);
  process.exit(77);
}
const built = spawnSync('bash', ['-c', '. deploy/lib/common.sh && dashboard_build'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
process.exit(spawnSync(process.execPath, ['--test', path.join(here, process.argv[2])], { stdio: 'inherit', env: { ...process.env, CHROMIUM: chromium } }).status ?? 1);
