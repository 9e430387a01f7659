// The ledger's hash chain once more, from its description alone, and attacks on an export of it: whatever one row's change is, `ledger verify` must see it.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const sha = (...parts) => { const h = createHash('sha256'); parts.forEach(p => h.update(p)); return h.digest() }
const int = (value, bytes) => { const b = Buffer.alloc(bytes); let v = BigInt.asUintN(bytes * 8, BigInt(value)); for (let i = bytes - 1; i >= 0; i--) { b[i] = Number(v & 255n); v >>= 8n } return b }
const text = value => { const b = Buffer.from(value.replaceAll('\\\\', '\\')); return Buffer.concat([int(b.length, 4), b]) }
const rowHash = (city, f) => sha(Buffer.concat([int(city, 4), int(f[0], 8), int(f[1], 4), int(f[2], 8), int(f[3], 2), int(f[4], 8), int(f[5], 8), int(f[6], 8), text(f[7]), int(f[8], 8), int(f[9], 2),
  int(f[10], 8), int(f[11], 8), text(f[12]), text(f[13])]))

/** Make hashes, counts, sums and trailer of the lines anew, as one would who has the program but not the kept head. */
export const forge = lines => {
  const city = lines[0].split('\t')[3], out = [], days = []
  for (const line of lines) {
    const [kind, ...f] = line.split('\t')
    if (kind === 'D') days.push({ day: f[0], rows: [] })
    else if (kind === 'E') days.at(-1).rows.push(f)
    else if (kind !== 'T') out.push(line)
  }
  let previous = Buffer.alloc(32)
  for (const d of days) {
    d.rows.forEach(f => { f[14] = rowHash(city, f).toString('hex') })
    const hash = sha(previous, int(d.day, 4), int(d.rows.length, 8), ...d.rows.map(f => Buffer.from(f[14], 'hex')))
    out.push(['D', d.day, d.rows.length, d.rows.reduce((s, f) => s + BigInt(f[6]), 0n), previous.toString('hex'), hash.toString('hex')].join('\t'))
    d.rows.forEach(f => out.push(['E', ...f].join('\t')))
    previous = hash
  }
  out.push(['T', days.reduce((s, d) => s + d.rows.length, 0), days.length].join('\t'))
  return out
}

/** `verify(file, withHead)` -> exit code. Returns how many attacks were seen. */
export const attackChain = (file, head, verify, below, die) => {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n'), write = l => writeFileSync(`${file}.bad`, l.join('\n') + '\n')
  const kinds = k => lines.map((l, i) => (l[0] === k ? i : -1)).filter(i => i >= 0), rows = kinds('E'), days = kinds('D')
  if (forge(lines).join('\n') !== lines.join('\n')) die('the chain is not what its description says')
  let seen = 0
  const attack = (what, changed, alsoWithoutHead = true) => {
    write(changed)
    if (verify(`${file}.bad`, true) !== 1) die(`an attack passed: ${what}`)
    const alone = verify(`${file}.bad`, false)
    if (alone !== (alsoWithoutHead ? 1 : 0)) die(`without a head, exit ${alone}: ${what}`)
    seen++
  }
  const edit = (at, f) => lines.map((l, i) => (i === at ? f(l) : l))
  const bump = c => (/[0-8]/.test(c) ? String(Number(c) + 1) : c === '9' ? '8' : c === 'a' ? 'b' : 'a')
  for (let field = 1; field <= 15; field++) {                                            // every column of an entry
    const at = rows[below(rows.length)]
    attack(`column ${field} of line ${at}`, edit(at, l => l.split('\t').map((v, k) => (k === field ? v.slice(0, -1) + bump(v.at(-1) ?? '0') : v)).join('\t')))
  }
  for (let field = 1; field <= 5; field++) {
    const at = days[below(days.length)]
    attack(`column ${field} of day line ${at}`, edit(at, l => l.split('\t').map((v, k) => (k === field ? v.slice(0, -1) + bump(v.at(-1)) : v)).join('\t')))
  }
  for (let i = 0; i < 5; i++) {
    const at = rows[below(rows.length)], to = rows[below(rows.length)]
    attack(`line ${at} removed`, lines.filter((_, k) => k !== at))
    attack(`line ${at} twice`, lines.flatMap((l, k) => (k === at ? [l, l] : [l])))
    attack(`line ${at} put in at ${to}`, [...lines.slice(0, to), lines[at], ...lines.slice(to)])
  }
  attack('two entries changed places', (() => { const c = [...lines], at = rows.find(i => c[i + 1][0] === 'E'); [c[at], c[at + 1]] = [c[at + 1], c[at]]; return c })())
  attack('a whole day removed', lines.filter((_, k) => !(k >= days[1] && k < (days[2] ?? lines.length - 1))))
  attack('the end cut off', lines.slice(0, -1))
  attack('something after the end', [...lines, lines[rows[0]]])
  attack('the last day left out with a right trailer', forge(lines.slice(0, days.at(-1))), false)
  // any edit at all: a byte changed, a field, a line dropped, doubled, moved, cut, put in from elsewhere
  for (let i = 0; i < 60; i++) {
    const c = [...lines], at = 1 + below(c.length - 1), other = 1 + below(c.length - 1), line = c[at], where = below(line.length)
    const kind = below(7)
    if (line[0] === 'A' || (kind === 4 && c[other][0] === 'A')) continue                  // accounts' names are not in the chain; entries name them by id
    if (kind === 0) c[at] = line.slice(0, where) + String.fromCharCode(33 + below(94)) + line.slice(where + 1)
    else if (kind === 1) c[at] = line.slice(0, where) + line.slice(where + 1)
    else if (kind === 2) c[at] = line.slice(0, where) + String.fromCharCode(33 + below(94)) + line.slice(where)
    else if (kind === 3) c.splice(at, 1)
    else if (kind === 4) c.splice(at, 0, c[other])
    else if (kind === 5) c[at] = line.slice(0, where)
    else { const [taken] = c.splice(at, 1); c.splice(1 + below(c.length - 1), 0, taken) }
    if (c.join('\n') !== lines.join('\n')) attack(`edit ${i}, kind ${kind}, line ${at}`, c)
  }
  // one who makes everything anew is seen by the kept head alone
  const forged = what => forge(what)
  const at = rows[below(rows.length)]
  attack('an amount made anew', forged(edit(at, l => l.split('\t').map((v, k) => (k === 7 ? String(BigInt(v) + 1n) : v)).join('\t'))), false)
  attack('an entry taken out and all made anew', forged(lines.filter((_, k) => k !== at)), false)
  attack('an entry put in and all made anew', forged(lines.flatMap((l, k) => (k === rows.at(-1) ? [l, l.split('\t').map((v, c) => (c === 1 ? String(Number(v) + 1) : v)).join('\t')] : [l]))), false)
  return seen
}
