-- Forgets what an account's names may be taken for, before they are stored anew.
CREATE OR REPLACE FUNCTION hms.forget_looks(p_tenant uuid, p_user uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('identity.create_user', 'identity.update_user');
    DELETE FROM hms.user_look AS l WHERE l.tenant_id = p_tenant AND l.user_id = p_user;
END $$;
