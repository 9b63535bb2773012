CREATE OR REPLACE FUNCTION hms.guard_bill_line_share() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was hms.bill_line_share;
BEGIN
    was := NEW;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('line share');
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_bill_line_share() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_line_share_guard BEFORE UPDATE ON hms.bill_line_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line_share();
