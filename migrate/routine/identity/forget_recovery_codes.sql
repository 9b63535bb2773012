-- Forgets the recovery codes of a user, where new ones are made or the second factor ends.
CREATE OR REPLACE FUNCTION hms.forget_recovery_codes(p_tenant uuid, p_user uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('identity.confirm_totp', 'identity.disable_totp', 'identity.reset_second_factor',
        'identity.decide_access_change');
    DELETE FROM hms.user_recovery_code AS c WHERE c.tenant_id = p_tenant AND c.user_id = p_user;
END $$;
