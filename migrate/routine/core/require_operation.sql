-- What a function does as the owner it does for the use cases that need it and for no other statement. The
-- operation is a setting of the transaction, which who sends SQL of his own as hms_app can set as well: it keeps
-- mistakes and other use cases out, and says to the trail under which name it was done.
CREATE OR REPLACE FUNCTION hms.require_operation(VARIADIC p_operations text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT coalesce(current_setting('hms.operation', true), '') = ANY (p_operations) THEN
        RAISE EXCEPTION 'this operation does not do that' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
