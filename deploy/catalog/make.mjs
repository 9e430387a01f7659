#!/usr/bin/env node
// Make the sample catalogue from source/: the same input gives the same bytes, on any machine, on any day.
// Everything is made up but the nature of the medicines: makers, approval numbers (a year no agency has reached), prices, members.
//   node deploy/catalog/make.mjs [OUT_DIR]      default: this folder
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const out = process.argv[2] ?? here

// ---- small tools ----
const rows = (file, separator) => readFileSync(join(here, 'source', file), 'utf8').split('\n').filter(l => l && !l.startsWith('#')).slice(1).map(l => l.split(separator))
const field = v => /[",\r\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v)
const write = (file, columns, records) =>
  writeFileSync(join(out, file), [columns, ...records.map(r => columns.map(c => r[c] ?? ''))].map(r => r.map(field).join(',') + '\n').join(''))
const flag = v => v ? 1 : 0
let state = 20260101n                                 // splitmix64, so that no library decides our bytes
const next = bound => {
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn
  let z = state
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn
  return Number(((z ^ (z >> 31n)) >> 11n) % BigInt(bound))
}
const pad = (n, width) => String(n).padStart(width, '0')
const day = (y, m, d) => Math.floor(Date.UTC(y, m - 1, d) / 86400000)
const date = days => new Date(days * 86400000).toISOString().slice(0, 10)

// ---- the official list: substances by name, classes by the flag that says the class ----
const prohibited = rows('prohibited.csv', ',').map(([scope, zh, en, note]) => ({ scope, key_zh: zh, key_en: en, note: note ?? '' }))
const TOPICAL = new Set(['乳膏', '软膏', '凝胶', '滴眼液', '滴耳液', '洗剂', '搽剂', '阴道片'])
const isProhibited = p => {
  if (p.flags.has('narcotic') || p.flags.has('psychotropic')) return true
  if (p.form === '注射液' && !p.atc.startsWith('A10')) return true                 // injections, hypoglycaemics excepted
  if (p.zh === '右美沙芬') return true                                              // oral, single ingredient: a class of the list
  return prohibited.some(r => r.scope === 'SUBST' && p.zh.startsWith(r.key_zh) && !(r.note.includes('topical excluded') && TOPICAL.has(p.form)))
}

// ---- formulary ----
const VOLUME = { 片: 120, 胶囊: 120, 缓释片: 120, 控释片: 120, 肠溶片: 120, 软胶囊: 150, 肠溶胶囊: 120, 缓释胶囊: 120, 咀嚼片: 130, 阴道片: 130, 颗粒: 350, 散: 350, 干混悬剂: 350,
  口服液: 500, 混悬液: 350, 滴剂: 150, 注射液: 120, 气雾剂: 200, 吸入粉雾剂: 250, 吸入用混悬液: 200, 雾化溶液: 200, 鼻喷雾剂: 150, 滴眼液: 60, 滴耳液: 60, 乳膏: 80, 软膏: 80, 凝胶: 80, 洗剂: 200, 搽剂: 200, 泡腾片: 200 }
const MAKERS = [{ zh: '北安制药', en: "Bei'an" }, { zh: '南屏药业', en: 'Nanping' }, { zh: '东澜生物', en: 'Donglan' }]
const AGE_MIN = { J01MA: 18, J01AA: 8, G04BE: 18, G03AA: 18, G03XB: 18, N05CF: 18, L04AX: 18, D11AX: 18 }
const INDICATIONS = { J05AH02: 'J09;J10;J11', J05AX25: 'J09;J10;J11', J05AE30: 'U07', J05AF10: 'B16;B18', J05AF07: 'B16;B18', J05AF13: 'B16;B18' }
const products = []
for (const [index, row] of [...rows('ingredients.psv', '|'), ...rows('ingredients_more.psv', '|')].entries()) {
  const [en, zh, atc, forms, strengths, packs, fen, perDay, rx, flagText] = row
  const flags = new Set(flagText.split(',').filter(Boolean))
  const form = forms.split(';')
  strengths.split(';').forEach((strength, s) => packs.split(';').forEach((pack, p) => {
    const shape = form[Math.min(s, form.length - 1)]
    const makers = flags.has('originator') ? MAKERS.slice(2) : [MAKERS[index % 2], MAKERS[2 - (index + s) % 2]].filter((m, i, a) => a.indexOf(m) === i)
    for (const maker of makers) {
      const item = { zh, form: shape, atc, flags }
      const banned = isProhibited(item)
      if (flags.has('prohibited') && !banned) throw new Error(`${en}: flagged prohibited, but the official list has no such entry`)
      const units = Number(pack)
      const ceiling = Math.round(Number(fen) * units * (10 + 7 * s) / 10)
      const dearer = maker === MAKERS[2]                // this maker's price lies above the ceiling: rule 14 has work
      const no = products.length + 1
      products.push({
        code: `${atc}-${pad(index + 1, 3)}-${s + 1}${p + 1}${'ABC'[MAKERS.indexOf(maker)]}`,
        name_zh: `${zh}${zh.endsWith(shape) ? '' : shape} ${strength}×${pack} ${maker.zh}`, name_en: `${en} ${strength} x ${pack} (${maker.en})`, atc,
        approval: no % 211 === 0 ? '' : `国药准字H2099${pad(no, 4)}`, approval_till: no % 307 === 0 ? '2023-12-31' : '',
        ceiling_fen: ceiling, price_fen: Math.round(ceiling * (dearer ? 115 : 92) / 100),
        rx: flag(rx === 'RX'), eligible: flag(!flags.has('notcovered') && !flags.has('supplement')), prohibited: flag(banned),
        controlled: flag(flags.has('narcotic') || flags.has('psychotropic')), injection: flag(shape === '注射液'), hypoglycaemic: flag(atc.startsWith('A10')),
        chronic: flag(flags.has('chronic')), cold: flag(flags.has('cold')), age_min: AGE_MIN[atc.slice(0, 5)] ?? 0, age_max: flags.has('paediatric') ? 14 : 0,
        sex: flags.has('female') ? 'F' : /^G04C|^G04BE/.test(atc) ? 'M' : '', indications: INDICATIONS[atc] ?? '',
        pack_supply_ddays: Math.max(1, Math.round(units * 10 / Number(perDay))), quantity_max: shape === '注射液' ? 6 : 20, volume_ml: VOLUME[shape] ?? 150,
      })
    }
  }))
}
if (products.length < 1000) throw new Error(`only ${products.length} products`)
if (new Set(products.map(p => p.code)).size !== products.length) throw new Error('a code appears twice')
write('formulary.csv', Object.keys(products[0]), products)
write('prohibited.csv', ['scope', 'key_zh', 'key_en', 'note'], prohibited)

// ---- tests ----
const WOMEN = new Set(['RT-HCG', 'RT-HPV'])
const tests = rows('tests.csv', ',').map(([code, zh, en, specimen, , transport, stability, tat, price, repeat, who]) => ({
  code, name_zh: zh, name_en: en, specimen, benefit: 'TEST', ceiling_fen: price, eligible: 1, stability_s: stability * 3600, turnaround_s: tat * 60, repeat_days: repeat,
  age_min: code === 'RT-HPV' ? 18 : 0, age_max: 0, sex: WOMEN.has(code) ? 'F' : '', needs_sampling_skill: flag(who === 'nurse'), cold: flag(transport === '2-8C'), volume_ml: 400,
  home_s: who === 'nurse' ? 900 : 600,
}))
tests.push({ code: 'CK-ANNUAL', name_zh: '年度上门体检', name_en: 'annual check-up at home', specimen: 'venous serum, urine', benefit: 'CHECKUP', ceiling_fen: 29900, eligible: 1,
  stability_s: 14400, turnaround_s: 14400, repeat_days: 180, age_min: 0, age_max: 0, sex: '', needs_sampling_skill: 1, cold: 1, volume_ml: 1200, home_s: 1500 })
write('tests.csv', Object.keys(tests[0]), tests)

// ---- plans ----
const plan = { plan: 'HOME-60', name: '上门医疗险', age_min: 0, age_max: 60, waiting_days: 30, prescription_days_max: 3, drugs_max: 5, supply_days: 7, supply_emergency_days: 3,
  supply_chronic_days: 28, supply_override_days: 84, supply_excess_refuses: 0, ineligible_refuses: 0, refill_bps: 7500, duplicate_stops: 1, deductible_claim_fen: 0, deductible_year_fen: 0, year_limit_fen: 2000000,
  promise_s: 10800, late_fen: 2000, medicine_rate_bps: 8000, medicine_claim_cap_fen: 100000, medicine_count_max: 0, test_rate_bps: 8000, test_claim_cap_fen: 50000,
  test_count_max: 0, checkup_rate_bps: 10000, checkup_claim_cap_fen: 0, checkup_count_max: 1 }
write('plans.csv', Object.keys(plan), [
  plan,
  { ...plan, plan: 'HOME-60-D', name: '上门医疗险(含免赔额)', deductible_claim_fen: 500, deductible_year_fen: 10000, year_limit_fen: 3000000 },
  { ...plan, plan: 'HOME-60-STRICT', name: '上门医疗险(目录内专享)', supply_excess_refuses: 1, ineligible_refuses: 1 },
  { ...plan, plan: 'HOME-60-SMALL', name: '上门医疗险(体验版)', year_limit_fen: 10000, medicine_claim_cap_fen: 3000, test_claim_cap_fen: 3000 },
  { ...plan, plan: 'HOME-60-WAIT', name: '上门医疗险(等待期演示)', waiting_days: 3650 },
])

// ---- members: policies run long, so that the sample works on any day ----
const FROM = day(2024, 1, 1), TO = day(2040, 1, 1)
const members = []
const member = (code, planCode, age, more = {}) => {
  const valid_from = more.from ?? FROM
  const birth = more.birth ?? valid_from - Math.floor(age * 365.25) - next(364) - 1
  members.push({ code, birth_date: date(birth), sex: more.sex ?? 'FM'[next(2)], policy: `P-${code}`, plan: planCode, valid_from: date(valid_from), valid_to: date(more.to ?? TO),
    inception: date(more.inception ?? valid_from), renewal: flag(more.renewal) })
}
for (let i = 1; i <= 3000; i++) member(`M${pad(i, 6)}`, i % 10 === 0 ? 'HOME-60-D' : i % 23 === 0 ? 'HOME-60-STRICT' : 'HOME-60', next(60), { renewal: i % 3 === 0 })
for (let i = 1; i <= 20; i++) member(`SMALL${pad(i, 3)}`, 'HOME-60-SMALL', 20 + i)
member('EDGE-NEWBORN', 'HOME-60', 0, { birth: FROM })
member('EDGE-60', 'HOME-60', 0, { birth: day(1963, 1, 2) })                        // turns 61 the day after inception
member('EDGE-61', 'HOME-60', 0, { birth: day(1963, 1, 1) })                        // 61 on the day of inception: refused
member('EDGE-70', 'HOME-60', 70)
member('EDGE-LAPSED', 'HOME-60', 35, { from: day(2022, 1, 1), to: day(2023, 1, 1) })
member('EDGE-FUTURE', 'HOME-60', 35, { from: day(2039, 1, 1) })
member('EDGE-WAITING', 'HOME-60-WAIT', 35)
member('EDGE-RENEWED', 'HOME-60-WAIT', 35, { renewal: true })
write('members.csv', Object.keys(members[0]), members)

// ---- facilities and couriers: places are put on a map by whoever uses them (lat, lon stay empty) ----
const facilities = [], payees = []
const payee = (code, zh, i) => { payees.push({ payee: code, name: zh, account: `6299${pad(i, 12)}`, bank: 'DEMOCNBJ' }); return code }
const CHAINS = ['安和', '百草', '晨光', '德善', '恩泽', '福康']
CHAINS.forEach((c, i) => payee(`PH-${pad(i + 1, 2)}`, `${c}大药房有限公司`, i + 1))
;['启明', '澄源', '知行'].forEach((c, i) => payee(`LAB-${pad(i + 1, 2)}`, `${c}医学检验中心`, 101 + i))
payee('DEPOT-01', '上门采样物资中心', 201)
const facility = (id, kind, name, hours, service_s, prep_s, payeeCode, testList = '', contracted = 1) =>
  facilities.push({ facility_id: id, kind, name, lat: '', lon: '', hours, service_s, prep_s, payee: payeeCode, contracted, active: 1, tests: testList })
for (let i = 1; i <= 24; i++)
  facility(i, 'PHARMACY', `${CHAINS[i % 6]}大药房${pad(i, 2)}店`, i % 4 === 0 ? '00:00-24:00' : '07:30-22:30', 120, 600 + next(4) * 120, `PH-${pad(i % 6 + 1, 2)}`)
const members_tests = tests.filter(t => !t.needs_sampling_skill).map(t => t.code).join(';')
for (let i = 1; i <= 6; i++)
  facility(100 + i, 'LAB', `${['启明', '澄源', '知行'][i % 3]}检验中心${i}部`, i % 3 === 0 ? '00:00-24:00' : '06:30-23:00', 180, 0, `LAB-${pad(i % 3 + 1, 2)}`, i % 3 === 2 ? members_tests : '*')
for (let i = 1; i <= 4; i++) facility(200 + i, 'DEPOT', `采样包仓${i}`, '06:00-24:00', 60, 0, 'DEPOT-01')
facility(901, 'PHARMACY', '未签约药店', '08:00-20:00', 120, 600, 'PH-01', '', 0)
write('facilities.csv', Object.keys(facilities[0]), facilities)
write('payees.csv', Object.keys(payees[0]), payees)
const couriers = []
for (let i = 1; i <= 120; i++)
  couriers.push({ courier_id: i, name: `骑手${pad(i, 3)}`, relay_phone: `950${pad(i, 8)}`, cold_chain: flag(i % 5 !== 4), sampling: flag(i % 2 === 0), controlled: 0, volume_ml: 40000,
    cold_ml: i % 5 !== 4 ? 12000 : 0, kits_preloaded: i % 2 === 0 ? 6 : 0, active: 1, lat: '', lon: '' })
write('couriers.csv', Object.keys(couriers[0]), couriers)
console.log(`${products.length} products, ${products.filter(p => p.prohibited).length} prohibited, ${tests.length} tests, ${members.length} members, ${facilities.length} facilities, ${couriers.length} couriers`)
