-- Nobody is assigned whose account is closed for ever. Who stands in takes over a planned duty of another person,
-- its place and kind, within its time. A duty never changes but by its cancelling, and is not cancelled
-- while somebody is planned to stand in for it. What refers to no row is the foreign keys'.
CREATE OR REPLACE FUNCTION hms.guard_duty() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user uuid;
    v_fits boolean;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.status <> 'planned' OR (to_jsonb(NEW) - '{status,cancelled_at,cancel_reason,version}'::text[])
           <> (to_jsonb(OLD) - '{status,cancelled_at,cancel_reason,version}'::text[]) THEN
            RAISE EXCEPTION 'a duty is cancelled once, and otherwise never changed' USING ERRCODE = 'HM002';
        END IF;
        IF NEW.status <> OLD.status AND EXISTS (SELECT 1 FROM hms.duty AS s WHERE s.tenant_id = NEW.tenant_id
            AND s.stand_in_for_id = NEW.id AND s.status = 'planned' AND s.ends_at > NEW.cancelled_at) THEN
            RAISE EXCEPTION 'somebody stands in for this duty' USING ERRCODE = 'HM007';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.status = 'deactivated') THEN
        RAISE EXCEPTION 'the account is closed' USING ERRCODE = 'HM005';
    END IF;
    IF NEW.stand_in_for_id IS NULL THEN
        RETURN NEW;
    END IF;
    -- The lock keeps the duty from being cancelled meanwhile.
    SELECT d.user_id, d.status = 'planned' AND d.kind = NEW.kind AND d.service_key = NEW.service_key
        AND d.ward_id IS NOT DISTINCT FROM NEW.ward_id AND d.starts_at <= NEW.starts_at AND d.ends_at >= NEW.ends_at
    INTO v_user, v_fits FROM hms.duty AS d
    WHERE d.tenant_id = NEW.tenant_id AND d.id = NEW.stand_in_for_id FOR UPDATE;
    IF FOUND AND (NOT v_fits OR EXISTS (SELECT 1 FROM hms.user_account AS u
        JOIN hms.user_account AS o ON o.tenant_id = u.tenant_id AND o.person_id = u.person_id
        WHERE u.tenant_id = NEW.tenant_id AND o.tenant_id = NEW.tenant_id AND u.id = v_user AND o.id = NEW.user_id)) THEN
        RAISE EXCEPTION 'this does not stand in for that duty' USING ERRCODE = 'HM006';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_duty() FROM hms_app;

CREATE OR REPLACE TRIGGER duty_guard BEFORE INSERT OR UPDATE ON hms.duty
    FOR EACH ROW EXECUTE FUNCTION hms.guard_duty();
