-- Says of sealed columns, such as 'patient.email', that the tenant finished sealing them: nothing is written in clear
-- from then on, and where nothing in clear is left, nothing in clear is read. With p_new it looks at tables only of
-- which the tenant has no row yet, which costs nothing. Whoever calls it can but add.
CREATE OR REPLACE FUNCTION hms.close_fields(p_tenant uuid, p_fields text[], p_new boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before record;
    col text[];
    any_row boolean;
    any_clear boolean;
BEGIN
    SELECT k.closed_fields, k.sealed_fields INTO STRICT before FROM hms.tenant_keyset AS k
        WHERE k.tenant_id = p_tenant FOR UPDATE;
    FOR col IN SELECT string_to_array(f, '.') FROM unnest(p_fields) AS f
        WHERE f <> ALL (before.sealed_fields) AND EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
            WHERE c.relnamespace = 'hms'::regnamespace AND c.relname = split_part(f, '.', 1)
                AND t.tgname = split_part(f, '.', 1) || '_sealed_guard')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM hms.%I AS t WHERE t.tenant_id = $1)', col[1])
            INTO any_row USING p_tenant;
        CONTINUE WHEN p_new AND any_row;
        any_clear := false;
        IF any_row THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM hms.%1$I AS t WHERE t.tenant_id = $1
                AND t.%2$I <> '''' AND left(t.%2$I, 5) <> ''hms1:'')', col[1], col[2]) INTO any_clear USING p_tenant;
        END IF;
        UPDATE hms.tenant_keyset AS k SET
            closed_fields = CASE WHEN col[1] || '.' || col[2] = ANY (k.closed_fields) THEN k.closed_fields
                ELSE k.closed_fields || (col[1] || '.' || col[2]) END,
            sealed_fields = CASE WHEN any_clear THEN k.sealed_fields
                ELSE k.sealed_fields || (col[1] || '.' || col[2]) END
        WHERE k.tenant_id = p_tenant;
    END LOOP;
END $$;
