// proto/ -> src/gen/: the contract's own code, made before every build and never committed. Debian's protoc drives the plugin of package.json.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const proto = path.resolve(here, process.env.MEDDISPATCH_PROTO ?? '../../proto');
const FILES = ['common', 'order', 'board', 'claim', 'settlement', 'courier', 'catalog', 'routing', 'access'];

export function generate() {
  const out = path.join(here, 'src/gen');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const plugin = path.join(here, 'node_modules/.bin/protoc-gen-es');
  execFileSync('protoc', [`--plugin=protoc-gen-es=${plugin}`, `--es_out=${out}`, '--es_opt=target=ts,import_extension=none', `-I${proto}`, ...FILES.map((name) => `meddispatch/v1/${name}.proto`)], { stdio: 'inherit' });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generate();
