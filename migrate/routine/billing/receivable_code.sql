CREATE OR REPLACE FUNCTION hms.receivable_code(p_sequence integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_sequence = 0 THEN 'receivable-patient' ELSE 'receivable-payer' END;
