-- A key is destroyed, its row made empty or an empty one put in its place, only where the erasure of its patient is
-- on record and no hold keeps his data: for everybody, whatever way the row comes.
CREATE OR REPLACE FUNCTION hms.guard_data_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF hms.is_held(NEW.tenant_id, NEW.subject_id) OR NOT EXISTS (SELECT 1 FROM hms.erasure AS e
        WHERE e.tenant_id = NEW.tenant_id AND e.patient_id = NEW.subject_id) THEN
        RAISE EXCEPTION 'keys are destroyed by an erasure that is on record, and under no hold'
            USING ERRCODE = 'HM301';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_data_key() FROM hms_app;

CREATE OR REPLACE TRIGGER data_key_guard BEFORE INSERT OR UPDATE ON hms.data_key FOR EACH ROW
    WHEN (NEW.wrapped = '') EXECUTE FUNCTION hms.guard_data_key();
