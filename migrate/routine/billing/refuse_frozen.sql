-- The guards of bills
CREATE OR REPLACE FUNCTION hms.refuse_frozen(p_what text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an issued bill is not changed: %', p_what USING ERRCODE = 'HM503';
END $$;
