-- Who has no active account writes no prescription and no note, and signs none: the author is who made the row, and
-- is named by the actor that it keeps. The host's own actor has no account. As with guard_active_account, whether
-- the author's roles treat is asked by the use case.
CREATE OR REPLACE FUNCTION hms.guard_author() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_author text := substring(NEW.created_by FROM '^(?:human|service):([0-9a-f-]{36})');
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF v_author IS NULL AND NEW.created_by ~ '^system:.' OR EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = v_author::uuid AND u.status = 'active') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the author has no active account' USING ERRCODE = 'HM201', DETAIL = coalesce(v_author, '');
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.guard_author() FROM hms_app;

CREATE OR REPLACE TRIGGER prescription_author BEFORE INSERT ON hms.prescription
    FOR EACH ROW EXECUTE FUNCTION hms.guard_author();

CREATE OR REPLACE TRIGGER clinical_note_author BEFORE INSERT ON hms.clinical_note
    FOR EACH ROW EXECUTE FUNCTION hms.guard_author();

CREATE OR REPLACE TRIGGER clinical_note_signer BEFORE UPDATE OF status ON hms.clinical_note FOR EACH ROW
    WHEN (OLD.signed_at IS NULL AND NEW.signed_at IS NOT NULL) EXECUTE FUNCTION hms.guard_author();
