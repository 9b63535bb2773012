-- A medical record number is never given to another person: rows are never deleted, and
-- this keeps the number of a row from changing.
CREATE OR REPLACE FUNCTION hms.patient_keep_mrn() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a medical record number never changes' USING ERRCODE = 'HM601';
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.patient_keep_mrn() FROM hms_app;

CREATE OR REPLACE TRIGGER patient_keep_mrn BEFORE UPDATE OF mrn, mrn_key ON hms.patient FOR EACH ROW
    WHEN (OLD.mrn IS DISTINCT FROM NEW.mrn OR OLD.mrn_key IS DISTINCT FROM NEW.mrn_key) EXECUTE FUNCTION hms.patient_keep_mrn();
