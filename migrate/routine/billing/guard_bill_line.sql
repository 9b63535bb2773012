-- After issue a line changes only by what is credited, and that only grows.
CREATE OR REPLACE FUNCTION hms.guard_bill_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was hms.bill_line;
BEGIN
    was := NEW;
    was.credited_quantity := OLD.credited_quantity;
    was.credited_net := OLD.credited_net;
    was.credited_tax := OLD.credited_tax;
    IF OLD.released_at IS NOT NULL
       OR (OLD.issued_at IS NOT NULL AND (was IS DISTINCT FROM OLD OR NEW.credited_quantity < OLD.credited_quantity
            OR NEW.credited_net < OLD.credited_net OR NEW.credited_tax < OLD.credited_tax))
       OR (OLD.issued_at IS NULL AND was.credited_quantity + was.credited_net + was.credited_tax
            <> NEW.credited_quantity + NEW.credited_net + NEW.credited_tax) THEN
        PERFORM hms.refuse_frozen('line');
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_bill_line() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_line_guard BEFORE UPDATE ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line();
