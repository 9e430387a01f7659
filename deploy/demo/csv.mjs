// RFC 4180 with a header line -> objects. For the sample catalogue, which is ours.
import { readFileSync } from 'node:fs';

export function readCsv(file) {
  const rows = [];
  let row = [], cell = '', quoted = false;
  const text = readFileSync(file, 'utf8');
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') cell += text[++i];
      else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"') quoted = true;
    else if (c === ',') row.push(cell), cell = '';
    else if (c === '\n') rows.push([...row, cell]), row = [], cell = '';
    else if (c !== '\r') cell += c;
  }
  if (cell || row.length) rows.push([...row, cell]);
  const names = rows.shift();
  return rows.map((cells) => Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ''])));
}
