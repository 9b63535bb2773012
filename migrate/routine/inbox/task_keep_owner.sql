-- A task that somebody has taken is nobody else's unless it is asked for anew.
CREATE OR REPLACE FUNCTION hms.task_keep_owner() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'somebody has taken this task' USING ERRCODE = 'HM701';
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.task_keep_owner() FROM hms_app;

CREATE OR REPLACE TRIGGER task_keep_owner BEFORE UPDATE OF owner_id ON hms.task FOR EACH ROW
    WHEN (OLD.owner_id IS NOT NULL AND NEW.owner_id IS DISTINCT FROM OLD.owner_id AND NEW.status NOT IN ('draft', 'requested'))
    EXECUTE FUNCTION hms.task_keep_owner();
