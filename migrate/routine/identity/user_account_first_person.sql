-- Who is named as an account's person is its own. Asked after the statement, not before each row: two rows of one
-- statement could make a chain of which neither sees the other.
CREATE OR REPLACE FUNCTION hms.user_account_first_person() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.person_id <> NEW.id AND EXISTS (SELECT 1 FROM hms.user_account AS u
           WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.person_id AND u.person_id <> u.id) THEN
        RAISE EXCEPTION 'the person of an account is named by the first account'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'user_account_person_check';
    END IF;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.user_account_first_person() FROM hms_app;

CREATE OR REPLACE TRIGGER user_account_first_person AFTER INSERT ON hms.user_account
    FOR EACH ROW EXECUTE FUNCTION hms.user_account_first_person();
