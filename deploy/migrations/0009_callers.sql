-- Who may call: bearer tokens, client certificates and one-time sign-in codes, each with one role and what it is confined to. Only hashes are kept, so
-- whoever reads this table can't call with it.
SET LOCAL ROLE meddispatch_owner;

CREATE SEQUENCE caller_change_seq AS bigint;
CREATE TABLE caller (
    city_id     integer NOT NULL REFERENCES city,
    caller_id   bigint GENERATED ALWAYS AS IDENTITY,
    kind        smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),   -- 1 token, 2 client certificate, 3 sign-in code: taken once, for a token
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32), -- SHA-256 of the token, of the certificate's identity, or of the code
    role        text NOT NULL CHECK (role IN ('pharmacy', 'lab', 'courier', 'logistics', 'clinic', 'dispatcher', 'settlement', 'admin', 'auditor')),
    subject     text NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 40), -- who: for lists and the audit log; no personal names
    source      text NOT NULL DEFAULT '' CHECK (octet_length(source) <= 32),  -- the only `source` its commands may name; '': any
    facility_id bigint NOT NULL DEFAULT 0 CHECK (facility_id >= 0),
    courier_id  bigint NOT NULL DEFAULT 0 CHECK (courier_id >= 0),
    issued_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,                             -- of the token; of a code: until when it may be taken
    session_s   integer NOT NULL DEFAULT 0 CHECK (session_s BETWEEN 0 AND 604800), -- of a code: how long its token lives
    revoked_at  timestamptz,
    taken_at    timestamptz,                                      -- of a code
    change      bigint NOT NULL DEFAULT nextval('caller_change_seq'), -- grows with every change, so that a daemon sees one by one number
    PRIMARY KEY (city_id, caller_id),
    UNIQUE (city_id, digest),
    CHECK (expires_at > issued_at),
    CHECK ((facility_id > 0) = (role IN ('pharmacy', 'lab'))),
    CHECK ((courier_id > 0) = (role = 'courier')),
    CHECK (source <> '' OR role NOT IN ('pharmacy', 'lab', 'clinic')),
    CHECK (kind = 3 OR taken_at IS NULL)
);
CREATE INDEX caller_change ON caller (city_id, change);

GRANT SELECT ON caller TO meddispatch_app;
GRANT USAGE ON SEQUENCE caller_change_seq TO meddispatch_app;

-- A code is taken at most once, and gives a token with its role and bounds; without rights of its own, the application can't make callers otherwise.
CREATE FUNCTION caller_sign_in(p_city integer, p_code bytea, p_token bytea) RETURNS SETOF caller
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    c caller;
BEGIN
    UPDATE caller SET taken_at = clock_timestamp(), change = nextval('caller_change_seq')
     WHERE city_id = p_city AND digest = p_code AND kind = 3 AND taken_at IS NULL AND revoked_at IS NULL AND expires_at > clock_timestamp()
     RETURNING * INTO c;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY INSERT INTO caller (city_id, kind, digest, role, subject, source, facility_id, courier_id, expires_at)
        VALUES (p_city, 1, p_token, c.role, c.subject, c.source, c.facility_id, c.courier_id, clock_timestamp() + make_interval(secs => c.session_s))
        RETURNING *;
END $$;
REVOKE EXECUTE ON FUNCTION caller_sign_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION caller_sign_in TO meddispatch_app;
