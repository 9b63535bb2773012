-- Where a tenant finished sealing a column, nobody writes clear text into it any more: an injected statement has no
-- key, and what stands there in clear would be taken as genuine. The arguments are the table and its sealed
-- columns. What a row has from before stays, as far as an update does not touch it.
CREATE OR REPLACE FUNCTION hms.guard_sealed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    closed text[];
    col text;
    now_text text;
    old_text text;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    SELECT k.closed_fields INTO closed FROM hms.tenant_keyset AS k WHERE k.tenant_id = NEW.tenant_id;
    IF closed IS NULL OR closed = '{}' THEN
        RETURN NEW;
    END IF;
    FOREACH col IN ARRAY TG_ARGV[1:] LOOP
        now_text := to_jsonb(NEW) ->> col;
        old_text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> col ELSE '' END;
        IF now_text <> '' AND left(now_text, 5) <> 'hms1:' AND now_text IS DISTINCT FROM old_text
            AND TG_ARGV[0] || '.' || col = ANY (closed) THEN
            RAISE EXCEPTION 'this tenant finished sealing %.%', TG_ARGV[0], col USING ERRCODE = 'HM302';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_sealed() FROM hms_app;
