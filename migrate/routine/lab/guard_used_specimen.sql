-- The other side of guard_item_specimen: a specimen is rejected after its items were taken back, not before.
CREATE OR REPLACE FUNCTION hms.guard_used_specimen() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM hms.lab_order_item AS i WHERE i.tenant_id = NEW.tenant_id AND i.specimen_id = NEW.id
        AND i.status IN ('collected', 'in-progress', 'preliminary', 'verified', 'final', 'corrected', 'amended')) THEN
        RAISE EXCEPTION 'an item rests on the specimen' USING ERRCODE = 'HM403';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_used_specimen() FROM hms_app;

CREATE OR REPLACE TRIGGER lab_specimen_used BEFORE UPDATE OF status ON hms.lab_specimen
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('rejected', 'entered-in-error'))
    EXECUTE FUNCTION hms.guard_used_specimen();
