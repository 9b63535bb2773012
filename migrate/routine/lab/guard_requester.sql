-- Who has no active account orders nothing, whatever way the row comes. Whether his roles treat is asked by the use
-- case, as a host may keep roles of its own elsewhere. A user who does not exist is the foreign key's.
CREATE OR REPLACE FUNCTION hms.guard_requester() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.requester_id AND u.status <> 'active') THEN
        RAISE EXCEPTION 'the requester has no active account' USING ERRCODE = 'HM402', DETAIL = NEW.requester_id;
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_requester() FROM hms_app;

CREATE OR REPLACE TRIGGER lab_order_requester BEFORE INSERT OR UPDATE OF requester_id ON hms.lab_order
    FOR EACH ROW EXECUTE FUNCTION hms.guard_requester();
