-- State machines
-- Refuses a change of status that is not among the arguments ('from>to'), for everybody.
CREATE OR REPLACE FUNCTION hms.guard_transition() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT (OLD.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'this change of status is not allowed' USING ERRCODE = 'HM001';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_transition() FROM hms_app;
