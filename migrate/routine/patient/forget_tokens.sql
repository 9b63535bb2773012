-- Forgets the words by which a patient is found, before they are stored anew.
CREATE OR REPLACE FUNCTION hms.forget_tokens(p_tenant uuid, p_patient uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('patient.update');
    DELETE FROM hms.patient_token AS t WHERE t.tenant_id = p_tenant AND t.patient_id = p_patient;
END $$;
