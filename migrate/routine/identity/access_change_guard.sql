-- A request to change who may do what stays as it was made; it is decided once. Nobody approves what he himself gets,
-- nor what somebody asked for who made the approver's account of late, or whose account the approver made: within
-- 30 days before the request (identity.RelatedWithin), or since. That nobody approves what he asked for, a CHECK holds.
CREATE OR REPLACE FUNCTION hms.access_change_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_asked text := hms.actor_person(NEW.created_by);
    v_decided text := hms.actor_person(NEW.decided_by);
BEGIN
    IF OLD.status <> 'requested'
       OR (to_jsonb(NEW) - '{status,decided_by,decided_at,decision_text,version}'::text[])
       <> (to_jsonb(OLD) - '{status,decided_by,decided_at,decision_text,version}'::text[]) THEN
        RAISE EXCEPTION 'a request stays as it was made, and is decided once' USING ERRCODE = 'HM002';
    END IF;
    IF NEW.status <> 'approved' OR v_decided IS NULL THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
           WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.person_id = v_decided::uuid) THEN
        RAISE EXCEPTION 'nobody approves what he himself gets'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'access_change_subject_check';
    END IF;
    IF v_asked <> v_decided AND hms.accounts_related(NEW.tenant_id,
           ARRAY[substring(NEW.created_by FROM ':([0-9a-f-]{36})'), v_asked]::uuid[],
           ARRAY[substring(NEW.decided_by FROM ':([0-9a-f-]{36})'), v_decided]::uuid[],
           NEW.created_at - interval '30 days') THEN
        RAISE EXCEPTION 'one of them made an account of the other of late'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'access_change_related_check';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.access_change_guard() FROM hms_app;

CREATE OR REPLACE TRIGGER access_change_guard BEFORE UPDATE ON hms.access_change
    FOR EACH ROW EXECUTE FUNCTION hms.access_change_guard();
