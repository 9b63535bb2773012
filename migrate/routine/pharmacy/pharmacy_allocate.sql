-- First expired, first out: takes p_quantity units of an item from the batches of a
-- location that may be used until p_usable_until, the earliest expiry first, and writes a
-- movement and a line of the dispense per batch. Gives how many units it took.
--
-- Candidates are locked one by one in the order (expiry, received, id), which every use case
-- keeps, and read anew after the lock: another use case may have emptied or recalled the batch
-- while this one waited. SKIP LOCKED would skip the earliest expiry. Too little in all
-- raises HM101 with the units that there are, unless a part will do.
CREATE OR REPLACE FUNCTION hms.pharmacy_allocate(
    p_tenant uuid, p_dispense uuid, p_location uuid, p_item uuid, p_quantity bigint, p_usable_until date,
    p_partial boolean, p_actor text, p_now timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    candidate   record;
    batch_state text;
    free        bigint;
    take        bigint;
    missing     bigint := p_quantity;
    step        bigint;
BEGIN
    FOR candidate IN
        SELECT b.id FROM hms.stock_balance AS s
        JOIN hms.stock_batch AS b ON b.tenant_id = s.tenant_id AND b.id = s.batch_id
        WHERE s.tenant_id = p_tenant AND b.tenant_id = p_tenant AND s.location_id = p_location AND s.item_id = p_item
          AND s.on_hand > 0 AND b.status = 'available' AND (b.expiry_date IS NULL OR b.expiry_date >= p_usable_until)
        ORDER BY b.expiry_date NULLS LAST, b.created_at, b.id
    LOOP
        SELECT b.status INTO batch_state FROM hms.stock_batch AS b
        WHERE b.tenant_id = p_tenant AND b.id = candidate.id FOR SHARE;
        SELECT s.on_hand INTO free FROM hms.stock_balance AS s
        WHERE s.tenant_id = p_tenant AND s.location_id = p_location AND s.item_id = p_item AND s.batch_id = candidate.id FOR UPDATE;
        CONTINUE WHEN batch_state <> 'available' OR free <= 0;
        take := least(missing, free);
        UPDATE hms.stock_balance SET on_hand = on_hand - take
        WHERE tenant_id = p_tenant AND location_id = p_location AND item_id = p_item AND batch_id = candidate.id;
        INSERT INTO hms.stock_movement (tenant_id, item_id, batch_id, from_kind, from_location_id, to_kind, quantity, cause, cause_id, moved_by, moved_at)
        VALUES (p_tenant, p_item, candidate.id, 'stock', p_location, 'patient', take, 'dispense', p_dispense, p_actor, p_now);
        INSERT INTO hms.medication_dispense_line (tenant_id, dispense_id, batch_id, item_id, quantity)
        VALUES (p_tenant, p_dispense, candidate.id, p_item, take);
        missing := missing - take;
        EXIT WHEN missing = 0;
    END LOOP;
    IF missing = p_quantity OR (missing > 0 AND NOT p_partial) THEN
        RAISE EXCEPTION 'insufficient stock' USING ERRCODE = 'HM101', DETAIL = (p_quantity - missing)::text;
    END IF;
    UPDATE hms.medication_dispense SET status = 'completed', quantity_dispensed = p_quantity - missing, version = version + 1
    WHERE tenant_id = p_tenant AND id = p_dispense RETURNING version INTO step;
    INSERT INTO hms.medication_dispense_status (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by)
    VALUES (p_tenant, p_dispense, step, 'in-progress', 'completed', p_now, p_actor);
    RETURN p_quantity - missing;
END $$;
