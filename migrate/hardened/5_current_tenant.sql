-- In place of routine/core/current_tenant.sql: the tenant that was entered; hms.tenant says nothing here. It
-- verifies by itself: it stands in every policy, and a call within a call would cost as much again.
CREATE OR REPLACE FUNCTION hms.current_tenant() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    c text := coalesce(current_setting('hms.context', true), '');
    m text := left(c, -65);
    mac text;
BEGIN
    IF c = '' THEN
        RETURN NULL;
    END IF;
    SELECT encode(sha256(k.outer_pad || sha256(k.inner_pad || convert_to('entered' || chr(31) || pg_backend_pid() || chr(31)
        || extract(epoch FROM now()) || chr(31) || m, 'UTF8'))), 'hex')
    INTO mac FROM hms.context_key AS k WHERE k.id = split_part(m, chr(31), 9);
    IF mac IS DISTINCT FROM right(c, 64) THEN
        RAISE EXCEPTION 'the context was not entered in this transaction' USING ERRCODE = 'HM009';
    END IF;
    RETURN split_part(m, chr(31), 8)::uuid;
END $$;
