CREATE OR REPLACE FUNCTION hms.audit_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    r jsonb;
BEGIN
    IF hms.is_removing() THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR r IN SELECT to_jsonb(o) FROM old_rows AS o LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'delete', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.audit_delete() FROM hms_app;
