-- In place of routine/core/verified_context.sql: what hms.enter set in this transaction; empty for an
-- administrator who says nothing.
CREATE OR REPLACE FUNCTION hms.verified_context() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c text := coalesce(current_setting('hms.context', true), '');
    m text := left(c, -65);
    mac text;
BEGIN
    IF c = '' THEN
        -- The context that was entered may be emptied, by RETURNING set_config(...) between a row and its event.
        IF NOT pg_has_role(session_user, 'hms_owner', 'MEMBER') THEN
            RAISE EXCEPTION 'nothing was entered in this transaction' USING ERRCODE = 'HM009';
        END IF;
        RETURN '';
    END IF;
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to('entered' || chr(31) || pg_backend_pid() || chr(31)
        || extract(epoch FROM now()) || chr(31) || m, 'UTF8'))), 'hex')
    INTO mac FROM hms.context_key AS k WHERE k.id = split_part(m, chr(31), 9);
    IF mac IS DISTINCT FROM right(c, 64) THEN
        RAISE EXCEPTION 'the context was not entered in this transaction' USING ERRCODE = 'HM009';
    END IF;
    RETURN m;
END $$;
