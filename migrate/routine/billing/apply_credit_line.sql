-- A credited line adds to what its bill line has been credited, which the line's CHECK bounds.
CREATE OR REPLACE FUNCTION hms.apply_credit_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    UPDATE hms.bill_line AS l SET credited_quantity = l.credited_quantity + NEW.quantity,
        credited_net = l.credited_net + NEW.net_amount, credited_tax = l.credited_tax + NEW.tax_amount
    WHERE l.tenant_id = NEW.tenant_id AND l.id = NEW.bill_line_id AND l.currency = NEW.currency AND l.issued_at IS NOT NULL
      AND l.bill_id = (SELECT n.bill_id FROM hms.credit_note AS n WHERE n.tenant_id = NEW.tenant_id AND n.id = NEW.note_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the line is not of the issued bill' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.apply_credit_line() FROM hms_app;

CREATE OR REPLACE TRIGGER credit_note_line_apply AFTER INSERT ON hms.credit_note_line FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_line();
