-- Verifying the trail
-- The tables that install_table equipped, with their key columns, read from the triggers.
CREATE OR REPLACE FUNCTION hms.audited_table() RETURNS TABLE (table_name text, key_columns text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT args[1], args[3]
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL string_to_array(encode(t.tgargs, 'escape'), '\000') AS args
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid AND c.relnamespace = n.oid
    WHERE n.nspname = 'hms' AND p.proname = 'audit_insert' AND NOT t.tgisinternal
$$;
