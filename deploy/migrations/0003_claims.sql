-- What rules 11 and 12 need of earlier claims, who overrode what, and what each claim was decided on.
SET LOCAL ROLE meddispatch_owner;

ALTER TABLE plan_version ADD COLUMN duplicate_stops boolean NOT NULL DEFAULT false; -- rule 12; refill_bps (rule 11) is there since 0001, 0: off
-- when we learnt of a version, beside when it holds: the other of the two times
ALTER TABLE plan_version ADD COLUMN known_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE product ADD COLUMN known_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE test ADD COLUMN known_at timestamptz NOT NULL DEFAULT clock_timestamp();

ALTER TABLE claim_line
    ADD COLUMN supply_ddays integer NOT NULL DEFAULT 0 CHECK (supply_ddays >= 0), -- what the allowed packs last, in tenths of a day
    ADD COLUMN atc text NOT NULL DEFAULT '' CHECK (octet_length(atc) <= 8);

-- a rule that a person's word has lifted from a line
CREATE TABLE claim_override (
    city_id  integer NOT NULL,
    claim_id bigint NOT NULL,
    line_no  smallint NOT NULL,
    rule     smallint NOT NULL CHECK (rule BETWEEN 1 AND 19),
    codes    text NOT NULL CHECK (octet_length(codes) BETWEEN 1 AND 32),
    source   text NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 64),
    actor    text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 48),
    at_ms    bigint NOT NULL,
    PRIMARY KEY (city_id, claim_id, line_no, rule),
    FOREIGN KEY (city_id, claim_id, line_no) REFERENCES claim_line
);
-- claims_basis_encode(): all that the decision was made from, so that it can be made again
CREATE TABLE claim_basis (
    city_id  integer NOT NULL,
    claim_id bigint NOT NULL,
    body     bytea NOT NULL CHECK (octet_length(body) BETWEEN 1 AND 16384),
    PRIMARY KEY (city_id, claim_id),
    FOREIGN KEY (city_id, claim_id) REFERENCES claim
);
GRANT SELECT ON claim_override TO meddispatch_app, meddispatch_settlement, meddispatch_reader;
GRANT SELECT ON claim_basis TO meddispatch_app, meddispatch_settlement;
GRANT INSERT ON claim_override, claim_basis TO meddispatch_app;
