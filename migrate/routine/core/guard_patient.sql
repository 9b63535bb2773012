-- Nothing new begins for a patient who is dead or whose record is merged, mistaken or out of use, and nothing
-- happened to the dead after their death; see install_table. Whoever begins something holds the patient's row from
-- before until the end of the transaction, as strongly as whoever changes it: a death that is being noted is waited
-- for, and no two wait for each other. A patient who does not exist is left to the foreign key.
CREATE OR REPLACE FUNCTION hms.guard_patient() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_status text;
    v_dead   boolean;
    v_death  timestamptz;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_ARGV[0] <> '' THEN
        SELECT p.deceased_at INTO v_death FROM hms.patient AS p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.patient_id;
        IF (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz > v_death THEN
            RAISE EXCEPTION 'nothing happens to a patient after his death' USING ERRCODE = 'HM605';
        END IF;
        RETURN NEW;
    END IF;
    SELECT p.status, p.is_deceased INTO v_status, v_dead FROM hms.patient AS p
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.patient_id FOR NO KEY UPDATE;
    IF v_status = 'merged' THEN
        RAISE EXCEPTION 'the patient''s record is merged' USING ERRCODE = 'HM602';
    ELSIF v_status <> 'active' THEN
        RAISE EXCEPTION 'the patient''s record is not active' USING ERRCODE = 'HM603';
    ELSIF v_dead THEN
        RAISE EXCEPTION 'the patient is deceased' USING ERRCODE = 'HM604';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_patient() FROM hms_app;
