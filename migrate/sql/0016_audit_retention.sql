-- How long the trail is kept, what holds it back, and the signed records of months that were
-- archived and dropped.

-- What an event is to the rules of retention; the twin of audit.CategoryOf.
CREATE FUNCTION hms.audit_category(p_action text, p_entity text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_action = 'export' OR p_entity = 'disclosure' THEN 'disclosure'
        WHEN p_action IN ('login', 'logout', 'login_failed', 'denied', 'verify', 'purge')
          OR p_entity IN ('break_glass', 'legal_hold', 'retention_policy', 'role', 'user_account', 'user_role') THEN 'security'
        WHEN p_action IN ('read', 'search') THEN 'access'
        ELSE 'change' END
$$;

-- A year is the least: CNIL, délibération 2021-122, asks for six months to one year. In the
-- United States it is six years: 45 CFR 164.316(b)(2)(i), and 164.528(a)(1) for disclosures.
CREATE TABLE hms.retention_policy (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    version      bigint      NOT NULL DEFAULT 1,
    category     text        NOT NULL,
    jurisdiction text        NOT NULL,
    keep_months  integer     NOT NULL,
    basis        text        NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT retention_policy_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT retention_policy_rule_key UNIQUE (tenant_id, category, jurisdiction),
    CONSTRAINT retention_policy_category_check CHECK (category IN ('access', 'change', 'security', 'disclosure')),
    CONSTRAINT retention_policy_jurisdiction_check CHECK (jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
    CONSTRAINT retention_policy_keep_check CHECK (keep_months BETWEEN 12 AND 1200),
    CONSTRAINT retention_policy_floor_check CHECK (keep_months >= 72 OR left(jurisdiction, 2) <> 'US'),
    CONSTRAINT retention_policy_basis_check CHECK (length(basis) BETWEEN 3 AND 500)
);
SELECT hms.install_table('retention_policy');

CREATE TABLE hms.legal_hold (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    version        bigint      NOT NULL DEFAULT 1,
    patient_id     uuid,
    reason         text        NOT NULL,
    released_by    text        NOT NULL DEFAULT '',
    released_at    timestamptz,
    release_reason text        NOT NULL DEFAULT '',
    CONSTRAINT legal_hold_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT legal_hold_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT legal_hold_reason_check CHECK (length(reason) BETWEEN 3 AND 1000),
    CONSTRAINT legal_hold_created_by_check CHECK (created_by <> ''),
    CONSTRAINT legal_hold_release_check CHECK ((released_at IS NULL) = (released_by = '') AND (released_at IS NULL) = (release_reason = '')
        AND length(release_reason) <= 1000),
    CONSTRAINT legal_hold_released_check CHECK (released_at >= created_at)
);
CREATE INDEX legal_hold_patient_idx ON hms.legal_hold (tenant_id, patient_id);
CREATE INDEX legal_hold_created_idx ON hms.legal_hold (tenant_id, created_at, id);
SELECT hms.install_table('legal_hold', 'patient_id');

-- Of a hold only its release may change, and that once; it is never removed.
CREATE FUNCTION hms.legal_hold_guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.released_at IS NOT NULL
       OR (to_jsonb(NEW) - '{released_by,released_at,release_reason,version}'::text[])
       <> (to_jsonb(OLD) - '{released_by,released_at,release_reason,version}'::text[]) THEN
        RAISE EXCEPTION 'a legal hold is released once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER legal_hold_guard BEFORE UPDATE ON hms.legal_hold FOR EACH ROW EXECUTE FUNCTION hms.legal_hold_guard();
CREATE TRIGGER legal_hold_kept BEFORE DELETE OR TRUNCATE ON hms.legal_hold FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();

-- Tells whether a hold keeps the data of a patient from being erased; for p_patient NULL,
-- whether one keeps all of the tenant's.
CREATE FUNCTION hms.is_held(p_tenant uuid, p_patient uuid) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT 1 FROM hms.legal_hold AS h
        WHERE h.tenant_id = p_tenant AND h.released_at IS NULL AND (h.patient_id IS NULL OR h.patient_id = p_patient))
$$;

-- What explains that leaves have no event any more. The note is signed by the log's key and
-- says all that the columns say; a row that it does not bear out explains nothing.
CREATE TABLE hms.audit_purge (
    tenant_id    uuid        NOT NULL,
    month        date        NOT NULL,
    leaf_count   bigint      NOT NULL,
    digest       bytea       NOT NULL,
    archive      text        NOT NULL,
    archive_hash bytea       NOT NULL,
    basis        text        NOT NULL,
    purged_at    timestamptz NOT NULL,
    note         text        NOT NULL,
    CONSTRAINT audit_purge_pkey PRIMARY KEY (tenant_id, month),
    CONSTRAINT audit_purge_month_check CHECK (extract(day FROM month) = 1),
    CONSTRAINT audit_purge_count_check CHECK (leaf_count >= 1),
    CONSTRAINT audit_purge_digest_check CHECK (length(digest) = 32 AND length(archive_hash) = 32),
    CONSTRAINT audit_purge_archive_check CHECK (archive <> '')
);
SELECT hms.secure_table('audit_purge', 'SELECT');
SELECT hms.append_only('audit_purge');

-- ---------------------------------------------------------------------------------------
-- Verifying the trail where its beginning is purged

-- A row without its empty columns: one that a migration adds empty changes no row.
CREATE FUNCTION hms.row_shown(p_row jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(c.key, c.value) FILTER (WHERE c.value <> 'null'::jsonb), '{}'::jsonb) FROM jsonb_each(p_row) AS c
$$;

-- Replays the events of one table of one tenant and compares them with its rows: the row
-- that the creation holds, overlaid by what each update changed, must be the row.
--
-- With p_from it replays only the events from then on, because older ones may be purged. A
-- row that was there at that instant has no creation to begin with, so it is replayed
-- backwards: from what it is now, or was when it was deleted, each update is undone. What all
-- those rows were at p_from gives purged and baseline, which a signed record of the purge
-- must bear out; that the updates add up to the row is checked as ever.
DROP FUNCTION hms.audit_verify(uuid, text);
CREATE FUNCTION hms.audit_verify(p_tenant uuid, p_table text, p_from timestamptz DEFAULT '-infinity',
    OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint,
    OUT purged bigint, OUT baseline bytea)
LANGUAGE plpgsql STABLE AS $$
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

-- What the catalogue must still say for the trail to be trusted: each row is a breach.
CREATE OR REPLACE FUNCTION hms.audit_catalogue_breaches() RETURNS TABLE (object text, breach text)
LANGUAGE sql STABLE AS $$
    SELECT c.relname || '.' || t.tgname, 'the trigger is disabled'
    FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND NOT t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT c.relname, 'row-level security is not forced'
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND c.relname <> 'migration' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    UNION ALL
    SELECT c.relname, 'rows can be changed or removed by ' || r.rolname
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN pg_catalog.pg_roles AS r
    WHERE n.nspname = 'hms' AND c.relname ~ '^audit_(event|leaf|node|checkpoint|purge)' AND c.relkind IN ('r', 'p')
      AND r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup')
      AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE')
    UNION ALL
    SELECT w.name, 'the append-only trigger is gone'
    FROM unnest(ARRAY['audit_event', 'audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_purge']) AS w (name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || w.name) AND t.tgname = w.name || '_append_only')
    UNION ALL
    SELECT 'audit_purge', 'rows can be added by ' || r.rolname
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup') AND has_table_privilege(r.oid, 'hms.audit_purge', 'INSERT')
    UNION ALL
    SELECT a.table_name, 'an audit trigger is gone'
    FROM hms.audited_table() AS a CROSS JOIN unnest(ARRAY['_audit_update', '_audit_delete']) AS s (suffix)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || a.table_name) AND t.tgname = a.table_name || s.suffix)
$$;
