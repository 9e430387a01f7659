// Faults planted in a settled day by the owner of the database, one at a time, each mended after. `reconcile` must name each, and name nothing else.

/** `reconcile()` gives the day's open exceptions, `owner(sql)` runs as the owner, `rows(sql)` reads. Returns how many faults were found. */
export const plantFaults = ({ day, reconcile, owner, rows, die }) => {
  const keyOf = x => `${x.kind} ${x.payee} ${x.claim} ${x.order} ${x.entry}`
  const before = new Set(reconcile().map(keyOf))
  let found = 0
  const fault = (kind, of, plant, mend) => {
    if (of === undefined) die(`nothing on ${day} to plant ${kind} in`)
    owner(plant)
    const now = reconcile(), added = now.filter(x => !before.has(keyOf(x))), gone = before.size - (now.length - added.length)
    if (added.length !== 1 || added[0].kind !== kind || gone) die(`${kind} planted; found ${JSON.stringify(added)}, ${gone} others gone`)
    owner(mend)
    const after = reconcile()
    if (after.length !== before.size || after.some(x => !before.has(keyOf(x)))) die(`${kind} mended; still there: ${JSON.stringify(after.filter(x => !before.has(keyOf(x))))}`)
    found++
  }
  const one = sql => rows(sql)[0]
  const ms = Date.parse(`${day}T08:00:00Z`)
  const posted = one(`SELECT l.entry_id, l.claim_id, o.phase FROM ledger l JOIN orders o ON o.order_id = l.order_id WHERE l.kind = 2 AND o.kind = 1 AND l.business_day = '${day}' ORDER BY 1 LIMIT 1`)
  const held = one(`SELECT o.order_id, o.phase, o.ended_ms, c.claim_id, c.payee, c.benefit_fen, c.member_id FROM orders o JOIN claim c USING (claim_id) WHERE c.state = 2 AND o.kind = 1 AND c.benefit_fen > 0 ORDER BY 1 LIMIT 1`)
  const batch = one(`SELECT payee, state, total_fen FROM payout_batch b WHERE business_day = '${day}' AND state = 'SENT' AND total_fen > 0 ORDER BY payee LIMIT 1`)
  const item = one(`SELECT entry_id FROM payout_item WHERE business_day = '${day}' ORDER BY 1 LIMIT 1`)
  const refused = one(`SELECT order_id, claim_id FROM orders WHERE phase = 1 AND ended_ms BETWEEN ${ms} - 28000000 AND ${ms} + 28000000 ORDER BY 1 LIMIT 1`)
  const reversal = one(`SELECT r.source, r.idempotency_key FROM claim_reversal r JOIN ledger l ON l.idempotency_key = 'reverse:' || r.source || '/' || r.idempotency_key JOIN account a ON
    a.account_id = l.debit_account AND a.kind = 3 WHERE l.business_day = '${day}' AND NOT r.short ORDER BY 2 LIMIT 1`)
  const ofBatch = `WHERE business_day = '${day}' AND payee = '${batch?.payee}'`
  fault('POSTED_NOT_DELIVERED', posted, `UPDATE orders SET phase = 2 WHERE claim_id = ${posted?.claim_id}`, `UPDATE orders SET phase = ${posted?.phase} WHERE claim_id = ${posted?.claim_id}`)
  fault('DELIVERED_NOT_POSTED', held, `UPDATE orders SET phase = 10, ended_ms = ${ms} WHERE order_id = ${held?.order_id}`,
    `UPDATE orders SET phase = ${held?.phase}, ended_ms = ${held?.ended_ms} WHERE order_id = ${held?.order_id}`)
  fault('HOLD_LEFT_OPEN', held, `UPDATE orders SET phase = 16, ended_ms = ${ms} WHERE order_id = ${held?.order_id}`,
    `UPDATE orders SET phase = ${held?.phase}, ended_ms = ${held?.ended_ms} WHERE order_id = ${held?.order_id}`)
  fault('ORDER_WITHOUT_CLAIM', refused, `UPDATE orders SET claim_id = 0 WHERE order_id = ${refused?.order_id}`, `UPDATE orders SET claim_id = ${refused?.claim_id} WHERE order_id = ${refused?.order_id}`)
  fault('POST_AMOUNT', posted, `UPDATE ledger_key SET amount_fen = amount_fen + 1 WHERE entry_id = ${posted?.entry_id}`, `UPDATE ledger_key SET amount_fen = amount_fen - 1 WHERE entry_id = ${posted?.entry_id}`)
  const copy = (claim, key) => `INSERT INTO ledger_key SELECT city_id, source, '${key}', request_hash, 999999999, business_day, amount_fen, 0 FROM ledger_key WHERE entry_id = ${posted?.entry_id};
    INSERT INTO ledger SELECT city_id, 999999999, business_day, at_ms, kind, debit_account, credit_account, amount_fen, currency, ${claim}, NULL, order_id, NULL, source, '${key}', row_hash FROM ledger WHERE entry_id = ${posted?.entry_id}`
  const uncopy = 'DELETE FROM ledger WHERE entry_id = 999999999; DELETE FROM ledger_key WHERE entry_id = 999999999'
  fault('ENTRY_DUPLICATE', posted, copy(posted?.claim_id, 'post-again'), uncopy)
  fault('ENTRY_ORPHAN', held, copy(held?.claim_id, `post:${held?.claim_id}`), uncopy)
  fault('LATE_EVENT', posted, `UPDATE ledger SET at_ms = at_ms - 86400000 WHERE entry_id = ${posted?.entry_id}`, `UPDATE ledger SET at_ms = at_ms + 86400000 WHERE entry_id = ${posted?.entry_id}`)
  fault('REVERSAL_AMOUNT', reversal, `UPDATE claim_reversal SET benefit_fen = benefit_fen + 1 WHERE idempotency_key = '${reversal?.idempotency_key}'`,
    `UPDATE claim_reversal SET benefit_fen = benefit_fen - 1 WHERE idempotency_key = '${reversal?.idempotency_key}'`)
  fault('ITEM_AMOUNT', item, `UPDATE payout_item SET amount_fen = amount_fen + 1 WHERE entry_id = ${item?.entry_id}`, `UPDATE payout_item SET amount_fen = amount_fen - 1 WHERE entry_id = ${item?.entry_id}`)
  fault('BATCH_SUM', batch, `UPDATE payout_batch SET item_count = item_count + 1 ${ofBatch}`, `UPDATE payout_batch SET item_count = item_count - 1 ${ofBatch}`)
  fault('PAYOUT_NOT_BOOKED', batch, `UPDATE ledger_key SET amount_fen = amount_fen + 1 WHERE idempotency_key = 'payout:${batch?.payee}:${day}:1'`,
    `UPDATE ledger_key SET amount_fen = amount_fen - 1 WHERE idempotency_key = 'payout:${batch?.payee}:${day}:1'`)
  fault('CARRY_CHAIN', batch, `UPDATE payout_batch SET brought_fen = brought_fen - 1, carried_fen = carried_fen - 1 ${ofBatch}`, `UPDATE payout_batch SET brought_fen = brought_fen + 1, carried_fen = carried_fen + 1 ${ofBatch}`)
  fault('BANK_RETURN', batch, `UPDATE payout_batch SET state = 'FAILED' ${ofBatch}`, `UPDATE payout_batch SET state = 'SENT' ${ofBatch}`)
  fault('BANK_AMOUNT', batch, `INSERT INTO bank_file VALUES (1, sha256('planted'), 'camt.053', 'planted', 1, 'x'); INSERT INTO bank_entry SELECT 1, sha256('planted'), 1, end_to_end, 'PAID', amount_fen + 1, '', '',
    'AMOUNT' FROM payout_payment ${ofBatch}`, `DELETE FROM bank_entry WHERE file_sha256 = sha256('planted'); DELETE FROM bank_file WHERE file_sha256 = sha256('planted')`)
  fault('PAYEE_UNKNOWN', batch, `CREATE TABLE kept_payee AS SELECT * FROM payee WHERE payee = '${batch?.payee}'; DELETE FROM payee WHERE payee = '${batch?.payee}'`, `INSERT INTO payee SELECT * FROM kept_payee; DROP TABLE kept_payee`)
  return found
}
