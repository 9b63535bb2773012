-- Locks what a payment belongs to and gives the payment: account, bill, payment.
CREATE OR REPLACE FUNCTION hms.lock_payment(p_tenant uuid, p_payment uuid, p_now timestamptz) RETURNS hms.payment
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p hms.payment;
BEGIN
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, p.patient_id, p_now);
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = p_tenant AND b.id = p.bill_id FOR UPDATE;
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment FOR UPDATE;
    RETURN p;
END $$;
