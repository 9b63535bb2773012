-- Verifying the trail
-- The tables that install_table equipped, or one of them, with their key columns, read from the triggers. In
-- PL/pgSQL, whose plan a session keeps: a verification asks for each table.
CREATE OR REPLACE FUNCTION hms.audited_table(p_table text DEFAULT NULL)
RETURNS TABLE (table_name text, key_columns text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = 'force_generic_plan' AS $$
BEGIN
    RETURN QUERY
        SELECT args[1], args[3]
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid AND c.relnamespace = n.oid
        CROSS JOIN LATERAL string_to_array(encode(t.tgargs, 'escape'), '\000') AS args
        WHERE n.nspname = 'hms' AND p.proname = 'audit_insert' AND NOT t.tgisinternal
            AND (p_table IS NULL OR c.relname = p_table);
END $$;
