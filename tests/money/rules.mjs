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

const allowed = (c, plan, line, t) => {
  let packs = line.quantity
  if (c.benefit === 1) {
    const days = c.emergency ? plan.supply_emergency : c.chronic && t.chronic ? (line.override ? plan.supply_override : plan.supply_chronic) : plan.supply
    const fits = q => (line.days ? q * line.days <= days * line.quantity : q * t.pack_ddays <= days * 10)
    while (packs > 1 && !fits(packs)) packs--
  }
  return t.quantity_max ? Math.min(packs, t.quantity_max) : packs
}

/** Decide claim `c` of member `m` under `plan`: `own[i]` is what the catalogue says of line i, `mine` the member's account
 *  {posted, deductible, count[], lastTest(code) -> day number or undefined}. `seen` counts which rules had work. */
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
  const touched = i => [out[i], !out[i] && packs[i] < c.lines[i].quantity && 'R10', !out[i] && c.lines[i].price > own[i].ceiling && 'R14',
    ...(each[i] > 0n ? [other > 0n && 'R15', perClaim + perYear > 0n && 'R16', 'R17', B < full && 'R18'] : [])].filter(Boolean).join()
  const benefit = share(B, each), rest = share(other, submitted.map((s, i) => s - benefit[i]))
  return { state: 'HELD', rule: '', submitted: total, eligible: E, deductible: perClaim + perYear, deductible_year: perYear, benefit: B, member: total - other - B, alert: false,
    lines: submitted.map((s, i) => ({ allowed: packs[i], submitted: s, eligible: each[i], benefit: benefit[i], member: s - benefit[i] - rest[i], rules: touched(i) })) }
}

/** What comes back of `amount` when `q` of `n` units have come back in all and `so` was taken back before. */
export const takeBack = (amount, q, n, so) => (amount * big(q) + big(n) / 2n) / big(n) - so
export const NOTHING_SEEN = () => ({ claimCap: 0, yearCap: 0, count: 0, ceiling: 0, ineligible: 0, cut: 0, other: 0, deductible: 0, halfUp: 0 })
