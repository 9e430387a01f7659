-- Who may do what, and the functions through which money moves.
--
-- Each function is SECURITY DEFINER with a fixed search_path. Errors a caller should understand carry these SQLSTATEs:
--   MD001 same idempotency key, other content   MD002 the state forbids it   MD003 more than there is   MD004 no such thing
SET LOCAL ROLE meddispatch_owner;

-- ---- partitions ----
CREATE FUNCTION partitions_ahead(p_from date, p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date;
    next date;
    made integer := 0;
BEGIN
    IF p_months NOT BETWEEN 1 AND 240 OR p_from NOT BETWEEN DATE '2000-01-01' AND DATE '2200-01-01' THEN
        RAISE EXCEPTION 'partitions_ahead: % months from % is out of range', p_months, p_from USING ERRCODE = 'MD003';
    END IF;
    PERFORM pg_advisory_xact_lock(7060401);
    FOR i IN 0 .. p_months - 1 LOOP
        first := (date_trunc('month', p_from) + make_interval(months => i))::date;
        next := (first + interval '1 month')::date;
        IF to_regclass('order_event_' || to_char(first, 'YYYYMM')) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF order_event FOR VALUES FROM (%s) TO (%s)', 'order_event_' || to_char(first, 'YYYYMM'),
                           (first - DATE '1970-01-01') * 86400000::bigint, (next - DATE '1970-01-01') * 86400000::bigint);
            EXECUTE format('CREATE TABLE %I PARTITION OF ledger FOR VALUES FROM (%L) TO (%L)', 'ledger_' || to_char(first, 'YYYYMM'), first, next);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
SELECT partitions_ahead(DATE '2026-01-01', 24);

-- ---- ledger ----
-- Canonical, length-prefixed bytes of a row; 0 stands for "none" in references (no id is 0).
CREATE FUNCTION ledger_row_hash(p_city integer, p_entry bigint, p_day date, p_at_ms bigint, p_kind smallint, p_debit bigint, p_credit bigint,
                                p_amount bigint, p_currency text, p_claim bigint, p_line smallint, p_order bigint, p_reverses bigint,
                                p_source text, p_key text) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(int4send(p_city) || int8send(p_entry) || int4send(p_day - DATE '1970-01-01') || int8send(p_at_ms) || int2send(p_kind)
                  || int8send(p_debit) || int8send(p_credit) || int8send(p_amount) || int4send(octet_length(p_currency)) || convert_to(p_currency, 'UTF8')
                  || int8send(coalesce(p_claim, 0)) || int2send(coalesce(p_line, 0::smallint)) || int8send(coalesce(p_order, 0))
                  || int8send(coalesce(p_reverses, 0)) || int4send(octet_length(p_source)) || convert_to(p_source, 'UTF8')
                  || int4send(octet_length(p_key)) || convert_to(p_key, 'UTF8'))
$$;
CREATE FUNCTION ledger_request_hash(p_kind smallint, p_debit_kind smallint, p_debit_owner text, p_credit_kind smallint, p_credit_owner text,
                                    p_amount bigint, p_claim bigint, p_line smallint, p_order bigint, p_reverses bigint) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(int2send(p_kind) || int2send(p_debit_kind) || int4send(octet_length(p_debit_owner)) || convert_to(p_debit_owner, 'UTF8')
                  || int2send(p_credit_kind) || int4send(octet_length(p_credit_owner)) || convert_to(p_credit_owner, 'UTF8') || int8send(p_amount)
                  || int8send(coalesce(p_claim, 0)) || int2send(coalesce(p_line, 0::smallint)) || int8send(coalesce(p_order, 0))
                  || int8send(coalesce(p_reverses, 0)))
$$;

-- The only statement in the house that inserts into ledger. Arrays run in parallel, one element an entry. A key already used with the same content
-- writes nothing; with other content it is an error. The business day is the posting's local date with the book's cut-off, or the next open day.
-- The book is held FOR SHARE: no day can close under a posting. Returns how many entries were new.
CREATE FUNCTION ledger_write(p_city integer, p_at_ms bigint[], p_kind smallint[], p_debit_kind smallint[], p_debit_owner text[],
                             p_credit_kind smallint[], p_credit_owner text[], p_amount bigint[], p_claim bigint[], p_line smallint[],
                             p_order bigint[], p_reverses bigint[], p_source text[], p_key text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_closed date;
    v_shift integer;
    v_fresh integer;
    v_reversed integer;
    v_reversing integer;
BEGIN
    IF coalesce(cardinality(p_kind), 0) = 0 THEN
        RETURN 0;
    END IF;
    SELECT b.closed_through, c.utc_offset_s + 86400 - b.cut_off_s INTO v_closed, v_shift
      FROM city_book b JOIN city c USING (city_id) WHERE b.city_id = p_city FOR SHARE OF b;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'city % has no books', p_city USING ERRCODE = 'MD004';
    END IF;
    INSERT INTO account (city_id, kind, owner)
        SELECT p_city, s.kind, s.owner
          FROM (SELECT unnest(p_debit_kind) AS kind, unnest(p_debit_owner) AS owner UNION SELECT unnest(p_credit_kind), unnest(p_credit_owner)) s
         WHERE NOT EXISTS (SELECT FROM account a WHERE a.city_id = p_city AND a.kind = s.kind AND a.owner = s.owner)
         ORDER BY s.kind, s.owner
        ON CONFLICT (city_id, kind, owner) DO NOTHING;
    -- MATERIALIZED: each entry gets its id once. A key that another transaction writes meanwhile breaks the unique key and with it this posting.
    WITH entry AS MATERIALIZED (
        SELECT e.*, d.account_id AS debit, c.account_id AS credit, nextval('ledger_entry_seq') AS entry_id,
               greatest(DATE '1970-01-01' + div(e.at_ms / 1000 + v_shift, 86400)::integer, v_closed + 1) AS business_day
          FROM unnest(p_at_ms, p_kind, p_debit_kind, p_debit_owner, p_credit_kind, p_credit_owner, p_amount, p_claim, p_line, p_order, p_reverses,
                      p_source, p_key)
               AS e(at_ms, kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, claim, line, ord, reverses, source, key)
          JOIN account d ON d.city_id = p_city AND d.kind = e.debit_kind AND d.owner = e.debit_owner
          JOIN account c ON c.city_id = p_city AND c.kind = e.credit_kind AND c.owner = e.credit_owner
         WHERE NOT EXISTS (SELECT FROM ledger_key k WHERE k.city_id = p_city AND k.source = e.source AND k.idempotency_key = e.key)
    ), fresh AS (
        INSERT INTO ledger_key (city_id, source, idempotency_key, request_hash, entry_id, business_day, amount_fen)
        SELECT p_city, source, key,
               ledger_request_hash(kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, claim, line, ord, reverses),
               entry_id, business_day, amount
          FROM entry
        RETURNING 1
    ), posted AS (
        INSERT INTO ledger (city_id, entry_id, business_day, at_ms, kind, debit_account, credit_account, amount_fen, claim_id, line_no, order_id,
                            reverses_entry, source, idempotency_key, row_hash)
        SELECT p_city, e.entry_id, e.business_day, e.at_ms, e.kind, e.debit, e.credit, e.amount, e.claim, e.line, e.ord, e.reverses, e.source, e.key,
               ledger_row_hash(p_city, e.entry_id, e.business_day, e.at_ms, e.kind, e.debit, e.credit, e.amount, 'CNY', e.claim, e.line, e.ord,
                               e.reverses, e.source, e.key)
          FROM entry e
        RETURNING reverses_entry, amount_fen
    ), reversing AS (
        SELECT reverses_entry, sum(amount_fen) AS amount_fen FROM posted WHERE reverses_entry IS NOT NULL GROUP BY reverses_entry
    ), reversed AS (
        UPDATE ledger_key k SET reversed_fen = k.reversed_fen + r.amount_fen
          FROM reversing r WHERE k.city_id = p_city AND k.entry_id = r.reverses_entry
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM reversed), (SELECT count(*) FROM reversing) INTO v_fresh, v_reversed, v_reversing;
    IF v_reversed <> v_reversing THEN
        RAISE EXCEPTION 'an entry to be reversed does not exist' USING ERRCODE = 'MD004';
    END IF;
    IF v_fresh < cardinality(p_kind) AND EXISTS (
        SELECT FROM unnest(p_kind, p_debit_kind, p_debit_owner, p_credit_kind, p_credit_owner, p_amount, p_claim, p_line, p_order, p_reverses, p_source,
                           p_key) AS e(kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, claim, line, ord, reverses, source, key)
          LEFT JOIN ledger_key k ON k.city_id = p_city AND k.source = e.source AND k.idempotency_key = e.key
         WHERE k.request_hash IS DISTINCT FROM
               ledger_request_hash(e.kind, e.debit_kind, e.debit_owner, e.credit_kind, e.credit_owner, e.amount, e.claim, e.line, e.ord, e.reverses)) THEN
        RAISE EXCEPTION 'a ledger key was used before with another entry' USING ERRCODE = 'MD001';
    END IF;
    RETURN v_fresh;
END $$;

-- ---- what intake needs: who is covered by what, and the member-year row under lock ----
CREATE FUNCTION intake_lookup(p_city integer[], p_member text[], p_service_ms bigint[])
RETURNS TABLE (ord integer, city_id integer, utc_offset_s integer, member_id bigint, birth_day integer, sex text, policy text, from_day integer,
               to_day integer, inception_day integer, renewal boolean, plan text, plan_version integer, year_start date)
LANGUAGE sql STABLE AS $$
    SELECT e.ord::integer, e.city, c.utc_offset_s, m.member_id, m.birth - DATE '1970-01-01', m.sex, p.policy, p.valid_from - DATE '1970-01-01',
           p.valid_to - DATE '1970-01-01', p.inception - DATE '1970-01-01', p.renewal, p.plan, v.version,
           (p.valid_from + make_interval(years => extract(year FROM age(d.day, p.valid_from))::integer))::date
      FROM unnest(p_city, p_member, p_service_ms) WITH ORDINALITY AS e(city, member, service_ms, ord)
      LEFT JOIN city c ON c.city_id = e.city
      LEFT JOIN LATERAL (SELECT DATE '1970-01-01' + div(e.service_ms / 1000 + c.utc_offset_s, 86400)::integer AS day) d ON true
      LEFT JOIN member m ON m.city_id = e.city AND m.code = e.member
      LEFT JOIN LATERAL (SELECT q.* FROM policy q
                          WHERE q.city_id = e.city AND q.member_id = m.member_id AND q.known_to_ms = 0 AND q.valid_from <= d.day AND d.day < q.valid_to
                          ORDER BY q.valid_from DESC, q.policy LIMIT 1) p ON true
      LEFT JOIN LATERAL (SELECT w.version FROM plan_version w
                          WHERE w.city_id = e.city AND w.plan = p.plan AND w.valid_from_ms <= e.service_ms
                            AND (w.valid_to_ms = 0 OR e.service_ms < w.valid_to_ms)
                          ORDER BY w.version DESC LIMIT 1) v ON true
$$;
-- Open the missing member-year accounts and lock all of them in one order, so that two batches never wait for each other in a ring.
CREATE FUNCTION intake_lock(p_city integer[], p_member text[], p_service_ms bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_locked integer;
BEGIN
    INSERT INTO member_year (city_id, member_id, policy, year_start, limit_fen, deductible_fen, count_max)
        SELECT l.city_id, l.member_id, l.policy, l.year_start, v.year_limit_fen, v.deductible_year_fen,
               ARRAY(SELECT coalesce(b.count_max, 0) FROM generate_series(1, 3) g LEFT JOIN plan_benefit b
                         ON b.city_id = l.city_id AND b.plan = l.plan AND b.version = l.plan_version AND b.benefit = g ORDER BY g)
          FROM (SELECT DISTINCT i.city_id, i.member_id, i.policy, i.year_start, i.plan, i.plan_version
                  FROM intake_lookup(p_city, p_member, p_service_ms) i WHERE i.policy IS NOT NULL AND i.plan_version IS NOT NULL) l
          JOIN plan_version v ON v.city_id = l.city_id AND v.plan = l.plan AND v.version = l.plan_version
         WHERE NOT EXISTS (SELECT FROM member_year y WHERE y.city_id = l.city_id AND y.member_id = l.member_id AND y.policy = l.policy
                              AND y.year_start = l.year_start)
         ORDER BY l.city_id, l.member_id, l.policy, l.year_start
        ON CONFLICT DO NOTHING;
    SELECT count(*) INTO v_locked FROM (
        SELECT 1 FROM member_year y
          JOIN (SELECT DISTINCT i.city_id, i.member_id, i.policy, i.year_start FROM intake_lookup(p_city, p_member, p_service_ms) i
                 WHERE i.policy IS NOT NULL) l
            ON y.city_id = l.city_id AND y.member_id = l.member_id AND y.policy = l.policy AND y.year_start = l.year_start
         ORDER BY y.city_id, y.member_id, y.policy, y.year_start FOR UPDATE OF y) locked;
    RETURN v_locked;
END $$;

-- ---- holds ----
-- Set the benefit of decided claims aside. Amounts come from the claims themselves.
CREATE FUNCTION hold_open(p_city integer, p_claim bigint[], p_at_ms bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    INSERT INTO hold (city_id, claim_id, amount_fen, at_ms)
        SELECT city_id, claim_id, benefit_fen, p_at_ms FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim) AND state = 2;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count <> cardinality(p_claim) THEN
        RAISE EXCEPTION 'a claim to hold for is not in state HELD' USING ERRCODE = 'MD002';
    END IF;
    WITH part AS (
        SELECT member_id, policy, year_start, sum(benefit_fen) AS benefit_fen, sum(deductible_year_fen) AS deductible_fen,
               count(*) FILTER (WHERE benefit = 1 AND benefit_fen > 0) AS n1, count(*) FILTER (WHERE benefit = 2 AND benefit_fen > 0) AS n2,
               count(*) FILTER (WHERE benefit = 3 AND benefit_fen > 0) AS n3
          FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim) GROUP BY member_id, policy, year_start
    ), done AS (
        UPDATE member_year y
           SET pending_fen = y.pending_fen + part.benefit_fen, deductible_used_fen = y.deductible_used_fen + part.deductible_fen,
               count_used = ARRAY[y.count_used[1] + part.n1, y.count_used[2] + part.n2, y.count_used[3] + part.n3]
          FROM part WHERE y.city_id = p_city AND y.member_id = part.member_id AND y.policy = part.policy AND y.year_start = part.year_start
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM part) - (SELECT count(*) FROM done) INTO v_count;
    IF v_count <> 0 THEN
        RAISE EXCEPTION 'a claim has no member-year account' USING ERRCODE = 'MD004';
    END IF;
    RETURN (SELECT ledger_write(p_city, array_agg(p_at_ms), array_agg(1::smallint), array_agg(1::smallint), array_agg(''::text), array_agg(2::smallint),
                                array_agg(member_id::text), array_agg(benefit_fen), array_agg(claim_id), array_agg(NULL::smallint), array_agg(order_id),
                                array_agg(NULL::bigint), array_agg('claim'::text), array_agg('hold:' || claim_id))
              FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim) AND benefit_fen > 0);
END $$;

-- End holds. outcome 1: post to the payee; 2: void; 3: post as a laboratory's accrual, payable on report. posted NULL: all that was held; what is
-- not posted is released. payee NULL: the claim's. A hold that has ended cannot end again (primary key of hold_end).
CREATE FUNCTION hold_end(p_city integer, p_claim bigint[], p_outcome smallint[], p_posted bigint[], p_payee text[], p_at_ms bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_count integer;
BEGIN
    PERFORM 1 FROM member_year y
       JOIN (SELECT DISTINCT member_id, policy, year_start FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim)) c
         ON y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start
      ORDER BY y.city_id, y.member_id, y.policy, y.year_start FOR UPDATE OF y;
    INSERT INTO hold_end (city_id, claim_id, outcome, held_fen, posted_fen, at_ms)
        SELECT p_city, h.claim_id, e.outcome, h.amount_fen, CASE WHEN e.outcome = 2 THEN 0 ELSE coalesce(e.posted, h.amount_fen) END, e.at_ms
          FROM unnest(p_claim, p_outcome, p_posted, p_at_ms) AS e(claim_id, outcome, posted, at_ms)
          JOIN hold h ON h.city_id = p_city AND h.claim_id = e.claim_id;
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
                     (5::smallint, 5::smallint, c.member_id::text, 6::smallint, c.payee, CASE WHEN h.outcome = 2 THEN 0 ELSE c.member_fen END,
                      NULL::bigint, 'share:'))
                     AS x(kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, reverses, prefix)
                 WHERE h.city_id = p_city AND h.claim_id = ANY (p_claim) AND x.amount > 0) entry);
END $$;

-- The laboratory has reported: what was accrued and not reversed becomes payable. Claims without an accrual, or reported before, are passed over.
CREATE FUNCTION lab_report(p_city integer, p_claim bigint[], p_at_ms bigint[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM claim WHERE city_id = p_city AND claim_id = ANY (p_claim) ORDER BY claim_id FOR UPDATE; -- a reversal must see one side or the other
    RETURN (
        SELECT ledger_write(p_city, array_agg(at_ms), array_agg(6::smallint), array_agg(4::smallint), array_agg(payee), array_agg(3::smallint),
                            array_agg(payee), array_agg(amount), array_agg(claim_id), array_agg(NULL::smallint), array_agg(order_id),
                            array_agg(NULL::bigint), array_agg('claim'::text), array_agg('report:' || claim_id))
          FROM (SELECT c.claim_id, c.order_id, c.payee, e.at_ms, h.posted_fen - (SELECT sum(l.reversed_fen) FROM claim_line l
                                                                       WHERE l.city_id = p_city AND l.claim_id = c.claim_id)::bigint AS amount
                  FROM unnest(p_claim, p_at_ms) AS e(claim_id, at_ms)
                  JOIN claim c ON c.city_id = p_city AND c.claim_id = e.claim_id
                  JOIN hold_end h ON h.city_id = p_city AND h.claim_id = e.claim_id AND h.outcome = 3
                 WHERE NOT EXISTS (SELECT FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim'
                                      AND k.idempotency_key = 'report:' || e.claim_id)) r WHERE amount > 0);
END $$;

-- A missed promise: the plan's fixed amount to the member, once an order.
CREATE FUNCTION late_credit(p_city integer, p_order bigint[], p_at_ms bigint[]) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT ledger_write(p_city, array_agg(e.at_ms), array_agg(9::smallint), array_agg(1::smallint), array_agg(''::text), array_agg(7::smallint),
                        array_agg(c.member_id::text), array_agg(v.late_fen), array_agg(c.claim_id), array_agg(NULL::smallint), array_agg(c.order_id),
                        array_agg(NULL::bigint), array_agg('claim'::text), array_agg('late:' || c.order_id))
      FROM unnest(p_order, p_at_ms) AS e(order_id, at_ms)
      JOIN claim c ON c.city_id = p_city AND c.order_id = e.order_id AND c.state IN (2, 3)
      JOIN plan_version v ON v.city_id = p_city AND v.plan = c.plan AND v.version = c.plan_version
     WHERE v.late_fen > 0
       AND NOT EXISTS (SELECT FROM ledger_key k WHERE k.city_id = p_city AND k.source = 'claim' AND k.idempotency_key = 'late:' || c.order_id)
$$;

-- Units of a line come back after posting. See DOMAIN §2 for the formula. Returns what this reversal took back.
CREATE FUNCTION claim_reverse(p_city integer, p_claim bigint, p_line smallint, p_quantity integer, p_source text, p_key text, p_actor text, p_reason text,
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
    IF c.state <> 3 THEN
        RAISE EXCEPTION 'only a posted claim can be reversed' USING ERRCODE = 'MD002';
    END IF;
    PERFORM 1 FROM member_year y WHERE y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start FOR UPDATE;
    SELECT * INTO l FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such line' USING ERRCODE = 'MD004';
    END IF;
    IF p_quantity < 1 OR p_quantity > l.quantity - l.reversed_quantity THEN
        RAISE EXCEPTION 'more would come back than was given out' USING ERRCODE = 'MD003';
    END IF;
    v_q := l.reversed_quantity + p_quantity;
    benefit_fen := (l.benefit_fen * v_q + l.quantity / 2) / l.quantity - l.reversed_fen;
    member_fen := (l.member_fen * v_q + l.quantity / 2) / l.quantity - l.reversed_member_fen;
    repeated := false;
    INSERT INTO claim_reversal VALUES (p_city, p_source, p_key, p_claim, p_line, p_quantity, benefit_fen, member_fen, p_actor, p_reason, p_at_ms);
    UPDATE claim_line x SET reversed_quantity = v_q, reversed_fen = x.reversed_fen + claim_reverse.benefit_fen,
                            reversed_member_fen = x.reversed_member_fen + claim_reverse.member_fen
     WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.line_no = p_line;
    UPDATE member_year y SET posted_fen = y.posted_fen - claim_reverse.benefit_fen
     WHERE y.city_id = p_city AND y.member_id = c.member_id AND y.policy = c.policy AND y.year_start = c.year_start;
    IF NOT EXISTS (SELECT FROM claim_line x WHERE x.city_id = p_city AND x.claim_id = p_claim AND x.reversed_quantity < x.quantity) THEN
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

-- ---- settlement ----
-- kind 10 PAYOUT: payable -> bank; 11 CARRY: recovery -> payable; 12 RECOVER: payable -> recovery; 13 PAYOUT_FAILED: bank -> payable.
CREATE FUNCTION settlement_post(p_city integer, p_at_ms bigint[], p_kind smallint[], p_payee text[], p_amount bigint[], p_key text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(p_kind) AS k(kind) WHERE k.kind IS NULL OR k.kind NOT BETWEEN 10 AND 13) THEN
        RAISE EXCEPTION 'settlement may not write this kind of entry' USING ERRCODE = 'MD002';
    END IF;
    RETURN (SELECT ledger_write(p_city, array_agg(at_ms), array_agg(kind), array_agg(CASE kind WHEN 11 THEN 8 WHEN 13 THEN 9 ELSE 3 END::smallint),
                                array_agg(CASE kind WHEN 13 THEN '' ELSE payee END), array_agg(CASE kind WHEN 10 THEN 9 WHEN 12 THEN 8 ELSE 3 END::smallint),
                                array_agg(CASE kind WHEN 10 THEN '' ELSE payee END), array_agg(amount), array_agg(NULL::bigint), array_agg(NULL::smallint),
                                array_agg(NULL::bigint), array_agg(NULL::bigint), array_agg('settle'::text), array_agg(key))
              FROM unnest(p_at_ms, p_kind, p_payee, p_amount, p_key) AS e(at_ms, kind, payee, amount, key));
END $$;

CREATE FUNCTION ledger_block_hash(p_city integer, p_day date, p_prev bytea) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(p_prev || int4send(p_day - DATE '1970-01-01') || int8send(count(*)) || coalesce(string_agg(row_hash, ''::bytea ORDER BY entry_id), ''))
      FROM ledger WHERE city_id = p_city AND business_day = p_day
$$;

-- Close every day up to p_through and seal each in the chain. Waits for postings under way; later postings find the next open day.
CREATE FUNCTION business_day_close(p_city integer, p_through date, p_by text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_closed date;
    v_first date;
    v_day date;
    v_prev bytea;
    v_count integer := 0;
BEGIN
    SELECT closed_through INTO v_closed FROM city_book WHERE city_id = p_city FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'city % has no books', p_city USING ERRCODE = 'MD004';
    END IF;
    IF p_through <= v_closed THEN
        RETURN 0;
    END IF;
    SELECT hash INTO v_prev FROM ledger_block WHERE city_id = p_city ORDER BY business_day DESC LIMIT 1;
    v_prev := coalesce(v_prev, decode(repeat('00', 32), 'hex'));
    -- the first close ever begins at the first day with an entry; then there are no gaps
    IF EXISTS (SELECT FROM business_day WHERE city_id = p_city) THEN
        v_first := v_closed + 1;
    ELSE
        SELECT least(min(business_day), p_through) INTO v_first FROM ledger WHERE city_id = p_city;
    END IF;
    IF p_through - v_first > 3660 THEN
        RAISE EXCEPTION 'more than ten years at once' USING ERRCODE = 'MD003';
    END IF;
    UPDATE city_book SET closed_through = p_through WHERE city_id = p_city;
    FOR v_day IN SELECT v_first + g FROM generate_series(0, p_through - v_first) g ORDER BY 1 LOOP
        INSERT INTO business_day (city_id, day, closed_by) VALUES (p_city, v_day, p_by);
        INSERT INTO ledger_block (city_id, business_day, entry_count, amount_fen, prev_hash, hash)
            SELECT p_city, v_day, count(*), coalesce(sum(amount_fen), 0), v_prev, ledger_block_hash(p_city, v_day, v_prev)
              FROM ledger WHERE city_id = p_city AND business_day = v_day
            RETURNING hash INTO v_prev;
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;

-- Everything that is wrong in a city's books; no rows: they are sound. Reads all of them, so it runs nightly or on demand, not per order.
CREATE FUNCTION ledger_faults(p_city integer)
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
                           WHEN NOT EXISTS (SELECT FROM claim_line l WHERE l.city_id = p_city AND l.claim_id = c.claim_id AND l.reversed_quantity < l.quantity)
                           THEN 5 ELSE 3 END
    UNION ALL -- a claim and its lines
    SELECT 'CLAIM_LINES', NULL, c.claim_id, c.benefit_fen, l.benefit, NULL
      FROM claim c JOIN (SELECT claim_id, sum(benefit_fen)::bigint AS benefit, sum(submitted_fen)::bigint AS submitted, count(*) AS n FROM claim_line
                          WHERE city_id = p_city GROUP BY claim_id) l USING (claim_id)
     WHERE c.city_id = p_city AND (c.benefit_fen <> l.benefit OR c.submitted_fen <> l.submitted OR c.line_count <> l.n)
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

-- Young tables have no statistics, and every key begins with city_id: without them the planner takes any index by city_id alone and reads the whole
-- city for one row. So the daemon asks for statistics while the tables grow; later autovacuum keeps them.
CREATE FUNCTION statistics_refresh() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(7060402) THEN
        RETURN false; -- somebody else is at it
    END IF;
    ANALYZE orders, order_line, order_contact, prescription_use, outbox, claim, claim_line, hold, hold_end, account, ledger_key, member, member_year, policy,
            product, test, facility, plan_version, plan_benefit;
    RETURN true;
END $$;

-- ---- grants: what is not listed is not allowed ----
DO $$
DECLARE
    t regclass;
BEGIN
    -- partitions are reached through their parents alone
    FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                AND relowner = 'meddispatch_owner'::regrole LOOP
        EXECUTE format('GRANT SELECT ON %s TO meddispatch_app, meddispatch_settlement, meddispatch_reader', t);
    END LOOP;
END $$;
REVOKE SELECT ON order_contact, access_log FROM meddispatch_settlement, meddispatch_reader;
REVOKE SELECT ON payee FROM meddispatch_app, meddispatch_reader;
REVOKE SELECT ON access_log FROM meddispatch_app;
GRANT USAGE ON SEQUENCE order_id_seq, claim_id_seq, intake_event_seq TO meddispatch_app;

GRANT INSERT ON city, plan, plan_version, plan_benefit, member, policy, product, test, facility, lab_test, courier, prescriber_barred, orders, order_line,
    order_contact, prescription_use, outbox, access_log, order_event, world_snapshot, claim, claim_line, city_epoch, city_beat, city_stream
    TO meddispatch_app;
GRANT INSERT (city_id, cut_off_s) ON city_book TO meddispatch_app;
GRANT UPDATE (name) ON city TO meddispatch_app;
GRANT UPDATE (epoch, holder) ON city_epoch TO meddispatch_app;
GRANT UPDATE (epoch, lease_till) ON city_beat TO meddispatch_app;
GRANT UPDATE (last_seq) ON city_stream TO meddispatch_app;
GRANT UPDATE (name) ON plan TO meddispatch_app;
GRANT UPDATE (valid_to_ms) ON plan_version, product, test TO meddispatch_app;
GRANT UPDATE (birth, sex) ON member TO meddispatch_app;
GRANT UPDATE (known_to_ms) ON policy TO meddispatch_app;
GRANT UPDATE (kind, name, lat_e7, lon_e7, open_min, close_min, service_s, prep_s, payee, contracted, active) ON facility TO meddispatch_app;
GRANT UPDATE (name, relay_phone, skills, volume_ml_max, cold_ml_max, kits_preloaded, active) ON courier TO meddispatch_app;
GRANT UPDATE (phase, version, lab_id, courier_id, ready_ms, eta_ms, ended_ms, late, unplanned, reason, pharmacist) ON orders TO meddispatch_app;
GRANT DELETE ON outbox, prescription_use, lab_test, world_snapshot, prescriber_barred TO meddispatch_app;

GRANT INSERT ON payout_batch, payout_item, recon_run, recon_exception, payee TO meddispatch_settlement;
GRANT UPDATE (state, approved_by, file_name, file_sha256, bank_ref, changed_at) ON payout_batch TO meddispatch_settlement;
GRANT UPDATE (owner, closed_at, resolution) ON recon_exception TO meddispatch_settlement;
GRANT UPDATE (name, account, bank) ON payee TO meddispatch_settlement;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intake_lookup, intake_lock, hold_open, hold_end, lab_report, late_credit, claim_reverse, partitions_ahead, statistics_refresh
    TO meddispatch_app;
GRANT EXECUTE ON FUNCTION settlement_post, business_day_close TO meddispatch_settlement;
GRANT EXECUTE ON FUNCTION ledger_row_hash, ledger_block_hash, ledger_faults, intake_lookup TO meddispatch_app, meddispatch_settlement, meddispatch_reader;
