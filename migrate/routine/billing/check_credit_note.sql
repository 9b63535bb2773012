-- After the statement that writes a note's lines, or their shares, they must sum to the note.
CREATE OR REPLACE FUNCTION hms.check_credit_note() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r    record;
    want numeric;
    have numeric;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    FOR r IN SELECT DISTINCT n.tenant_id, n.note_id FROM new_rows AS n LOOP
        SELECT c.total_amount INTO want FROM hms.credit_note AS c WHERE c.tenant_id = r.tenant_id AND c.id = r.note_id;
        IF TG_ARGV[0] = 'line' THEN
            SELECT sum(l.total_amount) INTO have FROM hms.credit_note_line AS l WHERE l.tenant_id = r.tenant_id AND l.note_id = r.note_id;
        ELSE
            SELECT sum(s.amount) INTO have FROM hms.credit_note_share AS s WHERE s.tenant_id = r.tenant_id AND s.note_id = r.note_id;
        END IF;
        IF have IS DISTINCT FROM want THEN
            RAISE EXCEPTION 'the credit note does not sum up' USING ERRCODE = 'HM504';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Triggers fire without that right; with it, hms_app could hang the function on a table of its own.
REVOKE EXECUTE ON FUNCTION hms.check_credit_note() FROM hms_app;

CREATE OR REPLACE TRIGGER credit_note_line_sum AFTER INSERT ON hms.credit_note_line REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('line');

CREATE OR REPLACE TRIGGER credit_note_share_sum AFTER INSERT ON hms.credit_note_share REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('share');
