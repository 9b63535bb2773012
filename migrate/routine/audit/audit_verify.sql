-- Replays the events of one table of one tenant and compares them with its rows: the row
-- that the creation holds, overlaid by what each update changed, must be the row.
--
-- With p_from it replays only the events from then on, because older ones may be purged. A
-- row that was there at that instant has no creation to begin with, so it is replayed
-- backwards: from what it is now, or was when it was deleted, each update is undone. What all
-- those rows were at p_from gives purged and baseline, which a signed record of the purge
-- must bear out; that the updates add up to the row is checked as ever.
CREATE OR REPLACE FUNCTION hms.audit_verify(p_tenant uuid, p_table text, p_from timestamptz DEFAULT '-infinity',
    OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint,
    OUT purged bigint, OUT baseline bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    keys text;
BEGIN
    SELECT a.key_columns INTO STRICT keys FROM hms.audited_table() AS a WHERE a.table_name = p_table;
    EXECUTE format($query$
        WITH event AS MATERIALIZED (
            SELECT e.entity_id, e.action, e.changes, e.recorded_at, e.id,
                   count(*) FILTER (WHERE e.action = 'create') OVER so_far AS created,
                   count(*) FILTER (WHERE e.action = 'create') OVER (PARTITION BY e.entity_id) AS creations,
                   count(*) FILTER (WHERE e.action = 'delete') OVER so_far AS deleted
            FROM hms.audit_event AS e
            WHERE e.tenant_id = $1 AND e.entity = $2 AND e.action IN ('create', 'update', 'delete') AND e.recorded_at >= $4
            WINDOW so_far AS (PARTITION BY e.entity_id ORDER BY e.recorded_at, e.id)),
        entity AS (
            SELECT entity_id, count(*) AS events, max(creations) > 0 AS created,
                   (array_agg(action ORDER BY recorded_at, id))[1] AS first_action,
                   (array_agg(action ORDER BY recorded_at DESC, id DESC))[1] AS last_action,
                   (array_agg(changes ORDER BY recorded_at DESC, id DESC) FILTER (WHERE action = 'create'))[1] AS creation,
                   (array_agg(changes ORDER BY recorded_at, id) FILTER (WHERE action = 'delete'))[1] AS deleted
            FROM event GROUP BY entity_id),
        done AS ( -- the updates since the last creation
            SELECT e.entity_id, jsonb_object_agg(c.key, c.value -> 1 ORDER BY e.recorded_at, e.id) AS columns
            FROM event AS e CROSS JOIN LATERAL jsonb_each(e.changes) AS c
            WHERE e.action = 'update' AND e.created = e.creations GROUP BY e.entity_id),
        undone AS ( -- the updates before the first deletion
            SELECT e.entity_id, jsonb_object_agg(c.key, c.value -> 0 ORDER BY e.recorded_at DESC, e.id DESC) AS columns
            FROM event AS e CROSS JOIN LATERAL jsonb_each(e.changes) AS c
            WHERE e.action = 'update' AND e.deleted = 0 AND $4 > '-infinity' GROUP BY e.entity_id),
        told AS (
            SELECT entity.*, coalesce(creation, '{}'::jsonb) || coalesce(done.columns, '{}'::jsonb) AS row, undone.columns AS undone
            FROM entity LEFT JOIN done ON done.entity_id = entity.entity_id LEFT JOIN undone ON undone.entity_id = entity.entity_id),
        kept AS (
            SELECT hms.row_key(to_jsonb(t), $3) AS entity_id, to_jsonb(t) - 'tenant_id' AS row
            FROM hms.%I AS t WHERE t.tenant_id = $1),
        compared AS (
            SELECT coalesce(kept.entity_id, told.entity_id) AS entity_id, kept.row AS present, told.row AS told, told.events, told.last_action,
                   coalesce(told.created, false) AS created,
                   $4 > '-infinity' AND told.first_action IS DISTINCT FROM 'create' AS older,
                   coalesce(told.deleted, kept.row, '{}'::jsonb) || coalesce(told.undone, '{}'::jsonb) AS before
            FROM kept FULL JOIN told ON told.entity_id = kept.entity_id)
        SELECT count(present), coalesce(sum(events), 0),
               count(*) FILTER (WHERE present IS NOT NULL AND NOT created AND NOT older),
               count(*) FILTER (WHERE created AND present <> told AND hms.row_shown(present) <> hms.row_shown(told)
                                   OR NOT created AND older AND present <> present || told),
               count(*) FILTER (WHERE present IS NULL AND last_action <> 'delete'),
               count(*) FILTER (WHERE older),
               sha256(coalesce(string_agg(sha256(convert_to(entity_id || E'\n' || hms.row_shown(before)::text, 'UTF8')), ''::bytea
                   ORDER BY entity_id COLLATE "C") FILTER (WHERE older), ''::bytea))
        FROM compared
        $query$, p_table)
    INTO row_count, changes, untold, unexplained, vanished, purged, baseline
    USING p_tenant, p_table, keys, p_from;
END $$;
