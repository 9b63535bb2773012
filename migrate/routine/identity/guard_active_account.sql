-- Who has no active account is named by nothing new: neither an appointment nor an encounter is his, and he orders
-- nothing, whatever way the row comes. The arguments are the column that names him and the SQLSTATE by which the
-- table's domain knows the refusal. Whether his roles treat is asked by the use case, as a host may keep roles of its
-- own elsewhere. A user who does not exist is the foreign key's.
CREATE OR REPLACE FUNCTION hms.guard_active_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    named uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND named = (to_jsonb(OLD) ->> TG_ARGV[0])::uuid THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = named AND u.status <> 'active') THEN
        RAISE EXCEPTION 'whom % names has no active account', TG_ARGV[0] USING ERRCODE = TG_ARGV[1], DETAIL = named;
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_active_account() FROM hms_app;

CREATE OR REPLACE TRIGGER appointment_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.appointment
    FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('practitioner_id', 'HM201');

CREATE OR REPLACE TRIGGER encounter_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.encounter
    FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('practitioner_id', 'HM201');

CREATE OR REPLACE TRIGGER lab_order_requester BEFORE INSERT OR UPDATE OF requester_id ON hms.lab_order
    FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('requester_id', 'HM402');
