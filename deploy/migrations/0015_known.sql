-- The other of the two times, whole: a version's end is learnt at a moment too, so that what we held true at any past moment can be asked for.
SET LOCAL ROLE meddispatch_owner;

ALTER TABLE plan_version ADD COLUMN end_known_at timestamptz; -- when valid_to_ms was set; NULL: open
ALTER TABLE product ADD COLUMN end_known_at timestamptz;
ALTER TABLE test ADD COLUMN end_known_at timestamptz;
-- ends from before: known, at the latest, when the version after them was
UPDATE plan_version v SET end_known_at = coalesce((SELECT n.known_at FROM plan_version n WHERE n.city_id = v.city_id AND n.plan = v.plan AND n.version = v.version + 1), v.known_at)
 WHERE v.valid_to_ms <> 0;
UPDATE product v SET end_known_at = coalesce((SELECT n.known_at FROM product n WHERE n.city_id = v.city_id AND n.code = v.code AND n.version = v.version + 1), v.known_at)
 WHERE v.valid_to_ms <> 0;
UPDATE test v SET end_known_at = coalesce((SELECT n.known_at FROM test n WHERE n.city_id = v.city_id AND n.code = v.code AND n.version = v.version + 1), v.known_at)
 WHERE v.valid_to_ms <> 0;
ALTER TABLE plan_version ADD CONSTRAINT plan_version_end_known CHECK ((valid_to_ms = 0) = (end_known_at IS NULL));
ALTER TABLE product ADD CONSTRAINT product_end_known CHECK ((valid_to_ms = 0) = (end_known_at IS NULL));
ALTER TABLE test ADD CONSTRAINT test_end_known CHECK ((valid_to_ms = 0) = (end_known_at IS NULL));
GRANT UPDATE (end_known_at) ON plan_version, product, test TO meddispatch_app;

-- What was held true at p_known of the time p_at_ms; no row: nothing. An end that was not known yet does not count.
CREATE FUNCTION plan_as_known(p_city integer, p_plan text, p_at_ms bigint, p_known timestamptz) RETURNS SETOF plan_version
LANGUAGE sql STABLE AS $$
    SELECT * FROM plan_version v WHERE v.city_id = p_city AND v.plan = p_plan AND v.known_at <= p_known AND v.valid_from_ms <= p_at_ms
       AND (v.valid_to_ms = 0 OR p_at_ms < v.valid_to_ms OR v.end_known_at > p_known) ORDER BY v.version DESC LIMIT 1
$$;
CREATE FUNCTION product_as_known(p_city integer, p_code text, p_at_ms bigint, p_known timestamptz) RETURNS SETOF product
LANGUAGE sql STABLE AS $$
    SELECT * FROM product v WHERE v.city_id = p_city AND v.code = p_code AND v.known_at <= p_known AND v.valid_from_ms <= p_at_ms
       AND (v.valid_to_ms = 0 OR p_at_ms < v.valid_to_ms OR v.end_known_at > p_known) ORDER BY v.version DESC LIMIT 1
$$;
CREATE FUNCTION test_as_known(p_city integer, p_code text, p_at_ms bigint, p_known timestamptz) RETURNS SETOF test
LANGUAGE sql STABLE AS $$
    SELECT * FROM test v WHERE v.city_id = p_city AND v.code = p_code AND v.known_at <= p_known AND v.valid_from_ms <= p_at_ms
       AND (v.valid_to_ms = 0 OR p_at_ms < v.valid_to_ms OR v.end_known_at > p_known) ORDER BY v.version DESC LIMIT 1
$$;
REVOKE EXECUTE ON FUNCTION plan_as_known, product_as_known, test_as_known FROM PUBLIC;
GRANT EXECUTE ON FUNCTION plan_as_known, product_as_known, test_as_known TO meddispatch_app, meddispatch_settlement, meddispatch_reader;
