-- Whose an account is, is said when it is made, and never changes: by it duties are kept apart. An account is its own
-- person's unless it names another account, which must be the first one of that person: user_account_first_person.
CREATE OR REPLACE FUNCTION hms.user_account_keep_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.person_id IS DISTINCT FROM OLD.person_id THEN
            RAISE EXCEPTION 'whose an account is never changes' USING ERRCODE = 'HM002';
        END IF;
        RETURN NEW;
    END IF;
    NEW.person_id := coalesce(NEW.person_id, NEW.id);
    RETURN NEW;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.user_account_keep_person() FROM hms_app;

CREATE OR REPLACE TRIGGER user_account_keep_person BEFORE INSERT OR UPDATE ON hms.user_account
    FOR EACH ROW EXECUTE FUNCTION hms.user_account_keep_person();
