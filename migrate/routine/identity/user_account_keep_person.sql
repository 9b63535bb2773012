-- Whose an account is, is said when it is made, and never changes: by it duties are kept apart. An account is its own
-- person's unless it names another account, which must be the first one of that person, so that there are no chains.
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
    IF NEW.person_id <> NEW.id AND EXISTS (SELECT 1 FROM hms.user_account AS u
           WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.person_id AND u.person_id <> u.id) THEN
        RAISE EXCEPTION 'the person of an account is named by the first account'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'user_account_person_check';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER user_account_keep_person BEFORE INSERT OR UPDATE ON hms.user_account
    FOR EACH ROW EXECUTE FUNCTION hms.user_account_keep_person();
