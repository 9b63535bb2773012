-- What every table that holds state gets: row-level security, grants, their guards (secure_table) and the audit
-- triggers. p_patient names the column of the patient whose data the row holds; then p_kind says what a new row is to
-- that patient, which the table's comment keeps and guard_patient watches over:
--
--   care       begins something for a living patient whose record is active
--   follow-up  tells what happened, at p_happened where the table knows when: not after death
--   money      is owed and paid whatever became of the patient
--   trail      is written about the record, whatever became of it
CREATE OR REPLACE FUNCTION hms.install_table(
    p_table text, p_patient text DEFAULT '', p_key text DEFAULT 'id', p_grants text DEFAULT 'SELECT, INSERT',
    p_others text DEFAULT '', p_kind text DEFAULT '', p_happened text DEFAULT ''
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    args text := format('%L, %L, %L', p_table, p_patient, p_key);
BEGIN
    IF (p_patient = 'patient_id') <> (p_kind <> '') OR p_kind NOT IN ('', 'care', 'follow-up', 'money', 'trail')
       OR p_happened <> '' AND p_kind <> 'follow-up' THEN
        RAISE EXCEPTION 'what a row of % is to its patient is not said', p_table;
    END IF;
    PERFORM hms.secure_table(p_table, p_grants, p_others);
    IF p_kind <> '' THEN
        EXECUTE format('COMMENT ON TABLE hms.%I IS %L', p_table, p_kind);
    END IF;
    IF p_kind = 'care' OR p_happened <> '' THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON hms.%I FOR EACH ROW EXECUTE FUNCTION hms.guard_patient(%L)',
            p_table || '_patient_guard', p_table, p_happened);
    END IF;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON hms.%I REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert(%s)', p_table || '_audit_insert', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON hms.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update(%s)', p_table || '_audit_update', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON hms.%I REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete(%s)', p_table || '_audit_delete', p_table, args);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.install_table(text, text, text, text, text, text, text) FROM hms_app;
