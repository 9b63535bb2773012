-- Puts the guard on a table; the pairs are those of the Go table of transitions.
CREATE OR REPLACE FUNCTION hms.guard_status(p_table text, VARIADIC p_pairs text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    args text;
BEGIN
    SELECT string_agg(quote_literal(p), ', ') INTO args FROM unnest(p_pairs) AS p;
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OF status ON hms.%I FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION hms.guard_transition(%s)',
        p_table || '_status_guard', p_table, args);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.guard_status(text, text[]) FROM hms_app;
