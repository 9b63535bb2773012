-- Verifying the trail where its beginning is purged
-- A row without its empty columns: one that a migration adds empty changes no row.
CREATE OR REPLACE FUNCTION hms.row_shown(p_row jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (
        SELECT coalesce(jsonb_object_agg(c.key, c.value) FILTER (WHERE c.value <> 'null'::jsonb), '{}'::jsonb) FROM jsonb_each(p_row) AS c
    );
