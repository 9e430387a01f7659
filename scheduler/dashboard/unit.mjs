// Unit tests of the page's pure parts, by node's own runner: bundled first, so that node 18 can read TypeScript. Exit status is node's.
import esbuild from 'esbuild';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(path.join(here, 'node_modules/.unit-'));
let code = 1;
try {
  await esbuild.build({ absWorkingDir: here, entryPoints: readdirSync(path.join(here, 'test')).filter((f) => f.endsWith('.test.ts')).map((f) => `test/${f}`), outdir: out, outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', target: 'node18', jsx: 'automatic', jsxImportSource: 'preact', external: ['node:*'], logLevel: 'warning' });
  const files = readdirSync(out).filter((f) => f.endsWith('.test.mjs')).map((f) => path.join(out, f));
  code = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exit(code);
