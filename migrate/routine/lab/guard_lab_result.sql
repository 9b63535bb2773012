-- A version follows the one that it supersedes by the allowed steps only ('from>to'), its
-- number is the next one, and a chain begins with what nobody has verified yet. A value that nobody has
-- verified comes only while its item waits for one, and a released one only while its item is verified: else a
-- value that came between verification and release would be released as one that was verified. The lock makes
-- both wait for each other.
CREATE OR REPLACE FUNCTION hms.guard_lab_result() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before record;
    item   text;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    SELECT i.status INTO item FROM hms.lab_order_item AS i
        WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.order_item_id FOR SHARE;
    IF NEW.status = 'preliminary' AND item NOT IN ('collected', 'in-progress', 'preliminary')
        OR NEW.status = 'final' AND item <> 'verified' THEN
        RAISE EXCEPTION 'the item does not wait for such a result' USING ERRCODE = 'HM401';
    END IF;
    IF NEW.supersedes_id IS NULL THEN
        IF NEW.status <> 'preliminary' THEN
            RAISE EXCEPTION 'the first version of a result is preliminary' USING ERRCODE = 'HM401';
        END IF;
        RETURN NEW;
    END IF;
    SELECT r.status, r.version INTO before FROM hms.lab_result AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.supersedes_id;
    IF NOT FOUND OR NEW.version <> before.version + 1
        OR NOT (before.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'this version may not follow the one that it supersedes' USING ERRCODE = 'HM401';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_lab_result() FROM hms_app;

CREATE OR REPLACE TRIGGER lab_result_status_guard BEFORE INSERT ON hms.lab_result
    FOR EACH ROW EXECUTE FUNCTION hms.guard_lab_result(
        'preliminary>preliminary', 'preliminary>final', 'preliminary>cancelled', 'preliminary>entered-in-error',
        'final>corrected', 'final>amended', 'final>cancelled', 'final>entered-in-error',
        'corrected>corrected', 'corrected>amended', 'corrected>cancelled', 'corrected>entered-in-error',
        'amended>corrected', 'amended>amended', 'amended>cancelled', 'amended>entered-in-error',
        'cancelled>preliminary', 'cancelled>entered-in-error');
