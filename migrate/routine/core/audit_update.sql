CREATE OR REPLACE FUNCTION hms.audit_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    r record;
    d jsonb;
BEGIN
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR r IN SELECT o.j AS before, n.j AS after
        FROM (SELECT to_jsonb(old_rows) AS j FROM old_rows) AS o
        JOIN (SELECT to_jsonb(new_rows) AS j FROM new_rows) AS n
          ON o.j -> 'tenant_id' = n.j -> 'tenant_id' AND hms.row_key(o.j, TG_ARGV[2]) = hms.row_key(n.j, TG_ARGV[2])
    LOOP
        d := hms.row_diff(r.before, r.after);
        IF d <> '{}'::jsonb THEN
            PERFORM hms.audit_write((r.after ->> 'tenant_id')::uuid, 'update', TG_ARGV[0],
                hms.row_key(r.after, TG_ARGV[2]), (r.after ->> TG_ARGV[1])::uuid, d);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.audit_update() FROM hms_app;
