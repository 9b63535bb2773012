-- Cancels a payment as a whole. NULL patient: no such payment.
CREATE OR REPLACE FUNCTION hms.cancel_payment(
    p_tenant uuid, p_payment uuid, p_journal uuid, p_reason text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_bill uuid
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled already' USING ERRCODE = 'HM508';
    END IF;
    IF p.refunded_amount > 0 THEN
        RAISE EXCEPTION 'the payment was refunded' USING ERRCODE = 'HM506';
    END IF;
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment-cancellation', p_payment, p.bill_id, p.amount, p.currency,
        hms.receivable_code(n), 'cash-' || p.method, p_now, p_day);
    UPDATE hms.payment AS x SET status = 'cancelled', cancelled_at = p_now, cancelled_by = p_by, cancelled_on = p_day,
        cancel_reason = p_reason, version = x.version + 1
    WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $$;
