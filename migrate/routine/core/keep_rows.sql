-- Refuses DELETE and TRUNCATE for everybody; the rows may change as their own guards allow.
CREATE OR REPLACE FUNCTION hms.keep_rows(p_table text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_keep_rows', p_table);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.keep_rows(text) FROM hms_app;
