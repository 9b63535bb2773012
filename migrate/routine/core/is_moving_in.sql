-- Whether a tenant's rows come as they were in another database: in the owner's transaction in which the record of that
-- stands, and for that tenant. Then the guards of new rows let them be what they were, and the trail, which comes with
-- them, is told nothing. The role in force is said by nobody who may not have it; on a distributed server it is the
-- session's own.
CREATE OR REPLACE FUNCTION hms.is_moving_in() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF 'hms_owner' NOT IN (session_user, current_setting('role')) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT 1 FROM hms.tenant_record AS r WHERE r.tenant_id = hms.current_tenant()
        AND r.kind = 'moved-in' AND r.xid = pg_current_xact_id_if_assigned());
END $$;
