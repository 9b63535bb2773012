-- Believes what a host signed, and binds it to this very transaction: nobody can show it in another one. The
-- parts of core/context are followed by 8 the tenant, 9 the key, 10 until when (seconds since 1970), and then
-- the signature. What it sets has a signature of its own in place of that, over the session and the
-- transaction's beginning as well; the word at its beginning keeps the two apart.
CREATE OR REPLACE FUNCTION hms.enter(p_signed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    m text := left(p_signed, -65);
    v text[] := string_to_array(m, chr(31));
BEGIN
    IF p_signed IS NULL OR hms.context_mac(v[9], 'host' || chr(31) || m) IS DISTINCT FROM right(p_signed, 64) THEN
        RAISE EXCEPTION 'the context is not signed by a key of this database' USING ERRCODE = 'HM009';
    ELSIF to_timestamp(v[10]::double precision) < clock_timestamp() THEN
        RAISE EXCEPTION 'the context is too old: look at the clocks of host and database' USING ERRCODE = 'HM009';
    END IF;
    PERFORM set_config('hms.context', m || chr(31) || hms.context_mac(v[9],
        'entered' || chr(31) || pg_backend_pid() || chr(31) || extract(epoch FROM now()) || chr(31) || m), true);
END $$;
