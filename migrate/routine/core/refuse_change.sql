-- Refuses UPDATE, DELETE and TRUNCATE, for everybody: the guard behind missing grants. Rows go with their tenant alone,
-- and the record of that stays, also one that nobody signed (TG_TABLE_NAME carries a shard number on a distributed
-- server).
CREATE OR REPLACE FUNCTION hms.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME NOT LIKE 'tenant\_record%' AND hms.is_removing() THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of this table are never changed or removed' USING ERRCODE = 'HM002';
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.refuse_change() FROM hms_app;
