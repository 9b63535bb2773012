-- Takes a credential from a user, or all of them where none is named; how many there were.
CREATE OR REPLACE FUNCTION hms.forget_webauthn(p_tenant uuid, p_user uuid, p_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    PERFORM hms.require_operation('identity.remove_webauthn_credential', 'identity.reset_second_factor',
        'identity.decide_access_change');
    DELETE FROM hms.webauthn_credential AS c
    WHERE c.tenant_id = p_tenant AND c.user_id = p_user AND (p_id IS NULL OR c.id = p_id);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
