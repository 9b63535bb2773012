-- Forgets by which numbers an erased patient was found: they were made of what is erased. His names stay, in clear.
CREATE OR REPLACE FUNCTION hms.forget_numbers(p_tenant uuid, p_patient uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('encryption.erase');
    DELETE FROM hms.patient_key AS k WHERE k.tenant_id = p_tenant AND k.patient_id = p_patient AND k.kind <> 'match';
END $$;
