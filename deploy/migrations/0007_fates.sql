-- Fates of an order that money follows: fewer units dispensed than ordered, and a specimen collected again under the first claim.
SET LOCAL ROLE meddispatch_owner;

-- partial dispense: units that were held for and not given out; kept apart from units that were given out and came back
ALTER TABLE claim_line
    ADD COLUMN short_quantity integer NOT NULL DEFAULT 0,
    ADD COLUMN short_fen bigint NOT NULL DEFAULT 0,
    ADD COLUMN short_member_fen bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT claim_line_short_quantity CHECK (short_quantity >= 0 AND short_quantity + reversed_quantity <= quantity),
    ADD CONSTRAINT claim_line_short CHECK (short_fen >= 0 AND short_fen + reversed_fen <= benefit_fen),
    ADD CONSTRAINT claim_line_short_member CHECK (short_member_fen >= 0 AND short_member_fen + reversed_member_fen <= member_fen);
ALTER TABLE claim
    ADD COLUMN short_fen bigint NOT NULL DEFAULT 0,
    ADD COLUMN short_member_fen bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT claim_short CHECK (short_fen BETWEEN 0 AND benefit_fen AND short_member_fen BETWEEN 0 AND member_fen);
ALTER TABLE claim_reversal ADD COLUMN short boolean NOT NULL DEFAULT false; -- true: never dispensed
-- a specimen lost by courier or laboratory is collected again once, free, under the same claim
CREATE UNIQUE INDEX orders_recollection_once ON orders (city_id, parent_order_id) WHERE kind = 2 AND parent_order_id IS NOT NULL;

-- Units of a held claim's line are not dispensed: delivery will post so much less, and the rest of the hold is released with it. Same formula as a return's,
-- so that what is short and what comes back later sum to the line exactly. Nothing moves now: the hold stays whole until it ends.
CREATE FUNCTION claim_short(p_city integer, p_claim bigint, p_line smallint, p_quantity integer, p_source text, p_key text, p_actor text, p_reason text,
                            p_at_ms bigint) RETURNS TABLE (benefit_fen bigint, member_fen bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    l claim_line;
    v_q integer;
BEGIN
    SELECT * INTO l FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such line' USING ERRCODE = 'MD004';
    END IF;
    v_q := l.short_quantity + p_quantity;
    IF p_quantity < 1 OR v_q > l.quantity THEN
        RAISE EXCEPTION 'more would be missing than was ordered' USING ERRCODE = 'MD003';
    END IF;
    benefit_fen := (l.benefit_fen * v_q + l.quantity / 2) / l.quantity - l.short_fen;
    member_fen := (l.member_fen * v_q + l.quantity / 2) / l.quantity - l.short_member_fen;
    repeated := false;
    INSERT INTO claim_reversal (city_id, source, idempotency_key, claim_id, line_no, quantity, benefit_fen, member_fen, actor, reason, at_ms, short)
        VALUES (p_city, p_source, p_key, p_claim, p_line, p_quantity, benefit_fen, member_fen, p_actor, p_reason, p_at_ms, true);
    UPDATE claim_line x SET short_quantity = v_q, short_fen = x.short_fen + claim_short.benefit_fen, short_member_fen = x.short_member_fen + claim_short.member_fen
     WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line;
    IF NOT EXISTS (SELECT FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.short_quantity < x.quantity) THEN
        RAISE EXCEPTION 'nothing would be left to deliver: cancel the order' USING ERRCODE = 'MD002';
    END IF;
    UPDATE claim x SET short_fen = x.short_fen + claim_short.benefit_fen, short_member_fen = x.short_member_fen + claim_short.member_fen
     WHERE x.city_id = p_city AND x.claim_id = p_claim;
    RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION claim_short FROM PUBLIC;

-- End holds, as in 0002_money.sql; what was short is not posted unless the caller says what is.
CREATE OR REPLACE FUNCTION hold_end(p_city integer, p_claim bigint[], p_outcome smallint[], p_posted bigint[], p_payee text[], p_at_ms bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    PERFORM 1 FROM member_year y
       JOIN (SELECT DISTINCT member_id, policy, year_start FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim)) c
         ON y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start
      ORDER BY y.city_id, y.member_id, y.policy, y.year_start FOR UPDATE OF y;
    PERFORM 1 FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim) ORDER BY claim_id FOR UPDATE; -- what is short is said before or not at all
    INSERT INTO hold_end (city_id, claim_id, outcome, held_fen, posted_fen, at_ms)
        SELECT p_city, h.claim_id, e.outcome, h.amount_fen, CASE WHEN e.outcome = 2 THEN 0 ELSE coalesce(e.posted, h.amount_fen - c.short_fen) END, e.at_ms
          FROM unnest(p_claim, p_outcome, p_posted, p_at_ms) AS e(claim_id, outcome, posted, at_ms)
          JOIN hold h ON h.city_id = p_city AND h.claim_id = e.claim_id
          JOIN claim c ON c.city_id = p_city AND c.claim_id = e.claim_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> cardinality(p_claim) THEN
        RAISE EXCEPTION 'a claim has no hold to end' USING ERRCODE = 'MD002';
    END IF;
    UPDATE claim c SET state = CASE WHEN e.outcome = 2 THEN 4 ELSE 3 END, payee = coalesce(e.payee, c.payee)
      FROM unnest(p_claim, p_outcome, p_payee) AS e(claim_id, outcome, payee) WHERE c.city_id = p_city AND c.claim_id = e.claim_id AND c.state = 2;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> cardinality(p_claim) THEN
        RAISE EXCEPTION 'a claim is not in state HELD' USING ERRCODE = 'MD002';
    END IF;
    UPDATE member_year y
       SET pending_fen = y.pending_fen - part.held, posted_fen = y.posted_fen + part.posted,
           deductible_used_fen = y.deductible_used_fen - part.deductible_void,
           count_used = ARRAY[y.count_used[1] - part.n1, y.count_used[2] - part.n2, y.count_used[3] - part.n3]
      FROM (SELECT c.member_id, c.policy, c.year_start, sum(h.held_fen) AS held, sum(h.posted_fen) AS posted,
                   coalesce(sum(c.deductible_year_fen) FILTER (WHERE h.outcome = 2), 0) AS deductible_void,
                   count(*) FILTER (WHERE h.outcome = 2 AND c.benefit = 1 AND c.benefit_fen > 0) AS n1,
                   count(*) FILTER (WHERE h.outcome = 2 AND c.benefit = 2 AND c.benefit_fen > 0) AS n2,
                   count(*) FILTER (WHERE h.outcome = 2 AND c.benefit = 3 AND c.benefit_fen > 0) AS n3
              FROM hold_end h JOIN claim c USING (city_id, claim_id) WHERE h.city_id = p_city AND h.claim_id = ANY (p_claim)
             GROUP BY c.member_id, c.policy, c.year_start) part
     WHERE y.city_id = p_city AND y.member_id = part.member_id AND y.policy = part.policy AND y.year_start = part.year_start;
    RETURN (
        SELECT ledger_write(p_city, array_agg(at_ms), array_agg(kind), array_agg(debit_kind), array_agg(debit_owner), array_agg(credit_kind),
                            array_agg(credit_owner), array_agg(amount), array_agg(claim_id), array_agg(NULL::smallint), array_agg(order_id),
                            array_agg(reverses), array_agg('claim'::text), array_agg(prefix || claim_id))
          FROM (SELECT c.claim_id, c.order_id, h.at_ms, x.*
                  FROM hold_end h JOIN claim c USING (city_id, claim_id)
                  LEFT JOIN ledger_key k ON k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'hold:' || c.claim_id
                 CROSS JOIN LATERAL (VALUES
                     (2::smallint, 2::smallint, c.member_id::text, CASE WHEN h.outcome = 3 THEN 4::smallint ELSE 3::smallint END, c.payee, h.posted_fen,
                      NULL::bigint, 'post:'),
                     (CASE WHEN h.outcome = 2 THEN 4::smallint ELSE 3::smallint END, 2::smallint, c.member_id::text, 1::smallint, '',
                      h.held_fen - h.posted_fen, k.entry_id, CASE WHEN h.outcome = 2 THEN 'void:' ELSE 'release:' END),
                     (5::smallint, 5::smallint, c.member_id::text, 6::smallint, c.payee, CASE WHEN h.outcome = 2 THEN 0 ELSE c.member_fen - c.short_member_fen END,
                      NULL::bigint, 'share:'))
                     AS x(kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, reverses, prefix)
                 WHERE h.city_id = p_city AND h.claim_id = ANY (p_claim) AND x.amount > 0) entry);
END $$;

-- As in 0002_money.sql; of a claim still held it says what was not dispensed.
CREATE OR REPLACE FUNCTION claim_reverse(p_city integer, p_claim bigint, p_line smallint, p_quantity integer, p_source text, p_key text, p_actor text, p_reason text,
                              p_at_ms bigint) RETURNS TABLE (benefit_fen bigint, member_fen bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    c claim;
    l claim_line;
    r claim_reversal;
    v_from smallint;
    v_post bigint;
    v_share bigint;
    v_name text := p_source || '/' || p_key;
    v_q integer;
BEGIN
    SELECT * INTO c FROM claim WHERE city_id = p_city AND claim_id = p_claim FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such claim' USING ERRCODE = 'MD004';
    END IF;
    SELECT * INTO r FROM claim_reversal x WHERE x.city_id = p_city AND x.source = p_source AND x.idempotency_key = p_key;
    IF FOUND THEN
        IF (r.claim_id, r.line_no, r.quantity) IS DISTINCT FROM (p_claim, p_line, p_quantity) THEN
            RAISE EXCEPTION 'this key was used for another reversal' USING ERRCODE = 'MD001';
        END IF;
        RETURN QUERY SELECT r.benefit_fen, r.member_fen, true;
        RETURN;
    END IF;
    IF c.state NOT IN (2, 3) THEN
        RAISE EXCEPTION 'only a held or posted claim can be reversed' USING ERRCODE = 'MD002';
    END IF;
    IF c.state = 2 AND NOT EXISTS (SELECT FROM hold_end h WHERE h.city_id = p_city AND h.claim_id = p_claim) THEN
        RETURN QUERY SELECT * FROM claim_short(p_city, p_claim, p_line, p_quantity, p_source, p_key, p_actor, p_reason, p_at_ms);
        RETURN;
    END IF;
    PERFORM 1 FROM member_year y WHERE y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start FOR UPDATE;
    SELECT * INTO l FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such line' USING ERRCODE = 'MD004';
    END IF;
    IF p_quantity < 1 OR p_quantity > l.quantity - l.short_quantity - l.reversed_quantity THEN
        RAISE EXCEPTION 'more would come back than was given out' USING ERRCODE = 'MD003';
    END IF;
    v_q := l.short_quantity + l.reversed_quantity + p_quantity;
    benefit_fen := (l.benefit_fen * v_q + l.quantity / 2) / l.quantity - l.short_fen - l.reversed_fen;
    member_fen := (l.member_fen * v_q + l.quantity / 2) / l.quantity - l.short_member_fen - l.reversed_member_fen;
    repeated := false;
    INSERT INTO claim_reversal (city_id, source, idempotency_key, claim_id, line_no, quantity, benefit_fen, member_fen, actor, reason, at_ms)
        VALUES (p_city, p_source, p_key, p_claim, p_line, p_quantity, benefit_fen, member_fen, p_actor, p_reason, p_at_ms);
    UPDATE claim_line x SET reversed_quantity = x.reversed_quantity + p_quantity, reversed_fen = x.reversed_fen + claim_reverse.benefit_fen,
                            reversed_member_fen = x.reversed_member_fen + claim_reverse.member_fen
     WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line;
    UPDATE member_year y SET posted_fen = y.posted_fen - claim_reverse.benefit_fen
     WHERE y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start;
    IF NOT EXISTS (SELECT FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.short_quantity + x.reversed_quantity < x.quantity) THEN
        UPDATE claim x SET state = 5 WHERE x.city_id = p_city AND x.claim_id = p_claim;
    END IF;
    -- an accrual not yet reported is taken back where it stands; else the payee owes it
    v_from := CASE WHEN (SELECT outcome FROM hold_end h WHERE h.city_id = p_city AND h.claim_id = p_claim) = 3
                    AND NOT EXISTS (SELECT FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'report:' || p_claim)
                   THEN 4 ELSE 3 END;
    SELECT entry_id INTO v_post FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'post:' || p_claim;
    SELECT entry_id INTO v_share FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'share:' || p_claim;
    IF benefit_fen > 0 THEN
        PERFORM ledger_write(p_city, ARRAY[p_at_ms], ARRAY[7::smallint], ARRAY[v_from], ARRAY[c.payee], ARRAY[1::smallint], ARRAY[''], ARRAY[benefit_fen],
                             ARRAY[p_claim], ARRAY[p_line], ARRAY[c.order_id], ARRAY[v_post], ARRAY['reversal'], ARRAY['reverse:' || v_name]);
    END IF;
    IF member_fen > 0 THEN
        PERFORM ledger_write(p_city, ARRAY[p_at_ms], ARRAY[8::smallint], ARRAY[6::smallint], ARRAY[c.payee], ARRAY[5::smallint], ARRAY[c.member_id::text],
                             ARRAY[member_fen], ARRAY[p_claim], ARRAY[p_line], ARRAY[c.order_id], ARRAY[v_share], ARRAY['reversal'],
                             ARRAY['unshare:' || v_name]);
    END IF;
    RETURN NEXT;
END $$;

-- As in 0002_money.sql; a recollection has its own promise and its first order's claim.
CREATE OR REPLACE FUNCTION late_credit(p_city integer, p_order bigint[], p_at_ms bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ledger_write(p_city, array_agg(e.at_ms), array_agg(9::smallint), array_agg(1::smallint), array_agg(''::text), array_agg(7::smallint),
                        array_agg(c.member_id::text), array_agg(v.late_fen), array_agg(c.claim_id), array_agg(NULL::smallint), array_agg(e.order_id),
                        array_agg(NULL::bigint), array_agg('claim'::text), array_agg('late:' || e.order_id))
      FROM unnest(p_order, p_at_ms) AS e(order_id, at_ms)
      JOIN orders o ON o.city_id = p_city AND o.order_id = e.order_id
      JOIN claim c ON c.city_id = p_city AND c.claim_id = o.claim_id AND c.state IN (2, 3)
      JOIN plan_version v ON v.city_id = p_city AND v.plan = c.plan AND v.version = c.plan_version
     WHERE v.late_fen > 0
       AND NOT EXISTS (SELECT FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'late:' || e.order_id)
$$;

-- As in 0002_money.sql, with SHORT.
CREATE OR REPLACE FUNCTION ledger_faults(p_city integer)
RETURNS TABLE (what text, entry_id bigint, claim_id bigint, expected_fen bigint, found_fen bigint, business_day date)
LANGUAGE sql STABLE AS $$
    -- an entry is not what it was when it was written
    SELECT 'ROW_HASH', l.entry_id, l.claim_id, NULL::bigint, l.amount_fen, l.business_day FROM ledger l
     WHERE l.city_id = p_city
       AND l.row_hash <> ledger_row_hash(l.city_id, l.entry_id, l.business_day, l.at_ms, l.kind, l.debit_account, l.credit_account, l.amount_fen, l.currency,
                                         l.claim_id, l.line_no, l.order_id, l.reverses_entry, l.source, l.idempotency_key)
    UNION ALL -- an entry without its key, a key without its entry
    SELECT 'KEY', coalesce(l.entry_id, k.entry_id), l.claim_id, k.amount_fen, l.amount_fen, coalesce(l.business_day, k.business_day)
      FROM (SELECT * FROM ledger WHERE city_id = p_city) l
      FULL JOIN (SELECT * FROM ledger_key WHERE city_id = p_city) k ON k.entry_id = l.entry_id
     WHERE l.entry_id IS NULL OR k.entry_id IS NULL OR l.amount_fen <> k.amount_fen OR l.business_day <> k.business_day
        OR l.source <> k.source OR l.idempotency_key <> k.idempotency_key
    UNION ALL -- reversed more or less than the reversing entries say
    SELECT 'REVERSED_SUM', k.entry_id, NULL, coalesce(r.amount, 0), k.reversed_fen, k.business_day
      FROM ledger_key k
      LEFT JOIN (SELECT reverses_entry, sum(amount_fen)::bigint AS amount FROM ledger WHERE city_id = p_city AND reverses_entry IS NOT NULL
                  GROUP BY reverses_entry) r ON r.reverses_entry = k.entry_id
     WHERE k.city_id = p_city AND k.reversed_fen <> coalesce(r.amount, 0)
    UNION ALL -- a sealed block does not follow from its entries and the block before it
    SELECT 'BLOCK', NULL, NULL, b.entry_count, (SELECT count(*) FROM ledger l WHERE l.city_id = p_city AND l.business_day = b.business_day), b.business_day
      FROM (SELECT x.*, lag(x.hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY x.business_day) AS before FROM ledger_block x WHERE x.city_id = p_city) b
     WHERE b.prev_hash <> b.before OR b.hash <> ledger_block_hash(p_city, b.business_day, b.prev_hash)
    UNION ALL -- an entry in a closed day that no block seals
    SELECT 'UNSEALED', l.entry_id, l.claim_id, NULL, l.amount_fen, l.business_day
      FROM ledger l JOIN city_book k ON k.city_id = p_city
     WHERE l.city_id = p_city AND l.business_day <= k.closed_through
       AND NOT EXISTS (SELECT FROM ledger_block b WHERE b.city_id = p_city AND b.business_day = l.business_day)
    UNION ALL -- a hold and its entries
    SELECT 'HOLD', NULL, h.claim_id, h.amount_fen, coalesce(e.held, 0), NULL
      FROM hold h JOIN claim c USING (city_id, claim_id) LEFT JOIN hold_end d USING (city_id, claim_id)
      LEFT JOIN (SELECT claim_id, sum(amount_fen) FILTER (WHERE kind = 1)::bigint AS held, sum(amount_fen) FILTER (WHERE kind = 2)::bigint AS posted,
                        sum(amount_fen) FILTER (WHERE kind IN (3, 4))::bigint AS released FROM ledger WHERE city_id = p_city AND claim_id IS NOT NULL
                  GROUP BY claim_id) e USING (claim_id)
     WHERE h.city_id = p_city
       AND (h.amount_fen <> coalesce(e.held, 0) OR h.amount_fen <> c.benefit_fen OR coalesce(d.posted_fen, 0) <> coalesce(e.posted, 0)
            OR coalesce(e.released, 0) <> CASE WHEN d.claim_id IS NULL THEN 0 ELSE d.held_fen - d.posted_fen END)
    UNION ALL -- a claim's state and its hold
    SELECT 'CLAIM_STATE', NULL, c.claim_id, NULL, c.benefit_fen, NULL
      FROM claim c LEFT JOIN hold h USING (city_id, claim_id) LEFT JOIN hold_end d USING (city_id, claim_id)
     WHERE c.city_id = p_city
       AND c.state <> CASE WHEN h.claim_id IS NULL THEN 1 WHEN d.claim_id IS NULL THEN 2 WHEN d.outcome = 2 THEN 4
                           WHEN NOT EXISTS (SELECT FROM claim_line l WHERE l.city_id = p_city AND l.claim_id = c.claim_id AND l.short_quantity + l.reversed_quantity < l.quantity)
                           THEN 5 ELSE 3 END
    UNION ALL -- a claim and its lines
    SELECT 'CLAIM_LINES', NULL, c.claim_id, c.benefit_fen, l.benefit, NULL
      FROM claim c JOIN (SELECT claim_id, sum(benefit_fen)::bigint AS benefit, sum(submitted_fen)::bigint AS submitted, count(*) AS n FROM claim_line
                          WHERE city_id = p_city GROUP BY claim_id) l USING (claim_id)
     WHERE c.city_id = p_city AND (c.benefit_fen <> l.benefit OR c.submitted_fen <> l.submitted OR c.line_count <> l.n)
    UNION ALL -- what was not dispensed, by claim and by line, and what the hold ended with
    SELECT 'SHORT', NULL, c.claim_id, c.short_fen, l.short, NULL
      FROM claim c JOIN (SELECT claim_id, sum(short_fen)::bigint AS short, sum(short_member_fen)::bigint AS member FROM claim_line WHERE city_id = p_city
                          GROUP BY claim_id) l USING (claim_id)
     WHERE c.city_id = p_city AND (c.short_fen <> l.short OR c.short_member_fen <> l.member)
    UNION ALL -- what lines say was reversed, and the entries
    SELECT 'LINE_REVERSED', NULL, l.claim_id, coalesce(e.benefit, 0), l.reversed_fen, NULL
      FROM claim_line l
      LEFT JOIN (SELECT claim_id, line_no, sum(amount_fen) FILTER (WHERE kind = 7)::bigint AS benefit, sum(amount_fen) FILTER (WHERE kind = 8)::bigint AS member
                   FROM ledger WHERE city_id = p_city AND kind IN (7, 8) GROUP BY claim_id, line_no) e USING (claim_id, line_no)
     WHERE l.city_id = p_city AND (l.reversed_fen <> coalesce(e.benefit, 0) OR l.reversed_member_fen <> coalesce(e.member, 0))
    UNION ALL -- a member-year and its holds
    SELECT 'MEMBER_YEAR', NULL, y.member_id, coalesce(s.pending, 0) + coalesce(s.posted, 0), y.pending_fen + y.posted_fen, y.year_start
      FROM member_year y
      LEFT JOIN (SELECT c.member_id, c.policy, c.year_start, sum(CASE WHEN d.claim_id IS NULL THEN h.amount_fen ELSE 0 END)::bigint AS pending,
                        sum(coalesce(d.posted_fen, 0) - (SELECT sum(l.reversed_fen) FROM claim_line l WHERE l.city_id = p_city
                                                            AND l.claim_id = c.claim_id))::bigint AS posted
                   FROM claim c JOIN hold h USING (city_id, claim_id) LEFT JOIN hold_end d USING (city_id, claim_id)
                  WHERE c.city_id = p_city GROUP BY c.member_id, c.policy, c.year_start) s USING (member_id, policy, year_start)
     WHERE y.city_id = p_city AND (y.pending_fen <> coalesce(s.pending, 0) OR y.posted_fen <> coalesce(s.posted, 0))
$$;
