-- Tells whether a hold keeps the data of a patient from being erased; for p_patient NULL,
-- whether one keeps all of the tenant's.
CREATE OR REPLACE FUNCTION hms.is_held(p_tenant uuid, p_patient uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM hms.legal_hold AS h
        WHERE h.tenant_id = p_tenant AND h.released_at IS NULL AND (h.patient_id IS NULL OR h.patient_id = p_patient))
$$;
