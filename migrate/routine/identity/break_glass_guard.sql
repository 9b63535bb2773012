-- Of a grant only its end and its review may change, and each but once. A new one gets its end by the
-- database's own clock, which no host sets, and is refused where its person has as many as he may
-- have: 5 open at once, 20 within 24 hours (identity.MaxOpenBreakGlass, MaxDailyBreakGlass). A person's
-- requests take turns. A review says whether its author is related to the grant's user: whether one of
-- them made an account of the other within 30 days before the grant (identity.RelatedWithin), or since.
CREATE OR REPLACE FUNCTION hms.break_glass_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_person text := hms.actor_person(NEW.created_by);
    v_now timestamptz := hms.operation_time();
    v_open bigint;
    v_day bigint;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- Reads are opened by the user, counted by the author: both are the person who asks, for himself.
        IF NEW.created_by NOT LIKE 'human:' || NEW.user_id || '%' OR NOT EXISTS (SELECT 1 FROM hms.user_account AS u
            WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.person_id::text = v_person) THEN
            RAISE EXCEPTION 'nobody breaks the glass for another' USING ERRCODE = 'HM008';
        END IF;
        NEW.closes_at := clock_timestamp() + (NEW.expires_at - NEW.started_at);
        INSERT INTO hms.lock (tenant_id, name) VALUES (NEW.tenant_id, 'break_glass ' || v_person)
        ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1;
        SELECT count(*) FILTER (WHERE g.expires_at > v_now AND g.closes_at > clock_timestamp() AND g.ended_at IS NULL),
            count(*) FILTER (WHERE g.started_at > v_now - interval '24 hours')
        INTO v_open, v_day FROM hms.break_glass AS g
        WHERE g.tenant_id = NEW.tenant_id AND hms.actor_person(g.created_by) = v_person;
        IF NEW.expires_at > v_now AND v_open >= 5 THEN
            RAISE EXCEPTION 'the person has too many break-glass grants open' USING ERRCODE = 'HM003', DETAIL = 'open';
        END IF;
        IF NEW.started_at > v_now - interval '24 hours' AND v_day >= 20 THEN
            RAISE EXCEPTION 'the person got too many break-glass grants in a day' USING ERRCODE = 'HM003', DETAIL = 'day';
        END IF;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,related,version}'::text[])
       <> (to_jsonb(OLD) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,related,version}'::text[])
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
       OR (OLD.outcome <> '' AND (NEW.outcome <> OLD.outcome OR NEW.related <> OLD.related)) THEN
        RAISE EXCEPTION 'a break-glass grant is ended and reviewed once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    -- That nobody reviews his own, a CHECK holds.
    IF OLD.outcome = '' AND NEW.outcome <> '' AND hms.actor_person(NEW.reviewed_by) IS DISTINCT FROM v_person
       AND NEW.related IS DISTINCT FROM hms.accounts_related(NEW.tenant_id,
           ARRAY[NEW.user_id, v_person::uuid],
           ARRAY[substring(NEW.reviewed_by FROM ':([0-9a-f-]{36})'), hms.actor_person(NEW.reviewed_by)]::uuid[],
           NEW.started_at - interval '30 days') THEN
        RAISE EXCEPTION 'a review says whether its author is related to the grant''s user' USING ERRCODE = 'HM004';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.break_glass_guard() FROM hms_app;

CREATE OR REPLACE TRIGGER break_glass_guard BEFORE INSERT OR UPDATE ON hms.break_glass
    FOR EACH ROW EXECUTE FUNCTION hms.break_glass_guard();
