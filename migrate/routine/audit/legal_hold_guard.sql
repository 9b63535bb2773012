-- Of a hold only its release may change, and that once; it is never removed.
CREATE OR REPLACE FUNCTION hms.legal_hold_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.released_at IS NOT NULL
       OR (to_jsonb(NEW) - '{released_by,released_at,release_reason,version}'::text[])
       <> (to_jsonb(OLD) - '{released_by,released_at,release_reason,version}'::text[]) THEN
        RAISE EXCEPTION 'a legal hold is released once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.legal_hold_guard() FROM hms_app;

CREATE OR REPLACE TRIGGER legal_hold_guard BEFORE UPDATE ON hms.legal_hold FOR EACH ROW EXECUTE FUNCTION hms.legal_hold_guard();
