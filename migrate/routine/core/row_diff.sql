-- The columns that differ, each with the value before and after: {"status": ["U", "O"]}.
CREATE OR REPLACE FUNCTION hms.row_diff(p_old jsonb, p_new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        SELECT coalesce(jsonb_object_agg(n.key, jsonb_build_array(p_old -> n.key, n.value)), '{}'::jsonb)
        FROM jsonb_each(p_new) AS n WHERE p_old -> n.key IS DISTINCT FROM n.value
    );
