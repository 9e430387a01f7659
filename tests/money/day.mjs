#!/usr/bin/env node
// The core promise through the real database. Four business days of orders on the sample catalogue are made up by seed, taken in, delivered, cancelled, accepted,
// reported, returned; after each day the books are closed and settled. Everything that came of it (claims, lines, member-years, ledger balances, batches, files) is
// recomputed here from the CSV files and rules.mjs alone and compared to the fen. Also: kill -9 at random moments of settling, and reruns, change nothing.
//   tests/support/with_postgres node day.mjs MEDDISPATCH MONEY_DAY CATALOG_DIR SEED SETTLE_FAIL
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attackChain } from './chain.mjs'
import { plantFaults } from './faults.mjs'
import { HOSTILE, camt053, checkPain, pain002 } from './pain.mjs'
import { HISTORY_DAYS, HISTORY_LINES, NOTHING_SEEN, dayNumber, decide, shanghai, takeBack } from './rules.mjs'

const [program, player, catalog, seedText, failing] = process.argv.slice(2)
const db = process.env.MEDDISPATCH_TEST_DB
if (!db) { console.log('skipped: no MEDDISPATCH_TEST_DB (run under tests/support/with_postgres)'); process.exit(77) }
const scratch = mkdtempSync(join(tmpdir(), 'meddispatch-money-'))
process.env.XDG_STATE_HOME = scratch // where the key file goes
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
let compared = 0
const die = text => { console.error(`seed ${seedText}: ${text}`); process.exit(1) }
const equal = (what, mine, theirs) => { compared++; if (String(mine) !== String(theirs)) die(`${what}: expected ${mine}, found ${theirs}`) }
let state = BigInt(seedText) * 7919n + 1n
const below = n => { state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn; return Number((state >> 33n) % BigInt(n)) }
const chance = n => below(n) === 0, pick = list => list[below(list.length)]
const run = (args, want = 0) => {
  const r = spawnSync(program, args.concat('--db', db), { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (r.status !== want) die(`meddispatch ${args.join(' ')}: exit ${r.status}, expected ${want}\n${r.stdout}${r.stderr}`)
  return want === 1 && !r.stdout ? r.stderr : r.stdout
}
const sql = text => JSON.parse(execFileSync('psql', ['-XAtqc', `SELECT coalesce(json_agg(t), '[]') FROM (${text}) t`], { encoding: 'utf8', maxBuffer: 1 << 28 }))
const play = lines => execFileSync(player, [db], { input: lines.join('\n') + '\n', encoding: 'utf8', maxBuffer: 1 << 28 }).trim().split('\n').filter(Boolean).map(l => JSON.parse(l))

// ---- the catalogue, as a plain reader sees it ----
const csv = file => {
  const [head, ...rows] = readFileSync(join(catalog, file), 'utf8').trim().split('\n').map(l => [...l.matchAll(/("(?:[^"]|"")*"|[^,]*)(,|$)/g)].map(m => m[1].replace(/^"|"$/g, '').replaceAll('""', '"')))
  return rows.map(r => Object.fromEntries(head.map((h, i) => [h, r[i]])))
}
const on = v => v === '1', int = Number
const plans = Object.fromEntries(csv('plans.csv').map(p => [p.plan, { age_min: int(p.age_min), age_max: int(p.age_max), waiting: int(p.waiting_days), rx_days: int(p.prescription_days_max),
  drugs: int(p.drugs_max), supply: int(p.supply_days), supply_emergency: int(p.supply_emergency_days), supply_chronic: int(p.supply_chronic_days),
  supply_override: int(p.supply_override_days), excess_refuses: on(p.supply_excess_refuses), ineligible_refuses: on(p.ineligible_refuses), refill_bps: int(p.refill_bps), duplicate_stops: on(p.duplicate_stops), deductible_claim: int(p.deductible_claim_fen),
  deductible_year: int(p.deductible_year_fen), year_limit: int(p.year_limit_fen), late: int(p.late_fen),
  benefit: [null, ...['medicine', 'test', 'checkup'].map(b => ({ rate: int(p[`${b}_rate_bps`]), cap: int(p[`${b}_claim_cap_fen`]), count: int(p[`${b}_count_max`]) }))] }]))
const members = new Map(csv('members.csv').map(m => [m.code, { code: m.code, plan: m.plan, sex: m.sex, birth: m.birth_date, inception: m.inception, from: m.valid_from, to: m.valid_to, renewal: on(m.renewal),
  known: true, policy_known: true }]))
const items = new Map()
for (const p of csv('formulary.csv')) items.set(p.code, { code: p.code, price: int(p.price_fen), found: true, covered: on(p.eligible), approval: p.approval !== '' && (p.approval_till === '' || p.approval_till >= '2026-01-01'),
  prohibited: on(p.prohibited), controlled: on(p.controlled), injection: on(p.injection), hypoglycaemic: on(p.hypoglycaemic), chronic: on(p.chronic), ceiling: int(p.ceiling_fen),
  min_age: int(p.age_min), max_age: int(p.age_max), sex: p.sex, indications: p.indications, pack_ddays: int(p.pack_supply_ddays), quantity_max: int(p.quantity_max), repeat: 0, atc: p.atc })
for (const t of csv('tests.csv')) items.set(t.code, { code: t.code, price: int(t.ceiling_fen), found: true, covered: on(t.eligible), approval: true, ceiling: int(t.ceiling_fen), min_age: int(t.age_min),
  max_age: int(t.age_max), sex: t.sex, indications: '', pack_ddays: 0, quantity_max: 0, repeat: int(t.repeat_days), checkup: t.benefit === 'CHECKUP' })
const facilities = csv('facilities.csv')
const products = [...items.values()].filter(i => !i.code.startsWith('RT-') && !i.code.startsWith('CK-')), tests = [...items.values()].filter(i => i.code.startsWith('RT-'))
const payeeOf = id => facilities.find(f => f.facility_id === String(id)).payee
const people = [...members.keys()].filter(c => /^M0000[0-4]|^SMALL|^EDGE/.test(c))

// ---- what should be: claims, accounts, expected ledger balances (credit less debit) ----
const claims = new Map(), accounts = new Map(), usedRx = new Map(), balances = new Map(), payable = new Map(), seen = NOTHING_SEEN()
const refusedBy = {}
const historyOf = (code, at) => [...claims.values()].filter(c => c.member === code && c.benefit === 1 && c.live && c.service_ms > at - HISTORY_DAYS * 86400000)
  .flatMap(c => c.mine.lines.map((l, i) => ({ c, l, i, n: c.lines[i].quantity }))).filter(({ l, n }) => l.allowed > 0 && l.back < n)
  .sort((a, b) => a.c.service_ms - b.c.service_ms || a.c.claim - b.c.claim || a.i - b.i).slice(-HISTORY_LINES)
  .map(({ c, l, i, n }) => ({ code: c.lines[i].item, atc: items.get(c.lines[i].item).atc, day: dayNumber(shanghai(c.service_ms)), ddays: Math.floor((l.supply * (n - l.back)) / n) }))
const accountOf = code => {
  if (!accounts.has(code)) accounts.set(code, { posted: 0n, settled: 0n, pending: 0n, deductible: 0n, count: [0, 0, 0, 0], history: (today, at) => historyOf(code, at),
    lastTest: test => [...claims.values()].filter(c => c.member === code && c.benefit !== 1 && c.live && c.lines.some((l, i) => l.item === test && c.mine.lines[i].allowed > 0)).map(c => dayNumber(shanghai(c.service_ms))).sort().pop() })
  return accounts.get(code)
}
const move = (debit, credit, amount) => {
  if (amount === 0n) return
  balances.set(debit, (balances.get(debit) ?? 0n) - amount); balances.set(credit, (balances.get(credit) ?? 0n) + amount)
}
const due = (day, payee, amount) => { if (amount !== 0n) { const k = `${day} ${payee}`; payable.set(k, [...(payable.get(k) ?? []), amount]) } }

const makeOrder = (day, n, key) => {
  const service_ms = Date.parse(`${day}T02:00:00Z`) + n * 20000, test = chance(4), checkup = test && chance(5)
  const lines = []
  for (let i = checkup ? 1 : 1 + below(test ? 3 : 5); i > 0; i--) {
    const item = checkup ? items.get('CK-ANNUAL') : pick(test ? tests : chance(3) ? products : products.slice(0, 200))
    if (lines.some(l => l.item === item.code)) continue
    lines.push({ item: item.code, quantity: test ? 1 : 1 + below(chance(4) ? 12 : 3), price: item.price + (chance(5) ? below(900) : 0), days: !test && chance(5) ? 1 + below(30) : 0, override: !test && chance(3) ? pick(['LONG', 'TRAVEL', 'COMBINE', 'LONG+SWITCH', 'LOST+COMBINE']) : '' })
  }
  const total = lines.reduce((s, l) => s + l.price * l.quantity, 0)
  return { key, member: pick(people), benefit: checkup ? 3 : test ? 2 : 1, service_ms, issued_ms: service_ms - below(chance(10) ? 400000000 : 3600000), valid_days: 1 + below(3), emergency: chance(8), chronic: chance(3),
    accident: false, rx: chance(15) && usedRx.size ? pick([...usedRx.keys()]) : `RX${key}`, diagnosis: chance(3) ? 'J10.1' : '', other: chance(8) ? below(total + 1) : 0,
    facility: test ? 101 + below(6) : chance(25) ? 901 : 1 + below(24), lines }
}
const orderLine = c => {
  const lines = c.lines.map(l => `${l.item}:${l.quantity}:${l.price}:${l.days}:${l.override}`).join('|')
  if (c.benefit !== 1) return ['T', c.key, c.member, c.facility, c.service_ms, c.other, lines].join('\t')
  return ['P', c.key, c.member, c.facility, c.service_ms, c.issued_ms, c.valid_days, `${c.emergency ? 'e' : ''}${c.chronic ? 'c' : ''}` || '-', c.rx, c.diagnosis, c.other, lines].join('\t')
}
const expectClaim = c => {
  const a = accountOf(c.member), m = members.get(c.member), plan = plans[m.plan]
  const inForce = shanghai(c.service_ms) >= m.from && shanghai(c.service_ms) < m.to
  const facility = facilities.find(f => f.facility_id === String(c.facility))
  c.mine = decide({ ...c, used: usedRx.has(c.rx), contracted: on(facility.contracted), allowed: true }, { ...m, policy_known: inForce }, plan, c.lines.map(l => items.get(l.item)), a, seen)
  claims.set(c.key, c)
  c.payee = payeeOf(c.facility); c.live = c.mine.state === 'HELD'
  c.mine.lines.forEach(l => { l.back = 0; l.backBenefit = 0n; l.backMember = 0n })
  if (!c.live) { refusedBy[c.mine.rule] = (refusedBy[c.mine.rule] ?? 0) + 1; return }
  if (c.benefit === 1) usedRx.set(c.rx, c.key)
  a.pending += c.mine.benefit; a.posted += c.mine.benefit; a.deductible += c.mine.deductible_year
  if (c.mine.benefit > 0n) a.count[c.benefit]++
  move('1', '2', c.mine.benefit)
}
const fates = { medicine: ['delivered', 'delivered', 'delivered', 'delivered', 'cancelled', 'failed', 'open'], test: ['reported', 'reported', 'reported', 'accepted', 'cancelled', 'open'] }
const fate = (c, day, at, script) => {
  const kind = pick(c.benefit === 1 ? fates.medicine : fates.test), a = accountOf(c.member)
  if (kind === 'open') { c.fate = kind; return }
  if (chance(6)) { script.push(['F', 'late', c.order, at, 0].join('\t')); move('1', '7', BigInt(plans[members.get(c.member).plan].late)); c.late = true }
  c.fate = kind
  a.pending -= c.mine.benefit
  if (kind === 'cancelled' || kind === 'failed') {
    script.push(['F', kind, c.order, at, 0].join('\t'))
    move('2', '1', c.mine.benefit); a.posted -= c.mine.benefit; a.deductible -= c.mine.deductible_year; if (c.mine.benefit > 0n) a.count[c.benefit]--
    c.live = false; if (kind === 'cancelled' && usedRx.get(c.rx) === c.key) usedRx.delete(c.rx)
    return
  }
  script.push(['F', c.benefit === 1 ? 'delivered' : 'accepted', c.order, at, c.benefit === 1 ? 0 : c.facility].join('\t'))
  a.settled += c.mine.benefit
  move('2', `${c.benefit === 1 ? 3 : 4}:${c.payee}`, c.mine.benefit); move('5', `6:${c.payee}`, c.mine.member)
  if (c.benefit === 1) due(day, c.payee, c.mine.benefit)
  if (kind === 'reported') {
    script.push(['F', 'reported', c.order, at + 60000, 0].join('\t'))
    move(`4:${c.payee}`, `3:${c.payee}`, c.mine.benefit); due(day, c.payee, c.mine.benefit)
  }
}
const giveBack = (c, day, at, script, checks) => {
  const i = below(c.lines.length), line = c.mine.lines[i], n = c.lines[i].quantity, quantity = 1 + below(n), q = line.back + quantity
  const key = `${c.key}-${day}-${script.length}`
  script.push(['R', key, c.claim, i + 1, quantity, at].join('\t'))
  if (chance(4)) { script.push(script.at(-1)); checks.push({ key, repeated: true }) } // the same request twice is one return
  if (q > n || !c.live) { checks.push({ key, refused: true }); return }
  const benefit = takeBack(line.benefit, q, n, line.backBenefit), member = takeBack(line.member, q, n, line.backMember), a = accountOf(c.member)
  checks.push({ key, benefit, member })
  line.back = q; line.backBenefit += benefit; line.backMember += member; a.posted -= benefit; a.settled -= benefit
  if (c.lines.every((l, k) => c.mine.lines[k].back === l.quantity)) c.live = false     // wholly reversed
  const from = c.fate === 'accepted' ? 4 : 3
  move(`${from}:${c.payee}`, '1', benefit); move(`6:${c.payee}`, '5', member)
  if (from === 3) due(day, c.payee, -benefit)
}

const playDay = (day, count, first) => {
  const orders = []
  for (let n = 0; n < count; n++) orders.push(makeOrder(day, n, `${day}-${n}`))
  const script = orders.flatMap((o, n) => (n % 40 === 39 ? [orderLine(o), ''] : [orderLine(o)]))
  orders.forEach(expectClaim)
  const answers = play(script)
  const again = play(script)                                                             // every key a second time: the same answers, nothing new
  equal('answers', orders.length, answers.length)
  orders.forEach((o, n) => {
    equal(`${o.key} status`, 'OK', answers[n].status); equal(`${o.key} again`, answers[n].claim, again[n].claim); equal(`${o.key} repeated`, true, again[n].repeated)
    o.order = answers[n].order; o.claim = answers[n].claim
  })
  const at = Date.parse(`${day}T08:00:00Z`), events = [], returns = [], checks = []
  orders.filter(o => o.live).forEach((o, n) => fate(o, day, at + n * 1000, events))
  play(events)
  ;[...claims.values()].filter(c => ['delivered', 'reported', 'accepted'].includes(c.fate) && c.live && chance(first ? 5 : 3)).forEach((c, n) => giveBack(c, day, at + 4000000 + n * 1000, returns, checks))
  const given = play(returns)
  for (const check of checks) {
    const all = given.filter(g => g.key === check.key)
    if (check.refused) equal(`${check.key} refused`, true, all.every(g => g.status !== 'OK'))
    else if (check.repeated) equal(`${check.key} twice`, 2, all.length)
    else { equal(`${check.key} status`, 'OK', all[0].status); equal(`${check.key} benefit`, check.benefit, all[0].benefit); equal(`${check.key} member`, check.member, all[0].member); all.slice(1).forEach(g => equal(`${check.key} repeated`, true, g.repeated)) }
  }
}

// ---- comparing with the tables, by SQL of our own ----
const compareClaims = () => {
  const states = { REFUSED: 1, HELD: 2 }
  const rows = new Map(sql('SELECT claim_id, state, refusal_rule, submitted_fen, eligible_fen, deductible_fen, deductible_year_fen, other_coverage_fen, benefit_fen, member_fen FROM claim').map(r => [r.claim_id, r]))
  const lines = new Map(sql('SELECT claim_id, line_no, rules, allowed_quantity, submitted_fen, eligible_fen, benefit_fen, member_fen, reversed_quantity, reversed_fen, reversed_member_fen FROM claim_line').map(r => [`${r.claim_id}/${r.line_no}`, r]))
  equal('claims', claims.size, rows.size)
  for (const c of claims.values()) {
    const r = rows.get(c.claim), m = c.mine, w = `${c.key} claim ${c.claim}`
    const whole = c.lines.every((l, i) => m.lines[i].back === l.quantity)
    const state = ['cancelled', 'failed'].includes(c.fate) ? 4 : ['delivered', 'accepted', 'reported'].includes(c.fate) ? (whole ? 5 : 3) : states[m.state]
    for (const [k, v] of Object.entries({ state, refusal_rule: m.rule, submitted_fen: m.submitted, eligible_fen: m.eligible, deductible_fen: m.deductible, deductible_year_fen: m.deductible_year, benefit_fen: m.benefit, member_fen: m.member })) equal(`${w} ${k}`, v, r[k])
    m.lines.forEach((l, i) => {
      const x = lines.get(`${c.claim}/${i + 1}`)
      for (const [k, v] of Object.entries({ allowed_quantity: l.allowed, submitted_fen: l.submitted, eligible_fen: l.eligible, benefit_fen: l.benefit, member_fen: l.member, rules: l.rules ?? x.rules, reversed_quantity: l.back, reversed_fen: l.backBenefit, reversed_member_fen: l.backMember })) equal(`${w} line ${i + 1} ${k}`, v, x[k])
    })
  }
}
const compareAccounts = () => {
  for (const r of sql('SELECT m.code, y.pending_fen, y.posted_fen, y.deductible_used_fen, y.count_used FROM member_year y JOIN member m USING (city_id, member_id)')) {
    const a = accountOf(r.code)
    equal(`${r.code} pending`, a.pending, r.pending_fen); equal(`${r.code} posted`, a.settled, r.posted_fen); equal(`${r.code} deductible`, a.deductible, r.deductible_used_fen); equal(`${r.code} counts`, a.count.slice(1), r.count_used)
  }
}
const compareLedger = () => {
  const found = sql(`SELECT CASE WHEN a.kind IN (3, 4, 6, 8) THEN a.kind || ':' || a.owner ELSE a.kind::text END AS account,
    sum(CASE WHEN l.credit_account = a.account_id THEN l.amount_fen ELSE -l.amount_fen END)::bigint AS fen FROM ledger l JOIN account a ON a.city_id = l.city_id AND a.account_id IN (l.credit_account, l.debit_account) GROUP BY 1`)
  const theirs = new Map(found.map(r => [r.account, BigInt(r.fen)]))
  for (const k of new Set([...theirs.keys(), ...balances.keys()])) equal(`account ${k}`, balances.get(k) ?? 0n, theirs.get(k) ?? 0n)
}

// ---- settling a day, killed at random moments ----
const out = join(scratch, 'out')
execFileSync('mkdir', ['-p', out])
let kills = 0, usual_ms = 20
const killed = args => new Promise(done => {
  const started = Date.now(), child = spawn(program, args.concat('--db', db), { stdio: 'ignore' })
  const timer = setTimeout(() => child.kill('SIGKILL'), below(Math.ceil(usual_ms)))
  child.on('exit', (code, signal) => { clearTimeout(timer); if (signal) kills++; else usual_ms = 0.5 * usual_ms + 0.5 * (Date.now() - started); done() })
})
const files = () => Object.fromEntries(readdirSync(out).filter(f => f.endsWith('.csv') || f.endsWith('.xml')).map(f => [f, createHash('sha256').update(readFileSync(join(out, f))).digest('hex')]))
// ---- killed at each named place between two commits ----
const killedAt = (args, place, must = true) => {
  const r = spawnSync(failing, args.concat('--db', db), { env: { ...process.env, MEDDISPATCH_FAIL: place }, encoding: 'utf8' })
  if (r.signal === 'SIGKILL') { kills++; placesHit.add(place.split(':')[0]) } else if (must) die(`${place}: not killed, exit ${r.status} ${r.stderr}`)
}
const placesHit = new Set()
const carried = new Map(), sentFiles = {}, settled = { negative: 0, recovered: 0 }
const settleDay = async day => {
  const args = verb => ['settle', verb, '--business-date', day]
  run([...args('prepare'), '--out', out, '--actor', 'anna'], 1)                           // the day is open
  run([...args('close'), '--actor', 'anna', '--out', out])
  equal('close again', 0, JSON.parse(run([...args('close'), '--actor', 'anna', '--json'])).closed)
  const many = [...payable.keys()].filter(k => k.startsWith(day)).length
  for (const place of ['prepared', 'rendered', 'sealed', 'rendered:2', 'sealed:2']) killedAt([...args('prepare'), '--out', out, '--actor', 'anna'], place, many > 6) // a group is two batches in this build
  for (let i = 0; i < 6; i++) await killed([...args('prepare'), '--out', out, '--actor', 'anna'])
  const sealed = JSON.parse(run([...args('prepare'), '--out', out, '--actor', 'anna', '--json'])), before = files()
  run([...args('prepare'), '--out', out, '--actor', 'somebody'])
  equal('prepare again: files', JSON.stringify(before), JSON.stringify(files()))
  const expected = [...payable].filter(([k]) => k.startsWith(day)).map(([k, list]) => [k.slice(11), list]).sort()
  equal('batches', expected.map(([p]) => p), sealed.batches.map(b => b.payee))
  for (const [i, [payee, list]] of expected.entries()) {
    const net = list.reduce((a, b) => a + b, 0n), brought = carried.get(payee) ?? 0n, sum = net + brought, b = sealed.batches[i], w = `${day} ${payee}`
    equal(`${w} state`, 'SEALED', b.state); equal(`${w} items`, list.length, b.items); equal(`${w} net`, net, b.net_fen); equal(`${w} brought`, brought, b.brought_fen)
    equal(`${w} paid`, sum > 0n ? sum : 0n, b.paid_fen); equal(`${w} carried`, sum < 0n ? sum : 0n, b.carried_fen)
    carried.set(payee, sum < 0n ? sum : 0n)
    settled.negative += net < 0n; settled.recovered += brought < 0n && net > 0n
    const text = readFileSync(join(out, b.file)), body = text.subarray(0, text.lastIndexOf('T,')), rows = text.toString('utf8').trim().split('\n'), trailer = rows.at(-1).split(',')
    equal(`${w} file hash`, createHash('sha256').update(text).digest('hex'), b.sha256); equal(`${w} trailer hash`, createHash('sha256').update(body).digest('hex'), trailer[6])
    equal(`${w} trailer`, ['T', list.length, net, brought, b.paid_fen, b.carried_fen], trailer.slice(0, 6))
    equal(`${w} details`, list.map(String).sort(), rows.filter(r => r.startsWith('D,')).map(r => r.match(/^(?:[^,]*,){12}(-?\d+),/)[1]).sort())
    if (sum > 0n && net > 0n) { const rec = -brought < net ? -brought : net; move(`3:${payee}`, `8:${payee}`, rec); move(`3:${payee}`, '9', net - rec) }
    else if (net < 0n) move(`8:${payee}`, `3:${payee}`, -net)
    else { move(`3:${payee}`, `8:${payee}`, net) }
  }
  run([...args('send'), '--out', out], 1)                                                 // not approved
  if (sealed.batches.length) equal('the preparer may not approve', true, run([...args('approve'), '--actor', 'anna'], 1).includes('another person must approve'))
  for (const place of ['approved', 'approved:2']) killedAt([...args('approve'), '--actor', 'bert'], place, many > 6)
  for (let i = 0; i < 3; i++) await killed([...args('approve'), '--actor', 'bert'])
  run([...args('approve'), '--actor', 'bert'])
  const pays = sealed.batches.filter(b => b.paid_fen > 0)
  for (const place of ['message_made', 'message_sealed', 'before_send', 'after_send', 'before_send:2']) killedAt([...args('send'), '--out', out, '--actor', 'anna'], place, many > 6 && pays.length > 3)
  for (let i = 0; i < 8; i++) await killed([...args('send'), '--out', out])
  const two = await Promise.all([0, 1].map(() => new Promise(done => spawn(program, [...args('send'), '--out', out, '--db', db], { stdio: 'ignore' }).on('exit', done))))
  equal('two at once', '0,0', two.join())
  const sent = JSON.parse(run([...args('send'), '--out', out, '--json']))
  equal('all sent', true, sent.batches.every(b => b.state === 'SENT'))
  run([...args('send'), '--out', out]); if (sent.batches.length) run([...args('send'), '--out', out, '--payee', sent.batches[0].payee], 1) // a resend is refused
  const after = files(), csvOf = all => JSON.stringify(Object.entries(all).filter(([f]) => f.endsWith('.csv')))
  equal('files after sending', csvOf(before), csvOf(after)); Object.assign(sentFiles, before)
  run([...args('send'), '--out', out]); equal('and again, messages too', JSON.stringify(after), JSON.stringify(files()))
  const messages = Object.keys(after).filter(f => f.startsWith(`pain001-MD-1-${day.replaceAll('-', '')}-`)).sort()
  const payments = messages.flatMap(f => {
    const lint = spawnSync('xmllint', ['--noout', join(out, f)], { encoding: 'utf8' })
    if (!lint.error && lint.status !== 0) die(`xmllint: ${lint.stderr}`)
    return checkPain(readFileSync(join(out, f), 'utf8')).payments
  })
  equal(`${day} paid by message`, pays.map(b => `${b.batch} ${b.paid_fen}`).sort(), payments.map(p => `${p.id} ${p.fen}`).sort())
  for (const p of payments) { const y = payees.get(p.id.replace(/-\d{8}-\d+$/, '')); equal(`${p.id} name`, y.name, p.name); equal(`${p.id} account`, y.account, p.account) }
  const recon = JSON.parse(run(['reconcile', '--business-date', day, '--json']))
  equal('recon', true, recon.fits)
}

const payees = new Map(csv('payees.csv').map(p => [p.payee, p]))
// ---- four days, one after the other ----
run(['migrate'])
run(['load', '--city-name', 'Testville', 'plans', join(catalog, 'plans.csv')])
for (const kind of ['members', 'formulary', 'tests', 'payees', 'couriers']) run(['load', kind, join(catalog, `${kind}.csv`)])
run(['load', 'facilities', join(catalog, 'facilities.csv')], 3)                           // a template: not on a map yet
const placed = join(scratch, 'facilities.csv')
writeFileSync(placed, readFileSync(join(catalog, 'facilities.csv'), 'utf8').split('\n').map((l, i) => (i && l ? l.split(',').map((f, k) => (k === 3 ? '39.9' : k === 4 ? '116.4' : f)).join(',') : l)).join('\n'))
run(['load', 'facilities', placed])
run(['settle', 'payer', '--name', '某健康保险 & <北京>', '--account', '6299999900000001', '--bank', '102100099996'])
const today = dayNumber('2026-11-20'), dayText = n => new Date(n * 86400000).toISOString().slice(0, 10)
for (const [i, count] of [120, 120, 0, 60].entries()) {                                   // the third day has nothing but returns: payees go negative
  const day = dayText(today - 4 + i)
  playDay(day, count, i === 0)
  compareClaims(); compareAccounts(); compareLedger()
  await settleDay(day)
  compareLedger()
  if (!JSON.parse(run(['ledger', 'verify', '--json'])).sound) die('the ledger is not sound')
  run(['ledger', 'trial-balance'])
}

// ---- faults planted in the settled day: each is named, and nothing else ----
const faultDay = dayText(today - 1), rootSql = text => { const r = spawnSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text], { encoding: 'utf8' }); if (r.status !== 0) die(`${text}: ${r.stderr}`) }
const planted = plantFaults({ day: faultDay, rows: sql, die, owner: rootSql,
  reconcile: () => { const r = spawnSync(program, ['reconcile', '--business-date', faultDay, '--json', '--db', db], { encoding: 'utf8', maxBuffer: 1 << 28 }); if (r.status > 1) die(r.stderr); return JSON.parse(r.stdout).exceptions } })
if (planted < 12) die(`only ${planted} faults`)
compared += planted
// ---- the report: the sums of the batches, the same bytes again, nothing loaded, nothing run, every text escaped ----
const reportArgs = ['settle', 'report', '--business-date', faultDay, '--out', out], page = () => readFileSync(join(out, `settlement-1-${faultDay.replaceAll('-', '')}.html`), 'utf8')
const told = run(reportArgs), firstPage = page(), paidFen = sql(`SELECT sum(total_fen)::bigint AS fen FROM payout_batch WHERE business_day = '${faultDay}'`)[0].fen
const yuan = `${Math.floor(paidFen / 100)}.${String(paidFen % 100).padStart(2, '0')}`
equal('report tells', true, told.includes(`to pay ${yuan} yuan`) && firstPage.includes(`<b>${yuan}</b>`)); run(reportArgs); equal('the same page', firstPage, page())
for (const bad of ['<script', 'http:', 'https:', 'src=', 'url(', '@import', 'onload', ...[...members.keys()].slice(0, 50).map(m => `>${m}<`)]) equal(`the page has no ${bad}`, false, firstPage.includes(bad))
equal('charts', 2, firstPage.split('<svg').length - 1)
rootSql(`INSERT INTO payout_batch (city_id, payee, business_day, run, state, item_count, net_fen, total_fen, prepared_by) VALUES (1, '<script>"x" & y', '${faultDay}', 1, 'DRAFT', 0, 0, 0, 'x')`)
run(reportArgs); equal('escaped', true, page().includes('&lt;script&gt;&quot;x&quot; &amp; y') && !page().includes('<script'))
rootSql(`DELETE FROM payout_batch WHERE payee LIKE '<script%'`)
const lint = spawnSync('xmllint', ['--html', '--noout', join(out, `settlement-1-${faultDay.replaceAll('-', '')}.html`)], { encoding: 'utf8' })
if (!lint.error && /error : (?!Tag (svg|g|rect|text|title) invalid)/.test(lint.stderr)) die(lint.stderr.slice(0, 500))

// ---- the bank answers: a status report accepts all and rejects one; the statement books the others and sends one more back, which had been confirmed ----
const lastDay = dayText(today - 1), last = JSON.parse(run(['settle', 'status', '--business-date', lastDay, '--json'])).batches.filter(b => b.paid_fen > 0)
const bankFile = join(scratch, 'bank.xml')
const imported = (text, want = 0) => { writeFileSync(bankFile, text); return run(['settle', 'import', '--file', bankFile, '--json', '--actor', 'bank'], want) }
const stateOf = payee => JSON.parse(run(['settle', 'status', '--business-date', lastDay, '--payee', payee, '--json'])).batches[0].state
for (const [what, text] of Object.entries(HOSTILE)) { imported(text, 3); compared++; void what }
const report = pain002(`MD-1-${lastDay.replaceAll('-', '')}-1`, last.map((b, i) => ({ id: b.batch, status: i === 1 ? 'RJCT' : 'ACSP', reason: i === 1 ? 'AC01' : '' })).concat({ id: 'NOBODY-1', status: 'ACSC' }))
const reported = JSON.parse(imported(report))
equal('report', [last.length - 1, 1, 1, false], [reported.NOTED, reported.FAILED, reported.UNKNOWN, reported.repeated])
equal('the same report again', true, JSON.parse(imported(report)).repeated)
equal('rejected', 'FAILED', stateOf(last[1].payee))
const good = last.filter((_, i) => i !== 1), statement = camt053('ST-1', good.map((b, i) => ({ id: b.batch, fen: BigInt(b.paid_fen) + (i === 2 ? 1n : 0n) })).concat({ id: good[0].batch, fen: BigInt(good[0].paid_fen), back: true },
  { id: good[1].batch, fen: BigInt(good[1].paid_fen), pending: true }))
const booked = JSON.parse(imported(statement))
equal('statement', [good.length - (good.length > 2 ? 1 : 0), 1, good.length > 2 ? 1 : 0], [booked.CONFIRMED, booked.FAILED, booked.AMOUNT])
equal('confirmed', 'CONFIRMED', stateOf(good[1].payee)); equal('sent back', 'FAILED', stateOf(good[0].payee))
const returnedDay = sql('SELECT business_day::text AS day FROM ledger WHERE kind = 13')[0].day
for (const b of [last[1], good[0]]) { move('9', `3:${b.payee}`, BigInt(b.paid_fen)); due(returnedDay, b.payee, BigInt(b.paid_fen)) }
compareLedger()
run(['settle', 'confirm', '--business-date', lastDay, '--payee', good[1].payee, '--bank-ref', 'B1'], 1)   // a person cannot confirm what the bank has
await settleDay(returnedDay)
compareLedger()
for (const place of ['prepared', 'rendered', 'sealed', 'approved', 'message_made', 'message_sealed', 'before_send', 'after_send']) if (!placesHit.has(place)) die(`never killed at ${place}`)
if (readFileSync(program).includes('MEDDISPATCH_FAIL')) die('the release has failpoints')

// ---- the books outside the database: export, head, statements, balances of any past moment, every claim decided again ----
const chainFile = join(scratch, 'ledger.tsv'), lastClosed = sql('SELECT max(business_day)::text AS day FROM ledger_block')[0].day
const exported = JSON.parse(run(['ledger', 'export', '--export', chainFile, '--json'])), headFile = join(out, `ledger-head-1-${lastClosed.replaceAll('-', '')}.txt`)
equal('exported', sql('SELECT count(*) AS n FROM ledger l JOIN ledger_block b USING (city_id, business_day)')[0].n, exported.entries)
const verifyFile = (file, withHead) => spawnSync(program, ['ledger', 'verify', '--export', file, ...(withHead ? ['--head', headFile] : [])]).status // no --db
equal('export verified', 0, verifyFile(chainFile, true)); equal('and without its head', 0, verifyFile(chainFile, false))
compared += attackChain(chainFile, headFile, verifyFile, below, die)
const jsonLines = text => text.trim().split('\n').map(l => JSON.parse(l))
for (const [account, fen] of balances) {
  const [kind, owner = ''] = account.split(':'), name = { 3: 'benefit_payable', 4: 'benefit_accrued', 6: 'member_share', 8: 'payee_recovery', 1: 'insurer_fund', 9: 'bank_clearing' }[kind]
  if (!name) continue
  const lines = jsonLines(run(['ledger', 'statement', '--account', name, ...(owner ? ['--owner', owner] : []), '--json']))
  equal(`statement of ${account}`, fen, lines.at(-1).closing_fen); equal(`${account} runs`, fen, lines.at(-2).balance_fen ?? 0n)
  const middle = dayText(today - 3), part = jsonLines(run(['ledger', 'statement', '--account', name, ...(owner ? ['--owner', owner] : []), '--from', middle, '--json']))
  const before = lines.filter(l => l.day && l.day < middle).reduce((s, l) => s + l.amount_fen, 0)
  equal(`${account} opens`, before, part[0].opening_fen); equal(`${account} closes`, fen, part.at(-1).closing_fen)
}
for (const [at, where] of [[dayText(today - 3), `business_day <= '${dayText(today - 3)}'`], [`${dayText(today - 4)}T08:00:30Z`, `at_ms <= ${Date.parse(`${dayText(today - 4)}T08:00:30Z`) + 999}`]]) {
  const trial = JSON.parse(run(['ledger', 'trial-balance', '--at', at, '--json']))
  equal(`trial balance at ${at}`, sql(`SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM ledger WHERE ${where}`)[0].fen, trial.debit_fen); equal('balanced', true, trial.balanced)
}
// balances of members, payees and the fund at moments picked at random, from the raw rows added up here
const rawRows = sql('SELECT l.at_ms, l.business_day::text AS day, l.amount_fen, d.kind AS dk, d.owner AS dow, c.kind AS ck, c.owner AS cow FROM ledger l JOIN account d ON d.account_id = l.debit_account JOIN account c ON c.account_id = l.credit_account')
const ACCOUNTS = { 1: 'insurer_fund', 2: 'benefit_held', 3: 'benefit_payable', 5: 'member_receivable', 6: 'member_share', 7: 'late_compensation', 8: 'payee_recovery', 9: 'bank_clearing' }
for (let i = 0; i < 30; i++) {
  const row = pick(rawRows), kind = chance(3) ? 1 : pick([row.dk, row.ck]), owner = kind === 1 || chance(5) ? '' : kind === row.dk ? row.dow : row.cow
  if (!ACCOUNTS[kind]) continue
  const instant = chance(2), edge = Math.floor(row.at_ms / 1000) * 1000, at = instant ? new Date(edge).toISOString().slice(0, 19) + 'Z' : row.day
  const counts = r => (instant ? r.at_ms <= edge + 999 : r.day <= row.day), mine = (k, o) => k === kind && (owner === '' || o === owner)
  const sum = rawRows.filter(counts).reduce((s, r) => s + (mine(r.ck, r.cow) ? r.amount_fen : 0) - (mine(r.dk, r.dow) ? r.amount_fen : 0), 0)
  equal(`${ACCOUNTS[kind]} ${owner} at ${at}`, sum, JSON.parse(run(['ledger', 'balance', '--account', ACCOUNTS[kind], ...(owner ? ['--owner', owner] : []), '--at', at, '--json'])).balance_fen)
}
const again = JSON.parse(run(['ledger', 'readjudicate', '--json']))
equal('decided again', claims.size, again.checked); equal('to the byte', 0, again.differing)
if (spawnSync('psql', ['-XAtqc', `UPDATE claim SET member_fen = member_fen + 1 WHERE claim_id = (SELECT min(claim_id) FROM claim)`]).status) die('cannot break a claim')
equal('a changed claim is told', 1, JSON.parse(run(['ledger', 'readjudicate', '--json'], 1)).differing)
spawnSync('psql', ['-XAtqc', `UPDATE claim SET member_fen = member_fen - 1 WHERE claim_id = (SELECT min(claim_id) FROM claim)`])

// ---- what the database itself refuses, and what reconciliation and verification find when the owner breaks the books ----
const attack = (role, text) => spawnSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', `SET ROLE ${role}; ${text}`], { encoding: 'utf8' })
const refused = (what, text) => { const r = attack('meddispatch_settlement', text); if (r.status === 0) die(`the database let pass: ${what}`); compared++ }
refused('an entry paid twice', `INSERT INTO payout_batch SELECT city_id, payee, business_day, 2, 'DRAFT', 1, 1, 0, 1, 0, 'x' FROM payout_batch LIMIT 1;
  INSERT INTO payout_item SELECT i.city_id, i.payee, i.business_day, 2, i.entry_id, i.amount_fen FROM payout_item i JOIN payout_batch b USING (city_id, payee, business_day) WHERE b.run = 2 LIMIT 1`)
refused('the preparer approving', `UPDATE payout_batch SET approved_by = prepared_by`)
refused('another sum', `UPDATE payout_batch SET total_fen = total_fen + 1`)
refused('an item taken out', `DELETE FROM payout_item`)
refused('a posting of a foreign kind', `SELECT settlement_post(1, ARRAY[0::bigint], ARRAY[1::smallint], ARRAY['PH-01'], ARRAY[1::bigint], ARRAY['k'])`)
const broken = (what, args, breakIt, mendIt, sign) => {
  if (attack('meddispatch_owner', breakIt).status !== 0) die(`cannot break: ${what}`)
  const told = run(args, 1)
  if (!told.includes(sign)) die(`${what}: ${sign} is not told: ${told}`)
  if (attack('meddispatch_owner', mendIt).status !== 0) die(`cannot mend: ${what}`)
  run(args); compared++
}
const verify = ['ledger', 'verify', '--json']
const posted = sql(`SELECT entry_id, claim_id FROM ledger WHERE kind = 2 AND business_day = '${lastDay}' ORDER BY entry_id LIMIT 1`)[0]
broken('an entry changed', verify, `UPDATE ledger SET amount_fen = amount_fen + 1 WHERE entry_id = ${posted.entry_id}`, `UPDATE ledger SET amount_fen = amount_fen - 1 WHERE entry_id = ${posted.entry_id}`, 'ROW_HASH')
broken('a member-year changed', verify, `UPDATE member_year SET posted_fen = posted_fen + 1 WHERE member_id = (SELECT min(member_id) FROM member_year WHERE posted_fen > 0 AND posted_fen < limit_fen - pending_fen)`,
  `UPDATE member_year y SET posted_fen = posted_fen - 1 WHERE y.member_id = (SELECT min(claim_id) FROM ledger_faults(1) WHERE what = 'MEMBER_YEAR')`, 'MEMBER_YEAR')
// ---- many at once at the edge of a cap: SMALL020 may have 100 yuan a year; four intakes with 60 orders each may not give one fen more ----
const crowd = [0, 1, 2, 3].map(i => new Promise(done => {
  const child = spawn(player, [db], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdout.resume()
  child.on('exit', code => done(code))
  const at = Date.parse(`${dayText(today + 2)}T02:00:00Z`)
  child.stdin.end(Array.from({ length: 60 }, (_, n) => orderLine({ key: `crowd-${i}-${n}`, member: 'SMALL020', benefit: 1, facility: 1, service_ms: at + n, issued_ms: at - 1000, valid_days: 3, rx: `C${i}-${n}`, diagnosis: '', other: 0,
    lines: [{ item: products[0].code, quantity: 1, price: 101 + n, days: 0, override: 'TRAVEL+COMBINE' }] }) + (n % 3 ? '' : '\n')).join('\n') + '\n')
}))
equal('crowd', '0,0,0,0', (await Promise.all(crowd)).join())
const edge = sql(`SELECT y.pending_fen + y.posted_fen AS taken, y.limit_fen, (SELECT sum(l.benefit_fen - l.reversed_fen) FROM claim c JOIN claim_line l USING (city_id, claim_id)
    WHERE c.member_id = y.member_id AND c.state IN (2, 3, 5)) AS benefits
  FROM member_year y JOIN member m USING (city_id, member_id) WHERE m.code = 'SMALL020'`)[0]
equal('the cap is reached to the fen', edge.limit_fen, edge.taken); equal('and so are the claims', edge.limit_fen, edge.benefits)
run(verify)
const cheaper = join(scratch, 'cheaper.csv')                                              // tomorrow's catalogue and plans change nothing of the past
writeFileSync(cheaper, readFileSync(join(catalog, 'formulary.csv'), 'utf8').split('\n').map((l, i) => (i && l ? l.replace(/,(\d+),(\d+),([01]),[01],/, (_, c, p, rx) => `,${Number(c) >> 1},${p},${rx},0,`) : l)).join('\n'))
run(['load', 'formulary', cheaper])
if (sql('SELECT count(*) AS n FROM product WHERE version > 1')[0].n < 500) die('the catalogue has not changed')
equal('and under another catalogue', 0, JSON.parse(run(['ledger', 'readjudicate', '--json'])).differing)
if (kills < 10) die(`only ${kills} kills`)
if (!settled.negative || !settled.recovered) die(`no payee went negative, or none paid back: ${JSON.stringify(settled)}`)
const held = [...claims.values()].filter(c => c.mine.state === 'HELD')
console.log(`seed ${seedText}: ${claims.size} claims (${held.length} held, ${held.filter(c => c.mine.benefit > 0n).length} with a benefit), ${compared} comparisons equal, ${Object.keys(sentFiles).length} files, ${kills} kills, ${JSON.stringify(settled)}; ${JSON.stringify(seen)}; refused by ${JSON.stringify(refusedBy)}`)
for (const what of ['ceiling', 'claimCap', 'yearCap', 'ineligible', 'cut', 'other', 'deductible', 'halfUp']) if (!seen[what]) die(`nothing about ${what}`)
