-- Plans that stay right as tables grow. The daemon plans once a connection (plan_cache_mode), and a plan made when a table had a few pages reads it whole for every
-- posting when it has a million. Every look-up in these functions is by a key, so nested loops over indexes are right at any size.
SET LOCAL ROLE meddispatch_owner;

-- As in 0008_speed.sql; what a posting rarely does (open an account, reverse an entry) is asked before it is begun.
CREATE OR REPLACE FUNCTION ledger_write(p_city integer, p_at_ms bigint[], p_kind smallint[], p_debit_kind smallint[], p_debit_owner text[],
                             p_credit_kind smallint[], p_credit_owner text[], p_amount bigint[], p_claim bigint[], p_line smallint[],
                             p_order bigint[], p_reverses bigint[], p_source text[], p_key text[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_closed date;
    v_shift integer;
    v_fresh integer;
    v_reversed integer;
    v_reverses bigint[];
    v_amounts bigint[];
BEGIN
    IF coalesce(cardinality(p_kind), 0) = 0 THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(7060403, p_city);
    SELECT b.closed_through, c.utc_offset_s + 86400 - b.cut_off_s INTO v_closed, v_shift
      FROM city_book b JOIN city c USING (city_id) WHERE b.city_id = p_city;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'city % has no books', p_city USING ERRCODE = 'MD004';
    END IF;
    -- most accounts are there: to ask is cheaper than to begin an insert that has nothing to do
    IF EXISTS (SELECT FROM unnest(p_debit_kind, p_debit_owner) AS e(kind, owner)
                WHERE (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = e.kind AND a.owner = e.owner) IS NULL)
       OR EXISTS (SELECT FROM unnest(p_credit_kind, p_credit_owner) AS e(kind, owner)
                   WHERE (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = e.kind AND a.owner = e.owner) IS NULL) THEN
        INSERT INTO account (city_id, kind, owner)
            SELECT p_city, s.kind, s.owner
              FROM (SELECT unnest(p_debit_kind) AS kind, unnest(p_debit_owner) AS owner UNION SELECT unnest(p_credit_kind), unnest(p_credit_owner)) s
             WHERE (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = s.kind AND a.owner = s.owner) IS NULL
             ORDER BY s.kind, s.owner
            ON CONFLICT (city_id, kind, owner) DO NOTHING;
    END IF;
    -- MATERIALIZED: each entry gets its id once. A key that another transaction writes meanwhile breaks the unique key and with it this posting.
    WITH entry AS MATERIALIZED (
        SELECT e.*, (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = e.debit_kind AND a.owner = e.debit_owner) AS debit,
               (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = e.credit_kind AND a.owner = e.credit_owner) AS credit,
               nextval('ledger_entry_seq') AS entry_id,
               greatest(DATE '1970-01-01' + div(e.at_ms / 1000 + v_shift, 86400)::integer, v_closed + 1) AS business_day
          FROM unnest(p_at_ms, p_kind, p_debit_kind, p_debit_owner, p_credit_kind, p_credit_owner, p_amount, p_claim, p_line, p_order, p_reverses,
                      p_source, p_key)
               AS e(at_ms, kind, debit_kind, debit_owner, credit_kind, credit_owner, amount, claim, line, ord, reverses, source, key)
         WHERE (SELECT k.entry_id FROM ledger_key k WHERE k.city_id = p_city AND k.source = e.source AND k.idempotency_key = e.key) IS NULL
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
    )
    SELECT (SELECT count(*) FROM fresh), r.entries, r.amounts INTO v_fresh, v_reverses, v_amounts
      FROM (SELECT array_agg(reverses_entry) AS entries, array_agg(amount_fen) AS amounts FROM posted WHERE reverses_entry IS NOT NULL) r;
    IF v_reverses IS NOT NULL THEN
        UPDATE ledger_key k SET reversed_fen = k.reversed_fen + r.amount_fen
          FROM (SELECT e.entry, sum(e.amount)::bigint AS amount_fen FROM unnest(v_reverses, v_amounts) AS e(entry, amount) GROUP BY e.entry) r
         WHERE k.city_id = p_city AND k.entry_id = r.entry AND k.entry_id = ANY (v_reverses);
        GET DIAGNOSTICS v_reversed = ROW_COUNT;
        IF v_reversed <> (SELECT count(DISTINCT e) FROM unnest(v_reverses) e) THEN
            RAISE EXCEPTION 'an entry to be reversed does not exist' USING ERRCODE = 'MD004';
        END IF;
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

DO $$
DECLARE
    f regprocedure;
    setting text;
BEGIN
    FOR f IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                AND proname IN ('ledger_write', 'hold_open', 'hold_end', 'lab_report', 'late_credit', 'claim_reverse', 'claim_short', 'intake_lock') LOOP
        FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_material'] LOOP
            EXECUTE format('ALTER FUNCTION %s SET %s = off', f, setting);
        END LOOP;
    END LOOP;
END $$;
