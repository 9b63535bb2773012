-- Takes a sign-in by an identity provider from its user; how many there were. The trail's trigger tells of it.
CREATE OR REPLACE FUNCTION hms.unlink_external_identity(p_tenant uuid, p_id uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone bigint;
BEGIN
    PERFORM hms.require_operation('identity.unlink_external_identity');
    DELETE FROM hms.external_identity AS e WHERE e.tenant_id = p_tenant AND e.id = p_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
