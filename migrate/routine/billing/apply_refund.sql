CREATE OR REPLACE FUNCTION hms.apply_refund() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    UPDATE hms.payment AS p SET refunded_amount = p.refunded_amount + NEW.amount, version = p.version + 1
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.payment_id AND p.share_id = NEW.share_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refund names another share than its payment' USING ERRCODE = 'HM503';
    END IF;
    PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
        NEW.created_by, NEW.created_at, NEW.reason);
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.apply_refund() FROM hms_app;

CREATE OR REPLACE TRIGGER refund_apply AFTER INSERT ON hms.refund FOR EACH ROW EXECUTE FUNCTION hms.apply_refund();
