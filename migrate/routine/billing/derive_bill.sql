-- The bill's paid, credited and open amounts and its balance follow from its shares.
CREATE OR REPLACE FUNCTION hms.derive_bill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
BEGIN
    SELECT sum(b.paid_amount) AS paid, sum(b.credited_amount) AS credited,
           sum(greatest(b.amount - b.paid_amount - b.credited_amount, 0)) AS due,
           sum(greatest(b.paid_amount + b.credited_amount - b.amount, 0)) AS overpaid
    INTO s FROM hms.bill_share AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.bill_id;
    UPDATE hms.bill AS b SET paid_amount = s.paid, credited_amount = s.credited, open_amount = s.due, overpaid_amount = s.overpaid,
        status = CASE WHEN s.due = 0 AND s.overpaid = 0 THEN 'balanced' ELSE 'issued' END, version = b.version + 1
    WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.derive_bill() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_share_derive AFTER UPDATE OF paid_amount, credited_amount ON hms.bill_share
    FOR EACH ROW EXECUTE FUNCTION hms.derive_bill();
