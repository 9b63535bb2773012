-- Takes the second factor by codes from a user.
CREATE OR REPLACE FUNCTION hms.forget_totp(p_tenant uuid, p_user uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('identity.disable_totp', 'identity.reset_second_factor', 'identity.decide_access_change');
    DELETE FROM hms.user_totp AS t WHERE t.tenant_id = p_tenant AND t.user_id = p_user;
END $$;
