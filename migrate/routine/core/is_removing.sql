-- Whether rows go with their tenant: the owner removes them, who by row-level security sees that tenant's alone, and the
-- last record of it says that it is deleted.
CREATE OR REPLACE FUNCTION hms.is_removing() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF 'hms_owner' NOT IN (session_user, current_setting('role')) THEN
        RETURN false;
    END IF;
    RETURN coalesce((SELECT r.kind FROM hms.tenant_record AS r WHERE r.tenant_id = hms.current_tenant()
        ORDER BY r.number DESC LIMIT 1) = 'deleted', false);
END $$;
