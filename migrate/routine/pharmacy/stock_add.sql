-- Adds to a balance, both parts may be negative; the checks of the table refuse what is not there.
CREATE OR REPLACE FUNCTION hms.stock_add(p_tenant uuid, p_location uuid, p_item uuid, p_batch uuid, p_on_hand bigint, p_quarantined bigint)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE hms.stock_balance SET on_hand = on_hand + p_on_hand, quarantined = quarantined + p_quarantined
    WHERE tenant_id = p_tenant AND location_id = p_location AND item_id = p_item AND batch_id = p_batch;
    IF NOT FOUND THEN
        INSERT INTO hms.stock_balance (tenant_id, location_id, item_id, batch_id, on_hand, quarantined)
        VALUES (p_tenant, p_location, p_item, p_batch, p_on_hand, p_quarantined)
        ON CONFLICT (tenant_id, location_id, item_id, batch_id)
        DO UPDATE SET on_hand = stock_balance.on_hand + p_on_hand, quarantined = stock_balance.quarantined + p_quarantined;
    END IF;
END $$;
