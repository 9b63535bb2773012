CREATE OR REPLACE FUNCTION hms.check_journal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT 1 FROM new_rows AS n GROUP BY n.tenant_id, n.journal_id, n.currency HAVING sum(n.amount) <> 0) THEN
        RAISE EXCEPTION 'a journal must sum to zero' USING ERRCODE = 'HM501';
    END IF;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.check_journal() FROM hms_app;

CREATE OR REPLACE TRIGGER posting_balance AFTER INSERT ON hms.posting REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_journal();
