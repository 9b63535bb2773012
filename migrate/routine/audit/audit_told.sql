-- What the trail tells of each row of one table of one tenant, from p_from on: its creation, what the updates since
-- then made of it, and what the updates before the first deletion, undone, made of it before. A function of its
-- own, so that a session plans it once and not for every table.
CREATE OR REPLACE FUNCTION hms.audit_told(p_tenant uuid, p_table text, p_from timestamptz)
RETURNS TABLE (entity_id text, events bigint, created boolean, first_action text, last_action text, deleted jsonb,
    told jsonb, undone jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = 'force_generic_plan' AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH event AS MATERIALIZED (
            SELECT e.entity_id, e.action, e.changes, e.recorded_at, e.id,
                   count(*) FILTER (WHERE e.action = 'create') OVER so_far AS created,
                   count(*) FILTER (WHERE e.action = 'create') OVER (PARTITION BY e.entity_id) AS creations,
                   count(*) FILTER (WHERE e.action = 'delete') OVER so_far AS deleted
            FROM hms.audit_event AS e
            WHERE e.tenant_id = p_tenant AND e.entity = p_table AND e.action IN ('create', 'update', 'delete')
                AND e.recorded_at >= p_from
            WINDOW so_far AS (PARTITION BY e.entity_id ORDER BY e.recorded_at, e.id)),
        entity AS (
            SELECT v.entity_id, count(*) AS events, max(v.creations) > 0 AS created,
                   (array_agg(v.action ORDER BY v.recorded_at, v.id))[1] AS first_action,
                   (array_agg(v.action ORDER BY v.recorded_at DESC, v.id DESC))[1] AS last_action,
                   (array_agg(v.changes ORDER BY v.recorded_at DESC, v.id DESC) FILTER (WHERE v.action = 'create'))[1] AS creation,
                   (array_agg(v.changes ORDER BY v.recorded_at, v.id) FILTER (WHERE v.action = 'delete'))[1] AS deleted
            FROM event AS v GROUP BY v.entity_id),
        done AS ( -- the updates since the last creation
            SELECT v.entity_id, jsonb_object_agg(c.key, c.value -> 1 ORDER BY v.recorded_at, v.id) AS columns
            FROM event AS v CROSS JOIN LATERAL jsonb_each(v.changes) AS c
            WHERE v.action = 'update' AND v.created = v.creations GROUP BY v.entity_id),
        undone AS ( -- the updates before the first deletion
            SELECT v.entity_id, jsonb_object_agg(c.key, c.value -> 0 ORDER BY v.recorded_at DESC, v.id DESC) AS columns
            FROM event AS v CROSS JOIN LATERAL jsonb_each(v.changes) AS c
            WHERE v.action = 'update' AND v.deleted = 0 AND p_from > '-infinity' GROUP BY v.entity_id)
        SELECT n.entity_id, n.events, n.created, n.first_action, n.last_action, n.deleted,
               coalesce(n.creation, '{}'::jsonb) || coalesce(d.columns, '{}'::jsonb), u.columns
        FROM entity AS n LEFT JOIN done AS d ON d.entity_id = n.entity_id
        LEFT JOIN undone AS u ON u.entity_id = n.entity_id;
END $$;
