-- What was copied at capture stays as it was: a later price is another charge's.
CREATE OR REPLACE FUNCTION hms.guard_charge() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.patient_id, OLD.encounter_id, OLD.source_kind, OLD.source_id, OLD.source_line, OLD.service_id, OLD.service_code,
        OLD.category, OLD.description, OLD.quantity, OLD.unit_price, OLD.currency, OLD.tax_percent, OLD.service_at,
        OLD.service_date, OLD.created_at, OLD.created_by)
       IS DISTINCT FROM
       (NEW.patient_id, NEW.encounter_id, NEW.source_kind, NEW.source_id, NEW.source_line, NEW.service_id, NEW.service_code,
        NEW.category, NEW.description, NEW.quantity, NEW.unit_price, NEW.currency, NEW.tax_percent, NEW.service_at,
        NEW.service_date, NEW.created_at, NEW.created_by) THEN
        RAISE EXCEPTION 'a captured charge keeps its price and text' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_charge() FROM hms_app;

CREATE OR REPLACE TRIGGER charge_guard BEFORE UPDATE ON hms.charge FOR EACH ROW EXECUTE FUNCTION hms.guard_charge();
