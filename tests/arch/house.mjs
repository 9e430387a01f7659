// What the arch tests share: where the house stands and how its files are listed. It must not judge.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

export const root = process.env.HOUSE_ROOT ?? path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const cc = process.env.HOUSE_CC ?? 'cc';

/** Tracked files if this is a git work tree, else all files but hidden and built ones. */
export function files() {
  if (existsSync(path.join(root, '.git'))) {
    const out = execFileSync('git', ['-C', root, '-c', `safe.directory=${root}`, 'ls-files', '-z'], { encoding: 'utf8', maxBuffer: 1 << 26 });
    return out.split('\0').filter((name) => name && existsSync(path.join(root, name)));
  }
  const found = [];
  const walk = (folder) => {
    for (const name of readdirSync(path.join(root, folder))) {
      const relative = path.join(folder, name);
      if (/^(build.*|\.state|\.git)$/.test(relative) || name === 'node_modules') continue;
      if (statSync(path.join(root, relative)).isDirectory()) walk(relative);
      else found.push(relative);
    }
  };
  walk('');
  return found;
}

export const text = (name) => readFileSync(path.join(root, name), 'utf8');

/** C without comments and literals, line breaks kept. */
export function codeOnly(source) {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (part) => part.replace(/[^\n]/g, ' '));
}
