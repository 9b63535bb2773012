-- The id of an account, which is opened on first use.
CREATE OR REPLACE FUNCTION hms.ledger_account_id(p_tenant uuid, p_currency text, p_code text, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    account uuid;
BEGIN
    SELECT a.id INTO account FROM hms.ledger_account AS a
    WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    IF NOT FOUND THEN
        INSERT INTO hms.ledger_account (tenant_id, id, code, currency, opened_at)
        VALUES (p_tenant, hms.uuid_v7(), p_code, p_currency, p_now) ON CONFLICT (tenant_id, currency, code) DO NOTHING;
        SELECT a.id INTO account FROM hms.ledger_account AS a
        WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    END IF;
    RETURN account;
END $$;
