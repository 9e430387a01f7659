-- Whose data it is: names, phones, addresses and identity numbers sealed by keys that the database does not have; row security by role and tenant under the API's own
-- checks; a log of reads in which no line can be changed, taken out or put in unseen.

-- ---- one database role for each role of a caller; the daemon takes one for the length of a question ----
ALTER ROLE meddispatch_app NOINHERIT; -- it may become one of them, and is none of them
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['pharmacy', 'lab', 'clinic', 'courier', 'dispatcher', 'clerk', 'admin', 'auditor'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'meddispatch_' || r);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        EXECUTE format('GRANT %I TO meddispatch_app', 'meddispatch_' || r); -- whoever may be the application may be one of these, not the other way round
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO meddispatch_pharmacy, meddispatch_lab, meddispatch_clinic, meddispatch_courier, meddispatch_dispatcher, meddispatch_clerk,
    meddispatch_admin, meddispatch_auditor;
SET LOCAL ROLE meddispatch_owner;

-- ---- sealed ----
-- A person's key, sealed by the key of the key file that key_id names. Erased: the key is gone for ever, and with it what it sealed.
CREATE TABLE person_key (
    city_id    integer NOT NULL,
    member_id  bigint NOT NULL,
    key_id     integer NOT NULL CHECK (key_id > 0),
    wrapped    bytea CHECK (octet_length(wrapped) = 60),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_at  timestamptz,
    erased_by  text CHECK (octet_length(erased_by) BETWEEN 1 AND 48),
    PRIMARY KEY (city_id, member_id),
    FOREIGN KEY (city_id, member_id) REFERENCES member,
    CONSTRAINT person_key_or_erased CHECK ((wrapped IS NULL) = (erased_at IS NOT NULL) AND (erased_at IS NULL) = (erased_by IS NULL))
) WITH (fillfactor = 80);
-- who a member is: name, phone, address, identity number, sealed with his key
CREATE TABLE person (
    city_id    integer NOT NULL,
    member_id  bigint NOT NULL,
    sealed     bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 29 AND 1024),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, member_id),
    FOREIGN KEY (city_id, member_id) REFERENCES person_key
);
-- Contacts of orders from before this migration lie open until `meddispatch keys seal` has been run; nobody but the owner can write such a one any more.
ALTER TABLE order_contact
    ADD COLUMN sealed bytea CHECK (octet_length(sealed) BETWEEN 29 AND 1024),
    ALTER COLUMN name DROP NOT NULL, ALTER COLUMN phone DROP NOT NULL, ALTER COLUMN address DROP NOT NULL, ALTER COLUMN lat_e7 DROP NOT NULL,
    ALTER COLUMN lon_e7 DROP NOT NULL,
    ADD CONSTRAINT order_contact_sealed CHECK ((sealed IS NULL) = (name IS NOT NULL) AND (sealed IS NULL) = (phone IS NOT NULL) AND (sealed IS NULL) = (address IS NOT NULL)
        AND (sealed IS NULL) = (lat_e7 IS NOT NULL) AND (sealed IS NULL) = (lon_e7 IS NOT NULL));
ALTER TABLE order_contact DROP COLUMN key_id; -- the person's key says it
REVOKE INSERT ON order_contact FROM meddispatch_app;
GRANT INSERT (city_id, order_id, sealed) ON order_contact TO meddispatch_app;
GRANT SELECT, INSERT ON person_key TO meddispatch_app;
GRANT SELECT (city_id, member_id, changed_at), INSERT, UPDATE (sealed, changed_at) ON person TO meddispatch_app; -- the daemon writes who somebody is and can't read it

-- The key goes, and so do the sealed fields; orders, claims and entries stay. False: there was nothing left to erase.
CREATE FUNCTION person_erase(p_city integer, p_member text, p_by text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_member bigint;
    v_done integer;
BEGIN
    SELECT member_id INTO v_member FROM member WHERE city_id = p_city AND code = p_member;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such member' USING ERRCODE = 'MD004';
    END IF;
    PERFORM 1 FROM member_year WHERE city_id = p_city AND member_id = v_member FOR UPDATE; -- no order of his is being written
    DELETE FROM person WHERE city_id = p_city AND member_id = v_member;
    DELETE FROM order_contact c USING orders o WHERE o.city_id = p_city AND o.member_id = v_member AND c.city_id = o.city_id AND c.order_id = o.order_id;
    UPDATE person_key SET wrapped = NULL, erased_at = clock_timestamp(), erased_by = p_by WHERE city_id = p_city AND member_id = v_member AND wrapped IS NOT NULL;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    IF v_done = 0 AND NOT EXISTS (SELECT FROM person_key WHERE city_id = p_city AND member_id = v_member) THEN
        INSERT INTO person_key (city_id, member_id, key_id, erased_at, erased_by) VALUES (p_city, v_member, 1, clock_timestamp(), p_by); -- and none can come
        v_done := 1;
    END IF;
    RETURN v_done = 1;
END $$;

-- ---- the log of reads: each line bears the digest of itself and of the line before ----
ALTER TABLE access_log ADD COLUMN seq bigint, ADD COLUMN hash bytea CHECK (octet_length(hash) = 32);
CREATE TABLE access_head (
    city_id integer PRIMARY KEY REFERENCES city,
    seq     bigint NOT NULL CHECK (seq >= 0),
    hash    bytea NOT NULL CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 50);
CREATE FUNCTION access_hash(p_previous bytea, p_city integer, p_seq bigint, p_at_ms bigint, p_actor text, p_what text, p_subject bigint, p_reason text) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(p_previous || int4send(p_city) || int8send(p_seq) || int8send(p_at_ms) || int4send(octet_length(p_actor)) || convert_to(p_actor, 'UTF8')
                  || int4send(octet_length(p_what)) || convert_to(p_what, 'UTF8') || int8send(p_subject) || int4send(octet_length(p_reason))
                  || convert_to(p_reason, 'UTF8'))
$$;
-- The only way into the log, one line a subject. The city's head is locked until the end of the transaction: lines are in one order.
CREATE FUNCTION access_note(p_city integer, p_at_ms bigint, p_actor text, p_what text, p_subject bigint[], p_reason text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_seq bigint;
    v_hash bytea;
    v_subject bigint;
BEGIN
    IF coalesce(cardinality(p_subject), 0) > 10000 THEN
        RAISE EXCEPTION 'more than 10000 subjects at once' USING ERRCODE = 'MD003';
    END IF;
    SELECT seq, hash INTO v_seq, v_hash FROM access_head WHERE city_id = p_city FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO access_head (city_id, seq, hash) VALUES (p_city, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
        SELECT seq, hash INTO v_seq, v_hash FROM access_head WHERE city_id = p_city FOR UPDATE;
    END IF;
    FOREACH v_subject IN ARRAY coalesce(p_subject, '{}') LOOP
        v_seq := v_seq + 1;
        v_hash := access_hash(v_hash, p_city, v_seq, p_at_ms, p_actor, p_what, v_subject, p_reason);
        INSERT INTO access_log (city_id, at_ms, actor, what, subject, reason, seq, hash) VALUES (p_city, p_at_ms, p_actor, p_what, v_subject, p_reason, v_seq, v_hash);
    END LOOP;
    UPDATE access_head SET seq = v_seq, hash = v_hash WHERE city_id = p_city AND seq <> v_seq;
    RETURN coalesce(cardinality(p_subject), 0);
END $$;
DO $$
DECLARE -- lines from before, in the order they were written
    v_city integer;
    v_row record;
    v_seq bigint;
    v_hash bytea;
BEGIN
    FOR v_city IN SELECT DISTINCT city_id FROM access_log LOOP
        v_seq := 0;
        v_hash := decode(repeat('00', 32), 'hex');
        FOR v_row IN SELECT * FROM access_log WHERE city_id = v_city ORDER BY access_id LOOP
            v_seq := v_seq + 1;
            v_hash := access_hash(v_hash, v_city, v_seq, v_row.at_ms, v_row.actor, v_row.what, v_row.subject, v_row.reason);
            UPDATE access_log SET seq = v_seq, hash = v_hash WHERE city_id = v_city AND access_id = v_row.access_id;
        END LOOP;
        INSERT INTO access_head VALUES (v_city, v_seq, v_hash);
    END LOOP;
END $$;
ALTER TABLE access_log ALTER COLUMN seq SET NOT NULL, ALTER COLUMN hash SET NOT NULL, ADD CONSTRAINT access_log_seq UNIQUE (city_id, seq);
REVOKE INSERT ON access_log FROM meddispatch_app;
-- What is wrong with the log; no rows: it is whole. An earlier head that somebody kept (p_seq, p_hash) must still be in it.
CREATE FUNCTION access_faults(p_city integer, p_seq bigint, p_hash bytea) RETURNS TABLE (what text, seq bigint)
LANGUAGE sql STABLE AS $$
    SELECT 'LINE', l.seq
      FROM (SELECT x.*, lag(x.hash, 1, decode(repeat('00', 32), 'hex')) OVER (ORDER BY x.seq) AS previous, row_number() OVER (ORDER BY x.seq) AS place
              FROM access_log x WHERE x.city_id = p_city) l
     WHERE l.seq <> l.place OR l.hash <> access_hash(l.previous, l.city_id, l.seq, l.at_ms, l.actor, l.what, l.subject, l.reason)
    UNION ALL
    SELECT 'HEAD', coalesce(h.seq, 0)
      FROM (SELECT max(x.seq) AS seq FROM access_log x WHERE x.city_id = p_city) t
      LEFT JOIN access_head h ON h.city_id = p_city LEFT JOIN access_log l ON l.city_id = p_city AND l.seq = t.seq
     WHERE coalesce(h.seq, 0) <> coalesce(t.seq, 0) OR (t.seq IS NOT NULL AND h.hash IS DISTINCT FROM l.hash)
    UNION ALL
    SELECT 'KEPT_HEAD', p_seq WHERE p_seq > 0 AND NOT EXISTS (SELECT FROM access_log l WHERE l.city_id = p_city AND l.seq = p_seq AND l.hash = p_hash)
$$;

-- ---- who is asking: the scope of a connection ----
-- A scope is entered by the digest of a caller's credential, which only he and the daemon can know, and vouched for by a secret that only the owner can read: who has one
-- of the roles below and writes the settings himself sees nothing.
CREATE TABLE scope_secret (
    city_id integer PRIMARY KEY REFERENCES city,
    secret  bytea NOT NULL CHECK (octet_length(secret) = 32)
);
CREATE FUNCTION scope_mac(p_city integer, p_text text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT encode(sha256(s.secret || sha256(s.secret || convert_to(pg_backend_pid()::text || ':' || p_text, 'UTF8'))), 'hex') FROM scope_secret s WHERE s.city_id = p_city
$$;
-- The database role to take, or an error: the caller is not known (any more).
CREATE FUNCTION scope_enter(p_city integer, p_digest bytea) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    c caller;
    v_role text;
    v_text text;
BEGIN
    SELECT * INTO c FROM caller WHERE city_id = p_city AND digest = p_digest AND kind IN (1, 2) AND revoked_at IS NULL AND expires_at > clock_timestamp();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this caller is not known any more' USING ERRCODE = '42501';
    END IF;
    v_role := CASE c.role WHEN 'settlement' THEN 'clerk' WHEN 'logistics' THEN 'courier' ELSE c.role END;
    IF NOT EXISTS (SELECT FROM scope_secret WHERE city_id = p_city) THEN
        INSERT INTO scope_secret VALUES (p_city, sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))) ON CONFLICT DO NOTHING;
    END IF;
    v_text := json_build_object('role', v_role, 'city', c.city_id, 'facility', c.facility_id, 'courier', c.courier_id, 'source', c.source)::text;
    PERFORM set_config('meddispatch.scope', v_text, false), set_config('meddispatch.scope_mac', scope_mac(p_city, v_text), false);
    RETURN 'meddispatch_' || v_role;
END $$;
-- What the scope says, if it is one for p_role; NULL, and with it no row, otherwise.
CREATE FUNCTION scope_says(p_role text, p_what text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_text text := current_setting('meddispatch.scope', true);
    v_json json;
BEGIN
    IF coalesce(v_text, '') = '' THEN
        RETURN NULL;
    END IF;
    v_json := v_text::json;
    IF v_json->>'role' = p_role AND scope_mac((v_json->>'city')::integer, v_text) = current_setting('meddispatch.scope_mac', true) THEN
        RETURN v_json->>p_what;
    END IF;
    RETURN NULL; -- also where one of them is NULL: no secret yet, no mac
END $$;

-- ---- row security ----
DO $$
DECLARE
    t text;
    r text;
BEGIN
    -- the daemon itself, the nightly jobs and the verifier work on all rows of the tables they were granted
    FOREACH t IN ARRAY ARRAY['member', 'policy', 'member_year', 'orders', 'order_line', 'order_contact', 'order_event', 'prescription_use', 'outbox', 'claim', 'claim_line',
                             'claim_override', 'claim_basis', 'claim_reversal', 'person_key', 'person', 'access_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY house ON %I TO meddispatch_app, meddispatch_settlement, meddispatch_reader USING (true) WITH CHECK (true)', t);
    END LOOP;
    -- city by city: who may see a whole city's rows of a table
    FOR t, r IN SELECT * FROM (VALUES
        ('orders', 'dispatcher'), ('orders', 'clerk'), ('orders', 'admin'), ('orders', 'auditor'),
        ('order_event', 'dispatcher'), ('order_event', 'admin'), ('order_event', 'auditor'),
        ('member', 'clinic'), ('member', 'dispatcher'), ('member', 'clerk'), ('member', 'admin'), ('member', 'auditor'),
        ('policy', 'clinic'), ('policy', 'admin'), ('policy', 'auditor'), ('member_year', 'clinic'), ('member_year', 'admin'), ('member_year', 'auditor'),
        ('order_line', 'admin'), ('order_line', 'auditor'), ('claim', 'clerk'), ('claim', 'admin'), ('claim', 'auditor'), ('claim_line', 'clerk'), ('claim_line', 'admin'),
        ('claim_line', 'auditor'), ('claim_reversal', 'clerk'), ('claim_reversal', 'admin'), ('claim_reversal', 'auditor'), ('claim_override', 'auditor'),
        ('claim_basis', 'auditor'), ('access_log', 'auditor')) AS x(t, r) LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO %I USING (city_id = (SELECT scope_says(%L, ''city'')::integer))', r, t, 'meddispatch_' || r, r);
    END LOOP;
    -- what belongs to an order is seen by whoever sees the order: the inner SELECT is under the same security
    FOR t, r IN SELECT * FROM (VALUES ('order_line', 'pharmacy'), ('order_line', 'lab'), ('order_line', 'clinic'), ('claim', 'pharmacy'), ('claim', 'lab'),
                                      ('claim', 'clinic'), ('order_event', 'pharmacy'), ('order_event', 'lab'), ('order_event', 'clinic'),
                                      ('order_contact', 'courier'), ('order_contact', 'dispatcher')) AS x(t, r) LOOP
        EXECUTE format('CREATE POLICY %I ON %I FOR SELECT TO %I USING (EXISTS (SELECT FROM orders o WHERE o.city_id = %I.city_id AND o.order_id = %I.order_id))',
                       r, t, 'meddispatch_' || r, t, t);
    END LOOP;
    FOREACH r IN ARRAY ARRAY['pharmacy', 'lab', 'clinic'] LOOP
        EXECUTE format('CREATE POLICY %I ON claim_line FOR SELECT TO %I USING (EXISTS (SELECT FROM claim c WHERE c.city_id = claim_line.city_id AND c.claim_id = claim_line.claim_id))',
                       r, 'meddispatch_' || r);
    END LOOP;
    FOREACH r IN ARRAY ARRAY['pharmacy', 'lab'] LOOP
        EXECUTE format('CREATE POLICY %I ON member FOR SELECT TO %I USING (EXISTS (SELECT FROM orders o WHERE o.city_id = member.city_id AND o.member_id = member.member_id))',
                       r, 'meddispatch_' || r);
    END LOOP;
    FOREACH r IN ARRAY ARRAY['courier', 'dispatcher'] LOOP
        EXECUTE format('CREATE POLICY %I ON person_key FOR SELECT TO %I USING (EXISTS (SELECT FROM orders o WHERE o.city_id = person_key.city_id AND o.member_id = person_key.member_id))',
                       r, 'meddispatch_' || r);
    END LOOP;
END $$;
CREATE POLICY pharmacy ON orders FOR SELECT TO meddispatch_pharmacy
    USING (city_id = (SELECT scope_says('pharmacy', 'city')::integer) AND pharmacy_id = (SELECT scope_says('pharmacy', 'facility')::bigint));
-- a laboratory's own, and tests it may still be given: no laboratory yet, and it does all of them (asked by the owner: the lines' own security asks for the order)
CREATE FUNCTION lab_may_do(p_city integer, p_order bigint, p_lab bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM order_line l WHERE l.city_id = p_city AND l.order_id = p_order
                          AND NOT EXISTS (SELECT FROM lab_test t WHERE t.city_id = p_city AND t.facility_id = p_lab AND t.test IN (l.code, '*')))
$$;
CREATE POLICY lab ON orders FOR SELECT TO meddispatch_lab
    USING (city_id = (SELECT scope_says('lab', 'city')::integer) AND kind = 2
           AND (lab_id = (SELECT scope_says('lab', 'facility')::bigint)
                OR (lab_id = 0 AND lab_may_do(city_id, order_id, (SELECT scope_says('lab', 'facility')::bigint)))));
CREATE POLICY clinic ON orders FOR SELECT TO meddispatch_clinic
    USING (city_id = (SELECT scope_says('clinic', 'city')::integer) AND source = (SELECT scope_says('clinic', 'source')));
-- from acceptance (phase 6) to the end; 0: a logistics company's own riders are whoever has the order
CREATE POLICY courier ON orders FOR SELECT TO meddispatch_courier
    USING (city_id = (SELECT scope_says('courier', 'city')::integer) AND phase >= 6 AND ended_ms = 0 AND courier_id <> 0
           AND (SELECT scope_says('courier', 'courier')::bigint) IN (0, courier_id));

-- ---- what each may see of a row: no contents of a parcel for couriers and dispatchers, no diagnosis for laboratories and clerks, no birthday where the code will do ----
GRANT SELECT ON orders, order_line, order_event, claim, claim_line TO meddispatch_pharmacy, meddispatch_clinic, meddispatch_admin, meddispatch_auditor;
GRANT SELECT (city_id, order_id, kind, priority, phase, version, source, member_id, claim_id, parent_order_id, pharmacy_id, lab_id, courier_id, accepted_ms, promise_ms, ready_ms,
              eta_ms, ended_ms, late, unplanned, reason, pharmacist, body) ON orders TO meddispatch_lab, meddispatch_dispatcher, meddispatch_clerk;
GRANT SELECT (city_id, order_id, member_id, courier_id, phase, ended_ms) ON orders TO meddispatch_courier;
GRANT SELECT ON order_line, order_event, claim, claim_line TO meddispatch_lab;
GRANT SELECT ON order_event, claim, claim_line TO meddispatch_dispatcher; -- of claims he sees no row
GRANT SELECT ON claim, claim_line, claim_reversal TO meddispatch_clerk;
GRANT SELECT ON claim_reversal TO meddispatch_admin, meddispatch_auditor;
GRANT SELECT ON claim_override, claim_basis, access_log TO meddispatch_auditor;
GRANT SELECT (city_id, member_id, code) ON member TO meddispatch_pharmacy, meddispatch_lab, meddispatch_dispatcher, meddispatch_clerk;
GRANT SELECT ON member, policy, member_year, plan, plan_version, plan_benefit, city TO meddispatch_clinic, meddispatch_admin, meddispatch_auditor;
GRANT SELECT ON order_contact, person_key TO meddispatch_courier, meddispatch_dispatcher;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION intake_lookup TO meddispatch_clinic, meddispatch_admin, meddispatch_auditor;
GRANT EXECUTE ON FUNCTION scope_enter, scope_says TO meddispatch_app, meddispatch_pharmacy, meddispatch_lab, meddispatch_clinic, meddispatch_courier, meddispatch_dispatcher,
    meddispatch_clerk, meddispatch_admin, meddispatch_auditor;
GRANT EXECUTE ON FUNCTION lab_may_do TO meddispatch_lab;
GRANT EXECUTE ON FUNCTION access_note TO meddispatch_app, meddispatch_settlement, meddispatch_pharmacy, meddispatch_lab, meddispatch_clinic, meddispatch_courier,
    meddispatch_dispatcher, meddispatch_clerk, meddispatch_admin, meddispatch_auditor;
GRANT EXECUTE ON FUNCTION access_hash, access_faults TO meddispatch_auditor;
