-- What a payment does to its share, whoever writes the row.
CREATE OR REPLACE FUNCTION hms.apply_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'active' OR NEW.refunded_amount <> 0 THEN
            RAISE EXCEPTION 'a payment begins active and whole' USING ERRCODE = 'HM503';
        END IF;
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, NEW.amount, 0,
            NEW.created_by, NEW.created_at, '');
    ELSIF NEW.status = 'cancelled' AND OLD.status = 'active' THEN
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
            NEW.cancelled_by, NEW.cancelled_at, NEW.cancel_reason);
        INSERT INTO hms.payment_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (NEW.tenant_id, NEW.id, NEW.version, OLD.status, NEW.status,
            NEW.cancelled_at, NEW.cancelled_by, NEW.cancel_reason);
    END IF;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.apply_payment() FROM hms_app;

CREATE OR REPLACE TRIGGER payment_apply AFTER INSERT OR UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.apply_payment();
