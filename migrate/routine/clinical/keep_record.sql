-- Refuses every change of a row but that of the columns named as arguments, for
-- everybody: a final record is taken back by its status and never rewritten.
CREATE OR REPLACE FUNCTION hms.keep_record() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_jsonb(OLD) - TG_ARGV IS DISTINCT FROM to_jsonb(NEW) - TG_ARGV THEN
        RAISE EXCEPTION 'this record is final' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.keep_record() FROM hms_app;

CREATE OR REPLACE TRIGGER clinical_note_signed BEFORE UPDATE ON hms.clinical_note FOR EACH ROW
    WHEN (OLD.status <> 'draft') EXECUTE FUNCTION hms.keep_record('status', 'error_reason', 'version');

CREATE OR REPLACE TRIGGER vitals_final BEFORE UPDATE ON hms.vitals FOR EACH ROW
    EXECUTE FUNCTION hms.keep_record('status', 'error_reason', 'version');

-- What was prescribed never changes: only what becomes of it does.
CREATE OR REPLACE TRIGGER prescription_final BEFORE UPDATE ON hms.prescription FOR EACH ROW
    EXECUTE FUNCTION hms.keep_record('status', 'stop_reason', 'dispensed_quantity', 'version');
