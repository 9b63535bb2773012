-- Destroys the keys of a patient, and puts an empty one in the place of the current epoch's, so that nobody makes it.
CREATE OR REPLACE FUNCTION hms.destroy_keys(p_tenant uuid, p_subject uuid, p_epoch integer, p_now timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM hms.require_operation('encryption.erase');
    UPDATE hms.data_key AS k SET wrapped = '' WHERE k.tenant_id = p_tenant AND k.subject_id = p_subject;
    INSERT INTO hms.data_key (tenant_id, subject_id, epoch, wrapped, created_at)
    VALUES (p_tenant, p_subject, p_epoch, '', p_now)
    ON CONFLICT (tenant_id, subject_id, epoch) DO NOTHING; -- emptied above
END $$;
