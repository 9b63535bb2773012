-- Forgets by what a patient is found and compared, before it is stored anew; the identifiers' keys only where they are
-- made anew as well.
CREATE OR REPLACE FUNCTION hms.forget_tokens(p_tenant uuid, p_patient uuid, p_identifiers boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('patient.update', 'encryption.reencrypt');
    DELETE FROM hms.patient_token AS t WHERE t.tenant_id = p_tenant AND t.patient_id = p_patient;
    DELETE FROM hms.patient_likeness AS l WHERE l.tenant_id = p_tenant AND l.patient_id = p_patient;
    DELETE FROM hms.patient_key AS k WHERE k.tenant_id = p_tenant AND k.patient_id = p_patient
        AND (p_identifiers OR k.kind <> 'identifier');
END $$;
