// pain.001.001.09 by the rules of the official schema (ISO 20022, CustomerCreditTransferInitiationV09): the types that our files use, with their elements in
// order, how often, and what their text may be. Written from the message definition, not from the program.
const max = n => v => [...v].length >= 1 && [...v].length <= n
const amount = v => /^\d{1,13}\.\d{2}$/.test(v) && Number(v) > 0, decimal = v => /^\d{1,16}(\.\d{1,17})?$/.test(v) && v.replace('.', '').length <= 18
const bic = v => /^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/.test(v), numeric15 = v => /^[0-9]{1,15}$/.test(v)
const dateTime = v => /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$/.test(v) && !Number.isNaN(Date.parse(v)), date = v => /^\d{4}-\d{2}-\d{2}$/.test(v) && !Number.isNaN(Date.parse(v))
// [name, least, most, type]; a type is a check of text, a list of elements in order, or { choice: [...] }
const other = [['Id', 1, 1, max(34)], ['SchmeNm', 0, 1, null], ['Issr', 0, 1, max(35)]]
const account = [['Id', 1, 1, { choice: [['IBAN', 1, 1, v => /^[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}$/.test(v)], ['Othr', 1, 1, other]] }], ['Tp', 0, 1, null], ['Ccy', 0, 1, v => /^[A-Z]{3}$/.test(v)], ['Nm', 0, 1, max(70)], ['Prxy', 0, 1, null]]
const member = [['ClrSysId', 0, 1, { choice: [['Cd', 1, 1, max(5)], ['Prtry', 1, 1, max(35)]] }], ['MmbId', 1, 1, max(35)]]
const agent = [['FinInstnId', 1, 1, [['BICFI', 0, 1, bic], ['ClrSysMmbId', 0, 1, member], ['LEI', 0, 1, v => /^[A-Z0-9]{18}[0-9]{2}$/.test(v)], ['Nm', 0, 1, max(140)], ['PstlAdr', 0, 1, null],
  ['Othr', 0, 1, [['Id', 1, 1, max(35)], ['SchmeNm', 0, 1, null], ['Issr', 0, 1, max(35)]]]]], ['BrnchId', 0, 1, null]]
const party = [['Nm', 0, 1, max(140)], ['PstlAdr', 0, 1, null], ['Id', 0, 1, null], ['CtryOfRes', 0, 1, null], ['CtctDtls', 0, 1, null]]
const transfer = [['PmtId', 1, 1, [['InstrId', 0, 1, max(35)], ['EndToEndId', 1, 1, max(35)], ['UETR', 0, 1, null]]], ['PmtTpInf', 0, 1, null],
  ['Amt', 1, 1, { choice: [['InstdAmt', 1, 1, amount], ['EqvtAmt', 1, 1, null]] }], ['XchgRateInf', 0, 1, null], ['ChrgBr', 0, 1, null], ['MndtRltdInf', 0, 1, null], ['ChqInstr', 0, 1, null],
  ['UltmtDbtr', 0, 1, null], ['IntrmyAgt1', 0, 1, null], ['CdtrAgt', 0, 1, agent], ['CdtrAgtAcct', 0, 1, null], ['Cdtr', 0, 1, party], ['CdtrAcct', 0, 1, account], ['UltmtCdtr', 0, 1, null],
  ['InstrForCdtrAgt', 0, 99, null], ['InstrForDbtrAgt', 0, 1, null], ['Purp', 0, 1, null], ['RgltryRptg', 0, 10, null], ['Tax', 0, 1, null], ['RltdRmtInf', 0, 10, null],
  ['RmtInf', 0, 1, [['Ustrd', 0, 99, max(140)], ['Strd', 0, 99, null]]], ['SplmtryData', 0, 99, null]]
const instruction = [['PmtInfId', 1, 1, max(35)], ['PmtMtd', 1, 1, v => ['CHK', 'TRF', 'TRA'].includes(v)], ['ReqdAdvcTp', 0, 1, null], ['BtchBookg', 0, 1, v => ['true', 'false'].includes(v)],
  ['NbOfTxs', 0, 1, numeric15], ['CtrlSum', 0, 1, decimal], ['PmtTpInf', 0, 1, null], ['ReqdExctnDt', 1, 1, { choice: [['Dt', 1, 1, date], ['DtTm', 1, 1, dateTime]] }], ['PoolgAdjstmntDt', 0, 1, date],
  ['Dbtr', 1, 1, party], ['DbtrAcct', 1, 1, account], ['DbtrAgt', 1, 1, agent], ['DbtrAgtAcct', 0, 1, null], ['InstrForDbtrAgt', 0, 1, null], ['UltmtDbtr', 0, 1, null],
  ['ChrgBr', 0, 1, v => ['DEBT', 'CRED', 'SHAR', 'SLEV'].includes(v)], ['ChrgsAcct', 0, 1, null], ['ChrgsAcctAgt', 0, 1, null], ['CdtTrfTxInf', 1, Infinity, transfer]]
const root = [['CstmrCdtTrfInitn', 1, 1, [['GrpHdr', 1, 1, [['MsgId', 1, 1, max(35)], ['CreDtTm', 1, 1, dateTime], ['Authstn', 0, 2, null], ['NbOfTxs', 1, 1, numeric15], ['CtrlSum', 0, 1, decimal],
  ['InitgPty', 1, 1, party], ['FwdgAgt', 0, 1, agent]]], ['PmtInf', 1, Infinity, instruction], ['SplmtryData', 0, 99, null]]]]

/** A small strict reader: elements, attributes and the five entities; anything else throws. */
export const readXml = text => {
  if (!text.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n')) throw new Error('no declaration')
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) throw new Error('a character that XML cannot carry')
  const open = [{ name: '', children: [], text: '' }]
  const plain = s => s.replace(/&([^;]*);/g, (_, e) => { const c = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }[e]; if (!c) throw new Error(`entity ${e}`); return c })
  let at = text.indexOf('\n') + 1
  for (const m of text.slice(at).matchAll(/<(\/?)([A-Za-z0-9]+)((?: [A-Za-z]+="[^"<]*")*)>|([^<]+)/g)) {
    if (m.index + text.indexOf('\n') + 1 !== at) throw new Error(`what is this at ${at}`)
    at += m[0].length
    if (m[4] !== undefined) open.at(-1).text += plain(m[4])
    else if (m[1]) { if (open.pop().name !== m[2]) throw new Error(`</${m[2]}>`) } else {
      const node = { name: m[2], attributes: Object.fromEntries([...m[3].matchAll(/ ([A-Za-z]+)="([^"]*)"/g)].map(a => [a[1], a[2]])), children: [], text: '' }
      open.at(-1).children.push(node); open.push(node)
    }
  }
  if (at !== text.length || open.length !== 1) throw new Error('cut')
  return open[0].children[0]
}

const check = (node, type, path) => {
  if (type === null) throw new Error(`${path}: not expected in our files`)
  if (typeof type === 'function') {
    if (node.children.length || !type(node.text)) throw new Error(`${path}: '${node.text}' cannot be`)
    return
  }
  if (node.text.trim()) throw new Error(`${path}: text between elements`)
  if (type.choice) {
    const found = type.choice.find(([name]) => name === node.children[0]?.name)
    if (node.children.length !== 1 || !found) throw new Error(`${path}: one of ${type.choice.map(c => c[0])}`)
    check(node.children[0], found[3], `${path}/${found[0]}`)
    return
  }
  let at = 0
  for (const [name, least, most, inner] of type) {
    let n = 0
    for (; node.children[at]?.name === name; at++, n++) check(node.children[at], inner, `${path}/${name}`)
    if (n < least || n > most) throw new Error(`${path}: ${n} of ${name}`)
  }
  if (at !== node.children.length) throw new Error(`${path}: ${node.children[at].name} out of place`)
}
const all = (node, name) => node.children.filter(c => c.name === name), one = (node, ...names) => names.reduce((n, name) => all(n, name)[0], node)
const fen = text => BigInt(text.replace('.', ''))

/** Throws unless `text` is a valid message whose counts and sums agree at both levels; gives its payments. */
export const checkPain = text => {
  const document = readXml(text)
  if (document.name !== 'Document' || document.attributes.xmlns !== 'urn:iso:std:iso:20022:tech:xsd:pain.001.001.09') throw new Error('not a pain.001.001.09')
  check(document, root, 'Document')
  const message = one(document, 'CstmrCdtTrfInitn'), header = one(message, 'GrpHdr')
  const payments = all(message, 'PmtInf').flatMap(p => {
    const transfers = all(p, 'CdtTrfTxInf').map(t => {
      const money = one(t, 'Amt', 'InstdAmt')
      if (money.attributes.Ccy !== 'CNY') throw new Error('another currency')
      return { id: one(t, 'PmtId', 'EndToEndId').text, fen: fen(money.text), name: one(t, 'Cdtr', 'Nm').text, account: one(t, 'CdtrAcct', 'Id', 'Othr', 'Id').text }
    })
    if (Number(one(p, 'NbOfTxs').text) !== transfers.length || fen(one(p, 'CtrlSum').text) !== transfers.reduce((s, t) => s + t.fen, 0n)) throw new Error('totals of PmtInf')
    return transfers
  })
  if (Number(one(header, 'NbOfTxs').text) !== payments.length || fen(one(header, 'CtrlSum').text) !== payments.reduce((s, t) => s + t.fen, 0n)) throw new Error('totals of GrpHdr')
  if (new Set(payments.map(p => p.id)).size !== payments.length) throw new Error('an end-to-end id twice')
  return { id: one(header, 'MsgId').text, payments }
}

// ---- what a bank would answer ----
const yuan = f => `${f / 100n}.${String(f % 100n).padStart(2, '0')}`
export const pain002 = (original, answers) => `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><GrpHdr><MsgId>BANK-${original}</MsgId><CreDtTm>2026-11-20T01:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>${original}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>${original}-1</OrgnlPmtInfId>
${answers.map(a => `<TxInfAndSts><OrgnlEndToEndId>${a.id}</OrgnlEndToEndId><TxSts>${a.status}</TxSts>${a.reason ? `<StsRsnInf><Rsn><Cd>${a.reason}</Cd></Rsn></StsRsnInf>` : ''}</TxInfAndSts>`).join('\n')}
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
`
export const camt053 = (id, bookings) => `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>${id}</MsgId><CreDtTm>2026-11-21T01:00:00Z</CreDtTm></GrpHdr><Stmt><Id>1</Id>
<Acct><Id><Othr><Id>6299</Id></Othr></Id></Acct><Bal><Amt Ccy="CNY">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>
${bookings.map((b, i) => `<Ntry><Amt Ccy="CNY">${yuan(b.fen)}</Amt><CdtDbtInd>${b.back ? 'CRDT' : 'DBIT'}</CdtDbtInd><Sts><Cd>${b.pending ? 'PDNG' : 'BOOK'}</Cd></Sts><AcctSvcrRef>B${i}</AcctSvcrRef>
<NtryDtls><TxDtls><Refs><AcctSvcrRef>REF-${i}</AcctSvcrRef><EndToEndId>${b.id}</EndToEndId></Refs><Amt Ccy="CNY">${yuan(b.fen)}</Amt><CdtDbtInd>${b.back ? 'CRDT' : 'DBIT'}</CdtDbtInd>
${b.back ? '<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>' : ''}</TxDtls></NtryDtls></Ntry>`).join('\n')}
</Stmt></BkToCstmrStmt></Document>
`
export const HOSTILE = {
  'a billion laughs': `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;">]><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">&m;</Document>`,
  'a file from outside': `<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>`,
  'a deep well': `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</Document>`,
  'another message': '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>',
  'cut short': camt053('X', [{ id: 'a', fen: 5n }]).slice(0, -30), 'no XML': 'hello', 'nothing': '',
  'another currency': camt053('X', [{ id: 'a', fen: 5n }]).replaceAll('"CNY"', '"USD"'), 'a third of a fen': camt053('X', [{ id: 'a', fen: 5n }]).replaceAll('>0.05<', '>0.053<'),
  'an endless amount': camt053('X', [{ id: 'a', fen: 5n }]).replaceAll('>0.05<', `>${'9'.repeat(60)}<`), 'no direction': camt053('X', [{ id: 'a', fen: 5n }]).replaceAll('DBIT', 'BOTH'),
  'a transaction without a name': pain002('X', [{ id: '', status: 'ACSC' }]),
}
