CREATE OR REPLACE FUNCTION hms.append_only(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_append_only', p_table);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON hms.%I FROM hms_app', p_table);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.append_only(text) FROM hms_app;
