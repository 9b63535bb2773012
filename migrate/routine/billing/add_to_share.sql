-- Adds to what a share has been paid and credited, for the row that somebody wrote, and notes the
-- step of the bill that follows from it as his. Tells whether there is such a share.
CREATE OR REPLACE FUNCTION hms.add_to_share(
    p_tenant uuid, p_share uuid, p_currency text, p_paid numeric, p_credited numeric,
    p_by text, p_now timestamptz, p_reason text
) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was record;
    b   record;
BEGIN
    SELECT x.id, x.status INTO was FROM hms.bill AS x
    JOIN hms.bill_share AS s ON s.tenant_id = x.tenant_id AND s.bill_id = x.id
    WHERE x.tenant_id = p_tenant AND s.tenant_id = p_tenant AND s.id = p_share FOR NO KEY UPDATE OF x;
    UPDATE hms.bill_share AS s
    SET paid_amount = s.paid_amount + p_paid, credited_amount = s.credited_amount + p_credited
    WHERE s.tenant_id = p_tenant AND s.id = p_share AND s.currency = p_currency;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT x.status, x.version INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = was.id;
    IF b.status <> was.status THEN
        INSERT INTO hms.bill_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (p_tenant, was.id, b.version, was.status, b.status, p_now, p_by, p_reason);
    END IF;
    RETURN true;
END $$;
