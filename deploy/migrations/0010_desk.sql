-- What a dispatcher's desk needs: why somebody looked at a name, and the figures of a span of time without reading every order.
ALTER TABLE access_log ADD COLUMN reason text NOT NULL DEFAULT '' CHECK (octet_length(reason) <= 160);
-- accepted_ms never changes, so a step of an order stays a heap-only update
CREATE INDEX orders_accepted ON orders (city_id, accepted_ms);
