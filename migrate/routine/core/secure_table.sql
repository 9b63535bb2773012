-- Row-level security, the policy, the grants and the guards behind them of one table. Grants are on
-- parents only: a partition that could be read directly would show every tenant's rows. UPDATE is granted
-- by column, 'UPDATE (status, version)': who may change a whole table could lock it as well.
--
-- The guards say to everybody, the owner and a superuser too, what the grants say to the
-- application: rows are removed only from tables whose rows the application may remove, and where
-- it may not change them either, nobody does. p_others names what the application does not do itself and yet
-- is done, 'UPDATE', 'DELETE': by functions of ours as the owner, or to master data by an administrator. The
-- guards allow that, the grants do not.
CREATE OR REPLACE FUNCTION hms.secure_table(p_table text, p_grants text, p_others text DEFAULT '') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_grants ~ 'UPDATE(?!\s*\()' THEN
        RAISE EXCEPTION 'UPDATE is granted by column';
    END IF;
    EXECUTE format('ALTER TABLE hms.%I ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE hms.%I FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY tenant_isolation ON hms.%I
        USING (tenant_id = hms.current_tenant()) WITH CHECK (tenant_id = hms.current_tenant())', p_table);
    IF p_grants <> '' THEN
        EXECUTE format('GRANT %s ON hms.%I TO hms_app', p_grants, p_table);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'hms_backup') THEN
        EXECUTE format('GRANT SELECT ON hms.%I TO hms_backup', p_table);
    END IF;
    IF p_grants || p_others !~ 'UPDATE|DELETE' THEN
        PERFORM hms.append_only(p_table);
    ELSIF p_grants || p_others !~ 'DELETE' THEN
        PERFORM hms.keep_rows(p_table);
    END IF;
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.secure_table(text, text, text) FROM hms_app;
