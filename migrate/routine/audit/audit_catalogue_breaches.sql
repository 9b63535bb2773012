-- needs: audit/audited_table
-- What the catalogue must still say for the trail to be trusted: each row is a breach.
CREATE OR REPLACE FUNCTION hms.audit_catalogue_breaches() RETURNS TABLE (object text, breach text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname || '.' || t.tgname, 'the trigger is disabled'
    FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND NOT t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT c.relname, 'row-level security is not forced'
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND c.relname NOT IN ('migration', 'context_key') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    UNION ALL
    SELECT c.relname, 'rows can be changed or removed by ' || r.rolname
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN pg_catalog.pg_roles AS r
    WHERE n.nspname = 'hms' AND c.relname ~ '^audit_(event|leaf|node|checkpoint|purge)' AND c.relkind IN ('r', 'p')
      AND r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup')
      AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE')
    UNION ALL
    SELECT w.name, 'the append-only trigger is gone'
    FROM unnest(ARRAY['audit_event', 'audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_purge']) AS w (name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || w.name) AND t.tgname = w.name || '_append_only')
    UNION ALL
    SELECT w.name, 'rows can be added by ' || r.rolname
    FROM pg_catalog.pg_roles AS r CROSS JOIN unnest(ARRAY['audit_event', 'audit_purge']) AS w (name)
    WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup') AND has_table_privilege(r.oid, to_regclass('hms.' || w.name), 'INSERT')
    UNION ALL
    SELECT a.table_name, 'an audit trigger is gone'
    FROM hms.audited_table() AS a CROSS JOIN unnest(ARRAY['_audit_update', '_audit_delete']) AS s (suffix)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || a.table_name) AND t.tgname = a.table_name || s.suffix)
$$;
