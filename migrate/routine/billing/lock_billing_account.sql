-- As the owner: the application changes nothing of an account, and so may not lock it either.
-- The patient's row comes first, in the weak mode of a foreign key: what we insert later refers to it,
-- and a use case that holds it may be waiting for the account.
CREATE OR REPLACE FUNCTION hms.lock_billing_account(p_tenant uuid, p_patient uuid, p_now timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient FOR KEY SHARE;
    PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO hms.billing_account (tenant_id, patient_id, opened_at) VALUES (p_tenant, p_patient, p_now)
        ON CONFLICT (tenant_id, patient_id) DO NOTHING;
        PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    END IF;
END $$;
