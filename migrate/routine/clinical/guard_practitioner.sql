-- Who has no active account meets nobody: neither a new appointment nor a new encounter names him,
-- whatever way the row comes. Whether his roles treat is asked by the use case, as a host may keep
-- roles of its own elsewhere. A user who does not exist is the foreign key's.
CREATE OR REPLACE FUNCTION hms.guard_practitioner() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.practitioner_id = OLD.practitioner_id THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.practitioner_id AND u.status <> 'active') THEN
        RAISE EXCEPTION 'the practitioner has no active account' USING ERRCODE = 'HM201', DETAIL = NEW.practitioner_id;
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_practitioner() FROM hms_app;

CREATE OR REPLACE TRIGGER appointment_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.appointment
    FOR EACH ROW EXECUTE FUNCTION hms.guard_practitioner();

CREATE OR REPLACE TRIGGER encounter_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.encounter
    FOR EACH ROW EXECUTE FUNCTION hms.guard_practitioner();
