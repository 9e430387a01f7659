-- Holds that nobody ended are voided by a nightly job; statements and balances find their rows.
SET LOCAL ROLE meddispatch_owner;

-- A hold opened before p_before_ms whose order was neither delivered (10) nor accepted by a laboratory (13, 14) is voided: the member gets the benefit back.
-- At most p_limit; orders are locked so that a delivery that is being written decides first. Rows somebody else holds are passed over until the next run.
CREATE FUNCTION hold_expire(p_city integer, p_before_ms bigint, p_at_ms bigint, p_limit integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_claims bigint[];
BEGIN
    IF p_limit NOT BETWEEN 1 AND 10000 THEN
        RAISE EXCEPTION 'hold_expire: % at once is out of range', p_limit USING ERRCODE = 'MD003';
    END IF;
    IF p_before_ms > p_at_ms THEN
        RAISE EXCEPTION 'hold_expire: a hold cannot expire before it was opened' USING ERRCODE = 'MD002';
    END IF;
    SELECT array_agg(claim_id) INTO v_claims FROM (
        SELECT h.claim_id FROM hold h
          JOIN claim c ON c.city_id = h.city_id AND c.claim_id = h.claim_id AND c.state = 2
          JOIN orders o ON o.city_id = c.city_id AND o.order_id = c.order_id
         WHERE h.city_id = p_city AND h.at_ms < p_before_ms AND o.phase NOT IN (10, 13, 14)
           AND NOT EXISTS (SELECT FROM hold_end d WHERE d.city_id = h.city_id AND d.claim_id = h.claim_id)
         ORDER BY h.claim_id LIMIT p_limit FOR UPDATE OF o SKIP LOCKED) due;
    IF v_claims IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM hold_end(p_city, v_claims, array_fill(2::smallint, ARRAY[cardinality(v_claims)]), array_fill(NULL::bigint, ARRAY[cardinality(v_claims)]),
                     array_fill(NULL::text, ARRAY[cardinality(v_claims)]), array_fill(p_at_ms, ARRAY[cardinality(v_claims)]));
    RETURN cardinality(v_claims);
END $$;
REVOKE EXECUTE ON FUNCTION hold_expire FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_expire TO meddispatch_settlement;
