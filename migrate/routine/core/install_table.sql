-- What every table that holds state gets: row-level security, grants, their guards (secure_table) and the audit
-- triggers. p_patient names the column of the patient whose data the row holds.
CREATE OR REPLACE FUNCTION hms.install_table(
    p_table text, p_patient text DEFAULT '', p_key text DEFAULT 'id', p_grants text DEFAULT 'SELECT, INSERT',
    p_others text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    args text := format('%L, %L, %L', p_table, p_patient, p_key);
BEGIN
    PERFORM hms.secure_table(p_table, p_grants, p_others);
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON hms.%I REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert(%s)', p_table || '_audit_insert', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON hms.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update(%s)', p_table || '_audit_update', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON hms.%I REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete(%s)', p_table || '_audit_delete', p_table, args);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.install_table(text, text, text, text, text) FROM hms_app;
