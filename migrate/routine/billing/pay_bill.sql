-- Takes a payment on one share of a bill. Locks: account, bill, share. NULL patient: no such bill.
CREATE OR REPLACE FUNCTION hms.pay_bill(
    p_tenant uuid, p_payment uuid, p_journal uuid, p_bill uuid, p_coverage uuid, p_amount numeric, p_currency text,
    p_method text, p_reference text, p_reference_key text, p_by text, p_now timestamptz, p_day date,
    OUT out_patient uuid, OUT out_share uuid, OUT out_status text
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b record;
    s record;
BEGIN
    SELECT x.patient_id INTO out_patient FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, out_patient, p_now);
    SELECT x.status, x.currency INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill FOR UPDATE;
    IF b.status NOT IN ('issued', 'balanced') THEN
        RAISE EXCEPTION 'the bill is not issued' USING ERRCODE = 'HM507';
    END IF;
    IF b.currency <> p_currency THEN
        RAISE EXCEPTION 'the bill is in another currency' USING ERRCODE = 'HM509';
    END IF;
    SELECT x.id, x.sequence, x.amount - x.paid_amount - x.credited_amount AS due INTO s FROM hms.bill_share AS x
    WHERE x.tenant_id = p_tenant AND x.bill_id = p_bill AND x.coverage_id IS NOT DISTINCT FROM p_coverage FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the coverage has no share of this bill' USING ERRCODE = 'HM510';
    END IF;
    IF p_amount > s.due THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502', DETAIL = greatest(s.due, 0) || ' ' || p_currency;
    END IF;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment', p_payment, p_bill, p_amount, p_currency,
        'cash-' || p_method, hms.receivable_code(s.sequence), p_now, p_day);
    INSERT INTO hms.payment (tenant_id, id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, status, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_payment, p_bill, out_patient, s.id, p_amount, p_currency, p_method, p_reference,
        p_reference_key, 'active', p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_share := s.id;
    SELECT x.status INTO out_status FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
END $$;
