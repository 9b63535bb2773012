-- Captures a charge once per source. It answers instead of raising, so that the use case that
-- charges may decide what an unknown code means to it:
--   captured | existing | no_service | no_price
CREATE OR REPLACE FUNCTION hms.post_charge(
    p_tenant uuid, p_charge uuid, p_patient uuid, p_encounter uuid, p_kind text, p_source text, p_line integer,
    p_service_key text, p_description text, p_quantity numeric, p_unit_price numeric, p_currency text,
    p_service_at timestamptz, p_service_date date, p_status text, p_now timestamptz, p_by text,
    OUT out_charge uuid, OUT out_outcome text
) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item  record;
    price numeric := p_unit_price;
BEGIN
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    IF FOUND THEN
        out_outcome := 'existing';
        RETURN;
    END IF;
    SELECT s.id, s.code, s.name, s.category, s.tax_percent INTO item FROM hms.service_item AS s
    WHERE s.tenant_id = p_tenant AND s.code_key = p_service_key AND s.is_active;
    IF NOT FOUND THEN
        out_outcome := 'no_service';
        RETURN;
    END IF;
    IF price IS NULL THEN
        SELECT p.amount INTO price FROM hms.service_price AS p
        WHERE p.tenant_id = p_tenant AND p.service_id = item.id AND p.currency = p_currency
          AND p.valid_from <= p_service_date AND (p.valid_to IS NULL OR p.valid_to > p_service_date);
        IF NOT FOUND THEN
            out_outcome := 'no_price';
            RETURN;
        END IF;
    END IF;
    INSERT INTO hms.charge (tenant_id, id, patient_id, encounter_id, source_kind, source_id, source_line, service_id, service_code,
        category, description, quantity, unit_price, currency, tax_percent, service_at, service_date, status,
        created_at, created_by)
    VALUES (p_tenant, p_charge, p_patient, p_encounter, p_kind, p_source, p_line, item.id, item.code,
        item.category, coalesce(nullif(p_description, ''), item.name), p_quantity, price, p_currency, item.tax_percent,
        p_service_at, p_service_date, p_status, p_now, p_by)
    ON CONFLICT (tenant_id, source_kind, source_id, source_line) DO NOTHING;
    IF FOUND THEN
        out_charge := p_charge;
        out_outcome := 'captured';
        RETURN;
    END IF;
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    out_outcome := 'existing';
END $$;
