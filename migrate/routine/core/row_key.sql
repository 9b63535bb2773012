-- The key of a row as text: the values of its key columns (comma-separated names).
CREATE OR REPLACE FUNCTION hms.row_key(p_row jsonb, p_columns text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_columns = 'id' THEN p_row ->> 'id'
        ELSE (SELECT string_agg(p_row ->> c, '/' ORDER BY i) FROM unnest(string_to_array(p_columns, ',')) WITH ORDINALITY AS u (c, i)) END;
