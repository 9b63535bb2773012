-- The triggers: one per statement, reading its transition table, as the owner, who alone adds to the trail. Arguments: the table's
-- own name (TG_TABLE_NAME carries a shard number on a distributed server), the column
-- that names the patient ('' for none), the key columns.
CREATE OR REPLACE FUNCTION hms.audit_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    r jsonb;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR r IN SELECT to_jsonb(n) FROM new_rows AS n LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'create', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.audit_insert() FROM hms_app;
