// DOMAIN.md §2 once more, in another language and by another road (BigInt, real dates, exact fractions): what the C must agree with to the fen.
const big = BigInt, min = (a, b) => (a < b ? a : b)
export const shanghai = ms => new Date(ms + 8 * 3600000).toISOString().slice(0, 10)          // the city's calendar day
export const dayNumber = text => Math.round(Date.parse(text + 'T00:00:00Z') / 86400000)
const age = (birth, on) => Number(on.slice(0, 4)) - Number(birth.slice(0, 4)) - (on.slice(5) < birth.slice(5) ? 1 : 0)

// shares by exact fractions: floor each, then hand the rest to the largest remainders, the earlier line first among equals
const share = (total, weights) => {
  const sum = weights.reduce((a, b) => a + b, 0n)
  if (sum === 0n) return weights.map(() => 0n)
  const shares = weights.map(w => (total * w) / sum)
  const order = weights.map((w, i) => ({ i, rest: (total * w) % sum })).sort((a, b) => (a.rest === b.rest ? a.i - b.i : a.rest > b.rest ? -1 : 1))
  let left = total - shares.reduce((a, b) => a + b, 0n)
  for (const { i } of order) { if (left === 0n) break; shares[i] += 1n; left -= 1n }
  return shares
}

const refusal = (c, m, plan, own) => {
  const today = shanghai(c.service_ms), drug = c.benefit === 1
  if (!m.known) return 'R2'
  if (m.policy_known) { const a = age(m.birth, m.inception); if (m.birth > m.inception || a < plan.age_min || a > plan.age_max) return 'R2' }
  if (!m.policy_known || today < m.from || today >= m.to) return 'R3'
  if (!m.renewal && !c.accident && dayNumber(today) - dayNumber(m.inception) < plan.waiting) return 'R4'
  if (!c.contracted || (drug && !c.allowed)) return 'R5'
  if (drug) {
    if (c.lines.length > plan.drugs || c.valid_days < 1 || c.valid_days > plan.rx_days || c.issued_ms > c.service_ms || c.used) return 'R6'
    if (dayNumber(today) - dayNumber(shanghai(c.issued_ms)) + 1 > c.valid_days) return 'R6'
  }
  if (own.some(t => t.found && (t.prohibited || t.controlled || (t.injection && !t.hypoglycaemic)))) return 'R7'
  return ''
}

const eligible = (c, m, t) => {
  const years = age(m.birth, shanghai(c.service_ms))
  if (!t.covered || !t.approval) return 'R8'
  if (years < t.min_age || (t.max_age && years > t.max_age) || (t.sex && t.sex !== m.sex)) return 'R9'
  if (c.benefit === 1 && t.indications && !t.indications.split(';').some(p => c.diagnosis.startsWith(p))) return 'R9'
  return ''
}

const longAllowed = (c, plan, line, t) => {
  const open = { ...t, quantity_max: 0 }
  return allowed(c, plan, line, open) > allowed(c, plan, { ...line, override: '' }, open)
}
const allowed = (c, plan, line, t) => {
  let packs = line.quantity
  if (c.benefit === 1) {
    const days = c.emergency ? plan.supply_emergency : c.chronic && t.chronic ? (lifted(line, 10) ? plan.supply_override : plan.supply_chronic) : plan.supply
    const fits = q => (line.days ? q * line.days <= days * line.quantity : q * t.pack_ddays <= days * 10)
    while (packs > 1 && !fits(packs)) packs--
  }
  return t.quantity_max ? Math.min(packs, t.quantity_max) : packs
}

// ---- rules 11 and 12: what the member has at home, as intervals of tenths of a day on one long time line ----
const TENTHS = 10, LIFTS = { LONG: 10, TRAVEL: 11, LOST: 11, DOSE: 11, SWITCH: 12, COMBINE: 12 }
const lifted = (line, rule) => (line.override ?? '').split('+').some(code => LIFTS[code] === rule)
// a supply that comes before the last one is used up lengthens it; else it begins a new interval
export const HISTORY_LINES = 64, HISTORY_DAYS = 400      // of a member's lines of medicine the newest count, and none that is older
const stacked = supplies => supplies.reduce((out, s) => {
  const at = s.day * TENTHS, last = out.at(-1)
  return last && at < last.end ? [...out.slice(0, -1), { start: last.start, end: last.end + s.ddays }] : [...out, { start: at, end: at + s.ddays }]
}, [])
const newSupply = (line, t, packs) => (line.days ? Math.floor((line.days * TENTHS * packs) / line.quantity) : t.pack_ddays * packs)
const level4 = atc => (atc && atc.length >= 5 ? atc.slice(0, 5) : undefined)

const tooEarly = (c, plan, i, own, supply, live, history, today) => {
  const reach = today * TENTHS + Math.max(supply[i], TENTHS)
  const mine = history.filter(h => h.code === own[i].code && h.ddays > 0 && h.day * TENTHS < reach)
  for (let k = 0; k < i; k++) if (live(k) && own[k].code === own[i].code && supply[k] > 0) mine.push({ day: today, ddays: supply[k] })
  const last = stacked(mine).at(-1)
  if (!last) return false
  const used = today * TENTHS - last.start
  return today * TENTHS < last.end && used * 10000 < (last.end - last.start) * plan.refill_bps
}
const doubled = (i, own, supply, live, history, today) => {
  const kind = level4(own[i].atc), from = today * TENTHS, to = from + Math.max(supply[i], TENTHS)
  if (!kind) return false
  for (let k = 0; k < i; k++) if (live(k) && level4(own[k].atc) === kind && own[k].code !== own[i].code) return true
  const others = new Set(history.filter(h => level4(h.atc) === kind && h.code !== own[i].code).map(h => h.code))
  for (const code of others) {
    const had = history.filter(h => h.code === code)
    const intervals = [...stacked(had), ...had.map(h => ({ start: h.day * TENTHS, end: (h.day + 1) * TENTHS }))] // a supply of unknown length lasts a day
    if (intervals.some(x => x.start < to && x.end > from)) return true
  }
  return false
}

/** Decide claim `c` of member `m` under `plan`: `own[i]` is what the catalogue says of line i, `mine` the member's account
 *  {posted, deductible, count[], lastTest(code) -> day number or undefined, history(today, at_ms) -> [{code, atc, day, ddays}] ascending by day}.
 *  `seen` counts which rules had work. */
export const decide = (c, m, plan, own, mine, seen) => {
  const b = plan.benefit[c.benefit]
  const submitted = c.lines.map(l => big(l.price) * big(l.quantity)), total = submitted.reduce((x, y) => x + y, 0n)
  const refuse = rule => ({ state: 'REFUSED', rule, submitted: total, eligible: 0n, deductible: 0n, deductible_year: 0n, benefit: 0n, member: 0n, alert: rule === 'R7',
    lines: submitted.map(s => ({ allowed: 0, submitted: s, eligible: 0n, benefit: 0n, member: 0n })) })
  const early = refusal(c, m, plan, own)
  if (early) return refuse(early)
  const out = []
  for (const [i, t] of own.entries()) {                                                // rule 8 goes over all lines before rule 9 does
    if (!t.found) return refuse('R8')
    out[i] = eligible(c, m, t)
    if (out[i] === 'R8' && plan.ineligible_refuses) return refuse('R8')
  }
  if (plan.ineligible_refuses && out.includes('R9')) return refuse('R9')
  const packs = c.lines.map((l, i) => (out[i] ? 0 : allowed(c, plan, l, own[i])))
  if (plan.excess_refuses && packs.some((p, i) => !out[i] && p < c.lines[i].quantity)) return refuse('R10')
  const today = dayNumber(shanghai(c.service_ms)), live = i => c.benefit === 1 && !out[i], history = c.benefit === 1 ? mine.history(today, c.service_ms) : []
  const supply = c.lines.map((l, i) => (live(i) ? newSupply(l, own[i], packs[i]) : 0)), lift = own.map(() => [])
  for (const [i] of own.entries()) {
    if (!live(i) || !plan.refill_bps || !tooEarly(c, plan, i, own, supply, live, history, today)) continue
    if (!lifted(c.lines[i], 11)) return refuse('R11')
    lift[i].push('R11'); seen.lifted11++
  }
  for (const [i] of own.entries()) {
    if (!live(i) || !plan.duplicate_stops || !doubled(i, own, supply, live, history, today)) continue
    if (!lifted(c.lines[i], 12)) return refuse('R12')
    lift[i].push('R12'); seen.lifted12++
  }
  if (c.benefit !== 1 && c.lines.some((l, i) => mine.lastTest(l.item) !== undefined && dayNumber(shanghai(c.service_ms)) - mine.lastTest(l.item) < own[i].repeat)) return refuse('R13')
  const each = c.lines.map((l, i) => min(big(l.price), big(own[i].ceiling)) * big(packs[i]))
  const E = each.reduce((x, y) => x + y, 0n), other = big(c.other)
  if (other > total) return refuse('R15')
  const E1 = E > other ? E - other : 0n
  const perClaim = min(E1, big(plan.deductible_claim)), yearLeft = big(plan.deductible_year) - mine.deductible
  const perYear = min(E1 - perClaim, yearLeft > 0n ? yearLeft : 0n)
  const E2 = E1 - perClaim - perYear
  const full = (E2 * big(b.rate) + 5000n) / 10000n
  let B = full
  if (b.cap > 0) B = min(B, big(b.cap))
  if (B < full) seen.claimCap++
  const left = big(plan.year_limit) - mine.posted, beforeYear = B
  B = min(B, left > 0n ? left : 0n)
  if (B < beforeYear) seen.yearCap++
  if (b.count > 0 && mine.count[c.benefit] >= b.count) { if (B > 0n) seen.count++; B = 0n }
  seen.ceiling += c.lines.some((l, i) => !out[i] && l.price > own[i].ceiling)
  seen.ineligible += out.some(x => x); seen.cut += packs.some((p, i) => !out[i] && p < c.lines[i].quantity)
  seen.other += other > 0n; seen.deductible += perClaim + perYear > 0n; seen.halfUp += (E2 * big(b.rate)) % 10000n >= 5000n
  // the word LONG counts where it lets more packs through
  const packs10 = i => lifted(c.lines[i], 10) && longAllowed(c, plan, c.lines[i], own[i])
  const touched = i => [out[i], !out[i] && packs[i] < c.lines[i].quantity && 'R10', ...lift[i], !out[i] && c.lines[i].price > own[i].ceiling && 'R14',
    ...(each[i] > 0n ? [other > 0n && 'R15', perClaim + perYear > 0n && 'R16', 'R17', B < full && 'R18'] : [])].filter(Boolean).join()
  const benefit = share(B, each), rest = share(other, submitted.map((s, i) => s - benefit[i]))
  return { state: 'HELD', rule: '', submitted: total, eligible: E, deductible: perClaim + perYear, deductible_year: perYear, benefit: B, member: total - other - B, alert: false,
    lines: submitted.map((s, i) => ({ allowed: packs[i], submitted: s, eligible: each[i], benefit: benefit[i], member: s - benefit[i] - rest[i], supply: supply[i], lifted: [...(!out[i] && c.benefit === 1 && packs10(i) ? ['R10'] : []), ...lift[i]], rules: touched(i) })) }
}

/** What comes back of `amount` when `q` of `n` units have come back in all and `so` was taken back before. */
export const takeBack = (amount, q, n, so) => (amount * big(q) + big(n) / 2n) / big(n) - so
export const NOTHING_SEEN = () => ({ claimCap: 0, yearCap: 0, count: 0, ceiling: 0, ineligible: 0, cut: 0, other: 0, deductible: 0, halfUp: 0, lifted11: 0, lifted12: 0 })
