-- What a tenant finished sealing stays so, for everybody: who could take it back could put clear text in the place of
-- what was sealed.
CREATE OR REPLACE FUNCTION hms.guard_keyset() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT (NEW.closed_fields @> OLD.closed_fields AND NEW.sealed_fields @> OLD.sealed_fields) THEN
        RAISE EXCEPTION 'what a tenant finished sealing stays sealed' USING ERRCODE = 'HM301';
    END IF;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_keyset() FROM hms_app;

CREATE OR REPLACE TRIGGER tenant_keyset_guard BEFORE UPDATE ON hms.tenant_keyset FOR EACH ROW
    EXECUTE FUNCTION hms.guard_keyset();
