-- Payments told to the bank (pain.001) and what the bank says of them (pain.002, camt.053).
SET LOCAL ROLE meddispatch_owner;

-- who pays: the insurer's account in this city
CREATE TABLE payer (
    city_id integer PRIMARY KEY REFERENCES city,
    name    text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 140),
    account text NOT NULL CHECK (account ~ '^[A-Za-z0-9 /?:().,''+-]{1,34}$'),
    bank    text NOT NULL CHECK (bank ~ '^[A-Z0-9]{1,35}$')
);
-- One message to the bank: the approved batches of a day that were not in an earlier one. Its bytes follow from these rows alone: payer and payees are
-- copied, so that an account changed tomorrow changes no message of today.
CREATE TABLE payout_message (
    city_id       integer NOT NULL,
    business_day  date NOT NULL,
    message       integer NOT NULL CHECK (message > 0),
    payment_count integer NOT NULL CHECK (payment_count > 0),
    total_fen     bigint NOT NULL CHECK (total_fen > 0),
    payer_name    text NOT NULL,
    payer_account text NOT NULL,
    payer_bank    text NOT NULL,
    utc_offset_s  integer NOT NULL,
    file_name     text CHECK (octet_length(file_name) <= 200),
    file_sha256   bytea CHECK (octet_length(file_sha256) = 32),
    made_by       text NOT NULL CHECK (octet_length(made_by) BETWEEN 1 AND 96),
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, business_day, message),
    FOREIGN KEY (city_id, business_day) REFERENCES business_day
);
CREATE TABLE payout_payment (
    city_id      integer NOT NULL,
    business_day date NOT NULL,
    message      integer NOT NULL,
    payee        text NOT NULL,
    run          integer NOT NULL,
    end_to_end   text NOT NULL CHECK (end_to_end ~ '^[A-Za-z0-9._-]{1,35}$'),
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    name         text NOT NULL,
    account      text NOT NULL,
    bank         text NOT NULL,
    PRIMARY KEY (city_id, business_day, message, payee, run),
    UNIQUE (city_id, end_to_end),
    CONSTRAINT payment_batch_once UNIQUE (city_id, payee, business_day, run), -- a batch is paid by one message
    FOREIGN KEY (city_id, business_day, message) REFERENCES payout_message,
    FOREIGN KEY (city_id, payee, business_day, run) REFERENCES payout_batch
);
-- what came from the bank, each file once
CREATE TABLE bank_file (
    city_id     integer NOT NULL REFERENCES city,
    file_sha256 bytea NOT NULL CHECK (octet_length(file_sha256) = 32),
    kind        text NOT NULL CHECK (kind IN ('pain.002', 'camt.053')),
    message_id  text NOT NULL CHECK (octet_length(message_id) <= 70),
    entry_count integer NOT NULL CHECK (entry_count >= 0),
    imported_by text NOT NULL CHECK (octet_length(imported_by) BETWEEN 1 AND 96),
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, file_sha256)
);
CREATE TABLE bank_entry (
    city_id     integer NOT NULL,
    file_sha256 bytea NOT NULL,
    entry_no    integer NOT NULL CHECK (entry_no > 0),
    end_to_end  text NOT NULL CHECK (octet_length(end_to_end) <= 35), -- '' none was given
    what        text NOT NULL CHECK (what IN ('ACCEPTED', 'PAID', 'REJECTED', 'RETURNED', 'OTHER')),
    amount_fen  bigint NOT NULL CHECK (amount_fen >= 0),              -- 0: a status, which tells no amount
    bank_ref    text NOT NULL CHECK (octet_length(bank_ref) <= 96),
    reason      text NOT NULL CHECK (octet_length(reason) <= 35),
    outcome     text NOT NULL CHECK (outcome IN ('NOTED', 'CONFIRMED', 'FAILED', 'UNKNOWN', 'AMOUNT', 'STATE')),
    PRIMARY KEY (city_id, file_sha256, entry_no),
    FOREIGN KEY (city_id, file_sha256) REFERENCES bank_file
);
CREATE INDEX bank_entry_payment ON bank_entry (end_to_end, city_id);

-- a payment may come back after it was confirmed: RETURNED is then another booking of the same batch
GRANT SELECT ON payer, payout_message, payout_payment, bank_file, bank_entry TO meddispatch_settlement;
GRANT INSERT ON payer, payout_message, payout_payment, bank_file, bank_entry TO meddispatch_settlement;
GRANT UPDATE (name, account, bank) ON payer TO meddispatch_settlement;
GRANT UPDATE (file_name, file_sha256) ON payout_message TO meddispatch_settlement;
