-- Lines, shares and their parts of lines come only to a draft. The lock keeps the bill a draft until we commit.
CREATE OR REPLACE FUNCTION hms.guard_bill_part() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id AND b.status = 'draft' FOR SHARE;
    IF NOT FOUND THEN
        PERFORM hms.refuse_frozen('new part');
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_bill_part() FROM hms_app;

CREATE OR REPLACE TRIGGER bill_line_guard_new BEFORE INSERT ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();

CREATE OR REPLACE TRIGGER bill_share_guard_new BEFORE INSERT ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();

CREATE OR REPLACE TRIGGER bill_line_share_guard_new BEFORE INSERT ON hms.bill_line_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();
