-- Begins the next epoch of a tenant, or, where the epoch stays, wraps its keysets anew. Keysets are never
-- emptied, and their change is on the trail: who overwrites them makes everything unreadable that they wrap.
CREATE OR REPLACE FUNCTION hms.change_keyset(
    p_tenant uuid, p_epoch integer, p_data bytea, p_index bytea, p_now timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before record;
BEGIN
    PERFORM hms.require_operation('encryption.rotate', 'encryption.rewrap');
    SELECT k.epoch, k.index_keyset INTO STRICT before FROM hms.tenant_keyset AS k
        WHERE k.tenant_id = p_tenant FOR UPDATE;
    IF p_epoch NOT IN (before.epoch, before.epoch + 1) OR coalesce(length(p_data), 0) = 0
        OR coalesce(length(p_index), 0) = 0 OR p_epoch > before.epoch AND p_index <> before.index_keyset THEN
        RAISE EXCEPTION 'keys change by a rotation or by a new wrapping' USING ERRCODE = 'HM301';
    END IF;
    UPDATE hms.tenant_keyset AS k SET epoch = p_epoch, data_keyset = p_data, index_keyset = p_index,
        rotated_at = CASE WHEN p_epoch > k.epoch THEN p_now ELSE k.rotated_at END
    WHERE k.tenant_id = p_tenant;
    PERFORM hms.audit_write(p_tenant, 'update', 'tenant_keyset', p_tenant::text, NULL,
        jsonb_build_object('epoch', jsonb_build_array(before.epoch, p_epoch)));
END $$;
