// One command from sources to dist/: generates the contract's code, bundles in chunks, names them by content, packs them, and holds the first paint to its
// budget. The daemon reads dist/ whole at its start (http_files).
import esbuild from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { generate } from './generate.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, 'dist');
const FIRST_PAINT_BYTES_MAX = 60 * 1024; // of gzip: what must have come before anything is seen

generate();
rmSync(dist, { recursive: true, force: true });
mkdirSync(path.join(dist, 'assets'), { recursive: true });
const built = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.tsx', style: 'src/style/board.css' },
  outdir: path.join(dist, 'assets'),
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  metafile: true,
  legalComments: 'linked',
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  assetNames: '[name]-[hash]',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
});

const outputs = Object.entries(built.metafile.outputs).map(([file, meta]) => ({ file: path.relative(dist, path.join(here, file)), ...meta }));
const entry = (of) => {
  const found = outputs.find((output) => output.entryPoint === of && !output.file.endsWith('.map'));
  if (!found) throw new Error(`the bundle of ${of} is missing`);
  return found;
};
const app = entry('src/main.tsx');
const style = entry('src/style/board.css');

// what the first script imports at once, chunk by chunk: the browser is told to fetch them together
const first = new Set([app.file]);
const walk = (output) => {
  for (const wanted of output.imports.filter((i) => i.kind === 'import-statement')) {
    const file = path.relative(dist, path.join(here, wanted.path));
    if (first.has(file)) continue;
    first.add(file);
    walk(outputs.find((o) => o.file === file));
  }
};
walk(app);

const html = readFileSync(path.join(here, 'src/index.html'), 'utf8')
  .replace('<!-- style -->', `<link rel="stylesheet" href="/${style.file}">`)
  .replace('<!-- script -->', [...first].filter((f) => f !== app.file).map((f) => `<link rel="modulepreload" href="/${f}">`).join('\n  ') + `\n  <script type="module" src="/${app.file}"></script>`);
writeFileSync(path.join(dist, 'index.html'), html);
writeFileSync(path.join(dist, 'icon.svg'), readFileSync(path.join(here, 'src/icon.svg')));

const packed = (file) => gzipSync(readFileSync(path.join(dist, file)), { level: constants.Z_BEST_COMPRESSION });
for (const file of readdirSync(dist, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => path.relative(dist, path.join(f.parentPath ?? f.path, f.name)))) {
  if (/\.(js|css|html|svg|txt)$/.test(file)) writeFileSync(path.join(dist, `${file}.gz`), packed(file));
}
const painted = [...first, style.file, 'index.html'].map((file) => ({ file, bytes: packed(file).length }));
const bytes = painted.reduce((sum, one) => sum + one.bytes, 0);
const version = createHash('sha256').update([...first, style.file].join()).digest('hex').slice(0, 12);
writeFileSync(path.join(dist, 'build.json'), `${JSON.stringify({ version, first_paint_bytes: bytes, first_paint: painted }, null, 1)}\n`);
process.stdout.write(`first paint ${(bytes / 1024).toFixed(1)} kB of gzip in ${painted.length} files\n`);
if (bytes > FIRST_PAINT_BYTES_MAX) {
  process.stderr.write(`first paint is over its budget of ${FIRST_PAINT_BYTES_MAX / 1024} kB: ${painted.map((p) => `${p.file} ${p.bytes}`).join(', ')}\n`);
  process.exit(1);
}
