-- A night of a million claims: what keeps its look-ups from growing with the years.
SET LOCAL ROLE meddispatch_owner;

-- a day whose payable entries are all in batches, of all payees: the day is closed, so none can come, and later days need not look there
CREATE TABLE payout_day (
    city_id      integer NOT NULL,
    business_day date NOT NULL,
    prepared_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (city_id, business_day),
    FOREIGN KEY (city_id, business_day) REFERENCES business_day
);
GRANT SELECT, INSERT ON payout_day TO meddispatch_settlement;
-- batches still on their way; an earlier one holds up a later one of the same payee
CREATE INDEX payout_batch_unsent ON payout_batch (payee, city_id, business_day) WHERE state IN ('DRAFT', 'SEALED', 'APPROVED');
-- what ended in a day, for reconciliation
CREATE INDEX orders_ended ON orders (ended_ms, city_id) WHERE ended_ms > 0;
CREATE INDEX hold_end_at ON hold_end (at_ms, city_id);
