-- A share's amount is fixed; credits only grow; what is paid never grows past what is open.
CREATE OR REPLACE FUNCTION hms.guard_bill_share() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was hms.bill_share;
BEGIN
    was := NEW;
    was.paid_amount := OLD.paid_amount;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('share');
    END IF;
    IF NEW.paid_amount > OLD.paid_amount AND NEW.paid_amount + NEW.credited_amount > NEW.amount THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502',
            DETAIL = greatest(OLD.amount - OLD.paid_amount - OLD.credited_amount, 0) || ' ' || OLD.currency;
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_bill_share() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_share_guard BEFORE UPDATE ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_share();
