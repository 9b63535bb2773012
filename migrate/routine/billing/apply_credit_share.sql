CREATE OR REPLACE FUNCTION hms.apply_credit_share() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    n record;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    SELECT c.created_by, c.created_at, c.reason INTO n FROM hms.credit_note AS c
    WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.note_id;
    UPDATE hms.bill_line_share AS l SET credited_amount = l.credited_amount + NEW.amount
    WHERE l.tenant_id = NEW.tenant_id AND l.bill_line_id = NEW.bill_line_id AND l.share_id = NEW.share_id AND l.currency = NEW.currency;
    IF NOT hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, 0, NEW.amount,
        n.created_by, n.created_at, n.reason) THEN
        RAISE EXCEPTION 'the share is in another currency' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.apply_credit_share() FROM hms_app;

CREATE OR REPLACE TRIGGER credit_note_share_apply AFTER INSERT ON hms.credit_note_share FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_share();
