-- Of a grant only its end and its review may change, and each but once.
CREATE OR REPLACE FUNCTION hms.break_glass_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,version}'::text[])
       <> (to_jsonb(OLD) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,version}'::text[])
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
       OR (OLD.outcome <> '' AND NEW.outcome <> OLD.outcome) THEN
        RAISE EXCEPTION 'a break-glass grant is ended and reviewed once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER break_glass_guard BEFORE UPDATE ON hms.break_glass FOR EACH ROW EXECUTE FUNCTION hms.break_glass_guard();
