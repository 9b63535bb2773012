-- A journal of two lines on one bill: p_amount from the credited to the debited account.
CREATE OR REPLACE FUNCTION hms.post_pair(
    p_tenant uuid, p_journal uuid, p_kind text, p_source uuid, p_bill uuid, p_amount numeric, p_currency text,
    p_debit text, p_credit text, p_now timestamptz, p_day date
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    debit  uuid := hms.ledger_account_id(p_tenant, p_currency, p_debit, p_now);
    credit uuid := hms.ledger_account_id(p_tenant, p_currency, p_credit, p_now);
BEGIN
    INSERT INTO hms.journal (tenant_id, id, kind, source_id, currency, line_count, business_date, posted_at)
    VALUES (p_tenant, p_journal, p_kind, p_source, p_currency, 2, p_day, p_now);
    INSERT INTO hms.posting (tenant_id, journal_id, line_no, account_id, currency, amount, bill_id)
    VALUES (p_tenant, p_journal, 1, debit, p_currency, p_amount, p_bill),
           (p_tenant, p_journal, 2, credit, p_currency, -p_amount, p_bill);
END $$;
