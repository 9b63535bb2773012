-- The guards of bills
CREATE OR REPLACE FUNCTION hms.refuse_frozen(p_what text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'an issued bill is not changed: %', p_what USING ERRCODE = 'HM503';
END $$;
