-- Gives back part or all of one payment. NULL patient: no such payment.
CREATE OR REPLACE FUNCTION hms.refund_payment(
    p_tenant uuid, p_refund uuid, p_journal uuid, p_payment uuid, p_amount numeric, p_currency text, p_method text,
    p_reference text, p_reference_key text, p_reason text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_bill uuid, OUT out_method text
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled' USING ERRCODE = 'HM508';
    END IF;
    IF p.currency <> p_currency THEN
        RAISE EXCEPTION 'the payment is in another currency' USING ERRCODE = 'HM509';
    END IF;
    IF p_amount > p.amount - p.refunded_amount THEN
        RAISE EXCEPTION 'more than is refundable' USING ERRCODE = 'HM505', DETAIL = p.amount - p.refunded_amount || ' ' || p.currency;
    END IF;
    out_method := coalesce(nullif(p_method, ''), p.method);
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'refund', p_refund, p.bill_id, p_amount, p_currency,
        hms.receivable_code(n), 'cash-' || out_method, p_now, p_day);
    INSERT INTO hms.refund (tenant_id, id, payment_id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, reason, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_refund, p_payment, p.bill_id, p.patient_id, p.share_id, p_amount, p_currency, out_method, p_reference,
        p_reference_key, p_reason, p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $$;
