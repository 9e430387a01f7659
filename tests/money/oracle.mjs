#!/usr/bin/env node
// The independent oracle of the core promise. Reads JSON lines of facts from `money_claims SEED COUNT`, decides each claim again as DOMAIN.md §2 is
// written (rules.mjs: BigInt, real dates, no code shared with the C), keeps its own member accounts, and compares every amount to the fen.
//   node oracle.mjs PATH_TO_money_claims SEED COUNT [WORLDS]     exit 0 all equal, 1 a difference; WORLDS: so many seeds from SEED on
import { execFileSync } from 'node:child_process'
import { HISTORY_DAYS, HISTORY_LINES, NOTHING_SEEN, dayNumber, decide, shanghai, takeBack } from './rules.mjs'

const [program, seed, count, worlds = '1'] = process.argv.slice(2)
const seen = { compared: 0, claims: 0, held: 0, refused: 0, paid: 0, returns: 0, overrides: 0, ...NOTHING_SEEN() }
const refusedBy = {}
const fail = (what, mine, theirs, facts) => {
  console.error(`${what}: expected ${mine}, the program says ${theirs}\n${JSON.stringify(facts)}`)
  process.exit(1)
}
const equal = (what, mine, theirs, facts) => { seen.compared++; if (String(mine) !== String(theirs)) fail(what, mine, theirs, facts) }

const playWorld = worldSeed => {
  const input = execFileSync(program, [String(worldSeed), count], { encoding: 'utf8', maxBuffer: 1 << 30 }).trim().split('\n').map(l => JSON.parse(l))
  const plans = [], members = [], items = [], claims = new Map(), account = []

  // the member's delivered lines of medicine, less what came back
  const historyOf = (member, at) => [...claims.values()].filter(x => x.delivered && x.facts.member === member && x.facts.benefit === 1 && x.facts.service_ms > at - HISTORY_DAYS * 86400000)
    .flatMap(x => x.lines.map((l, i) => ({ l, i, x, n: x.facts.lines[i].quantity }))).filter(({ l, n }) => l.allowed > 0 && l.back < n)
    .sort((a, b) => a.x.facts.service_ms - b.x.facts.service_ms || a.x.facts.claim - b.x.facts.claim || a.i - b.i).slice(-HISTORY_LINES)
    .map(({ l, i, x, n }) => ({ code: items[x.facts.lines[i].item].code, atc: items[x.facts.lines[i].item].atc, day: dayNumber(shanghai(x.facts.service_ms)), ddays: Math.floor((l.supply * (n - l.back)) / n) }))

  const onClaim = c => {
    const m = members[c.member]
    seen.claims++
    const mine = decide(c, m, plans[m.plan], c.lines.map(l => items[l.item]), account[c.member], seen)
    for (const key of ['state', 'rule', 'submitted', 'eligible', 'deductible', 'deductible_year', 'benefit', 'member', 'alert']) equal(key, mine[key], c.result[key], c)
    mine.lines.forEach((l, i) => { for (const key of Object.keys(l).filter(k => k !== 'lifted')) equal(`line ${i + 1} ${key}`, l[key], c.result.lines[i][key], c) })
    mine.lines.forEach(l => { l.back = 0; l.backBenefit = 0n; l.backMember = 0n })
    equal('overrides', mine.lines.flatMap((l, i) => (l.lifted ?? []).map(r => `${i + 1}:${r}`)).sort(), c.result.overrides.slice().sort(), c)
    seen.overrides += c.result.overrides.length
    claims.set(c.claim, { ...mine, facts: c, delivered: c.delivered })
    if (mine.state === 'REFUSED') { seen.refused++; refusedBy[mine.rule] = (refusedBy[mine.rule] ?? 0) + 1; return }
    seen.held++; seen.paid += mine.benefit > 0n
    if (!c.delivered) return
    const a = account[c.member]
    a.posted += mine.benefit; a.deductible += mine.deductible_year; a.count[c.benefit]++
    if (c.benefit !== 1) c.lines.forEach(l => a.tests.set(l.item, dayNumber(shanghai(c.service_ms))))
  }

  const onReturn = r => {
    const claim = claims.get(r.return), line = claim.lines[r.line], n = claim.facts.lines[r.line].quantity, q = line.back + r.quantity
    equal('return taken', q <= n, r.result.taken, r)
    if (q > n) return
    const benefit = takeBack(line.benefit, q, n, line.backBenefit), member = takeBack(line.member, q, n, line.backMember)
    equal('return benefit', benefit, r.result.benefit, r); equal('return member', member, r.result.member, r)
    line.back = q; line.backBenefit += benefit; line.backMember += member
    account[claim.facts.member].posted -= benefit
    seen.returns++
    if (q === n) { equal('full return', line.backBenefit, line.benefit, r); equal('full return, member', line.backMember, line.member, r) }
  }

  for (const row of input) {
    if ('claim' in row) onClaim(row)
    else if ('return' in row) onReturn(row)
    else if ('account' in row) equal('account', account[row.account].posted, row.posted, row)
    else if ('item' in row) items[row.item] = { ...row, code: `P${row.item}` }
    else if ('member' in row) { members[row.member] = row; const tests = new Map(); account[row.member] = { posted: 0n, deductible: 0n, count: [0, 0, 0, 0], tests, lastTest: code => tests.get(code), history: (today, at) => historyOf(row.member, at) } }
    else plans[row.plan] = row
  }
}
for (let w = 0; w < Number(worlds); w++) playWorld(BigInt(seed) + BigInt(w))
console.log(`seed ${seed}: ${seen.claims} claims, ${seen.compared} amounts equal; ${JSON.stringify(seen)}; refused by ${JSON.stringify(refusedBy)}`)
// a mix that lacks one of these proves nothing about it
for (const what of ['paid', 'returns', 'ceiling', 'claimCap', 'yearCap', 'count', 'ineligible', 'cut', 'other', 'deductible', 'halfUp', 'lifted11', 'lifted12', 'overrides'])
  if (seen[what] < 3) fail(`coverage of ${what}`, 'at least 3', seen[what], {})
for (const rule of ['R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8', 'R9', 'R10', 'R11', 'R12', 'R13']) if (!refusedBy[rule]) fail(`coverage of ${rule}`, 'at least 1', 0, {})
