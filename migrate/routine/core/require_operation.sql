-- What a function does as the owner it does for the use cases that need it and for no other statement. In
-- the ordinary mode the operation is a setting, which who sends SQL of his own as hms_app can set as well: it keeps
-- mistakes and other use cases out. In hardened mode nobody names another than the host signed.
CREATE OR REPLACE FUNCTION hms.require_operation(VARIADIC p_operations text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT hms.context(5) = ANY (p_operations) THEN
        RAISE EXCEPTION 'this operation does not do that' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
