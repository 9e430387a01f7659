-- The books at the speed of the database: no row that every posting locks, look-ups that no planner can turn into joins, claims
-- that change in place.
--
-- A posting used to lock three rows that all others lock as well: the book (FOR SHARE), the city and the insurer's fund (foreign keys). Many lockers of one row make a
-- new multixact each. Now a posting holds the book by a shared advisory lock, which closing takes alone; and the ledger's accounts are no foreign keys: ledger_write finds
-- or makes both accounts in the same statement, nobody can delete one, and ledger_faults (ACCOUNT) tells if the owner did.
SET LOCAL ROLE meddispatch_owner;

ALTER TABLE ledger DROP CONSTRAINT ledger_city_id_debit_account_fkey;
ALTER TABLE ledger DROP CONSTRAINT ledger_city_id_credit_account_fkey;
ALTER TABLE ledger_key DROP CONSTRAINT ledger_key_city_id_fkey;
-- Where a table is young and all keys begin with city_id, the planner finds them equally good and takes the older index; a plan made then is kept. So the index that every
-- posting asks must be the older one.
ALTER TABLE account DROP CONSTRAINT account_pkey;
ALTER TABLE account ADD PRIMARY KEY (city_id, account_id);
ALTER TABLE ledger DROP CONSTRAINT ledger_city_id_reverses_entry_fkey;
ALTER TABLE payout_item DROP CONSTRAINT payout_item_city_id_entry_id_fkey;
ALTER TABLE ledger_key DROP CONSTRAINT ledger_key_pkey;
ALTER TABLE ledger_key ADD PRIMARY KEY (city_id, entry_id);
ALTER TABLE ledger ADD FOREIGN KEY (city_id, reverses_entry) REFERENCES ledger_key;
ALTER TABLE payout_item ADD FOREIGN KEY (city_id, entry_id) REFERENCES ledger_key;
-- a claim's state and payee change once or twice; with room on its page no index hears of it
ALTER TABLE claim SET (fillfactor = 75);
ALTER TABLE claim_line SET (fillfactor = 90);
ALTER TABLE ledger_key SET (fillfactor = 90);

-- As in 0002_money.sql. Accounts and keys are asked for one by one, each by its unique index: a plan made while the tables were empty is right when they are full.
CREATE OR REPLACE FUNCTION ledger_write(p_city integer, p_at_ms bigint[], p_kind smallint[], p_debit_kind smallint[], p_debit_owner text[],
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
    PERFORM pg_advisory_xact_lock_shared(7060403, p_city);
    SELECT b.closed_through, c.utc_offset_s + 86400 - b.cut_off_s INTO v_closed, v_shift
      FROM city_book b JOIN city c USING (city_id) WHERE b.city_id = p_city;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'city % has no books', p_city USING ERRCODE = 'MD004';
    END IF;
    INSERT INTO account (city_id, kind, owner)
        SELECT p_city, s.kind, s.owner
          FROM (SELECT unnest(p_debit_kind) AS kind, unnest(p_debit_owner) AS owner UNION SELECT unnest(p_credit_kind), unnest(p_credit_owner)) s
         WHERE (SELECT a.account_id FROM account a WHERE a.city_id = p_city AND a.kind = s.kind AND a.owner = s.owner) IS NULL
         ORDER BY s.kind, s.owner
        ON CONFLICT (city_id, kind, owner) DO NOTHING;
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
    ), reversing AS (
        SELECT reverses_entry, sum(amount_fen) AS amount_fen FROM posted WHERE reverses_entry IS NOT NULL GROUP BY reverses_entry
    ), reversed AS (
        UPDATE ledger_key k SET reversed_fen = k.reversed_fen + r.amount_fen
          FROM reversing r WHERE k.city_id = p_city AND k.entry_id = r.reverses_entry AND k.entry_id = ANY (ARRAY(SELECT x.reverses_entry FROM reversing x))
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

CREATE OR REPLACE FUNCTION business_day_close(p_city integer, p_through date, p_by text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_closed date;
    v_first date;
    v_day date;
    v_prev bytea;
    v_count integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(7060403, p_city); -- waits for postings under way, and they for us
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

-- As in 0007_fates.sql, with ACCOUNT.
CREATE OR REPLACE FUNCTION ledger_faults(p_city integer)
RETURNS TABLE (what text, entry_id bigint, claim_id bigint, expected_fen bigint, found_fen bigint, business_day date)
LANGUAGE sql STABLE AS $$
    -- an entry is not what it was when it was written
    SELECT 'ROW_HASH', l.entry_id, l.claim_id, NULL::bigint, l.amount_fen, l.business_day FROM ledger l
     WHERE l.city_id = p_city
       AND l.row_hash <> ledger_row_hash(l.city_id, l.entry_id, l.business_day, l.at_ms, l.kind, l.debit_account, l.credit_account, l.amount_fen, l.currency,
                                         l.claim_id, l.line_no, l.order_id, l.reverses_entry, l.source, l.idempotency_key)
    UNION ALL -- an entry between accounts that do not exist
    SELECT 'ACCOUNT', l.entry_id, l.claim_id, NULL, l.amount_fen, l.business_day FROM ledger l
     WHERE l.city_id = p_city
       AND (NOT EXISTS (SELECT FROM account a WHERE a.city_id = p_city AND a.account_id = l.debit_account)
            OR NOT EXISTS (SELECT FROM account a WHERE a.city_id = p_city AND a.account_id = l.credit_account))
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
