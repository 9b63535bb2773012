-- A bill begins as a draft.
CREATE OR REPLACE FUNCTION hms.guard_new_bill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF NEW.status <> 'draft' THEN
        PERFORM hms.refuse_frozen('bill');
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_new_bill() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_guard_new BEFORE INSERT ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_new_bill();
