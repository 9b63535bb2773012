-- What counts rests on a specimen that is of use: an item with a specimen, values or released results keeps nothing of
-- one that was rejected or never was this patient's, and such a specimen is not rejected before its items were taken
-- back. The lock makes an item and its specimen wait for each other.
CREATE OR REPLACE FUNCTION hms.guard_item_specimen() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM hms.lab_specimen AS s WHERE s.tenant_id = NEW.tenant_id AND s.id = NEW.specimen_id
        AND s.status IN ('collected', 'received') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the specimen is of no use any more' USING ERRCODE = 'HM403';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_item_specimen() FROM hms_app;

-- Without a specimen the item's own check refuses it.
CREATE OR REPLACE TRIGGER lab_order_item_usable_specimen BEFORE INSERT OR UPDATE OF status, specimen_id
    ON hms.lab_order_item FOR EACH ROW WHEN (NEW.specimen_id IS NOT NULL
        AND NEW.status IN ('collected', 'in-progress', 'preliminary', 'verified', 'final', 'corrected', 'amended'))
    EXECUTE FUNCTION hms.guard_item_specimen();
