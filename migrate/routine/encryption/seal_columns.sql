-- needs: encryption/guard_sealed
-- Puts the guard on a table's sealed columns. They are those that the Go packages declare (fieldcrypt.Columns), which
-- a test of the schema holds against the triggers. What is sealed passes without a call.
CREATE OR REPLACE FUNCTION hms.seal_columns(p_table text, VARIADIC p_columns text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    args text;
    names text;
    is_clear text;
BEGIN
    SELECT string_agg(quote_literal(c), ', '), string_agg(quote_ident(c), ', '),
        string_agg(format('NEW.%1$I <> '''' AND left(NEW.%1$I, 5) <> ''hms1:''', c), ' OR ')
    INTO args, names, is_clear FROM unnest(p_columns) AS c;
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OF %s ON hms.%I FOR EACH ROW
        WHEN (%s) EXECUTE FUNCTION hms.guard_sealed(%L, %s)',
        p_table || '_sealed_guard', names, p_table, is_clear, p_table, args);
END $$;

-- Least privilege: only migrations call it, and a function that changes schemas has no place within
-- reach of whoever finds a hole in a host's SQL.
REVOKE EXECUTE ON FUNCTION hms.seal_columns(text, text[]) FROM hms_app;

SELECT hms.seal_columns('allergy', 'reaction');
SELECT hms.seal_columns('appointment', 'reason', 'notes');
SELECT hms.seal_columns('break_glass', 'reason_text', 'review_text');
SELECT hms.seal_columns('clinical_note', 'chief_complaint', 'history_of_present_illness', 'physical_examination',
    'assessment', 'plan', 'body_hash');
SELECT hms.seal_columns('coverage', 'policy_number');
SELECT hms.seal_columns('disclosure', 'description', 'recipient_address');
SELECT hms.seal_columns('encounter', 'chief_complaint', 'diagnosis');
SELECT hms.seal_columns('lab_critical_alert', 'comment', 'closing_comment');
SELECT hms.seal_columns('lab_order', 'clinical_notes');
SELECT hms.seal_columns('message', 'body');
SELECT hms.seal_columns('message_thread', 'subject');
SELECT hms.seal_columns('notification', 'title', 'body');
SELECT hms.seal_columns('patient', 'phone_number', 'second_phone_number', 'email', 'address', 'emergency_contact_name',
    'emergency_contact_phone');
SELECT hms.seal_columns('patient_identifier', 'value');
SELECT hms.seal_columns('prescription', 'instructions');
SELECT hms.seal_columns('task', 'title', 'description', 'outcome');
SELECT hms.seal_columns('task_history', 'reason');
SELECT hms.seal_columns('user_totp', 'secret');
