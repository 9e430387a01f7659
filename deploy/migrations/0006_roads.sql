-- What dispatchers report of roads: closed or slow, until when. Never deleted: a withdrawal is written beside the report.
SET LOCAL ROLE meddispatch_owner;

CREATE SEQUENCE road_override_seq AS bigint;
CREATE TABLE road_override (
    city_id       integer NOT NULL REFERENCES city,
    override_id   bigint NOT NULL DEFAULT nextval('road_override_seq') CHECK (override_id > 0),
    kind          smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),              -- 1 a way of OpenStreetMap, 2 the road at a point, 3 an area
    way           bigint NOT NULL CHECK ((way > 0) = (kind = 1)),
    points        integer[] NOT NULL CHECK (cardinality(points) <= 400 AND cardinality(points) % 2 = 0), -- latitude, longitude, ... in 1e-7 degrees, WGS-84
    speed_percent smallint NOT NULL CHECK (speed_percent BETWEEN 0 AND 400),   -- of what the hour says; 0: closed, unless speed_kmh is given
    speed_kmh     smallint NOT NULL CHECK (speed_kmh BETWEEN 0 AND 200),
    reported_ms   bigint NOT NULL CHECK (reported_ms > 0),
    until_ms      bigint NOT NULL CHECK (until_ms > reported_ms),
    actor         text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 48),
    reason        text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 200),
    cause_key     bytea NOT NULL CHECK (octet_length(cause_key) = 16),
    request_hash  bigint NOT NULL,
    withdrawn_ms  bigint,
    withdrawn_by  text CHECK (octet_length(withdrawn_by) BETWEEN 1 AND 48),
    withdrawn_for text CHECK (octet_length(withdrawn_for) BETWEEN 1 AND 200),
    PRIMARY KEY (city_id, override_id),
    UNIQUE (city_id, cause_key),
    CHECK ((withdrawn_ms IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_ms IS NULL) = (withdrawn_for IS NULL)),
    CHECK (CASE kind WHEN 1 THEN cardinality(points) = 0 WHEN 2 THEN cardinality(points) IN (2, 4) ELSE cardinality(points) >= 6 END)
);
CREATE INDEX road_override_open ON road_override (city_id, until_ms) WHERE withdrawn_ms IS NULL;
GRANT SELECT ON road_override TO meddispatch_app, meddispatch_reader;
GRANT INSERT ON road_override TO meddispatch_app;
GRANT UPDATE (withdrawn_ms, withdrawn_by, withdrawn_for) ON road_override TO meddispatch_app;
GRANT USAGE ON SEQUENCE road_override_seq TO meddispatch_app;
