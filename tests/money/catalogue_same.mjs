// Make the sample catalogue anew and compare it byte for byte with the one that is kept; then look at it with a plain eye.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const [kept, fresh] = process.argv.slice(2)
mkdirSync(fresh, { recursive: true })
execFileSync(process.execPath, [join(kept, 'make.mjs'), fresh])
const files = readdirSync(kept).filter(f => f.endsWith('.csv'))
const differ = files.filter(f => !readFileSync(join(kept, f)).equals(readFileSync(join(fresh, f))))
const rows = f => readFileSync(join(kept, f), 'utf8').trim().split('\n').map(l => l.split(','))
const [head, ...products] = rows('formulary.csv')
const at = name => head.indexOf(name)
const wrong = [
  differ.length && `not what make.mjs makes: ${differ}`, products.length < 1000 && `${products.length} products`, rows('tests.csv').length < 33 && 'fewer than 32 tests',
  products.some(p => !/^[1-9]\d*$/.test(p[at('ceiling_fen')])) && 'a product without a ceiling',
  ['digoxin', 'warfarin', 'morphine SR', 'enoxaparin'].some(n => !products.some(p => p[at('name_en')].startsWith(n) && p[at('prohibited')] === '1')) && 'a prohibited medicine is not marked',
  products.some(p => p[at('name_en')].startsWith('insulin') && p[at('prohibited')] === '1') && 'insulin is marked prohibited',
].filter(Boolean)
console.log(wrong.length ? wrong.join('\n') : `${files.length} files are the same; ${products.length} products`)
process.exit(wrong.length ? 1 : 0)
