-- The whole house of tables: catalogue, orders, claims, ledger, facts, leases, settlement.
--
-- Laws kept here (DOMAIN §3, ARCHITECTURE §6):
--   city_id leads every primary, unique and foreign key and is never updated; no triggers; money is bigint fen; times are bigint ms since 1970 in the
--   city's clock; append-only tables are range-partitioned by time.
--   Only ledger_write() inserts into ledger; no role but the owner may call it. What the application may do with money are the functions
--   hold_open, hold_end, lab_report, late_credit and claim_reverse; what settlement may do are settlement_post and business_day_close.

-- ---- roles: NOLOGIN; who connects does SET ROLE ----
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['meddispatch_owner', 'meddispatch_app', 'meddispatch_settlement', 'meddispatch_reader'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', r);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles belong to the cluster: another database's migration made it
        END;
        IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
            EXECUTE format('GRANT %I TO %I', r, current_user);
        END IF;
    END LOOP;
END $$;
GRANT USAGE, CREATE ON SCHEMA public TO meddispatch_owner;
GRANT USAGE ON SCHEMA public TO meddispatch_app, meddispatch_settlement, meddispatch_reader;
SET LOCAL ROLE meddispatch_owner;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- ---- cities, leases, books ----
CREATE TABLE city (
    city_id      integer PRIMARY KEY CHECK (city_id > 0),
    name         text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 96),
    utc_offset_s integer NOT NULL DEFAULT 28800 CHECK (utc_offset_s BETWEEN -50400 AND 50400)
);
-- changes only at takeover: every write of a world's facts holds it FOR SHARE
CREATE TABLE city_epoch (
    city_id integer PRIMARY KEY REFERENCES city,
    epoch   bigint NOT NULL CHECK (epoch >= 0),
    holder  text NOT NULL CHECK (octet_length(holder) <= 96)
);
-- heartbeats apart from the epoch, so that renewing never waits for writers
CREATE TABLE city_beat (
    city_id    integer PRIMARY KEY REFERENCES city,
    epoch      bigint NOT NULL,
    lease_till timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE city_stream (
    city_id  integer NOT NULL REFERENCES city,
    stream   smallint NOT NULL CHECK (stream = 0),
    last_seq bigint NOT NULL CHECK (last_seq >= 0),
    PRIMARY KEY (city_id, stream)
) WITH (fillfactor = 50);
-- the books of a city: postings hold it FOR SHARE, closing a day FOR UPDATE, so nothing slips into a day while it closes
CREATE TABLE city_book (
    city_id        integer PRIMARY KEY REFERENCES city,
    cut_off_s      integer NOT NULL DEFAULT 86400 CHECK (cut_off_s BETWEEN 1 AND 86400), -- a business day ends so many seconds after local midnight
    closed_through date NOT NULL DEFAULT DATE '1970-01-01'
);
CREATE TABLE business_day (
    city_id   integer NOT NULL REFERENCES city,
    day       date NOT NULL,
    closed_by text NOT NULL CHECK (octet_length(closed_by) BETWEEN 1 AND 96),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, day)
);

-- ---- plans: every rate, limit, period and amount is a parameter with a version and dates ----
CREATE TABLE plan (
    city_id integer NOT NULL REFERENCES city,
    plan    text NOT NULL CHECK (plan ~ '^[A-Za-z0-9._-]{1,32}$'),
    name    text NOT NULL CHECK (octet_length(name) <= 96),
    PRIMARY KEY (city_id, plan)
);
CREATE TABLE plan_version (
    city_id               integer NOT NULL,
    plan                  text NOT NULL,
    version               integer NOT NULL CHECK (version > 0),
    valid_from_ms         bigint NOT NULL CHECK (valid_from_ms >= 0),
    valid_to_ms           bigint NOT NULL DEFAULT 0 CHECK (valid_to_ms = 0 OR valid_to_ms > valid_from_ms), -- 0: open
    age_min               smallint NOT NULL DEFAULT 0 CHECK (age_min >= 0),
    age_max               smallint NOT NULL DEFAULT 60 CHECK (age_max BETWEEN 0 AND 150), -- years at inception
    waiting_days          integer NOT NULL DEFAULT 30 CHECK (waiting_days BETWEEN 0 AND 3650),
    prescription_days_max integer NOT NULL DEFAULT 3 CHECK (prescription_days_max BETWEEN 1 AND 30),
    drugs_max             integer NOT NULL DEFAULT 5 CHECK (drugs_max BETWEEN 1 AND 5),
    supply_days           integer NOT NULL DEFAULT 7 CHECK (supply_days BETWEEN 1 AND 366),
    supply_emergency_days integer NOT NULL DEFAULT 3 CHECK (supply_emergency_days BETWEEN 1 AND 366),
    supply_chronic_days   integer NOT NULL DEFAULT 28 CHECK (supply_chronic_days BETWEEN 1 AND 366),
    supply_override_days  integer NOT NULL DEFAULT 84 CHECK (supply_override_days BETWEEN 1 AND 366),
    supply_excess_refuses boolean NOT NULL DEFAULT false,
    ineligible_refuses    boolean NOT NULL DEFAULT false,
    refill_bps            integer NOT NULL DEFAULT 7500 CHECK (refill_bps BETWEEN 0 AND 10000),
    deductible_claim_fen  bigint NOT NULL DEFAULT 0 CHECK (deductible_claim_fen BETWEEN 0 AND 100000000000),
    deductible_year_fen   bigint NOT NULL DEFAULT 0 CHECK (deductible_year_fen BETWEEN 0 AND 100000000000),
    year_limit_fen        bigint NOT NULL CHECK (year_limit_fen BETWEEN 0 AND 100000000000), -- over all benefits
    promise_s             integer NOT NULL DEFAULT 10800 CHECK (promise_s BETWEEN 60 AND 604800),
    late_fen              bigint NOT NULL DEFAULT 0 CHECK (late_fen BETWEEN 0 AND 100000000),
    PRIMARY KEY (city_id, plan, version),
    FOREIGN KEY (city_id, plan) REFERENCES plan
);
CREATE TABLE plan_benefit (
    city_id       integer NOT NULL,
    plan          text NOT NULL,
    version       integer NOT NULL,
    benefit       smallint NOT NULL CHECK (benefit BETWEEN 1 AND 3), -- medicine, test, check-up
    rate_bps      integer NOT NULL CHECK (rate_bps BETWEEN 0 AND 10000),
    claim_cap_fen bigint NOT NULL DEFAULT 0 CHECK (claim_cap_fen BETWEEN 0 AND 100000000000), -- per claim; 0: none
    count_max     integer NOT NULL DEFAULT 0 CHECK (count_max >= 0),                         -- claims a year; 0: any number
    PRIMARY KEY (city_id, plan, version, benefit),
    FOREIGN KEY (city_id, plan, version) REFERENCES plan_version
);

-- ---- members and policies; no names: whom an order goes to is in order_contact ----
CREATE TABLE member (
    city_id   integer NOT NULL REFERENCES city,
    member_id bigint GENERATED ALWAYS AS IDENTITY,
    code      text NOT NULL CHECK (octet_length(code) BETWEEN 1 AND 32),
    birth     date NOT NULL,
    sex       text NOT NULL CHECK (sex IN ('F', 'M')),
    PRIMARY KEY (city_id, member_id),
    UNIQUE (city_id, code)
);
-- bitemporal: valid_* is when cover runs, known_* is what we knew when; a correction adds a revision and never changes an old one's terms
CREATE TABLE policy (
    city_id       integer NOT NULL,
    policy        text NOT NULL CHECK (octet_length(policy) BETWEEN 1 AND 32),
    revision      integer NOT NULL CHECK (revision > 0),
    member_id     bigint NOT NULL,
    plan          text NOT NULL,
    valid_from    date NOT NULL,
    valid_to      date NOT NULL CHECK (valid_to > valid_from),       -- exclusive
    inception     date NOT NULL CHECK (inception <= valid_from),     -- first day of the first policy without a gap
    renewal       boolean NOT NULL DEFAULT false,                    -- no waiting period
    known_from_ms bigint NOT NULL,
    known_to_ms   bigint NOT NULL DEFAULT 0 CHECK (known_to_ms = 0 OR known_to_ms >= known_from_ms), -- 0: what we know now
    PRIMARY KEY (city_id, policy, revision),
    FOREIGN KEY (city_id, member_id) REFERENCES member,
    FOREIGN KEY (city_id, plan) REFERENCES plan
);
CREATE UNIQUE INDEX policy_known_now ON policy (city_id, policy) WHERE known_to_ms = 0;
CREATE INDEX policy_member ON policy (member_id, city_id, valid_from);

-- one account per policy and policy year: the row intake locks, and the CHECK no claim can pass
CREATE TABLE member_year (
    city_id             integer NOT NULL,
    member_id           bigint NOT NULL,
    policy              text NOT NULL,
    year_start          date NOT NULL,
    limit_fen           bigint NOT NULL CHECK (limit_fen >= 0),
    pending_fen         bigint NOT NULL DEFAULT 0 CHECK (pending_fen >= 0),
    posted_fen          bigint NOT NULL DEFAULT 0 CHECK (posted_fen >= 0),
    deductible_fen      bigint NOT NULL CHECK (deductible_fen >= 0),
    deductible_used_fen bigint NOT NULL DEFAULT 0 CHECK (deductible_used_fen >= 0),
    count_used          integer[] NOT NULL DEFAULT '{0,0,0}' CHECK (cardinality(count_used) = 3 AND 0 <= ALL (count_used)), -- by benefit
    count_max           integer[] NOT NULL CHECK (cardinality(count_max) = 3 AND 0 <= ALL (count_max)),                      -- 0: any number
    PRIMARY KEY (city_id, member_id, policy, year_start),
    FOREIGN KEY (city_id, member_id) REFERENCES member,
    CONSTRAINT member_year_cap CHECK (posted_fen + pending_fen <= limit_fen),
    CONSTRAINT member_year_deductible CHECK (deductible_used_fen <= deductible_fen),
    CONSTRAINT member_year_count CHECK ((count_max[1] = 0 OR count_used[1] <= count_max[1]) AND (count_max[2] = 0 OR count_used[2] <= count_max[2])
                                        AND (count_max[3] = 0 OR count_used[3] <= count_max[3]))
) WITH (fillfactor = 60);

-- ---- catalogue ----
CREATE TABLE product (
    city_id       integer NOT NULL REFERENCES city,
    code          text NOT NULL CHECK (octet_length(code) BETWEEN 1 AND 32),
    version       integer NOT NULL CHECK (version > 0),
    valid_from_ms bigint NOT NULL,
    valid_to_ms   bigint NOT NULL DEFAULT 0 CHECK (valid_to_ms = 0 OR valid_to_ms >= valid_from_ms), -- 0: open
    name_zh       text NOT NULL CHECK (octet_length(name_zh) <= 192),
    name_en       text NOT NULL DEFAULT '' CHECK (octet_length(name_en) <= 192),
    atc           text NOT NULL DEFAULT '' CHECK (octet_length(atc) <= 8),
    approval      text NOT NULL DEFAULT '' CHECK (octet_length(approval) <= 32), -- approval number; '' = none
    approval_till_ms bigint NOT NULL DEFAULT 0,                                  -- 0: no end
    ceiling_fen   bigint NOT NULL CHECK (ceiling_fen BETWEEN 0 AND 10000000),
    rx            boolean NOT NULL DEFAULT false,
    eligible      boolean NOT NULL DEFAULT true,   -- in the formulary; false: sold, member pays it whole
    prohibited    boolean NOT NULL DEFAULT false,
    controlled    boolean NOT NULL DEFAULT false,
    injection     boolean NOT NULL DEFAULT false,
    hypoglycaemic boolean NOT NULL DEFAULT false,
    chronic       boolean NOT NULL DEFAULT false,
    age_min       smallint NOT NULL DEFAULT 0 CHECK (age_min >= 0),
    age_max       smallint NOT NULL DEFAULT 0 CHECK (age_max >= 0),              -- 0: no limit
    sex           text NOT NULL DEFAULT '' CHECK (sex IN ('', 'F', 'M')),        -- '': both
    indications   text NOT NULL DEFAULT '' CHECK (octet_length(indications) <= 96),  -- ICD-10 prefixes separated by ';'; '': any
    pack_supply_ddays integer NOT NULL DEFAULT 0 CHECK (pack_supply_ddays >= 0), -- a pack's supply in tenths of a day; 0 unknown
    quantity_max  integer NOT NULL DEFAULT 0 CHECK (quantity_max >= 0),          -- packs a line; 0: no limit
    cold          boolean NOT NULL DEFAULT false,
    volume_ml     integer NOT NULL DEFAULT 100 CHECK (volume_ml BETWEEN 0 AND 100000),
    PRIMARY KEY (city_id, code, version)
);
CREATE UNIQUE INDEX product_open ON product (city_id, code) WHERE valid_to_ms = 0;
CREATE TABLE test (
    city_id       integer NOT NULL REFERENCES city,
    code          text NOT NULL CHECK (octet_length(code) BETWEEN 1 AND 32),
    version       integer NOT NULL CHECK (version > 0),
    valid_from_ms bigint NOT NULL,
    valid_to_ms   bigint NOT NULL DEFAULT 0 CHECK (valid_to_ms = 0 OR valid_to_ms >= valid_from_ms),
    name_zh       text NOT NULL CHECK (octet_length(name_zh) <= 192),
    name_en       text NOT NULL DEFAULT '' CHECK (octet_length(name_en) <= 192),
    benefit       smallint NOT NULL DEFAULT 2 CHECK (benefit IN (2, 3)),         -- test, or the yearly check-up
    ceiling_fen   bigint NOT NULL CHECK (ceiling_fen BETWEEN 0 AND 10000000),
    eligible      boolean NOT NULL DEFAULT true,
    specimen      text NOT NULL DEFAULT '' CHECK (octet_length(specimen) <= 96),
    stability_s   integer NOT NULL CHECK (stability_s >= 0),                      -- 0: no limit
    turnaround_s  integer NOT NULL DEFAULT 0 CHECK (turnaround_s >= 0),
    repeat_days   integer NOT NULL DEFAULT 0 CHECK (repeat_days >= 0),
    age_min       smallint NOT NULL DEFAULT 0 CHECK (age_min >= 0),
    age_max       smallint NOT NULL DEFAULT 0 CHECK (age_max >= 0),
    sex           text NOT NULL DEFAULT '' CHECK (sex IN ('', 'F', 'M')),
    needs_sampling_skill boolean NOT NULL DEFAULT false,
    cold          boolean NOT NULL DEFAULT false,
    volume_ml     integer NOT NULL DEFAULT 300 CHECK (volume_ml BETWEEN 0 AND 100000),
    home_s        integer NOT NULL DEFAULT 600 CHECK (home_s BETWEEN 0 AND 14400), -- time needed at the member's home
    PRIMARY KEY (city_id, code, version)
);
CREATE UNIQUE INDEX test_open ON test (city_id, code) WHERE valid_to_ms = 0;
CREATE TABLE facility (
    city_id     integer NOT NULL REFERENCES city,
    facility_id bigint NOT NULL CHECK (facility_id > 0),
    kind        smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    name        text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 96),
    lat_e7      integer NOT NULL CHECK (lat_e7 BETWEEN -900000000 AND 900000000),
    lon_e7      integer NOT NULL CHECK (lon_e7 BETWEEN -1800000000 AND 1800000000),
    open_min    smallint[] NOT NULL CHECK (cardinality(open_min) = 7),  -- Monday first
    close_min   smallint[] NOT NULL CHECK (cardinality(close_min) = 7),
    service_s   integer NOT NULL CHECK (service_s BETWEEN 0 AND 14400),
    prep_s      integer NOT NULL CHECK (prep_s BETWEEN 0 AND 86400),
    payee       text NOT NULL CHECK (octet_length(payee) <= 32),
    contracted  boolean NOT NULL DEFAULT true,
    active      boolean NOT NULL DEFAULT true,
    PRIMARY KEY (city_id, facility_id)
);
CREATE TABLE lab_test (
    city_id     integer NOT NULL,
    facility_id bigint NOT NULL,
    test        text NOT NULL CHECK (octet_length(test) BETWEEN 1 AND 32),
    PRIMARY KEY (city_id, facility_id, test),
    FOREIGN KEY (city_id, facility_id) REFERENCES facility
);
CREATE TABLE courier (
    city_id        integer NOT NULL REFERENCES city,
    courier_id     bigint NOT NULL CHECK (courier_id > 0),
    name           text NOT NULL CHECK (octet_length(name) <= 96),
    relay_phone    text NOT NULL DEFAULT '' CHECK (octet_length(relay_phone) <= 24),
    skills         integer NOT NULL CHECK (skills BETWEEN 0 AND 7),
    volume_ml_max  integer NOT NULL CHECK (volume_ml_max >= 0),
    cold_ml_max    integer NOT NULL CHECK (cold_ml_max >= 0),
    kits_preloaded integer NOT NULL CHECK (kits_preloaded BETWEEN 0 AND 1000),
    active         boolean NOT NULL DEFAULT true,
    PRIMARY KEY (city_id, courier_id)
);
-- who pays into what bank account is settlement's matter; a payee is a pharmacy or lab company behind one or more facilities
CREATE TABLE payee (
    city_id integer NOT NULL REFERENCES city,
    payee   text NOT NULL CHECK (octet_length(payee) BETWEEN 1 AND 32),
    name    text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 140),
    account text NOT NULL CHECK (octet_length(account) BETWEEN 1 AND 34),
    bank    text NOT NULL DEFAULT '' CHECK (octet_length(bank) <= 35),
    PRIMARY KEY (city_id, payee)
);

-- ---- orders ----
CREATE SEQUENCE order_id_seq AS bigint CACHE 32;
CREATE SEQUENCE claim_id_seq AS bigint CACHE 32;
CREATE SEQUENCE ledger_entry_seq AS bigint; -- no cache: ids of one city grow with time closely enough to read a book in order

CREATE TABLE orders (
    city_id         integer NOT NULL REFERENCES city,
    order_id        bigint NOT NULL,
    kind            smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    priority        smallint NOT NULL CHECK (priority BETWEEN 1 AND 3),
    phase           smallint NOT NULL CHECK (phase BETWEEN 0 AND 19),
    version         integer NOT NULL DEFAULT 0 CHECK (version >= 0),
    source          text NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 64),
    idempotency_key bytea NOT NULL CHECK (octet_length(idempotency_key) = 16),
    request_hash    bigint NOT NULL,
    actor           text NOT NULL CHECK (octet_length(actor) <= 48),
    member_id       bigint NOT NULL,
    claim_id        bigint NOT NULL,
    parent_order_id bigint,                     -- recollection or return: the order it follows
    pharmacy_id     bigint NOT NULL DEFAULT 0,  -- who dispenses; 0 for a test
    lab_id          bigint NOT NULL DEFAULT 0,
    courier_id      bigint NOT NULL DEFAULT 0,
    accepted_ms     bigint NOT NULL,
    promise_ms      bigint NOT NULL,
    ready_ms        bigint NOT NULL,
    eta_ms          bigint NOT NULL DEFAULT 0,
    ended_ms        bigint NOT NULL DEFAULT 0,  -- when it reached a terminal phase; 0: under way
    late            boolean NOT NULL DEFAULT false,
    unplanned       smallint NOT NULL DEFAULT 0,
    reason          text NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 160),
    prescriber      text NOT NULL DEFAULT '' CHECK (octet_length(prescriber) <= 32),
    prescription    text NOT NULL DEFAULT '' CHECK (octet_length(prescription) <= 32),
    diagnosis       text NOT NULL DEFAULT '' CHECK (octet_length(diagnosis) <= 32),
    issued_ms       bigint NOT NULL DEFAULT 0,
    pharmacist      text NOT NULL DEFAULT '' CHECK (octet_length(pharmacist) <= 32),
    body            bytea NOT NULL,             -- order_encode() as accepted
    PRIMARY KEY (city_id, order_id),
    UNIQUE (city_id, source, idempotency_key),
    FOREIGN KEY (city_id, member_id) REFERENCES member,
    FOREIGN KEY (city_id, parent_order_id) REFERENCES orders
) WITH (fillfactor = 70);
-- phase and courier are in no index, so that a step of an order stays a heap-only update
CREATE INDEX orders_live ON orders (city_id, order_id) WHERE ended_ms = 0;
CREATE INDEX orders_pharmacy ON orders (pharmacy_id, city_id, order_id);
CREATE INDEX orders_member ON orders (member_id, city_id, order_id);

CREATE TABLE order_line (
    city_id       integer NOT NULL,
    order_id      bigint NOT NULL,
    line_no       smallint NOT NULL CHECK (line_no BETWEEN 1 AND 5),
    code          text NOT NULL CHECK (octet_length(code) BETWEEN 1 AND 32),
    quantity      integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    price_fen     bigint NOT NULL CHECK (price_fen BETWEEN 0 AND 10000000),
    days_supply   integer NOT NULL CHECK (days_supply BETWEEN 0 AND 3660),
    override_code text NOT NULL DEFAULT '' CHECK (octet_length(override_code) <= 32),
    PRIMARY KEY (city_id, order_id, line_no),
    FOREIGN KEY (city_id, order_id) REFERENCES orders
);
-- apart from claims and ledger, so that erasing a person leaves the books whole; key_id names the key the fields are sealed with (0: none)
CREATE TABLE order_contact (
    city_id  integer NOT NULL,
    order_id bigint NOT NULL,
    key_id   integer NOT NULL DEFAULT 0,
    name     text NOT NULL CHECK (octet_length(name) <= 96),
    phone    text NOT NULL CHECK (octet_length(phone) <= 24),
    address  text NOT NULL CHECK (octet_length(address) <= 240),
    lat_e7   integer NOT NULL,
    lon_e7   integer NOT NULL,
    PRIMARY KEY (city_id, order_id),
    FOREIGN KEY (city_id, order_id) REFERENCES orders
);
-- prescribers who may not prescribe for the plan; absent: allowed
CREATE TABLE prescriber_barred (
    city_id    integer NOT NULL REFERENCES city,
    prescriber text NOT NULL CHECK (octet_length(prescriber) BETWEEN 1 AND 32),
    reason     text NOT NULL CHECK (octet_length(reason) <= 160),
    PRIMARY KEY (city_id, prescriber)
);
-- a prescription is used once
CREATE TABLE prescription_use (
    city_id      integer NOT NULL,
    prescriber   text NOT NULL CHECK (octet_length(prescriber) BETWEEN 1 AND 32),
    prescription text NOT NULL CHECK (octet_length(prescription) BETWEEN 1 AND 32),
    order_id     bigint NOT NULL,
    PRIMARY KEY (city_id, prescriber, prescription),
    FOREIGN KEY (city_id, order_id) REFERENCES orders
);
-- accepted orders on their way into their city's world; deleted by the transaction that writes FACT_ORDER_ENTERED
CREATE TABLE outbox (
    city_id    integer NOT NULL,
    order_id   bigint NOT NULL,
    created_ms bigint NOT NULL,
    body       bytea NOT NULL,
    PRIMARY KEY (city_id, order_id),
    FOREIGN KEY (city_id, order_id) REFERENCES orders
);
-- who read whose address or health data
CREATE TABLE access_log (
    city_id integer NOT NULL REFERENCES city,
    access_id bigint GENERATED ALWAYS AS IDENTITY,
    at_ms   bigint NOT NULL,
    actor   text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 48),
    what    text NOT NULL CHECK (octet_length(what) BETWEEN 1 AND 48),
    subject bigint NOT NULL,
    PRIMARY KEY (city_id, access_id)
);

-- ---- facts ----
-- stream 0: the world's facts, dense seq by city_stream; stream 1: what intake says of an order before it enters the world (seq unique, not dense)
CREATE SEQUENCE intake_event_seq AS bigint CACHE 32;
CREATE TABLE order_event (
    city_id      integer NOT NULL,
    stream       smallint NOT NULL CHECK (stream IN (0, 1)),
    seq          bigint NOT NULL CHECK (seq > 0),
    at_ms        bigint NOT NULL,                     -- when it was decided, city clock
    kind         smallint NOT NULL CHECK (kind > 0),  -- enum fact_kind; in stream 1 the phase reached, plus 1
    order_id     bigint NOT NULL DEFAULT 0,
    courier_id   bigint NOT NULL DEFAULT 0,
    actor        text NOT NULL DEFAULT '' CHECK (octet_length(actor) <= 48),
    source_at_ms bigint NOT NULL DEFAULT 0,           -- when it happened, by the caller's clock; 0 as at_ms
    recorded_at  timestamptz NOT NULL DEFAULT statement_timestamp(),
    body         bytea NOT NULL,                      -- fact_encode()
    PRIMARY KEY (city_id, stream, seq, at_ms)
) PARTITION BY RANGE (at_ms);
CREATE INDEX order_event_order ON order_event (order_id, city_id) WHERE order_id <> 0;
CREATE TABLE order_event_other PARTITION OF order_event DEFAULT;
CREATE TABLE world_snapshot (
    city_id integer NOT NULL REFERENCES city,
    seq     bigint NOT NULL CHECK (seq > 0),
    at_ms   bigint NOT NULL,
    sha256  bytea NOT NULL CHECK (octet_length(sha256) = 32),
    body    bytea NOT NULL,
    PRIMARY KEY (city_id, seq)
);

-- ---- claims ----
CREATE TABLE claim (
    city_id            integer NOT NULL,
    claim_id           bigint NOT NULL,
    order_id           bigint NOT NULL,
    member_id          bigint NOT NULL,
    policy             text NOT NULL,               -- '' if refused before one was found
    plan               text NOT NULL,
    plan_version       integer NOT NULL,
    benefit            smallint NOT NULL CHECK (benefit BETWEEN 1 AND 3),
    year_start         date NOT NULL,
    state              smallint NOT NULL CHECK (state BETWEEN 1 AND 5), -- REFUSED HELD POSTED VOIDED REVERSED
    payee              text NOT NULL DEFAULT '' CHECK (octet_length(payee) <= 32),
    service_ms         bigint NOT NULL,
    submitted_fen      bigint NOT NULL CHECK (submitted_fen >= 0),
    eligible_fen       bigint NOT NULL CHECK (eligible_fen BETWEEN 0 AND submitted_fen),
    other_coverage_fen bigint NOT NULL CHECK (other_coverage_fen >= 0),
    deductible_fen     bigint NOT NULL CHECK (deductible_fen BETWEEN 0 AND eligible_fen),
    deductible_year_fen bigint NOT NULL CHECK (deductible_year_fen BETWEEN 0 AND deductible_fen), -- the part counted against the year
    benefit_fen        bigint NOT NULL CHECK (benefit_fen >= 0),
    member_fen         bigint NOT NULL CHECK (member_fen >= 0),
    refusal_rule       text NOT NULL DEFAULT '' CHECK (octet_length(refusal_rule) <= 32),
    refusal_text       text NOT NULL DEFAULT '' CHECK (octet_length(refusal_text) <= 160),
    line_count         smallint NOT NULL CHECK (line_count BETWEEN 1 AND 5),
    PRIMARY KEY (city_id, claim_id),
    UNIQUE (city_id, order_id),
    FOREIGN KEY (city_id, order_id) REFERENCES orders,
    FOREIGN KEY (city_id, member_id) REFERENCES member,
    CONSTRAINT claim_benefit_within_eligible CHECK (benefit_fen <= eligible_fen - deductible_fen),
    CONSTRAINT claim_refused_pays_nothing CHECK (state <> 1 OR (benefit_fen = 0 AND refusal_rule <> ''))
);
-- plain indexes begin with the narrow column: see statistics_refresh()
CREATE INDEX claim_member ON claim (member_id, city_id, service_ms);
CREATE TABLE claim_line (
    city_id           integer NOT NULL,
    claim_id          bigint NOT NULL,
    line_no           smallint NOT NULL CHECK (line_no BETWEEN 1 AND 5),
    code              text NOT NULL CHECK (octet_length(code) BETWEEN 1 AND 32),
    quantity          integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    allowed_quantity  integer NOT NULL,
    submitted_fen     bigint NOT NULL CHECK (submitted_fen >= 0),
    eligible_fen      bigint NOT NULL CHECK (eligible_fen BETWEEN 0 AND submitted_fen),
    benefit_fen       bigint NOT NULL CHECK (benefit_fen BETWEEN 0 AND eligible_fen),
    member_fen        bigint NOT NULL CHECK (member_fen >= 0),
    days_supply       integer NOT NULL DEFAULT 0 CHECK (days_supply >= 0),
    formulary_version integer NOT NULL CHECK (formulary_version >= 0),
    rules             text NOT NULL DEFAULT '' CHECK (octet_length(rules) <= 127),
    override_code     text NOT NULL DEFAULT '' CHECK (octet_length(override_code) <= 32),
    reversed_quantity integer NOT NULL DEFAULT 0,
    reversed_fen      bigint NOT NULL DEFAULT 0,
    reversed_member_fen bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (city_id, claim_id, line_no),
    FOREIGN KEY (city_id, claim_id) REFERENCES claim,
    CONSTRAINT claim_line_allowed CHECK (allowed_quantity BETWEEN 0 AND quantity),
    CONSTRAINT claim_line_reversed_quantity CHECK (reversed_quantity BETWEEN 0 AND quantity),
    CONSTRAINT claim_line_reversed CHECK (reversed_fen BETWEEN 0 AND benefit_fen),
    CONSTRAINT claim_line_reversed_member CHECK (reversed_member_fen BETWEEN 0 AND member_fen)
);

-- ---- ledger ----
-- kind as enum claims_account: 1 insurer_fund  2 benefit_held(member: control)  3 benefit_payable(payee)  4 benefit_accrued(payee: lab, until the report)
--   5 member_receivable(member: the 20 %)  6 member_share(payee: who collects it)  7 late_compensation(member)  8 payee_recovery(payee: carried forward)
--   9 bank_clearing  10 suspense. owner: the payee's code, the member's id, or ''
CREATE TABLE account (
    city_id    integer NOT NULL REFERENCES city,
    account_id bigint GENERATED ALWAYS AS IDENTITY,
    kind       smallint NOT NULL CHECK (kind BETWEEN 1 AND 10),
    owner      text NOT NULL CHECK (octet_length(owner) <= 32),
    PRIMARY KEY (city_id, account_id),
    UNIQUE (city_id, kind, owner),
    CONSTRAINT account_owner CHECK ((kind IN (1, 9, 10)) = (owner = ''))
);
-- keys live apart because a partitioned table cannot be unique without its date; written by the same function in the same transaction
CREATE TABLE ledger_key (
    city_id         integer NOT NULL REFERENCES city,
    source          text NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 64),
    idempotency_key text NOT NULL CHECK (octet_length(idempotency_key) BETWEEN 1 AND 160),
    request_hash    bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    entry_id        bigint NOT NULL,
    business_day    date NOT NULL,
    amount_fen      bigint NOT NULL CHECK (amount_fen > 0),
    reversed_fen    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (city_id, entry_id),
    UNIQUE (city_id, source, idempotency_key),
    CONSTRAINT ledger_reversed CHECK (reversed_fen BETWEEN 0 AND amount_fen)
);
-- kind as enum claims_entry_kind: 1 HOLD 2 POST 3 RELEASE 4 VOID 5 SHARE 6 REPORT 7 REVERSE 8 UNSHARE 9 LATE 10 PAYOUT 11 CARRY 12 RECOVER;
-- and 13 PAYOUT_FAILED (the bank sent it back: bank_clearing -> benefit_payable)
CREATE TABLE ledger (
    city_id        integer NOT NULL,
    entry_id       bigint NOT NULL,
    business_day   date NOT NULL,
    at_ms          bigint NOT NULL,
    kind           smallint NOT NULL CHECK (kind BETWEEN 1 AND 13),
    debit_account  bigint NOT NULL,
    credit_account bigint NOT NULL,
    amount_fen     bigint NOT NULL,
    currency       text NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    claim_id       bigint,
    line_no        smallint,
    order_id       bigint,
    reverses_entry bigint,
    source         text NOT NULL,
    idempotency_key text NOT NULL,
    row_hash       bytea NOT NULL CHECK (octet_length(row_hash) = 32),
    PRIMARY KEY (city_id, business_day, entry_id),
    FOREIGN KEY (city_id, debit_account) REFERENCES account,
    FOREIGN KEY (city_id, credit_account) REFERENCES account,
    FOREIGN KEY (city_id, claim_id) REFERENCES claim,
    FOREIGN KEY (city_id, reverses_entry) REFERENCES ledger_key,
    CONSTRAINT ledger_amount CHECK (amount_fen > 0),
    CONSTRAINT ledger_two_sides CHECK (debit_account <> credit_account),
    CONSTRAINT ledger_reversal_names CHECK (kind NOT IN (7, 8) OR reverses_entry IS NOT NULL)
) PARTITION BY RANGE (business_day);
CREATE INDEX ledger_claim ON ledger (claim_id, city_id) WHERE claim_id IS NOT NULL;
CREATE INDEX ledger_credit ON ledger (credit_account, city_id, business_day);
CREATE INDEX ledger_debit ON ledger (debit_account, city_id, business_day);
CREATE TABLE ledger_other PARTITION OF ledger DEFAULT;
-- one sealed block a business day: hash = sha256(prev || day || count || row hashes in entry order)
CREATE TABLE ledger_block (
    city_id      integer NOT NULL REFERENCES city,
    business_day date NOT NULL,
    entry_count  bigint NOT NULL CHECK (entry_count >= 0),
    amount_fen   bigint NOT NULL,
    prev_hash    bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (city_id, business_day),
    FOREIGN KEY (city_id, business_day) REFERENCES business_day
);
CREATE TABLE hold (
    city_id    integer NOT NULL,
    claim_id   bigint NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen >= 0),
    at_ms      bigint NOT NULL,
    PRIMARY KEY (city_id, claim_id),
    FOREIGN KEY (city_id, claim_id) REFERENCES claim
);
-- a hold ends exactly once: by primary key, not by a flag somebody could set twice
CREATE TABLE hold_end (
    city_id    integer NOT NULL,
    claim_id   bigint NOT NULL,
    outcome    smallint NOT NULL CHECK (outcome BETWEEN 1 AND 3), -- 1 posted, 2 voided, 3 accrued (lab: payable on report)
    held_fen   bigint NOT NULL CHECK (held_fen >= 0),
    posted_fen bigint NOT NULL,
    at_ms      bigint NOT NULL,
    PRIMARY KEY (city_id, claim_id),
    FOREIGN KEY (city_id, claim_id) REFERENCES hold,
    CONSTRAINT hold_end_within CHECK (posted_fen BETWEEN 0 AND held_fen),
    CONSTRAINT hold_end_void CHECK (outcome <> 2 OR posted_fen = 0)
);
CREATE TABLE claim_reversal (
    city_id         integer NOT NULL,
    source          text NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 64),
    idempotency_key text NOT NULL CHECK (octet_length(idempotency_key) BETWEEN 1 AND 64),
    claim_id        bigint NOT NULL,
    line_no         smallint NOT NULL,
    quantity        integer NOT NULL CHECK (quantity > 0),
    benefit_fen     bigint NOT NULL CHECK (benefit_fen >= 0),
    member_fen      bigint NOT NULL CHECK (member_fen >= 0),
    actor           text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 48),
    reason          text NOT NULL CHECK (octet_length(reason) <= 160),
    at_ms           bigint NOT NULL,
    PRIMARY KEY (city_id, source, idempotency_key),
    FOREIGN KEY (city_id, claim_id, line_no) REFERENCES claim_line
);

-- ---- settlement ----
CREATE TABLE payout_batch (
    city_id      integer NOT NULL,
    payee        text NOT NULL,
    business_day date NOT NULL,
    run          integer NOT NULL CHECK (run > 0),
    state        text NOT NULL CHECK (state IN ('DRAFT', 'SEALED', 'APPROVED', 'SENT', 'CONFIRMED', 'FAILED')),
    item_count   integer NOT NULL CHECK (item_count >= 0),
    net_fen      bigint NOT NULL,                          -- items of the day; negative: the payee owes
    brought_fen  bigint NOT NULL DEFAULT 0 CHECK (brought_fen <= 0), -- recovered now from what was carried
    total_fen    bigint NOT NULL CHECK (total_fen >= 0),   -- paid out
    carried_fen  bigint NOT NULL DEFAULT 0 CHECK (carried_fen <= 0), -- still owed after this batch
    prepared_by  text NOT NULL CHECK (octet_length(prepared_by) BETWEEN 1 AND 96),
    approved_by  text CHECK (octet_length(approved_by) BETWEEN 1 AND 96),
    file_name    text CHECK (octet_length(file_name) <= 200),
    file_sha256  bytea CHECK (octet_length(file_sha256) = 32),
    bank_ref     text CHECK (octet_length(bank_ref) <= 96),
    prepared_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, payee, business_day, run),
    FOREIGN KEY (city_id, business_day) REFERENCES business_day, -- only a closed day can be paid
    CONSTRAINT payout_four_eyes CHECK (approved_by IS NULL OR approved_by <> prepared_by),
    CONSTRAINT payout_approved CHECK (state IN ('DRAFT', 'SEALED') OR approved_by IS NOT NULL),
    CONSTRAINT payout_sealed CHECK (state = 'DRAFT' OR file_sha256 IS NOT NULL),
    CONSTRAINT payout_sum CHECK (net_fen + brought_fen = total_fen + carried_fen)
);
CREATE UNIQUE INDEX payout_file_once ON payout_batch (city_id, file_sha256) WHERE state IN ('SENT', 'CONFIRMED');
CREATE TABLE payout_item (
    city_id      integer NOT NULL,
    payee        text NOT NULL,
    business_day date NOT NULL,
    run          integer NOT NULL,
    entry_id     bigint NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen <> 0), -- reversals negative
    PRIMARY KEY (city_id, payee, business_day, run, entry_id),
    CONSTRAINT payout_entry_once UNIQUE (city_id, entry_id),
    FOREIGN KEY (city_id, payee, business_day, run) REFERENCES payout_batch,
    FOREIGN KEY (city_id, entry_id) REFERENCES ledger_key
);
CREATE TABLE recon_run (
    city_id      integer NOT NULL,
    business_day date NOT NULL,
    run          integer NOT NULL CHECK (run > 0),
    run_by       text NOT NULL CHECK (octet_length(run_by) BETWEEN 1 AND 96),
    run_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    checked      bigint NOT NULL CHECK (checked >= 0),
    exceptions   bigint NOT NULL CHECK (exceptions >= 0),
    PRIMARY KEY (city_id, business_day, run),
    FOREIGN KEY (city_id) REFERENCES city
);
CREATE TABLE recon_exception (
    city_id      integer NOT NULL REFERENCES city,
    exception_id bigint GENERATED ALWAYS AS IDENTITY,
    business_day date NOT NULL,
    kind         text NOT NULL CHECK (kind ~ '^[A-Z][A-Z0-9_]{1,47}$'),
    payee        text NOT NULL DEFAULT '' CHECK (octet_length(payee) <= 32),
    claim_id     bigint NOT NULL DEFAULT 0,
    order_id     bigint NOT NULL DEFAULT 0,
    entry_id     bigint NOT NULL DEFAULT 0,
    expected_fen bigint NOT NULL DEFAULT 0,
    found_fen    bigint NOT NULL DEFAULT 0,
    detail       text NOT NULL DEFAULT '' CHECK (octet_length(detail) <= 500),
    owner        text NOT NULL DEFAULT '' CHECK (octet_length(owner) <= 96),
    opened_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at    timestamptz,
    resolution   text CHECK (resolution ~ '^[A-Z][A-Z0-9_]{1,47}$'),
    PRIMARY KEY (city_id, exception_id),
    UNIQUE (city_id, business_day, kind, payee, claim_id, order_id, entry_id), -- running again finds the same exception, not a second one
    CONSTRAINT recon_closed_with_code CHECK ((closed_at IS NULL) = (resolution IS NULL))
);
