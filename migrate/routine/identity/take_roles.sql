-- Takes roles from a user. The trail's trigger tells of each.
CREATE OR REPLACE FUNCTION hms.take_roles(p_tenant uuid, p_user uuid, p_roles uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('identity.set_user_roles');
    DELETE FROM hms.user_role AS r WHERE r.tenant_id = p_tenant AND r.user_id = p_user AND r.role_id = ANY (p_roles);
END $$;
