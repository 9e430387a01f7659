-- Nobody is erased while something is on its way to him: the courier would stand in the street.
SET LOCAL ROLE meddispatch_owner;

-- As in 0014_privacy.sql, but for orders under way.
CREATE OR REPLACE FUNCTION person_erase(p_city integer, p_member text, p_by text) RETURNS boolean
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
    IF EXISTS (SELECT FROM orders WHERE city_id = p_city AND member_id = v_member AND ended_ms = 0) THEN
        RAISE EXCEPTION 'orders of this member are under way: erase when they have ended' USING ERRCODE = 'MD002';
    END IF;
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
