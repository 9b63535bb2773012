-- The mechanisms that every table leans on: the tenant of row-level security, money's
-- rule, the guard of state machines, the audit trail, the outbox, idempotency keys and
-- counters. Runs as hms_owner, like every migration.

-- The tenant of the transaction, NULL where none is set (then no row is visible). After a
-- transaction a local setting is '' and not NULL. Inlinable, hence no SET clause.
CREATE FUNCTION hms.current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('hms.tenant', true), '')::uuid
$$;

-- Decimal places of a currency (ISO 4217, list one); the twin of hmstype.Currency.MinorUnits.
CREATE FUNCTION hms.minor_units(p_currency text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_currency IN ('BIF','CLP','DJF','GNF','ISK','JPY','KMF','KRW','PYG','RWF','UGX','UYI','VND','VUV','XAF','XOF','XPF') THEN 0
        WHEN p_currency IN ('BHD','IQD','JOD','KWD','LYD','OMR','TND') THEN 3
        WHEN p_currency IN ('CLF','UYW') THEN 4
        ELSE 2 END
$$;

-- The rule of every amount of money: a number (numeric accepts NaN), in range, and rounded
-- to its currency's minor unit. NULL amounts pass; NOT NULL says whether they may exist.
CREATE FUNCTION hms.is_money(p_amount numeric, p_currency text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_amount <> 'NaN'::numeric AND abs(p_amount) <= 999999999999
       AND p_amount = round(p_amount, hms.minor_units(p_currency))
       AND p_currency ~ '^[A-Z]{3}$'
$$;

-- A UUIDv7 (RFC 9562) for rows that triggers write; all other ids are made in Go.
CREATE FUNCTION hms.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- The person behind an actor (hmstype.ActorRef as text), for CHECKs that keep duties apart: two
-- accounts or keys of one person are one person. The host's own actor is no person: NULL.
CREATE FUNCTION hms.actor_person(p_actor text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_actor ~ '^(human|service):' THEN regexp_replace(p_actor, '^[a-z]+:(.*/)?', '') END
$$;

-- ---------------------------------------------------------------------------------------
-- State machines

-- Refuses a change of status that is not among the arguments ('from>to'), for everybody.
CREATE FUNCTION hms.guard_transition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'this change of status is not allowed' USING ERRCODE = 'HM001';
    END IF;
    RETURN NEW;
END $$;

-- Puts the guard on a table; the pairs are those of the Go table of transitions.
CREATE FUNCTION hms.guard_status(p_table text, VARIADIC p_pairs text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    args text;
BEGIN
    SELECT string_agg(quote_literal(p), ', ') INTO args FROM unnest(p_pairs) AS p;
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OF status ON hms.%I FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION hms.guard_transition(%s)',
        p_table || '_status_guard', p_table, args);
END $$;

-- Refuses UPDATE, DELETE and TRUNCATE, for everybody: the second wall behind missing grants.
CREATE FUNCTION hms.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of this table are never changed or removed' USING ERRCODE = 'HM002';
END $$;

CREATE FUNCTION hms.append_only(p_table text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_append_only', p_table);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON hms.%I FROM hms_app', p_table);
END $$;

-- ---------------------------------------------------------------------------------------
-- The audit trail

CREATE TABLE hms.audit_event (
    tenant_id   uuid        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    id          uuid        NOT NULL DEFAULT hms.uuid_v7(),
    xid         xid8        NOT NULL DEFAULT pg_current_xact_id(),
    actor       text        NOT NULL,
    action      text        NOT NULL,
    entity      text        NOT NULL,
    entity_id   text        NOT NULL,
    patient_id  uuid,
    operation   text        NOT NULL,
    request_id  text        NOT NULL,
    purpose     text        NOT NULL,
    changes     jsonb,
    CONSTRAINT audit_event_pkey PRIMARY KEY (tenant_id, recorded_at, id),
    CONSTRAINT audit_event_action_check CHECK (action ~ '^[a-z_]{1,30}$'),
    CONSTRAINT audit_event_actor_check CHECK (actor <> '')
) PARTITION BY RANGE (recorded_at);

CREATE INDEX audit_event_patient_idx ON hms.audit_event (tenant_id, patient_id, recorded_at);
CREATE INDEX audit_event_actor_idx   ON hms.audit_event (tenant_id, actor, recorded_at);
CREATE INDEX audit_event_entity_idx  ON hms.audit_event (tenant_id, entity, entity_id, recorded_at);

-- Row-level security, the policy and the grants of one table. Grants are on parents only:
-- a partition that could be read directly would show every tenant's rows.
CREATE FUNCTION hms.secure_table(p_table text, p_grants text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE hms.%I ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE hms.%I FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY tenant_isolation ON hms.%I
        USING (tenant_id = hms.current_tenant()) WITH CHECK (tenant_id = hms.current_tenant())', p_table);
    IF p_grants <> '' THEN
        EXECUTE format('GRANT %s ON hms.%I TO hms_app', p_grants, p_table);
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'hms_backup') THEN
        EXECUTE format('GRANT SELECT ON hms.%I TO hms_backup', p_table);
    END IF;
END $$;

SELECT hms.secure_table('audit_event', 'SELECT, INSERT');
SELECT hms.append_only('audit_event');

-- Makes the monthly partitions from p_from on. The default partition takes what lies
-- outside them, so that no deed ever fails for want of a partition; a month whose events
-- lie there already keeps them there.
CREATE FUNCTION hms.ensure_audit_partitions(p_from date, p_months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    first_day date;
    part      text;
    made      integer := 0;
BEGIN
    FOR i IN 0 .. p_months - 1 LOOP
        first_day := (date_trunc('month', p_from) + make_interval(months => i))::date;
        part := 'audit_event_' || to_char(first_day, 'YYYY"m"MM');
        IF to_regclass('hms.' || part) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE hms.%I PARTITION OF hms.audit_event FOR VALUES FROM (%L) TO (%L)',
                    part, first_day::timestamp AT TIME ZONE 'UTC',
                    (first_day + interval '1 month') AT TIME ZONE 'UTC');
                PERFORM hms.secure_table(part, '');
                made := made + 1;
            EXCEPTION WHEN check_violation THEN
                RAISE NOTICE 'the default partition holds events of %', to_char(first_day, 'YYYY-MM');
            END;
        END IF;
    END LOOP;
    RETURN made;
END $$;

CREATE TABLE hms.audit_event_default PARTITION OF hms.audit_event DEFAULT;
SELECT hms.secure_table('audit_event_default', '');

-- Writes one event. Who, why and under which request come from the transaction's
-- settings; outside the library the actor is the database's own session.
CREATE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hms.audit_event (tenant_id, actor, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant,
        coalesce(nullif(current_setting('hms.actor', true), ''), 'database:' || session_user),
        p_action, p_entity, p_entity_id, p_patient,
        coalesce(current_setting('hms.operation', true), ''),
        coalesce(current_setting('hms.request_id', true), ''),
        coalesce(current_setting('hms.purpose', true), ''),
        p_changes);
END $$;

-- A read, search, export or refusal, recorded by a service. A read or export of a
-- restricted patient's data is refused here unless the transaction may see them: since
-- nothing is shown that is not recorded, no service can forget the restriction. The body
-- is not looked at before it runs, so the patients' table may come with a later migration.
CREATE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_patient IS NOT NULL AND p_action IN ('read', 'export') AND coalesce(current_setting('hms.restricted', true), '') <> 'yes'
       AND EXISTS (SELECT 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient AND p.is_restricted) THEN
        RAISE EXCEPTION 'the patient''s record is restricted' USING ERRCODE = 'HM690', DETAIL = p_patient::text;
    END IF;
    PERFORM hms.audit_write(p_tenant, p_action, p_entity, coalesce(p_entity_id, ''), p_patient, NULL);
END $$;

-- The key of a row as text: the values of its key columns (comma-separated names).
CREATE FUNCTION hms.row_key(p_row jsonb, p_columns text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_columns = 'id' THEN p_row ->> 'id'
        ELSE (SELECT string_agg(p_row ->> c, '/' ORDER BY i) FROM unnest(string_to_array(p_columns, ',')) WITH ORDINALITY AS u (c, i)) END
$$;

-- The columns that differ, each with the value before and after: {"status": ["U", "O"]}.
CREATE FUNCTION hms.row_diff(p_old jsonb, p_new jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, jsonb_build_array(p_old -> n.key, n.value)), '{}'::jsonb)
    FROM jsonb_each(p_new) AS n WHERE p_old -> n.key IS DISTINCT FROM n.value
$$;

-- The triggers: one per statement, reading its transition table. Arguments: the table's
-- own name (TG_TABLE_NAME carries a shard number on a distributed server), the column
-- that names the patient ('' for none), the key columns.
CREATE FUNCTION hms.audit_insert() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
BEGIN
    FOR r IN SELECT to_jsonb(n) FROM new_rows AS n LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'create', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION hms.audit_update() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    d jsonb;
BEGIN
    FOR r IN SELECT o.j AS before, n.j AS after
        FROM (SELECT to_jsonb(old_rows) AS j FROM old_rows) AS o
        JOIN (SELECT to_jsonb(new_rows) AS j FROM new_rows) AS n
          ON o.j -> 'tenant_id' = n.j -> 'tenant_id' AND hms.row_key(o.j, TG_ARGV[2]) = hms.row_key(n.j, TG_ARGV[2])
    LOOP
        d := hms.row_diff(r.before, r.after);
        IF d <> '{}'::jsonb THEN
            PERFORM hms.audit_write((r.after ->> 'tenant_id')::uuid, 'update', TG_ARGV[0],
                hms.row_key(r.after, TG_ARGV[2]), (r.after ->> TG_ARGV[1])::uuid, d);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION hms.audit_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    r jsonb;
BEGIN
    FOR r IN SELECT to_jsonb(o) FROM old_rows AS o LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'delete', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $$;

-- What every table that holds state gets: row-level security, grants and the audit
-- triggers. p_patient names the column of the patient whose data the row holds.
CREATE FUNCTION hms.install_table(
    p_table text, p_patient text DEFAULT '', p_key text DEFAULT 'id', p_grants text DEFAULT 'SELECT, INSERT, UPDATE'
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    args text := format('%L, %L, %L', p_table, p_patient, p_key);
BEGIN
    PERFORM hms.secure_table(p_table, p_grants);
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON hms.%I REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert(%s)', p_table || '_audit_insert', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON hms.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update(%s)', p_table || '_audit_update', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON hms.%I REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete(%s)', p_table || '_audit_delete', p_table, args);
END $$;

-- Gives a table with states its history, <table>_status: from, to, when, by whom and why (FHIR
-- Encounter.statusHistory). The entity's version numbers the steps; its making is no step. The
-- trail tells of the change of the entity's row already, so the history has no events of its own.
CREATE FUNCTION hms.install_status_history(p_table text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    history text := p_table || '_status';
BEGIN
    EXECUTE format('CREATE TABLE hms.%1$I (
        tenant_id   uuid        NOT NULL,
        entity_id   uuid        NOT NULL,
        version     bigint      NOT NULL,
        from_status text        NOT NULL,
        to_status   text        NOT NULL,
        stepped_at  timestamptz NOT NULL,
        stepped_by  text        NOT NULL,
        reason      text        NOT NULL DEFAULT '''',
        CONSTRAINT %2$I PRIMARY KEY (tenant_id, entity_id, version),
        CONSTRAINT %3$I FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.%4$I (tenant_id, id),
        CONSTRAINT %5$I CHECK (stepped_by <> ''''),
        CONSTRAINT %6$I CHECK (length(reason) <= 2000))',
        history, history || '_pkey', history || '_entity_fkey', p_table, history || '_stepped_by_check', history || '_reason_check');
    PERFORM hms.secure_table(history, 'SELECT, INSERT');
    PERFORM hms.append_only(history);
END $$;

-- ---------------------------------------------------------------------------------------
-- Mechanisms without an audit trail of their own: they repeat what is audited elsewhere.

CREATE TABLE hms.outbox (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    event_type   text        NOT NULL,
    entity       text        NOT NULL,
    entity_id    text        NOT NULL,
    data         jsonb       NOT NULL,
    occurred_at  timestamptz NOT NULL,
    delivered_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX outbox_pending_idx ON hms.outbox (tenant_id, id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_entity_idx ON hms.outbox (tenant_id, entity, entity_id, id) WHERE delivered_at IS NULL;
SELECT hms.secure_table('outbox', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE hms.idempotency_key (
    tenant_id    uuid        NOT NULL,
    operation    text        NOT NULL,
    actor        text        NOT NULL,
    key          text        NOT NULL,
    request_hash text        NOT NULL,
    response     text,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (tenant_id, operation, actor, key),
    CONSTRAINT idempotency_key_length_check CHECK (length(key) BETWEEN 1 AND 200)
);
SELECT hms.secure_table('idempotency_key', 'SELECT, INSERT, UPDATE, DELETE');

-- Numbers that people read (MRN, bill, order). A sequence would neither be per tenant nor
-- free of gaps; a counter's row is locked until the deed commits, and so never skips.
CREATE TABLE hms.counter (
    tenant_id uuid   NOT NULL,
    name      text   NOT NULL,
    value     bigint NOT NULL,
    CONSTRAINT counter_pkey PRIMARY KEY (tenant_id, name),
    CONSTRAINT counter_value_check CHECK (value >= 1)
);
SELECT hms.secure_table('counter', 'SELECT, INSERT, UPDATE');

-- A row per thing that two deeds must not do at once and that has no row of its own yet.
CREATE TABLE hms.lock (
    tenant_id uuid NOT NULL,
    name      text NOT NULL,
    taken     bigint NOT NULL DEFAULT 1,
    CONSTRAINT lock_pkey PRIMARY KEY (tenant_id, name)
);
SELECT hms.secure_table('lock', 'SELECT, INSERT, UPDATE, DELETE');

-- ---------------------------------------------------------------------------------------
-- Verifying the trail

-- The tables that install_table equipped, with their key columns, read from the triggers.
CREATE FUNCTION hms.audited_table() RETURNS TABLE (table_name text, key_columns text)
LANGUAGE sql STABLE AS $$
    SELECT args[1], args[3]
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL string_to_array(encode(t.tgargs, 'escape'), '\000') AS args
    WHERE n.nspname = 'hms' AND p.proname = 'audit_insert' AND NOT t.tgisinternal
$$;

-- Replays the events of one table of one tenant and compares them with its rows: the row
-- that the creation holds, overlaid by what each update changed, must be the row.
CREATE FUNCTION hms.audit_verify(p_tenant uuid, p_table text,
    OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    keys text;
BEGIN
    SELECT a.key_columns INTO STRICT keys FROM hms.audited_table() AS a WHERE a.table_name = p_table;
    EXECUTE format($query$
        WITH told AS (
            SELECT e.entity_id,
                   count(*) AS events,
                   (array_agg(e.action ORDER BY e.recorded_at DESC, e.id DESC))[1] AS last_action,
                   bool_or(e.action = 'create') AS created,
                   coalesce((array_agg(e.changes ORDER BY e.recorded_at DESC, e.id DESC) FILTER (WHERE e.action = 'create'))[1], '{}'::jsonb)
                   || coalesce((SELECT jsonb_object_agg(c.key, c.value -> 1 ORDER BY u.recorded_at, u.id)
                        FROM hms.audit_event AS u CROSS JOIN LATERAL jsonb_each(u.changes) AS c
                        WHERE u.tenant_id = $1 AND u.entity = $2 AND u.entity_id = e.entity_id AND u.action = 'update'
                          AND NOT EXISTS (SELECT 1 FROM hms.audit_event AS anew
                            WHERE anew.tenant_id = $1 AND anew.entity = $2 AND anew.entity_id = e.entity_id
                              AND anew.action = 'create' AND (anew.recorded_at, anew.id) > (u.recorded_at, u.id))), '{}'::jsonb) AS row
            FROM hms.audit_event AS e
            WHERE e.tenant_id = $1 AND e.entity = $2 AND e.action IN ('create', 'update', 'delete')
            GROUP BY e.entity_id),
        kept AS (
            SELECT hms.row_key(to_jsonb(t), $3) AS entity_id, to_jsonb(t) - 'tenant_id' AS row
            FROM hms.%I AS t WHERE t.tenant_id = $1)
        SELECT count(kept.entity_id), coalesce(sum(told.events), 0),
               count(*) FILTER (WHERE kept.entity_id IS NOT NULL AND told.created IS NOT TRUE),
               count(*) FILTER (WHERE kept.entity_id IS NOT NULL AND told.created AND kept.row <> told.row),
               count(*) FILTER (WHERE kept.entity_id IS NULL AND told.last_action <> 'delete')
        FROM kept FULL JOIN told ON told.entity_id = kept.entity_id
        $query$, p_table)
    INTO row_count, changes, untold, unexplained, vanished
    USING p_tenant, p_table, keys;
END $$;
