-- Replays the events of one table of one tenant and compares them with its rows: the row
-- that the creation holds, overlaid by what each update changed, must be the row.
--
-- With p_from it replays only the events from then on, because older ones may be purged. A
-- row that was there at that instant has no creation to begin with, so it is replayed
-- backwards: from what it is now, or was when it was deleted, each update is undone. What all
-- those rows were at p_from gives purged and baseline, which a signed record of the purge
-- must bear out; that the updates add up to the row is checked as ever.
--
-- Most tables of most tenants are empty: to see that costs a twentieth of planning the comparison.
CREATE OR REPLACE FUNCTION hms.audit_verify(p_tenant uuid, p_table text, p_from timestamptz DEFAULT '-infinity',
    OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint,
    OUT purged bigint, OUT baseline bytea)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    keys text;
    kept boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM hms.%I AS t WHERE t.tenant_id = $1)', p_table) INTO kept USING p_tenant;
    IF NOT kept AND NOT EXISTS (SELECT FROM hms.audit_told(p_tenant, p_table, p_from)) THEN
        SELECT 0, 0, 0, 0, 0, 0, sha256('') INTO row_count, changes, untold, unexplained, vanished, purged, baseline;
        RETURN;
    END IF;
    SELECT a.key_columns INTO STRICT keys FROM hms.audited_table(p_table) AS a;
    EXECUTE format($query$
        WITH kept AS (
            SELECT hms.row_key(to_jsonb(t), $3) AS entity_id, to_jsonb(t) - 'tenant_id' AS row
            FROM hms.%I AS t WHERE t.tenant_id = $1),
        compared AS (
            SELECT coalesce(kept.entity_id, told.entity_id) AS entity_id, kept.row AS present, told.told, told.events, told.last_action,
                   coalesce(told.created, false) AS created,
                   $4 > '-infinity' AND told.first_action IS DISTINCT FROM 'create' AS older,
                   coalesce(told.deleted, kept.row, '{}'::jsonb) || coalesce(told.undone, '{}'::jsonb) AS before
            FROM kept FULL JOIN hms.audit_told($1, $2, $4) AS told ON told.entity_id = kept.entity_id)
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
