CREATE OR REPLACE FUNCTION hms.guard_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    was hms.payment;
BEGIN
    was := NEW;
    was.status := OLD.status;
    was.refunded_amount := OLD.refunded_amount;
    was.cancelled_at := OLD.cancelled_at;
    was.cancelled_by := OLD.cancelled_by;
    was.cancelled_on := OLD.cancelled_on;
    was.cancel_reason := OLD.cancel_reason;
    was.version := OLD.version;
    IF was IS DISTINCT FROM OLD OR NEW.refunded_amount < OLD.refunded_amount OR (OLD.status = 'cancelled' AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'a payment is cancelled or refunded, not changed' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_payment() FROM hms_app;

CREATE OR REPLACE TRIGGER payment_guard BEFORE UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.guard_payment();
