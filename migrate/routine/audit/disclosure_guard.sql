CREATE OR REPLACE FUNCTION hms.disclosure_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    may_change text[] := '{status,error_reason,error_at,error_by,suspension_until,suspension_agency,suspension_statement,suspension_oral,suspension_at,version}';
BEGIN
    IF (to_jsonb(NEW) - may_change) <> (to_jsonb(OLD) - may_change) OR OLD.status = 'entered-in-error' AND NEW.version <> OLD.version THEN
        RAISE EXCEPTION 'a disclosure is suspended or marked as an error, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.disclosure_guard() FROM hms_app;

CREATE OR REPLACE TRIGGER disclosure_guard BEFORE UPDATE ON hms.disclosure FOR EACH ROW EXECUTE FUNCTION hms.disclosure_guard();
