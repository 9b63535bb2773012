-- What the migrations make, read from the catalogue and sorted by name; never applied.
-- Written by: go test ./migrate -run TestSchema -update

-- default privileges of hms_owner for f: hms_owner EXECUTE

-- default privileges of hms_owner in hms for S: hms_backup SELECT

-- default privileges of hms_owner in hms for f: hms_app EXECUTE

-- default privileges of hms_owner in hms for r: hms_backup SELECT

CREATE EXTENSION btree_gist;

CREATE EXTENSION plpgsql;

GRANT USAGE ON SCHEMA hms TO hms_app;

GRANT USAGE ON SCHEMA hms TO hms_backup;

GRANT USAGE ON SCHEMA hms TO hms_scheduler;

GRANT USAGE ON SCHEMA hms TO hms_sealer;

CREATE OR REPLACE FUNCTION hms.access_change_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v_asked text := hms.actor_person(NEW.created_by);
    v_decided text := hms.actor_person(NEW.decided_by);
BEGIN
    IF OLD.status <> 'requested'
       OR (to_jsonb(NEW) - '{status,decided_by,decided_at,decision_text,version}'::text[])
       <> (to_jsonb(OLD) - '{status,decided_by,decided_at,decision_text,version}'::text[]) THEN
        RAISE EXCEPTION 'a request stays as it was made, and is decided once' USING ERRCODE = 'HM002';
    END IF;
    IF NEW.status <> 'approved' OR v_decided IS NULL THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
           WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.person_id = v_decided::uuid) THEN
        RAISE EXCEPTION 'nobody approves what he himself gets'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'access_change_subject_check';
    END IF;
    IF v_asked <> v_decided AND hms.accounts_related(NEW.tenant_id,
           ARRAY[substring(NEW.created_by FROM ':([0-9a-f-]{36})'), v_asked]::uuid[],
           ARRAY[substring(NEW.decided_by FROM ':([0-9a-f-]{36})'), v_decided]::uuid[],
           NEW.created_at - interval '30 days') THEN
        RAISE EXCEPTION 'one of them made an account of the other of late'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'access_change_related_check';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.accounts_related(p_tenant uuid, p_one uuid[], p_other uuid[], p_since timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    WITH RECURSIVE maker (is_one, id) AS (
        SELECT true, unnest(p_one) UNION SELECT false, unnest(p_other)
        UNION
        SELECT m.is_one, hms.actor_person(u.created_by)::uuid
        FROM maker AS m JOIN hms.user_account AS u ON u.tenant_id = p_tenant AND u.person_id = m.id
        WHERE u.created_at > p_since AND hms.actor_person(u.created_by) IS NOT NULL
    )
    SELECT EXISTS (SELECT 1 FROM maker AS m WHERE m.id = ANY (CASE WHEN m.is_one THEN p_other ELSE p_one END))
$function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.accounts_related(p_tenant uuid, p_one uuid[], p_other uuid[], p_since timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.actor_person(p_actor text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_actor ~ '^(human|service):'::text) THEN regexp_replace(p_actor, '^[a-z]+:(.*/)?'::text, ''::text) ELSE NULL::text END
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.actor_person(p_actor text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.add_to_share(p_tenant uuid, p_share uuid, p_currency text, p_paid numeric, p_credited numeric, p_by text, p_now timestamp with time zone, p_reason text)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was record;
    b   record;
BEGIN
    SELECT x.id, x.status INTO was FROM hms.bill AS x
    JOIN hms.bill_share AS s ON s.tenant_id = x.tenant_id AND s.bill_id = x.id
    WHERE x.tenant_id = p_tenant AND s.tenant_id = p_tenant AND s.id = p_share FOR NO KEY UPDATE OF x;
    UPDATE hms.bill_share AS s
    SET paid_amount = s.paid_amount + p_paid, credited_amount = s.credited_amount + p_credited
    WHERE s.tenant_id = p_tenant AND s.id = p_share AND s.currency = p_currency;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT x.status, x.version INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = was.id;
    IF b.status <> was.status THEN
        INSERT INTO hms.bill_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (p_tenant, was.id, b.version, was.status, b.status, p_now, p_by, p_reason);
    END IF;
    RETURN true;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.add_to_share(p_tenant uuid, p_share uuid, p_currency text, p_paid numeric, p_credited numeric, p_by text, p_now timestamp with time zone, p_reason text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.append_only(p_table text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_append_only', p_table);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON hms.%I FROM hms_app', p_table);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.apply_credit_line()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    UPDATE hms.bill_line AS l SET credited_quantity = l.credited_quantity + NEW.quantity,
        credited_net = l.credited_net + NEW.net_amount, credited_tax = l.credited_tax + NEW.tax_amount
    WHERE l.tenant_id = NEW.tenant_id AND l.id = NEW.bill_line_id AND l.currency = NEW.currency AND l.issued_at IS NOT NULL
      AND l.bill_id = (SELECT n.bill_id FROM hms.credit_note AS n WHERE n.tenant_id = NEW.tenant_id AND n.id = NEW.note_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the line is not of the issued bill' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.apply_credit_share()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    n record;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    SELECT c.created_by, c.created_at, c.reason INTO n FROM hms.credit_note AS c
    WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.note_id;
    UPDATE hms.bill_line_share AS l SET credited_amount = l.credited_amount + NEW.amount
    WHERE l.tenant_id = NEW.tenant_id AND l.bill_line_id = NEW.bill_line_id AND l.share_id = NEW.share_id AND l.currency = NEW.currency;
    IF NOT hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, 0, NEW.amount,
        n.created_by, n.created_at, n.reason) THEN
        RAISE EXCEPTION 'the share is in another currency' USING ERRCODE = 'HM503';
    END IF;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.apply_payment()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'active' OR NEW.refunded_amount <> 0 THEN
            RAISE EXCEPTION 'a payment begins active and whole' USING ERRCODE = 'HM503';
        END IF;
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, NEW.amount, 0,
            NEW.created_by, NEW.created_at, '');
    ELSIF NEW.status = 'cancelled' AND OLD.status = 'active' THEN
        PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
            NEW.cancelled_by, NEW.cancelled_at, NEW.cancel_reason);
        INSERT INTO hms.payment_status
            (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
        VALUES (NEW.tenant_id, NEW.id, NEW.version, OLD.status, NEW.status,
            NEW.cancelled_at, NEW.cancelled_by, NEW.cancel_reason);
    END IF;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.apply_refund()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    UPDATE hms.payment AS p SET refunded_amount = p.refunded_amount + NEW.amount, version = p.version + 1
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.payment_id AND p.share_id = NEW.share_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refund names another share than its payment' USING ERRCODE = 'HM503';
    END IF;
    PERFORM hms.add_to_share(NEW.tenant_id, NEW.share_id, NEW.currency, -NEW.amount, 0,
        NEW.created_by, NEW.created_at, NEW.reason);
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.audit_category(p_action text, p_entity text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((p_action = 'export'::text) OR (p_entity = 'disclosure'::text)) THEN 'disclosure'::text WHEN ((p_action = ANY (ARRAY['login'::text, 'logout'::text, 'login_failed'::text, 'denied'::text, 'verify'::text, 'purge'::text, 'import'::text])) OR (p_entity = ANY (ARRAY['break_glass'::text, 'external_identity'::text, 'legal_hold'::text, 'retention_policy'::text, 'role'::text, 'user_account'::text, 'user_role'::text]))) THEN 'security'::text WHEN (p_action = ANY (ARRAY['read'::text, 'search'::text, 'matched'::text])) THEN 'access'::text ELSE 'change'::text END
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.audit_category(p_action text, p_entity text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.audit_delete()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
DECLARE
    r jsonb;
BEGIN
    IF hms.is_removing() THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR r IN SELECT to_jsonb(o) FROM old_rows AS o LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'delete', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.audit_insert()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
DECLARE
    r jsonb;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR r IN SELECT to_jsonb(n) FROM new_rows AS n LOOP
        PERFORM hms.audit_write((r ->> 'tenant_id')::uuid, 'create', TG_ARGV[0],
            CASE TG_ARGV[2] WHEN 'id' THEN r ->> 'id' ELSE hms.row_key(r, TG_ARGV[2]) END,
            (r ->> TG_ARGV[1])::uuid, r - 'tenant_id');
    END LOOP;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.audit_told(p_tenant uuid, p_table text, p_from timestamp with time zone)
 RETURNS TABLE(entity_id text, events bigint, created boolean, first_action text, last_action text, deleted jsonb, told jsonb, undone jsonb)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
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
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.audit_told(p_tenant uuid, p_table text, p_from timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.audit_update()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
DECLARE
    r record;
    d jsonb;
BEGIN
    IF TG_TABLE_SCHEMA <> 'hms' THEN
        RAISE EXCEPTION 'the trail tells of tables of the schema hms' USING ERRCODE = 'insufficient_privilege';
    END IF;
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
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.audit_verify(p_tenant uuid, p_table text, p_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone, OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint, OUT purged bigint, OUT baseline bytea)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET bytea_output TO 'hex'
AS $function$
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
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.audit_verify(p_tenant uuid, p_table text, p_from timestamp with time zone, OUT row_count bigint, OUT changes bigint, OUT untold bigint, OUT unexplained bigint, OUT vanished bigint, OUT purged bigint, OUT baseline bytea) TO hms_app;

CREATE OR REPLACE FUNCTION hms.audit_write(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid, p_changes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
BEGIN
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, changes)
    VALUES (p_tenant, coalesce(nullif(v[1], ''), 'database:' || session_user), coalesce(v[2], ''), p_action, p_entity, p_entity_id, p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), coalesce(v[4], ''), p_changes);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.audited_table(p_table text DEFAULT NULL::text)
 RETURNS TABLE(table_name text, key_columns text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
BEGIN
    RETURN QUERY
        SELECT args[1], args[3]
        FROM pg_catalog.pg_trigger AS t
        JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid AND c.relnamespace = n.oid
        CROSS JOIN LATERAL string_to_array(encode(t.tgargs, 'escape'), '\000') AS args
        WHERE n.nspname = 'hms' AND p.proname = 'audit_insert' AND NOT t.tgisinternal
            AND (p_table IS NULL OR c.relname = p_table);
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.audited_table(p_table text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.break_glass_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v_person text := hms.actor_person(NEW.created_by);
    v_now timestamptz := hms.operation_time();
    v_open bigint;
    v_day bigint;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- Reads are opened by the user, counted by the author: both are the person who asks, for himself.
        IF NEW.created_by NOT LIKE 'human:' || NEW.user_id || '%' OR NOT EXISTS (SELECT 1 FROM hms.user_account AS u
            WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.person_id::text = v_person) THEN
            RAISE EXCEPTION 'nobody breaks the glass for another' USING ERRCODE = 'HM008';
        END IF;
        NEW.closes_at := clock_timestamp() + (NEW.expires_at - NEW.started_at);
        INSERT INTO hms.lock (tenant_id, name) VALUES (NEW.tenant_id, 'break_glass ' || v_person)
        ON CONFLICT (tenant_id, name) DO UPDATE SET taken = lock.taken + 1;
        SELECT count(*) FILTER (WHERE g.expires_at > v_now AND g.closes_at > clock_timestamp() AND g.ended_at IS NULL),
            count(*) FILTER (WHERE g.started_at > v_now - interval '24 hours')
        INTO v_open, v_day FROM hms.break_glass AS g
        WHERE g.tenant_id = NEW.tenant_id AND hms.actor_person(g.created_by) = v_person;
        IF NEW.expires_at > v_now AND v_open >= 5 THEN
            RAISE EXCEPTION 'the person has too many break-glass grants open' USING ERRCODE = 'HM003', DETAIL = 'open';
        END IF;
        IF NEW.started_at > v_now - interval '24 hours' AND v_day >= 20 THEN
            RAISE EXCEPTION 'the person got too many break-glass grants in a day' USING ERRCODE = 'HM003', DETAIL = 'day';
        END IF;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,related,version}'::text[])
       <> (to_jsonb(OLD) - '{status,ended_at,outcome,review_text,reviewed_by,reviewed_at,related,version}'::text[])
       OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
       OR (OLD.outcome <> '' AND (NEW.outcome <> OLD.outcome OR NEW.related <> OLD.related)) THEN
        RAISE EXCEPTION 'a break-glass grant is ended and reviewed once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    -- That nobody reviews his own, a CHECK holds.
    IF OLD.outcome = '' AND NEW.outcome <> '' AND hms.actor_person(NEW.reviewed_by) IS DISTINCT FROM v_person
       AND NEW.related IS DISTINCT FROM hms.accounts_related(NEW.tenant_id,
           ARRAY[NEW.user_id, v_person::uuid],
           ARRAY[substring(NEW.reviewed_by FROM ':([0-9a-f-]{36})'), hms.actor_person(NEW.reviewed_by)]::uuid[],
           NEW.started_at - interval '30 days') THEN
        RAISE EXCEPTION 'a review says whether its author is related to the grant''s user' USING ERRCODE = 'HM004';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.cancel_payment(p_tenant uuid, p_payment uuid, p_journal uuid, p_reason text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_bill uuid)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled already' USING ERRCODE = 'HM508';
    END IF;
    IF p.refunded_amount > 0 THEN
        RAISE EXCEPTION 'the payment was refunded' USING ERRCODE = 'HM506';
    END IF;
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment-cancellation', p_payment, p.bill_id, p.amount, p.currency,
        hms.receivable_code(n), 'cash-' || p.method, p_now, p_day);
    UPDATE hms.payment AS x SET status = 'cancelled', cancelled_at = p_now, cancelled_by = p_by, cancelled_on = p_day,
        cancel_reason = p_reason, version = x.version + 1
    WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.cancel_payment(p_tenant uuid, p_payment uuid, p_journal uuid, p_reason text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_bill uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.change_keyset(p_tenant uuid, p_epoch integer, p_data bytea, p_index bytea, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    before record;
BEGIN
    PERFORM hms.require_operation('encryption.rotate', 'encryption.rewrap');
    SELECT k.epoch, k.index_keyset INTO STRICT before FROM hms.tenant_keyset AS k
        WHERE k.tenant_id = p_tenant FOR UPDATE;
    IF p_epoch NOT IN (before.epoch, before.epoch + 1) OR coalesce(length(p_data), 0) = 0
        OR coalesce(length(p_index), 0) = 0 OR p_epoch > before.epoch AND p_index <> before.index_keyset THEN
        RAISE EXCEPTION 'keys change by a rotation or by a new wrapping' USING ERRCODE = 'HM301';
    END IF;
    UPDATE hms.tenant_keyset AS k SET epoch = p_epoch, data_keyset = p_data, index_keyset = p_index,
        rotated_at = CASE WHEN p_epoch > k.epoch THEN p_now ELSE k.rotated_at END
    WHERE k.tenant_id = p_tenant;
    PERFORM hms.audit_write(p_tenant, 'update', 'tenant_keyset', p_tenant::text, NULL,
        jsonb_build_object('epoch', jsonb_build_array(before.epoch, p_epoch)));
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.change_keyset(p_tenant uuid, p_epoch integer, p_data bytea, p_index bytea, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.check_credit_note()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    r    record;
    want numeric;
    have numeric;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    FOR r IN SELECT DISTINCT n.tenant_id, n.note_id FROM new_rows AS n LOOP
        SELECT c.total_amount INTO want FROM hms.credit_note AS c WHERE c.tenant_id = r.tenant_id AND c.id = r.note_id;
        IF TG_ARGV[0] = 'line' THEN
            SELECT sum(l.total_amount) INTO have FROM hms.credit_note_line AS l WHERE l.tenant_id = r.tenant_id AND l.note_id = r.note_id;
        ELSE
            SELECT sum(s.amount) INTO have FROM hms.credit_note_share AS s WHERE s.tenant_id = r.tenant_id AND s.note_id = r.note_id;
        END IF;
        IF have IS DISTINCT FROM want THEN
            RAISE EXCEPTION 'the credit note does not sum up' USING ERRCODE = 'HM504';
        END IF;
    END LOOP;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.check_journal()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT 1 FROM new_rows AS n GROUP BY n.tenant_id, n.journal_id, n.currency HAVING sum(n.amount) <> 0) THEN
        RAISE EXCEPTION 'a journal must sum to zero' USING ERRCODE = 'HM501';
    END IF;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.close_fields(p_tenant uuid, p_fields text[], p_new boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    before record;
    col text[];
    any_row boolean;
    any_clear boolean;
BEGIN
    SELECT k.closed_fields, k.sealed_fields INTO STRICT before FROM hms.tenant_keyset AS k
        WHERE k.tenant_id = p_tenant FOR UPDATE;
    FOR col IN SELECT string_to_array(f, '.') FROM unnest(p_fields) AS f
        WHERE f <> ALL (before.sealed_fields) AND EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
            JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
            WHERE c.relnamespace = 'hms'::regnamespace AND c.relname = split_part(f, '.', 1)
                AND t.tgname = split_part(f, '.', 1) || '_sealed_guard')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM hms.%I AS t WHERE t.tenant_id = $1)', col[1])
            INTO any_row USING p_tenant;
        CONTINUE WHEN p_new AND any_row;
        any_clear := false;
        IF any_row THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM hms.%1$I AS t WHERE t.tenant_id = $1
                AND t.%2$I <> '''' AND left(t.%2$I, 5) <> ''hms1:'')', col[1], col[2]) INTO any_clear USING p_tenant;
        END IF;
        UPDATE hms.tenant_keyset AS k SET
            closed_fields = CASE WHEN col[1] || '.' || col[2] = ANY (k.closed_fields) THEN k.closed_fields
                ELSE k.closed_fields || (col[1] || '.' || col[2]) END,
            sealed_fields = CASE WHEN any_clear THEN k.sealed_fields
                ELSE k.sealed_fields || (col[1] || '.' || col[2]) END
        WHERE k.tenant_id = p_tenant;
    END LOOP;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.close_fields(p_tenant uuid, p_fields text[], p_new boolean) TO hms_app;

CREATE OR REPLACE FUNCTION hms.context(p_part integer)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
RETURN split_part(hms.verified_context(), chr(31), p_part)
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.context(p_part integer) TO hms_app;

CREATE OR REPLACE FUNCTION hms.current_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('hms.tenant'::text, true), ''::text))::uuid
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.current_tenant() TO hms_app;
GRANT EXECUTE ON FUNCTION hms.current_tenant() TO hms_sealer;

CREATE OR REPLACE FUNCTION hms.derive_bill()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    s record;
BEGIN
    SELECT sum(b.paid_amount) AS paid, sum(b.credited_amount) AS credited,
           sum(greatest(b.amount - b.paid_amount - b.credited_amount, 0)) AS due,
           sum(greatest(b.paid_amount + b.credited_amount - b.amount, 0)) AS overpaid
    INTO s FROM hms.bill_share AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.bill_id;
    UPDATE hms.bill AS b SET paid_amount = s.paid, credited_amount = s.credited, open_amount = s.due, overpaid_amount = s.overpaid,
        status = CASE WHEN s.due = 0 AND s.overpaid = 0 THEN 'balanced' ELSE 'issued' END, version = b.version + 1
    WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.destroy_keys(p_tenant uuid, p_subject uuid, p_epoch integer, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('encryption.erase');
    UPDATE hms.data_key AS k SET wrapped = '' WHERE k.tenant_id = p_tenant AND k.subject_id = p_subject;
    INSERT INTO hms.data_key (tenant_id, subject_id, epoch, wrapped, created_at)
    VALUES (p_tenant, p_subject, p_epoch, '', p_now)
    ON CONFLICT (tenant_id, subject_id, epoch) DO NOTHING; -- emptied above
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.destroy_keys(p_tenant uuid, p_subject uuid, p_epoch integer, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.disclosure_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    may_change text[] := '{status,error_reason,error_at,error_by,suspension_until,suspension_agency,suspension_statement,suspension_oral,suspension_at,version}';
BEGIN
    IF (to_jsonb(NEW) - may_change) <> (to_jsonb(OLD) - may_change) OR OLD.status = 'entered-in-error' AND NEW.version <> OLD.version THEN
        RAISE EXCEPTION 'a disclosure is suspended or marked as an error, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.ensure_audit_partitions(p_from date, p_months integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.forget_looks(p_tenant uuid, p_user uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('identity.create_user', 'identity.update_user');
    DELETE FROM hms.user_look AS l WHERE l.tenant_id = p_tenant AND l.user_id = p_user;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_looks(p_tenant uuid, p_user uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.forget_numbers(p_tenant uuid, p_patient uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('encryption.erase');
    DELETE FROM hms.patient_key AS k WHERE k.tenant_id = p_tenant AND k.patient_id = p_patient AND k.kind <> 'match';
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_numbers(p_tenant uuid, p_patient uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.forget_recovery_codes(p_tenant uuid, p_user uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('identity.confirm_totp', 'identity.disable_totp', 'identity.reset_second_factor',
        'identity.decide_access_change');
    DELETE FROM hms.user_recovery_code AS c WHERE c.tenant_id = p_tenant AND c.user_id = p_user;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_recovery_codes(p_tenant uuid, p_user uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.forget_tokens(p_tenant uuid, p_patient uuid, p_identifiers boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('patient.update', 'encryption.reencrypt');
    DELETE FROM hms.patient_token AS t WHERE t.tenant_id = p_tenant AND t.patient_id = p_patient;
    DELETE FROM hms.patient_likeness AS l WHERE l.tenant_id = p_tenant AND l.patient_id = p_patient;
    DELETE FROM hms.patient_key AS k WHERE k.tenant_id = p_tenant AND k.patient_id = p_patient
        AND (p_identifiers OR k.kind <> 'identifier');
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_tokens(p_tenant uuid, p_patient uuid, p_identifiers boolean) TO hms_app;

CREATE OR REPLACE FUNCTION hms.forget_totp(p_tenant uuid, p_user uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('identity.disable_totp', 'identity.reset_second_factor', 'identity.decide_access_change');
    DELETE FROM hms.user_totp AS t WHERE t.tenant_id = p_tenant AND t.user_id = p_user;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_totp(p_tenant uuid, p_user uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.forget_webauthn(p_tenant uuid, p_user uuid, p_id uuid)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    gone bigint;
BEGIN
    PERFORM hms.require_operation('identity.remove_webauthn_credential', 'identity.reset_second_factor',
        'identity.decide_access_change');
    DELETE FROM hms.webauthn_credential AS c
    WHERE c.tenant_id = p_tenant AND c.user_id = p_user AND (p_id IS NULL OR c.id = p_id);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.forget_webauthn(p_tenant uuid, p_user uuid, p_id uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.guard_active_account()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    named uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND named = (to_jsonb(OLD) ->> TG_ARGV[0])::uuid THEN
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = named AND u.status <> 'active') THEN
        RAISE EXCEPTION 'whom % names has no active account', TG_ARGV[0] USING ERRCODE = TG_ARGV[1], DETAIL = named;
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_author()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v_author text := substring(NEW.created_by FROM '^(?:human|service):([0-9a-f-]{36})');
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF v_author IS NULL AND NEW.created_by ~ '^system:.' OR EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = v_author::uuid AND u.status = 'active') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the author has no active account' USING ERRCODE = 'HM201', DETAIL = coalesce(v_author, '');
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_bill()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    l record;
    s record;
    x record;
BEGIN
    IF OLD.status <> 'draft' AND (OLD.patient_id, OLD.encounter_id, OLD.currency, OLD.bill_number, OLD.bill_date, OLD.gross_amount,
            OLD.discount_amount, OLD.tax_amount, OLD.total_amount, OLD.patient_amount, OLD.payer_amount, OLD.journal_id,
            OLD.issued_at, OLD.cancelled_at, OLD.discount_reason, OLD.cancel_reason, OLD.created_at, OLD.created_by)
        IS DISTINCT FROM (NEW.patient_id, NEW.encounter_id, NEW.currency, NEW.bill_number, NEW.bill_date, NEW.gross_amount,
            NEW.discount_amount, NEW.tax_amount, NEW.total_amount, NEW.patient_amount, NEW.payer_amount, NEW.journal_id,
            NEW.issued_at, NEW.cancelled_at, NEW.discount_reason, NEW.cancel_reason,
            NEW.created_at, NEW.created_by) THEN
        PERFORM hms.refuse_frozen('bill');
    END IF;
    IF OLD.status <> 'draft' OR NEW.status NOT IN ('issued', 'balanced') THEN
        RETURN NEW;
    END IF;
    SELECT count(*) AS n, sum(b.gross_amount) AS gross, sum(b.discount_amount) AS discount, sum(b.tax_amount) AS tax,
           sum(b.total_amount) AS total, sum(b.patient_amount) AS patient, sum(b.payer_amount) AS payer,
           bool_and(b.issued_at IS NOT DISTINCT FROM NEW.issued_at) AS all_issued
    INTO l FROM hms.bill_line AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id AND b.released_at IS NULL;
    SELECT sum(b.amount) AS total, sum(b.amount) FILTER (WHERE b.sequence = 0) AS patient
    INTO s FROM hms.bill_share AS b WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id;
    SELECT coalesce(bool_or(lines.total <> b.total_amount OR lines.patient <> b.patient_amount), true) AS differs,
           count(*) AS n
    INTO x FROM hms.bill_line AS b
    JOIN (SELECT p.bill_line_id, sum(p.amount) AS total, sum(p.amount) FILTER (WHERE h.sequence = 0) AS patient
          FROM hms.bill_line_share AS p JOIN hms.bill_share AS h ON h.tenant_id = p.tenant_id AND h.id = p.share_id
          WHERE p.tenant_id = NEW.tenant_id AND h.tenant_id = NEW.tenant_id AND h.bill_id = NEW.id
          GROUP BY p.bill_line_id) AS lines ON lines.bill_line_id = b.id
    WHERE b.tenant_id = NEW.tenant_id AND b.bill_id = NEW.id AND b.released_at IS NULL;
    IF l.n = 0 OR NOT l.all_issued OR x.n <> l.n OR x.differs
       OR (l.gross, l.discount, l.tax, l.total, l.patient, l.payer) IS DISTINCT FROM
          (NEW.gross_amount, NEW.discount_amount, NEW.tax_amount, NEW.total_amount, NEW.patient_amount, NEW.payer_amount)
       OR (s.total, s.patient) IS DISTINCT FROM (NEW.total_amount, NEW.patient_amount) THEN
        RAISE EXCEPTION 'the bill does not sum up' USING ERRCODE = 'HM504';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_bill_line()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was hms.bill_line;
BEGIN
    was := NEW;
    was.credited_quantity := OLD.credited_quantity;
    was.credited_net := OLD.credited_net;
    was.credited_tax := OLD.credited_tax;
    IF OLD.released_at IS NOT NULL
       OR (OLD.issued_at IS NOT NULL AND (was IS DISTINCT FROM OLD OR NEW.credited_quantity < OLD.credited_quantity
            OR NEW.credited_net < OLD.credited_net OR NEW.credited_tax < OLD.credited_tax))
       OR (OLD.issued_at IS NULL AND was.credited_quantity + was.credited_net + was.credited_tax
            <> NEW.credited_quantity + NEW.credited_net + NEW.credited_tax) THEN
        PERFORM hms.refuse_frozen('line');
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_bill_line_share()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was hms.bill_line_share;
BEGIN
    was := NEW;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('line share');
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_bill_part()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.bill_id AND b.status = 'draft' FOR SHARE;
    IF NOT FOUND THEN
        PERFORM hms.refuse_frozen('new part');
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_bill_share()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was hms.bill_share;
BEGIN
    was := NEW;
    was.paid_amount := OLD.paid_amount;
    was.credited_amount := OLD.credited_amount;
    IF was IS DISTINCT FROM OLD OR NEW.credited_amount < OLD.credited_amount THEN
        PERFORM hms.refuse_frozen('share');
    END IF;
    IF NEW.paid_amount > OLD.paid_amount AND NEW.paid_amount + NEW.credited_amount > NEW.amount THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502',
            DETAIL = greatest(OLD.amount - OLD.paid_amount - OLD.credited_amount, 0) || ' ' || OLD.currency;
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_charge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF (OLD.patient_id, OLD.encounter_id, OLD.source_kind, OLD.source_id, OLD.source_line, OLD.service_id, OLD.service_code,
        OLD.category, OLD.description, OLD.quantity, OLD.unit_price, OLD.currency, OLD.tax_percent, OLD.service_at,
        OLD.service_date, OLD.created_at, OLD.created_by)
       IS DISTINCT FROM
       (NEW.patient_id, NEW.encounter_id, NEW.source_kind, NEW.source_id, NEW.source_line, NEW.service_id, NEW.service_code,
        NEW.category, NEW.description, NEW.quantity, NEW.unit_price, NEW.currency, NEW.tax_percent, NEW.service_at,
        NEW.service_date, NEW.created_at, NEW.created_by) THEN
        RAISE EXCEPTION 'a captured charge keeps its price and text' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_credential()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    -- Not only for hms_app: its members may do what it may, each under his own name.
    IF NOT pg_has_role(current_user, 'hms_owner', 'MEMBER') AND NOT coalesce(hms.context(5) = ANY (TG_ARGV), false) THEN
        RAISE EXCEPTION 'this operation makes no credential' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_data_key()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF hms.is_held(NEW.tenant_id, NEW.subject_id) OR NOT EXISTS (SELECT 1 FROM hms.erasure AS e
        WHERE e.tenant_id = NEW.tenant_id AND e.patient_id = NEW.subject_id) THEN
        RAISE EXCEPTION 'keys are destroyed by an erasure that is on record, and under no hold'
            USING ERRCODE = 'HM301';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_deleted_tenant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF (SELECT r.kind FROM hms.tenant_record AS r WHERE r.tenant_id = NEW.tenant_id ORDER BY r.number DESC LIMIT 1)
        = 'deleted' THEN
        RAISE EXCEPTION 'the tenant was deleted' USING ERRCODE = 'HM010';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_duty()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v_user uuid;
    v_fits boolean;
BEGIN
    IF TG_OP = 'INSERT' AND hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.status <> 'planned' OR (to_jsonb(NEW) - '{status,cancelled_at,cancel_reason,version}'::text[])
           <> (to_jsonb(OLD) - '{status,cancelled_at,cancel_reason,version}'::text[]) THEN
            RAISE EXCEPTION 'a duty is cancelled once, and otherwise never changed' USING ERRCODE = 'HM002';
        END IF;
        IF NEW.status <> OLD.status AND EXISTS (SELECT 1 FROM hms.duty AS s WHERE s.tenant_id = NEW.tenant_id
            AND s.stand_in_for_id = NEW.id AND s.status = 'planned' AND s.ends_at > NEW.cancelled_at) THEN
            RAISE EXCEPTION 'somebody stands in for this duty' USING ERRCODE = 'HM007';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT 1 FROM hms.user_account AS u
        WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id AND u.status = 'deactivated') THEN
        RAISE EXCEPTION 'the account is closed' USING ERRCODE = 'HM005';
    END IF;
    IF NEW.stand_in_for_id IS NULL THEN
        RETURN NEW;
    END IF;
    -- The lock keeps the duty from being cancelled meanwhile.
    SELECT d.user_id, d.status = 'planned' AND d.kind = NEW.kind AND d.service_key = NEW.service_key
        AND d.ward_id IS NOT DISTINCT FROM NEW.ward_id AND d.starts_at <= NEW.starts_at AND d.ends_at >= NEW.ends_at
    INTO v_user, v_fits FROM hms.duty AS d
    WHERE d.tenant_id = NEW.tenant_id AND d.id = NEW.stand_in_for_id FOR UPDATE;
    IF FOUND AND (NOT v_fits OR EXISTS (SELECT 1 FROM hms.user_account AS u
        JOIN hms.user_account AS o ON o.tenant_id = u.tenant_id AND o.person_id = u.person_id
        WHERE u.tenant_id = NEW.tenant_id AND o.tenant_id = NEW.tenant_id AND u.id = v_user AND o.id = NEW.user_id)) THEN
        RAISE EXCEPTION 'this does not stand in for that duty' USING ERRCODE = 'HM006';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_item_specimen()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    PERFORM 1 FROM hms.lab_specimen AS s WHERE s.tenant_id = NEW.tenant_id AND s.id = NEW.specimen_id
        AND s.status IN ('collected', 'received') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the specimen is of no use any more' USING ERRCODE = 'HM403';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_keyset()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NOT (NEW.closed_fields @> OLD.closed_fields AND NEW.sealed_fields @> OLD.sealed_fields) THEN
        RAISE EXCEPTION 'what a tenant finished sealing stays sealed' USING ERRCODE = 'HM301';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_lab_result()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    before record;
    item   text;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    SELECT i.status INTO item FROM hms.lab_order_item AS i
        WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.order_item_id FOR SHARE;
    IF NEW.status = 'preliminary' AND item NOT IN ('collected', 'in-progress', 'preliminary')
        OR NEW.status = 'final' AND item <> 'verified' THEN
        RAISE EXCEPTION 'the item does not wait for such a result' USING ERRCODE = 'HM401';
    END IF;
    IF NEW.supersedes_id IS NULL THEN
        IF NEW.status <> 'preliminary' THEN
            RAISE EXCEPTION 'the first version of a result is preliminary' USING ERRCODE = 'HM401';
        END IF;
        RETURN NEW;
    END IF;
    SELECT r.status, r.version INTO before FROM hms.lab_result AS r
        WHERE r.tenant_id = NEW.tenant_id AND r.id = NEW.supersedes_id;
    IF NOT FOUND OR NEW.version <> before.version + 1
        OR NOT (before.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'this version may not follow the one that it supersedes' USING ERRCODE = 'HM401';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_new_bill()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF NEW.status <> 'draft' THEN
        PERFORM hms.refuse_frozen('bill');
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_patient()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v_status text;
    v_dead   boolean;
    v_death  timestamptz;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    IF TG_ARGV[0] <> '' THEN
        SELECT p.deceased_at INTO v_death FROM hms.patient AS p WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.patient_id;
        IF (to_jsonb(NEW) ->> TG_ARGV[0])::timestamptz > v_death THEN
            RAISE EXCEPTION 'nothing happens to a patient after his death' USING ERRCODE = 'HM605';
        END IF;
        RETURN NEW;
    END IF;
    SELECT p.status, p.is_deceased INTO v_status, v_dead FROM hms.patient AS p
    WHERE p.tenant_id = NEW.tenant_id AND p.id = NEW.patient_id FOR NO KEY UPDATE;
    IF v_status = 'merged' THEN
        RAISE EXCEPTION 'the patient''s record is merged' USING ERRCODE = 'HM602';
    ELSIF v_status <> 'active' THEN
        RAISE EXCEPTION 'the patient''s record is not active' USING ERRCODE = 'HM603';
    ELSIF v_dead THEN
        RAISE EXCEPTION 'the patient is deceased' USING ERRCODE = 'HM604';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_payment()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    was hms.payment;
BEGIN
    was := NEW;
    was.status := OLD.status;
    was.refunded_amount := OLD.refunded_amount;
    was.cancelled_at := OLD.cancelled_at;
    was.cancelled_by := OLD.cancelled_by;
    was.cancelled_on := OLD.cancelled_on;
    was.cancel_reason := OLD.cancel_reason;
    was.version := OLD.version;
    IF was IS DISTINCT FROM OLD OR NEW.refunded_amount < OLD.refunded_amount OR (OLD.status = 'cancelled' AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'a payment is cancelled or refunded, not changed' USING ERRCODE = 'HM503';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_sealed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    closed text[];
    col text;
    now_text text;
    old_text text;
BEGIN
    IF hms.is_moving_in() THEN
        RETURN NEW;
    END IF;
    SELECT k.closed_fields INTO closed FROM hms.tenant_keyset AS k WHERE k.tenant_id = NEW.tenant_id;
    IF closed IS NULL OR closed = '{}' THEN
        RETURN NEW;
    END IF;
    FOREACH col IN ARRAY TG_ARGV[1:] LOOP
        now_text := to_jsonb(NEW) ->> col;
        old_text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> col ELSE '' END;
        IF now_text <> '' AND left(now_text, 5) <> 'hms1:' AND now_text IS DISTINCT FROM old_text
            AND TG_ARGV[0] || '.' || col = ANY (closed) THEN
            RAISE EXCEPTION 'this tenant finished sealing %.%', TG_ARGV[0], col USING ERRCODE = 'HM302';
        END IF;
    END LOOP;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_status(p_table text, VARIADIC p_pairs text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    args text;
BEGIN
    SELECT string_agg(quote_literal(p), ', ') INTO args FROM unnest(p_pairs) AS p;
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OF status ON hms.%I FOR EACH ROW
        WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION hms.guard_transition(%s)',
        p_table || '_status_guard', p_table, args);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NOT (OLD.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'this change of status is not allowed' USING ERRCODE = 'HM001';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.guard_used_specimen()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT 1 FROM hms.lab_order_item AS i WHERE i.tenant_id = NEW.tenant_id AND i.specimen_id = NEW.id
        AND i.status IN ('collected', 'in-progress', 'preliminary', 'verified', 'final', 'corrected', 'amended')) THEN
        RAISE EXCEPTION 'an item rests on the specimen' USING ERRCODE = 'HM403';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.install_status_history(p_table text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
        CONSTRAINT %5$I CHECK (length(stepped_by) BETWEEN 1 AND 81),
        CONSTRAINT %6$I CHECK (length(reason) <= 2000 AND length(from_status) <= 30 AND length(to_status) <= 30))',
        history, history || '_pkey', history || '_entity_fkey', p_table, history || '_stepped_by_check', history || '_reason_check');
    PERFORM hms.secure_table(history, 'SELECT, INSERT');
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.install_table(p_table text, p_patient text DEFAULT ''::text, p_key text DEFAULT 'id'::text, p_grants text DEFAULT 'SELECT, INSERT'::text, p_others text DEFAULT ''::text, p_kind text DEFAULT ''::text, p_happened text DEFAULT ''::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    args text := format('%L, %L, %L', p_table, p_patient, p_key);
BEGIN
    IF (p_patient = 'patient_id') <> (p_kind <> '') OR p_kind NOT IN ('', 'care', 'follow-up', 'money', 'trail')
       OR p_happened <> '' AND p_kind <> 'follow-up' THEN
        RAISE EXCEPTION 'what a row of % is to its patient is not said', p_table;
    END IF;
    PERFORM hms.secure_table(p_table, p_grants, p_others);
    IF p_kind <> '' THEN
        EXECUTE format('COMMENT ON TABLE hms.%I IS %L', p_table, p_kind);
    END IF;
    IF p_kind = 'care' OR p_happened <> '' THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT ON hms.%I FOR EACH ROW EXECUTE FUNCTION hms.guard_patient(%L)',
            p_table || '_patient_guard', p_table, p_happened);
    END IF;
    EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON hms.%I REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert(%s)', p_table || '_audit_insert', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON hms.%I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update(%s)', p_table || '_audit_update', p_table, args);
    EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON hms.%I REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete(%s)', p_table || '_audit_delete', p_table, args);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.is_held(p_tenant uuid, p_patient uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
    SELECT EXISTS (SELECT 1 FROM hms.legal_hold AS h
        WHERE h.tenant_id = p_tenant AND h.released_at IS NULL AND (h.patient_id IS NULL OR h.patient_id = p_patient))
$function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.is_held(p_tenant uuid, p_patient uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.is_money(p_amount numeric, p_currency text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((p_amount <> 'NaN'::numeric) AND (abs(p_amount) <= ('999999999999'::bigint)::numeric) AND (p_amount = round(p_amount, hms.minor_units(p_currency))) AND (p_currency ~ '^[A-Z]{3}$'::text))
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.is_money(p_amount numeric, p_currency text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.is_moving_in()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF 'hms_owner' NOT IN (session_user, current_setting('role')) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT 1 FROM hms.tenant_record AS r WHERE r.tenant_id = hms.current_tenant()
        AND r.kind = 'moved-in' AND r.xid = pg_current_xact_id_if_assigned());
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.is_moving_in() TO hms_app;

CREATE OR REPLACE FUNCTION hms.is_removing()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF 'hms_owner' NOT IN (session_user, current_setting('role')) THEN
        RETURN false;
    END IF;
    RETURN coalesce((SELECT r.kind FROM hms.tenant_record AS r WHERE r.tenant_id = hms.current_tenant()
        ORDER BY r.number DESC LIMIT 1) = 'deleted', false);
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.is_removing() TO hms_app;

CREATE OR REPLACE FUNCTION hms.is_verdict(p_verdict jsonb)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((octet_length((p_verdict)::text) <= 200000) AND (jsonb_typeof((p_verdict -> 'checks'::text)) = 'array'::text) AND (SELECT ((count(*) = 6) AND (count(DISTINCT (c.value ->> 'kind'::text)) = 6) AND bool_and((((c.value ->> 'kind'::text) = ANY (ARRAY['allergy-substance'::text, 'allergy-class'::text, 'cross-reactivity'::text, 'duplicate-therapy'::text, 'interaction'::text, 'dose'::text])) AND ((c.value ->> 'outcome'::text) = ANY (ARRAY['checked'::text, 'not-checked'::text, 'failed'::text])) AND (((c.value ->> 'outcome'::text) = 'checked'::text) = (COALESCE((c.value ->> 'why'::text), ''::text) = ''::text))))) FROM jsonb_array_elements(CASE jsonb_typeof((is_verdict.p_verdict -> 'checks'::text)) WHEN 'array'::text THEN (is_verdict.p_verdict -> 'checks'::text) ELSE '[]'::jsonb END) c(value)))
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.is_verdict(p_verdict jsonb) TO hms_app;

CREATE OR REPLACE FUNCTION hms.keep_record()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF to_jsonb(OLD) - TG_ARGV IS DISTINCT FROM to_jsonb(NEW) - TG_ARGV THEN
        RAISE EXCEPTION 'this record is final' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.keep_rows(p_table text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE DELETE OR TRUNCATE ON hms.%I
        FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change()', p_table || '_keep_rows', p_table);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.ledger_account_id(p_tenant uuid, p_currency text, p_code text, p_now timestamp with time zone)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    account uuid;
BEGIN
    SELECT a.id INTO account FROM hms.ledger_account AS a
    WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    IF NOT FOUND THEN
        INSERT INTO hms.ledger_account (tenant_id, id, code, currency, opened_at)
        VALUES (p_tenant, hms.uuid_v7(), p_code, p_currency, p_now) ON CONFLICT (tenant_id, currency, code) DO NOTHING;
        SELECT a.id INTO account FROM hms.ledger_account AS a
        WHERE a.tenant_id = p_tenant AND a.currency = p_currency AND a.code = p_code;
    END IF;
    RETURN account;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.ledger_account_id(p_tenant uuid, p_currency text, p_code text, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.legal_hold_guard()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF OLD.released_at IS NOT NULL
       OR (to_jsonb(NEW) - '{released_by,released_at,release_reason,version}'::text[])
       <> (to_jsonb(OLD) - '{released_by,released_at,release_reason,version}'::text[]) THEN
        RAISE EXCEPTION 'a legal hold is released once, and otherwise never changed' USING ERRCODE = 'HM002';
    END IF;
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.lock_billing_account(p_tenant uuid, p_patient uuid, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient FOR KEY SHARE;
    PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO hms.billing_account (tenant_id, patient_id, opened_at) VALUES (p_tenant, p_patient, p_now)
        ON CONFLICT (tenant_id, patient_id) DO NOTHING;
        PERFORM 1 FROM hms.billing_account AS a WHERE a.tenant_id = p_tenant AND a.patient_id = p_patient FOR UPDATE;
    END IF;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.lock_billing_account(p_tenant uuid, p_patient uuid, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.lock_payment(p_tenant uuid, p_payment uuid, p_now timestamp with time zone)
 RETURNS hms.payment
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    p hms.payment;
BEGIN
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, p.patient_id, p_now);
    PERFORM 1 FROM hms.bill AS b WHERE b.tenant_id = p_tenant AND b.id = p.bill_id FOR UPDATE;
    SELECT x.* INTO p FROM hms.payment AS x WHERE x.tenant_id = p_tenant AND x.id = p_payment FOR UPDATE;
    RETURN p;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.lock_payment(p_tenant uuid, p_payment uuid, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.minor_units(p_currency text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_currency = ANY (ARRAY['BIF'::text, 'CLP'::text, 'DJF'::text, 'GNF'::text, 'ISK'::text, 'JPY'::text, 'KMF'::text, 'KRW'::text, 'PYG'::text, 'RWF'::text, 'UGX'::text, 'UYI'::text, 'VND'::text, 'VUV'::text, 'XAF'::text, 'XOF'::text, 'XPF'::text])) THEN 0 WHEN (p_currency = ANY (ARRAY['BHD'::text, 'IQD'::text, 'JOD'::text, 'KWD'::text, 'LYD'::text, 'OMR'::text, 'TND'::text])) THEN 3 WHEN (p_currency = ANY (ARRAY['CLF'::text, 'UYW'::text])) THEN 4 ELSE 2 END
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.minor_units(p_currency text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.opening_grant(p_tenant uuid, p_action text, p_patient uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE PARALLEL RESTRICTED
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
    v_grant uuid;
BEGIN
    IF p_patient IS NULL OR p_action NOT IN ('read', 'search', 'export') OR v[6] = 'yes'
       OR NOT EXISTS (SELECT 1 FROM hms.patient AS p WHERE p.tenant_id = p_tenant AND p.id = p_patient AND p.is_restricted) THEN
        RETURN NULL;
    END IF;
    IF v[1] LIKE 'human:%' THEN
        SELECT g.id INTO v_grant FROM hms.break_glass AS g
        WHERE g.tenant_id = p_tenant AND g.user_id = substr(v[1], 7)::uuid AND g.patient_id = p_patient
          AND g.started_at <= hms.operation_time() AND g.expires_at > hms.operation_time()
          AND g.closes_at > statement_timestamp() AND g.ended_at IS NULL
        ORDER BY g.expires_at DESC LIMIT 1;
    END IF;
    IF v_grant IS NULL AND p_action <> 'search' AND v[6] IS DISTINCT FROM 'shown' THEN
        RAISE EXCEPTION 'the patient''s record is restricted' USING ERRCODE = 'HM690', DETAIL = p_patient::text;
    END IF;
    RETURN v_grant;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.opening_grant(p_tenant uuid, p_action text, p_patient uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.operation_time()
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE PARALLEL RESTRICTED
RETURN COALESCE((NULLIF(hms.context(7), ''::text))::timestamp with time zone, clock_timestamp())
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.operation_time() TO hms_app;

CREATE OR REPLACE FUNCTION hms.patient_keep_mrn()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'a medical record number never changes' USING ERRCODE = 'HM601';
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.pay_bill(p_tenant uuid, p_payment uuid, p_journal uuid, p_bill uuid, p_coverage uuid, p_amount numeric, p_currency text, p_method text, p_reference text, p_reference_key text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_share uuid, OUT out_status text)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    b record;
    s record;
BEGIN
    SELECT x.patient_id INTO out_patient FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM hms.lock_billing_account(p_tenant, out_patient, p_now);
    SELECT x.status, x.currency INTO b FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill FOR UPDATE;
    IF b.status NOT IN ('issued', 'balanced') THEN
        RAISE EXCEPTION 'the bill is not issued' USING ERRCODE = 'HM507';
    END IF;
    IF b.currency <> p_currency THEN
        RAISE EXCEPTION 'the bill is in another currency' USING ERRCODE = 'HM509';
    END IF;
    SELECT x.id, x.sequence, x.amount - x.paid_amount - x.credited_amount AS due INTO s FROM hms.bill_share AS x
    WHERE x.tenant_id = p_tenant AND x.bill_id = p_bill AND x.coverage_id IS NOT DISTINCT FROM p_coverage FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the coverage has no share of this bill' USING ERRCODE = 'HM510';
    END IF;
    IF p_amount > s.due THEN
        RAISE EXCEPTION 'more than is open' USING ERRCODE = 'HM502', DETAIL = greatest(s.due, 0) || ' ' || p_currency;
    END IF;
    PERFORM hms.post_pair(p_tenant, p_journal, 'payment', p_payment, p_bill, p_amount, p_currency,
        'cash-' || p_method, hms.receivable_code(s.sequence), p_now, p_day);
    INSERT INTO hms.payment (tenant_id, id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, status, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_payment, p_bill, out_patient, s.id, p_amount, p_currency, p_method, p_reference,
        p_reference_key, 'active', p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_share := s.id;
    SELECT x.status INTO out_status FROM hms.bill AS x WHERE x.tenant_id = p_tenant AND x.id = p_bill;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.pay_bill(p_tenant uuid, p_payment uuid, p_journal uuid, p_bill uuid, p_coverage uuid, p_amount numeric, p_currency text, p_method text, p_reference text, p_reference_key text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_share uuid, OUT out_status text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.pharmacy_allocate(p_tenant uuid, p_dispense uuid, p_location uuid, p_item uuid, p_quantity bigint, p_usable_until date, p_partial boolean, p_actor text, p_now timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    candidate   record;
    batch_state text;
    free        bigint;
    take        bigint;
    missing     bigint := p_quantity;
    step        bigint;
BEGIN
    FOR candidate IN
        SELECT b.id FROM hms.stock_balance AS s
        JOIN hms.stock_batch AS b ON b.tenant_id = s.tenant_id AND b.id = s.batch_id
        WHERE s.tenant_id = p_tenant AND b.tenant_id = p_tenant AND s.location_id = p_location AND s.item_id = p_item
          AND s.on_hand > 0 AND b.status = 'available' AND (b.expiry_date IS NULL OR b.expiry_date >= p_usable_until)
        ORDER BY b.expiry_date NULLS LAST, b.created_at, b.id
    LOOP
        SELECT b.status INTO batch_state FROM hms.stock_batch AS b
        WHERE b.tenant_id = p_tenant AND b.id = candidate.id FOR SHARE;
        SELECT s.on_hand INTO free FROM hms.stock_balance AS s
        WHERE s.tenant_id = p_tenant AND s.location_id = p_location AND s.item_id = p_item AND s.batch_id = candidate.id FOR UPDATE;
        CONTINUE WHEN batch_state <> 'available' OR free <= 0;
        take := least(missing, free);
        UPDATE hms.stock_balance SET on_hand = on_hand - take
        WHERE tenant_id = p_tenant AND location_id = p_location AND item_id = p_item AND batch_id = candidate.id;
        INSERT INTO hms.stock_movement (tenant_id, item_id, batch_id, from_kind, from_location_id, to_kind, quantity, cause, cause_id, moved_by, moved_at)
        VALUES (p_tenant, p_item, candidate.id, 'stock', p_location, 'patient', take, 'dispense', p_dispense, p_actor, p_now);
        INSERT INTO hms.medication_dispense_line (tenant_id, dispense_id, batch_id, item_id, quantity)
        VALUES (p_tenant, p_dispense, candidate.id, p_item, take);
        missing := missing - take;
        EXIT WHEN missing = 0;
    END LOOP;
    IF missing = p_quantity OR (missing > 0 AND NOT p_partial) THEN
        RAISE EXCEPTION 'insufficient stock' USING ERRCODE = 'HM101', DETAIL = (p_quantity - missing)::text;
    END IF;
    UPDATE hms.medication_dispense SET status = 'completed', quantity_dispensed = p_quantity - missing, version = version + 1
    WHERE tenant_id = p_tenant AND id = p_dispense RETURNING version INTO step;
    INSERT INTO hms.medication_dispense_status (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by)
    VALUES (p_tenant, p_dispense, step, 'in-progress', 'completed', p_now, p_actor);
    RETURN p_quantity - missing;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.pharmacy_allocate(p_tenant uuid, p_dispense uuid, p_location uuid, p_item uuid, p_quantity bigint, p_usable_until date, p_partial boolean, p_actor text, p_now timestamp with time zone) TO hms_app;

CREATE OR REPLACE FUNCTION hms.post_charge(p_tenant uuid, p_charge uuid, p_patient uuid, p_encounter uuid, p_kind text, p_source text, p_line integer, p_service_key text, p_description text, p_quantity numeric, p_unit_price numeric, p_currency text, p_service_at timestamp with time zone, p_service_date date, p_status text, p_now timestamp with time zone, p_by text, OUT out_charge uuid, OUT out_outcome text)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    item  record;
    price numeric := p_unit_price;
BEGIN
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    IF FOUND THEN
        out_outcome := 'existing';
        RETURN;
    END IF;
    SELECT s.id, s.code, s.name, s.category, s.tax_percent INTO item FROM hms.service_item AS s
    WHERE s.tenant_id = p_tenant AND s.code_key = p_service_key AND s.is_active;
    IF NOT FOUND THEN
        out_outcome := 'no_service';
        RETURN;
    END IF;
    IF price IS NULL THEN
        SELECT p.amount INTO price FROM hms.service_price AS p
        WHERE p.tenant_id = p_tenant AND p.service_id = item.id AND p.currency = p_currency
          AND p.valid_from <= p_service_date AND (p.valid_to IS NULL OR p.valid_to > p_service_date);
        IF NOT FOUND THEN
            out_outcome := 'no_price';
            RETURN;
        END IF;
    END IF;
    INSERT INTO hms.charge (tenant_id, id, patient_id, encounter_id, source_kind, source_id, source_line, service_id, service_code,
        category, description, quantity, unit_price, currency, tax_percent, service_at, service_date, status,
        created_at, created_by)
    VALUES (p_tenant, p_charge, p_patient, p_encounter, p_kind, p_source, p_line, item.id, item.code,
        item.category, coalesce(nullif(p_description, ''), item.name), p_quantity, price, p_currency, item.tax_percent,
        p_service_at, p_service_date, p_status, p_now, p_by)
    ON CONFLICT (tenant_id, source_kind, source_id, source_line) DO NOTHING;
    IF FOUND THEN
        out_charge := p_charge;
        out_outcome := 'captured';
        RETURN;
    END IF;
    SELECT c.id INTO out_charge FROM hms.charge AS c
    WHERE c.tenant_id = p_tenant AND c.source_kind = p_kind AND c.source_id = p_source AND c.source_line = p_line;
    out_outcome := 'existing';
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.post_charge(p_tenant uuid, p_charge uuid, p_patient uuid, p_encounter uuid, p_kind text, p_source text, p_line integer, p_service_key text, p_description text, p_quantity numeric, p_unit_price numeric, p_currency text, p_service_at timestamp with time zone, p_service_date date, p_status text, p_now timestamp with time zone, p_by text, OUT out_charge uuid, OUT out_outcome text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.post_pair(p_tenant uuid, p_journal uuid, p_kind text, p_source uuid, p_bill uuid, p_amount numeric, p_currency text, p_debit text, p_credit text, p_now timestamp with time zone, p_day date)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    debit  uuid := hms.ledger_account_id(p_tenant, p_currency, p_debit, p_now);
    credit uuid := hms.ledger_account_id(p_tenant, p_currency, p_credit, p_now);
BEGIN
    INSERT INTO hms.journal (tenant_id, id, kind, source_id, currency, line_count, business_date, posted_at)
    VALUES (p_tenant, p_journal, p_kind, p_source, p_currency, 2, p_day, p_now);
    INSERT INTO hms.posting (tenant_id, journal_id, line_no, account_id, currency, amount, bill_id)
    VALUES (p_tenant, p_journal, 1, debit, p_currency, p_amount, p_bill),
           (p_tenant, p_journal, 2, credit, p_currency, -p_amount, p_bill);
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.post_pair(p_tenant uuid, p_journal uuid, p_kind text, p_source uuid, p_bill uuid, p_amount numeric, p_currency text, p_debit text, p_credit text, p_now timestamp with time zone, p_day date) TO hms_app;

CREATE OR REPLACE FUNCTION hms.receivable_code(p_sequence integer)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_sequence = 0) THEN 'receivable-patient'::text ELSE 'receivable-payer'::text END
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.receivable_code(p_sequence integer) TO hms_app;

CREATE OR REPLACE FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    v text[] := string_to_array(hms.verified_context(), chr(31));
    v_actor text := coalesce(nullif(v[1], ''), 'database:' || session_user);
    v_grant uuid;
BEGIN
    IF p_tenant IS DISTINCT FROM hms.current_tenant() THEN
        RAISE EXCEPTION 'the tenant is not the transaction''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    v_grant := hms.opening_grant(p_tenant, p_action, p_patient);
    INSERT INTO hms.audit_event (tenant_id, actor, credential, action, entity, entity_id, patient_id, operation, request_id, purpose, break_glass_id)
    VALUES (p_tenant, v_actor, coalesce(v[2], ''), p_action, p_entity, coalesce(p_entity_id, ''), p_patient,
        coalesce(v[5], ''), coalesce(v[3], ''), CASE WHEN v_grant IS NULL THEN coalesce(v[4], '') ELSE 'BTG' END,
        v_grant);
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.record_access(p_tenant uuid, p_action text, p_entity text, p_entity_id text, p_patient uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.refund_payment(p_tenant uuid, p_refund uuid, p_journal uuid, p_payment uuid, p_amount numeric, p_currency text, p_method text, p_reference text, p_reference_key text, p_reason text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_bill uuid, OUT out_method text)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    p hms.payment := hms.lock_payment(p_tenant, p_payment, p_now);
    n integer;
BEGIN
    IF p.id IS NULL THEN
        RETURN;
    END IF;
    IF p.status <> 'active' THEN
        RAISE EXCEPTION 'the payment is cancelled' USING ERRCODE = 'HM508';
    END IF;
    IF p.currency <> p_currency THEN
        RAISE EXCEPTION 'the payment is in another currency' USING ERRCODE = 'HM509';
    END IF;
    IF p_amount > p.amount - p.refunded_amount THEN
        RAISE EXCEPTION 'more than is refundable' USING ERRCODE = 'HM505', DETAIL = p.amount - p.refunded_amount || ' ' || p.currency;
    END IF;
    out_method := coalesce(nullif(p_method, ''), p.method);
    SELECT s.sequence INTO n FROM hms.bill_share AS s WHERE s.tenant_id = p_tenant AND s.id = p.share_id;
    PERFORM hms.post_pair(p_tenant, p_journal, 'refund', p_refund, p.bill_id, p_amount, p_currency,
        hms.receivable_code(n), 'cash-' || out_method, p_now, p_day);
    INSERT INTO hms.refund (tenant_id, id, payment_id, bill_id, patient_id, share_id, amount, currency, method, reference_number,
        reference_number_key, reason, journal_id, business_date, created_at, created_by)
    VALUES (p_tenant, p_refund, p_payment, p.bill_id, p.patient_id, p.share_id, p_amount, p_currency, out_method, p_reference,
        p_reference_key, p_reason, p_journal, p_day, p_now, p_by)
    ON CONFLICT (tenant_id, method, reference_number_key)
    WHERE reference_number_key <> '' DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the reference is taken' USING ERRCODE = 'HM511';
    END IF;
    out_patient := p.patient_id;
    out_bill := p.bill_id;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.refund_payment(p_tenant uuid, p_refund uuid, p_journal uuid, p_payment uuid, p_amount numeric, p_currency text, p_method text, p_reference text, p_reference_key text, p_reason text, p_by text, p_now timestamp with time zone, p_day date, OUT out_patient uuid, OUT out_bill uuid, OUT out_method text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME NOT LIKE 'tenant\_record%' AND hms.is_removing() THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of this table are never changed or removed' USING ERRCODE = 'HM002';
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.refuse_frozen(p_what text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'an issued bill is not changed: %', p_what USING ERRCODE = 'HM503';
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.refuse_frozen(p_what text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.require_operation(VARIADIC p_operations text[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NOT hms.context(5) = ANY (p_operations) THEN
        RAISE EXCEPTION 'this operation does not do that' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.require_operation(VARIADIC p_operations text[]) TO hms_app;

CREATE OR REPLACE FUNCTION hms.row_diff(p_old jsonb, p_new jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(n.key, jsonb_build_array((row_diff.p_old -> n.key), n.value)), '{}'::jsonb) AS "coalesce" FROM jsonb_each(row_diff.p_new) n(key, value) WHERE ((row_diff.p_old -> n.key) IS DISTINCT FROM n.value))
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.row_diff(p_old jsonb, p_new jsonb) TO hms_app;

CREATE OR REPLACE FUNCTION hms.row_key(p_row jsonb, p_columns text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (p_columns = 'id'::text) THEN (p_row ->> 'id'::text) ELSE (SELECT string_agg((row_key.p_row ->> u.c), '/'::text ORDER BY u.i) AS string_agg FROM unnest(string_to_array(row_key.p_columns, ','::text)) WITH ORDINALITY u(c, i)) END
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.row_key(p_row jsonb, p_columns text) TO hms_app;

CREATE OR REPLACE FUNCTION hms.row_shown(p_row jsonb)
 RETURNS jsonb
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (SELECT COALESCE(jsonb_object_agg(c.key, c.value) FILTER (WHERE (c.value <> 'null'::jsonb)), '{}'::jsonb) AS "coalesce" FROM jsonb_each(row_shown.p_row) c(key, value))
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.row_shown(p_row jsonb) TO hms_app;

CREATE OR REPLACE FUNCTION hms.seal_columns(p_table text, VARIADIC p_columns text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    args text;
    names text;
    is_clear text;
BEGIN
    SELECT string_agg(quote_literal(c), ', '), string_agg(quote_ident(c), ', '),
        string_agg(format('NEW.%1$I <> '''' AND left(NEW.%1$I, 5) <> ''hms1:''', c), ' OR ')
    INTO args, names, is_clear FROM unnest(p_columns) AS c;
    EXECUTE format('CREATE OR REPLACE TRIGGER %I BEFORE INSERT OR UPDATE OF %s ON hms.%I FOR EACH ROW
        WHEN (%s) EXECUTE FUNCTION hms.guard_sealed(%L, %s)',
        p_table || '_sealed_guard', names, p_table, is_clear, p_table, args);
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.secure_table(p_table text, p_grants text, p_others text DEFAULT ''::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF p_grants ~ 'UPDATE(?!\s*\()' THEN
        RAISE EXCEPTION 'UPDATE is granted by column';
    END IF;
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
    IF p_grants || p_others !~ 'UPDATE|DELETE' THEN
        PERFORM hms.append_only(p_table);
    ELSIF p_grants || p_others !~ 'DELETE' THEN
        PERFORM hms.keep_rows(p_table);
    END IF;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.stock_add(p_tenant uuid, p_location uuid, p_item uuid, p_batch uuid, p_on_hand bigint, p_quarantined bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    UPDATE hms.stock_balance SET on_hand = on_hand + p_on_hand, quarantined = quarantined + p_quarantined
    WHERE tenant_id = p_tenant AND location_id = p_location AND item_id = p_item AND batch_id = p_batch;
    IF NOT FOUND THEN
        INSERT INTO hms.stock_balance (tenant_id, location_id, item_id, batch_id, on_hand, quarantined)
        VALUES (p_tenant, p_location, p_item, p_batch, p_on_hand, p_quarantined)
        ON CONFLICT (tenant_id, location_id, item_id, batch_id)
        DO UPDATE SET on_hand = stock_balance.on_hand + p_on_hand, quarantined = stock_balance.quarantined + p_quarantined;
    END IF;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.stock_add(p_tenant uuid, p_location uuid, p_item uuid, p_batch uuid, p_on_hand bigint, p_quarantined bigint) TO hms_app;

CREATE OR REPLACE FUNCTION hms.take_roles(p_tenant uuid, p_user uuid, p_roles uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    PERFORM hms.require_operation('identity.set_user_roles');
    DELETE FROM hms.user_role AS r WHERE r.tenant_id = p_tenant AND r.user_id = p_user AND r.role_id = ANY (p_roles);
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.take_roles(p_tenant uuid, p_user uuid, p_roles uuid[]) TO hms_app;

CREATE OR REPLACE FUNCTION hms.task_keep_owner()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'somebody has taken this task' USING ERRCODE = 'HM701';
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.unlink_external_identity(p_tenant uuid, p_id uuid)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
    gone bigint;
BEGIN
    PERFORM hms.require_operation('identity.unlink_external_identity');
    DELETE FROM hms.external_identity AS e WHERE e.tenant_id = p_tenant AND e.id = p_id;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $function$
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.unlink_external_identity(p_tenant uuid, p_id uuid) TO hms_app;

CREATE OR REPLACE FUNCTION hms.user_account_first_person()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF NEW.person_id <> NEW.id AND EXISTS (SELECT 1 FROM hms.user_account AS u
           WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.person_id AND u.person_id <> u.id) THEN
        RAISE EXCEPTION 'the person of an account is named by the first account'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'user_account_person_check';
    END IF;
    RETURN NULL;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.user_account_keep_person()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.person_id IS DISTINCT FROM OLD.person_id THEN
            RAISE EXCEPTION 'whose an account is never changes' USING ERRCODE = 'HM002';
        END IF;
        RETURN NEW;
    END IF;
    NEW.person_id := coalesce(NEW.person_id, NEW.id);
    RETURN NEW;
END $function$
; -- hms_owner

CREATE OR REPLACE FUNCTION hms.uuid_v7()
 RETURNS uuid
 LANGUAGE sql
RETURN (SELECT (encode(OVERLAY(OVERLAY(uuid_send(gen_random_uuid()) PLACING SUBSTRING(int8send((now.us / 1000)) FROM 3) FROM 1 FOR 6) PLACING int2send(((28672 + (((now.us % (1000)::bigint) * 4096) / 1000)))::smallint) FROM 7 FOR 2), 'hex'::text))::uuid AS encode FROM (SELECT ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint AS us) now)
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.uuid_v7() TO hms_app;

CREATE OR REPLACE FUNCTION hms.verified_context()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN COALESCE(current_setting('hms.context'::text, true), ''::text)
; -- hms_owner
GRANT EXECUTE ON FUNCTION hms.verified_context() TO hms_app;

CREATE TABLE hms.access_change ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    decided_at timestamp with time zone,
    decided_by text NOT NULL DEFAULT ''::text,
    decision_text text NOT NULL DEFAULT ''::text,
    description text NOT NULL DEFAULT ''::text,
    expires_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    permissions jsonb NOT NULL DEFAULT '[]'::jsonb,
    reason text NOT NULL,
    role_id uuid,
    role_version bigint,
    roles jsonb NOT NULL DEFAULT '[]'::jsonb,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid,
    user_version bigint,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT access_change_approver_check CHECK (((status <> 'approved'::text) OR (hms.actor_person(decided_by) <> hms.actor_person(created_by)))),
    CONSTRAINT access_change_decided_check CHECK ((((status = 'requested'::text) = (decided_at IS NULL)) AND ((status = 'requested'::text) = (decided_by = ''::text)))),
    CONSTRAINT access_change_expired_check CHECK (((status <> 'approved'::text) OR (decided_at < expires_at))),
    CONSTRAINT access_change_kind_check CHECK (
CASE kind
    WHEN 'administrator'::text THEN ((user_id IS NOT NULL) AND (role_id IS NULL) AND (roles <> '[]'::jsonb) AND (description = ''::text) AND (permissions = '[]'::jsonb))
    WHEN 'role'::text THEN ((user_id IS NULL) AND (role_id IS NOT NULL) AND (roles = '[]'::jsonb))
    WHEN 'second-factor'::text THEN ((user_id IS NOT NULL) AND (role_id IS NULL) AND (roles = '[]'::jsonb) AND (description = ''::text) AND (permissions = '[]'::jsonb))
    ELSE false
END),
    CONSTRAINT access_change_list_check CHECK (((jsonb_typeof(roles) = 'array'::text) AND (jsonb_typeof(permissions) = 'array'::text))),
    CONSTRAINT access_change_period_check CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '7 days'::interval)))),
    CONSTRAINT access_change_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT access_change_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT access_change_status_check CHECK ((status = ANY (ARRAY['requested'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text]))),
    CONSTRAINT access_change_texts_check CHECK (((length(description) <= 1000) AND ((length(reason) >= 3) AND (length(reason) <= 500)) AND (length(decision_text) <= 500) AND (length(created_by) <= 81) AND (length(decided_by) <= 81))),
    CONSTRAINT access_change_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT access_change_version_check CHECK ((((user_id IS NULL) = (user_version IS NULL)) AND ((role_id IS NULL) = (role_version IS NULL))))
);
CREATE INDEX access_change_role_idx ON hms.access_change USING btree (tenant_id, role_id) WHERE (role_id IS NOT NULL);
CREATE INDEX access_change_status_idx ON hms.access_change USING btree (tenant_id, status, created_at, id);
CREATE INDEX access_change_user_idx ON hms.access_change USING btree (tenant_id, user_id) WHERE (user_id IS NOT NULL);
ALTER TABLE hms.access_change ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.access_change FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER access_change_audit_delete AFTER DELETE ON hms.access_change REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('access_change', '', 'id');
CREATE TRIGGER access_change_audit_insert AFTER INSERT ON hms.access_change REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('access_change', '', 'id');
CREATE TRIGGER access_change_audit_update AFTER UPDATE ON hms.access_change REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('access_change', '', 'id');
CREATE TRIGGER access_change_guard BEFORE UPDATE ON hms.access_change FOR EACH ROW EXECUTE FUNCTION hms.access_change_guard();
CREATE TRIGGER access_change_keep_rows BEFORE DELETE OR TRUNCATE ON hms.access_change FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER access_change_status_guard BEFORE UPDATE OF status ON hms.access_change FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('requested>approved', 'requested>rejected', 'requested>withdrawn');
GRANT INSERT, SELECT ON hms.access_change TO hms_app;
GRANT SELECT ON hms.access_change TO hms_backup;

CREATE TABLE hms.access_change_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT access_change_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.access_change(tenant_id, id),
    CONSTRAINT access_change_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT access_change_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT access_change_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.access_change_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.access_change_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER access_change_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.access_change_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.access_change_status TO hms_app;
GRANT SELECT ON hms.access_change_status TO hms_backup;

CREATE TABLE hms.allergy ( -- hms_owner
    category text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    criticality text NOT NULL,
    id uuid NOT NULL,
    none_known boolean NOT NULL DEFAULT false,
    patient_id uuid NOT NULL,
    reaction text NOT NULL DEFAULT ''::text,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    substance_display text NOT NULL DEFAULT ''::text,
    substance_key text NOT NULL DEFAULT ''::text,
    substance_system text NOT NULL DEFAULT ''::text,
    substance_value text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    verification_status text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT allergy_category_check CHECK ((category = ANY (ARRAY[''::text, 'food'::text, 'medication'::text, 'environment'::text, 'biologic'::text]))),
    CONSTRAINT allergy_criticality_check CHECK ((criticality = ANY (ARRAY['low'::text, 'high'::text, 'unable-to-assess'::text]))),
    CONSTRAINT allergy_error_check CHECK (((verification_status <> 'entered-in-error'::text) OR (status_reason <> ''::text))),
    CONSTRAINT allergy_none_known_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, ((none_known)::integer) WITH <>) WHERE (((status = 'active'::text) AND (verification_status = ANY (ARRAY['unconfirmed'::text, 'confirmed'::text])))),
    CONSTRAINT allergy_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT allergy_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT allergy_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'resolved'::text]))),
    CONSTRAINT allergy_substance_check CHECK ((none_known = (substance_display = ''::text))),
    CONSTRAINT allergy_texts_check CHECK (((length(substance_system) <= 200) AND (length(substance_value) <= 100) AND (length(substance_display) <= 300) AND (octet_length(substance_key) <= 1200) AND (length(reaction) <= 2742) AND (length(status_reason) <= 200) AND (length(created_by) <= 81))),
    CONSTRAINT allergy_verification_check CHECK ((verification_status = ANY (ARRAY['unconfirmed'::text, 'confirmed'::text, 'refuted'::text, 'entered-in-error'::text])))
);
CREATE INDEX allergy_patient_idx ON hms.allergy USING btree (tenant_id, patient_id, id);
CREATE UNIQUE INDEX allergy_substance_key ON hms.allergy USING btree (tenant_id, patient_id, substance_key) WHERE ((status = 'active'::text) AND (verification_status = ANY (ARRAY['unconfirmed'::text, 'confirmed'::text])));
ALTER TABLE hms.allergy ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.allergy FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER allergy_audit_delete AFTER DELETE ON hms.allergy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('allergy', 'patient_id', 'id');
CREATE TRIGGER allergy_audit_insert AFTER INSERT ON hms.allergy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('allergy', 'patient_id', 'id');
CREATE TRIGGER allergy_audit_update AFTER UPDATE ON hms.allergy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('allergy', 'patient_id', 'id');
CREATE TRIGGER allergy_keep_rows BEFORE DELETE OR TRUNCATE ON hms.allergy FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER allergy_sealed_guard BEFORE INSERT OR UPDATE OF reaction ON hms.allergy FOR EACH ROW WHEN (((new.reaction <> ''::text) AND ("left"(new.reaction, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('allergy', 'reaction');
CREATE TRIGGER allergy_status_guard BEFORE UPDATE OF status ON hms.allergy FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>inactive', 'active>resolved', 'inactive>active', 'inactive>resolved', 'resolved>active');
GRANT INSERT, SELECT ON hms.allergy TO hms_app;
GRANT SELECT ON hms.allergy TO hms_backup;

CREATE TABLE hms.allergy_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT allergy_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.allergy(tenant_id, id),
    CONSTRAINT allergy_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT allergy_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT allergy_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.allergy_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.allergy_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER allergy_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.allergy_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.allergy_status TO hms_app;
GRANT SELECT ON hms.allergy_status TO hms_backup;

CREATE TABLE hms.api_key ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    last_used_at timestamp with time zone,
    name text NOT NULL,
    revoked_at timestamp with time zone,
    scopes jsonb NOT NULL,
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT api_key_expiry_check CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '366 days'::interval)))),
    CONSTRAINT api_key_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_key_scopes_check CHECK ((jsonb_typeof(scopes) = 'array'::text)),
    CONSTRAINT api_key_texts_check CHECK ((length(created_by) <= 81)),
    CONSTRAINT api_key_token_check CHECK ((length(token_hash) = 32)),
    CONSTRAINT api_key_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT api_key_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX api_key_user_idx ON hms.api_key USING btree (tenant_id, user_id);
ALTER TABLE hms.api_key ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.api_key FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER api_key_keep_rows BEFORE DELETE OR TRUNCATE ON hms.api_key FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER api_key_made BEFORE INSERT ON hms.api_key FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_api_key');
CREATE TRIGGER api_key_revoked BEFORE UPDATE OF revoked_at ON hms.api_key FOR EACH ROW WHEN (((old.revoked_at IS NOT NULL) AND (new.revoked_at IS NULL))) EXECUTE FUNCTION hms.guard_credential();
GRANT INSERT, SELECT ON hms.api_key TO hms_app;
GRANT SELECT ON hms.api_key TO hms_backup;

CREATE TABLE hms.appointment ( -- hms_owner
    appointment_type text NOT NULL DEFAULT ''::text,
    cancel_code text NOT NULL DEFAULT ''::text,
    cancel_reason text NOT NULL DEFAULT ''::text,
    cancelled_by text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    notes text NOT NULL DEFAULT ''::text,
    patient_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    replaces_id uuid,
    room text NOT NULL DEFAULT ''::text,
    starts_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT appointment_cancel_check CHECK (((status <> 'cancelled'::text) OR ((cancel_code <> ''::text) AND (cancelled_by <> ''::text)))),
    CONSTRAINT appointment_length_check CHECK (((ends_at > starts_at) AND (ends_at <= (starts_at + '24:00:00'::interval)))),
    CONSTRAINT appointment_patient_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status = ANY (ARRAY['booked'::text, 'arrived'::text, 'checked-in'::text, 'fulfilled'::text]))),
    CONSTRAINT appointment_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT appointment_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT appointment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT appointment_practitioner_excl EXCLUDE USING gist (tenant_id WITH =, practitioner_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status = ANY (ARRAY['booked'::text, 'arrived'::text, 'checked-in'::text, 'fulfilled'::text]))),
    CONSTRAINT appointment_practitioner_fkey FOREIGN KEY (tenant_id, practitioner_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT appointment_replaces_fkey FOREIGN KEY (tenant_id, replaces_id, patient_id) REFERENCES hms.appointment(tenant_id, id, patient_id),
    CONSTRAINT appointment_status_check CHECK ((status = ANY (ARRAY['proposed'::text, 'pending'::text, 'booked'::text, 'arrived'::text, 'checked-in'::text, 'fulfilled'::text, 'cancelled'::text, 'noshow'::text, 'entered-in-error'::text, 'waitlist'::text]))),
    CONSTRAINT appointment_texts_check CHECK (((length(appointment_type) <= 50) AND (length(reason) <= 1142) AND (length(room) <= 50) AND (length(notes) <= 10742) AND (length(cancel_code) <= 20) AND (length(cancel_reason) <= 200) AND (length(cancelled_by) <= 81) AND (length(created_by) <= 81)))
);
CREATE INDEX appointment_booked_idx ON hms.appointment USING btree (tenant_id, starts_at, id) WHERE (status = 'booked'::text);
CREATE INDEX appointment_date_idx ON hms.appointment USING btree (tenant_id, starts_at, id);
CREATE INDEX appointment_patient_date_idx ON hms.appointment USING btree (tenant_id, patient_id, starts_at, id);
CREATE INDEX appointment_practitioner_idx ON hms.appointment USING btree (tenant_id, practitioner_id, starts_at, id);
CREATE INDEX appointment_replaces_idx ON hms.appointment USING btree (tenant_id, replaces_id);
ALTER TABLE hms.appointment ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.appointment FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER appointment_audit_delete AFTER DELETE ON hms.appointment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('appointment', 'patient_id', 'id');
CREATE TRIGGER appointment_audit_insert AFTER INSERT ON hms.appointment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('appointment', 'patient_id', 'id');
CREATE TRIGGER appointment_audit_update AFTER UPDATE ON hms.appointment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('appointment', 'patient_id', 'id');
CREATE TRIGGER appointment_keep_rows BEFORE DELETE OR TRUNCATE ON hms.appointment FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER appointment_patient_guard BEFORE INSERT ON hms.appointment FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER appointment_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.appointment FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('practitioner_id', 'HM201');
CREATE TRIGGER appointment_sealed_guard BEFORE INSERT OR UPDATE OF reason, notes ON hms.appointment FOR EACH ROW WHEN ((((new.reason <> ''::text) AND ("left"(new.reason, 5) <> 'hms1:'::text)) OR ((new.notes <> ''::text) AND ("left"(new.notes, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('appointment', 'reason', 'notes');
CREATE TRIGGER appointment_status_guard BEFORE UPDATE OF status ON hms.appointment FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('arrived>cancelled', 'arrived>checked-in', 'arrived>entered-in-error', 'arrived>fulfilled', 'booked>arrived', 'booked>cancelled', 'booked>checked-in', 'booked>entered-in-error', 'booked>noshow', 'cancelled>entered-in-error', 'checked-in>cancelled', 'checked-in>entered-in-error', 'checked-in>fulfilled', 'fulfilled>entered-in-error', 'noshow>entered-in-error', 'pending>booked', 'pending>cancelled', 'pending>entered-in-error', 'proposed>booked', 'proposed>cancelled', 'proposed>entered-in-error', 'proposed>pending', 'waitlist>booked', 'waitlist>cancelled', 'waitlist>entered-in-error', 'waitlist>pending');
GRANT INSERT, SELECT ON hms.appointment TO hms_app;
GRANT SELECT ON hms.appointment TO hms_backup;

CREATE TABLE hms.appointment_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT appointment_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.appointment(tenant_id, id),
    CONSTRAINT appointment_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT appointment_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT appointment_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.appointment_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.appointment_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER appointment_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.appointment_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.appointment_status TO hms_app;
GRANT SELECT ON hms.appointment_status TO hms_backup;

CREATE TABLE hms.audit_checkpoint ( -- hms_owner
    note text NOT NULL,
    number bigint NOT NULL,
    root bytea NOT NULL,
    sealed pg_snapshot NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    size bigint NOT NULL,
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL,
    CONSTRAINT audit_checkpoint_number_check CHECK ((number >= 1)),
    CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT audit_checkpoint_root_check CHECK ((length(root) = 32)),
    CONSTRAINT audit_checkpoint_size_check CHECK ((size >= 0))
);
CREATE INDEX audit_checkpoint_size_idx ON hms.audit_checkpoint USING btree (tenant_id, size, number);
ALTER TABLE hms.audit_checkpoint ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_checkpoint FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_checkpoint_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_checkpoint TO hms_app;
GRANT SELECT ON hms.audit_checkpoint TO hms_backup;
GRANT INSERT, SELECT ON hms.audit_checkpoint TO hms_sealer;

CREATE TABLE hms.audit_event ( -- hms_owner
    action text NOT NULL,
    actor text NOT NULL,
    break_glass_id uuid,
    changes jsonb,
    credential text NOT NULL DEFAULT hms.context(2),
    entity text NOT NULL,
    entity_id text NOT NULL,
    id uuid NOT NULL DEFAULT hms.uuid_v7(),
    operation text NOT NULL,
    patient_id uuid,
    purpose text NOT NULL,
    recorded_at timestamp with time zone NOT NULL DEFAULT 
CASE
    WHEN (pg_current_xact_id() IS NOT NULL) THEN clock_timestamp()
    ELSE NULL::timestamp with time zone
END,
    request_id text NOT NULL,
    salt bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT audit_event_action_check CHECK ((action ~ '^[a-z_]{1,30}$'::text)),
    CONSTRAINT audit_event_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT audit_event_pkey PRIMARY KEY (tenant_id, recorded_at, id),
    CONSTRAINT audit_event_time_check CHECK ((recorded_at < (clock_timestamp() + '00:01:00'::interval)))
) PARTITION BY RANGE (recorded_at);
CREATE INDEX audit_event_actor_idx ON ONLY hms.audit_event USING btree (tenant_id, actor, recorded_at);
CREATE INDEX audit_event_credential_idx ON ONLY hms.audit_event USING btree (tenant_id, credential, recorded_at) WHERE (credential <> ''::text);
CREATE INDEX audit_event_entity_idx ON ONLY hms.audit_event USING btree (tenant_id, entity, entity_id, recorded_at);
CREATE INDEX audit_event_grant_idx ON ONLY hms.audit_event USING btree (tenant_id, break_glass_id, recorded_at) WHERE (break_glass_id IS NOT NULL);
CREATE INDEX audit_event_patient_idx ON ONLY hms.audit_event USING btree (tenant_id, patient_id, recorded_at);
CREATE INDEX audit_event_xid_idx ON ONLY hms.audit_event USING btree (tenant_id, xid, recorded_at, id);
ALTER TABLE hms.audit_event ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_event FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE POLICY trail_writer ON hms.audit_event FOR a TO hms_owner USING () WITH CHECK (true);
CREATE TRIGGER audit_event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_event FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_event TO hms_app;
GRANT SELECT ON hms.audit_event TO hms_backup;
GRANT SELECT ON hms.audit_event TO hms_sealer;

CREATE TABLE hms.audit_event_default ( -- hms_owner
    action text NOT NULL,
    actor text NOT NULL,
    break_glass_id uuid,
    changes jsonb,
    credential text NOT NULL DEFAULT hms.context(2),
    entity text NOT NULL,
    entity_id text NOT NULL,
    id uuid NOT NULL DEFAULT hms.uuid_v7(),
    operation text NOT NULL,
    patient_id uuid,
    purpose text NOT NULL,
    recorded_at timestamp with time zone NOT NULL DEFAULT 
CASE
    WHEN (pg_current_xact_id() IS NOT NULL) THEN clock_timestamp()
    ELSE NULL::timestamp with time zone
END,
    request_id text NOT NULL,
    salt bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT audit_event_action_check CHECK ((action ~ '^[a-z_]{1,30}$'::text)),
    CONSTRAINT audit_event_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT audit_event_default_pkey PRIMARY KEY (tenant_id, recorded_at, id),
    CONSTRAINT audit_event_time_check CHECK ((recorded_at < (clock_timestamp() + '00:01:00'::interval)))
) -- partition of hms.audit_event DEFAULT;
CREATE INDEX audit_event_default_tenant_id_actor_recorded_at_idx ON hms.audit_event_default USING btree (tenant_id, actor, recorded_at);
CREATE INDEX audit_event_default_tenant_id_break_glass_id_recorded_at_idx ON hms.audit_event_default USING btree (tenant_id, break_glass_id, recorded_at) WHERE (break_glass_id IS NOT NULL);
CREATE INDEX audit_event_default_tenant_id_credential_recorded_at_idx ON hms.audit_event_default USING btree (tenant_id, credential, recorded_at) WHERE (credential <> ''::text);
CREATE INDEX audit_event_default_tenant_id_entity_entity_id_recorded_at_idx ON hms.audit_event_default USING btree (tenant_id, entity, entity_id, recorded_at);
CREATE INDEX audit_event_default_tenant_id_patient_id_recorded_at_idx ON hms.audit_event_default USING btree (tenant_id, patient_id, recorded_at);
CREATE INDEX audit_event_default_tenant_id_xid_recorded_at_id_idx ON hms.audit_event_default USING btree (tenant_id, xid, recorded_at, id);
ALTER TABLE hms.audit_event_default ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_event_default FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_event_default_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_event_default FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_event_default TO hms_backup;

CREATE TABLE hms.audit_leaf ( -- hms_owner
    event_id uuid NOT NULL,
    hash bytea NOT NULL,
    leaf_index bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT audit_leaf_event_key UNIQUE (tenant_id, recorded_at, event_id),
    CONSTRAINT audit_leaf_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_leaf_index_check CHECK ((leaf_index >= 0)),
    CONSTRAINT audit_leaf_pkey PRIMARY KEY (tenant_id, leaf_index)
);
ALTER TABLE hms.audit_leaf ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_leaf FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_leaf_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_leaf FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_leaf TO hms_app;
GRANT SELECT ON hms.audit_leaf TO hms_backup;
GRANT INSERT, SELECT ON hms.audit_leaf TO hms_sealer;

CREATE TABLE hms.audit_node ( -- hms_owner
    hash bytea NOT NULL,
    level integer NOT NULL,
    "position" bigint NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT audit_node_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_node_level_check CHECK (((level >= 8) AND (level <= 62))),
    CONSTRAINT audit_node_pkey PRIMARY KEY (tenant_id, level, "position")
);
ALTER TABLE hms.audit_node ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_node FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_node_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_node FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_node TO hms_app;
GRANT SELECT ON hms.audit_node TO hms_backup;
GRANT INSERT, SELECT ON hms.audit_node TO hms_sealer;

CREATE TABLE hms.audit_purge ( -- hms_owner
    archive text NOT NULL,
    archive_hash bytea NOT NULL,
    basis text NOT NULL,
    digest bytea NOT NULL,
    leaf_count bigint NOT NULL,
    month date NOT NULL,
    note text NOT NULL,
    purged_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT audit_purge_archive_check CHECK ((archive <> ''::text)),
    CONSTRAINT audit_purge_count_check CHECK ((leaf_count >= 1)),
    CONSTRAINT audit_purge_digest_check CHECK (((length(digest) = 32) AND (length(archive_hash) = 32))),
    CONSTRAINT audit_purge_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT audit_purge_pkey PRIMARY KEY (tenant_id, month)
);
ALTER TABLE hms.audit_purge ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_purge FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_purge_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_purge FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_purge TO hms_app;
GRANT SELECT ON hms.audit_purge TO hms_backup;

CREATE TABLE hms.audit_record ( -- hms_owner
    checkpoint bigint NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    note text NOT NULL,
    number bigint NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT audit_record_key_check CHECK (((length(key) >= 1) AND (length(key) <= 500))),
    CONSTRAINT audit_record_kind_check CHECK ((kind = ANY (ARRAY['signs'::text, 'distrusted'::text, 'restored'::text]))),
    CONSTRAINT audit_record_number_check CHECK (((number >= 1) AND (checkpoint >= 0))),
    CONSTRAINT audit_record_pkey PRIMARY KEY (tenant_id, number)
);
ALTER TABLE hms.audit_record ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.audit_record FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER audit_record_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.audit_record FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.audit_record TO hms_app;
GRANT SELECT ON hms.audit_record TO hms_backup;
GRANT INSERT, SELECT ON hms.audit_record TO hms_sealer;

CREATE TABLE hms.bed ( -- hms_owner
    bed_number text NOT NULL,
    bed_number_key text NOT NULL,
    bed_type text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    last_cleaned timestamp with time zone,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    ward_id uuid NOT NULL,
    CONSTRAINT bed_key_check CHECK ((bed_number_key <> ''::text)),
    CONSTRAINT bed_number_key UNIQUE (tenant_id, ward_id, bed_number_key),
    CONSTRAINT bed_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bed_status_check CHECK ((status = ANY (ARRAY['U'::text, 'O'::text, 'H'::text, 'K'::text, 'I'::text, 'C'::text]))),
    CONSTRAINT bed_texts_check CHECK (((length(bed_number) <= 10) AND (octet_length(bed_number_key) <= 40) AND (length(bed_type) <= 50) AND (length(created_by) <= 81))),
    CONSTRAINT bed_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward(tenant_id, id)
);
ALTER TABLE hms.bed ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bed FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bed_audit_delete AFTER DELETE ON hms.bed REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('bed', '', 'id');
CREATE TRIGGER bed_audit_insert AFTER INSERT ON hms.bed REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('bed', '', 'id');
CREATE TRIGGER bed_audit_update AFTER UPDATE ON hms.bed REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('bed', '', 'id');
CREATE TRIGGER bed_keep_rows BEFORE DELETE OR TRUNCATE ON hms.bed FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER bed_status_guard BEFORE UPDATE OF status ON hms.bed FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('C>U', 'H>U', 'I>K', 'I>U', 'K>H', 'O>H', 'O>I', 'O>K', 'U>C', 'U>I', 'U>O');
GRANT INSERT, SELECT ON hms.bed TO hms_app;
GRANT SELECT ON hms.bed TO hms_backup;

CREATE TABLE hms.bed_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT bed_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.bed(tenant_id, id),
    CONSTRAINT bed_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT bed_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT bed_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.bed_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bed_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bed_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.bed_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.bed_status TO hms_app;
GRANT SELECT ON hms.bed_status TO hms_backup;

CREATE TABLE hms.bill ( -- hms_owner
    bill_date date,
    bill_number text,
    cancel_reason text NOT NULL DEFAULT ''::text,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    currency text NOT NULL,
    discount_amount numeric(19,4) NOT NULL,
    discount_reason text NOT NULL DEFAULT ''::text,
    encounter_id uuid,
    gross_amount numeric(19,4) NOT NULL,
    id uuid NOT NULL,
    issued_at timestamp with time zone,
    journal_id uuid,
    open_amount numeric(19,4) NOT NULL DEFAULT 0,
    overpaid_amount numeric(19,4) NOT NULL DEFAULT 0,
    paid_amount numeric(19,4) NOT NULL DEFAULT 0,
    patient_amount numeric(19,4) NOT NULL,
    patient_id uuid NOT NULL,
    payer_amount numeric(19,4) NOT NULL,
    status text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tenant_id uuid NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT bill_balanced_check CHECK (((status <> ALL (ARRAY['issued'::text, 'balanced'::text])) OR ((status = 'balanced'::text) = ((open_amount = (0)::numeric) AND (overpaid_amount = (0)::numeric))))),
    CONSTRAINT bill_cancelled_check CHECK (((status = 'cancelled'::text) = (cancelled_at IS NOT NULL))),
    CONSTRAINT bill_credited_check CHECK ((hms.is_money(credited_amount, currency) AND ((credited_amount >= (0)::numeric) AND (credited_amount <= total_amount)))),
    CONSTRAINT bill_currency_key UNIQUE (tenant_id, id, currency),
    CONSTRAINT bill_discount_check CHECK ((hms.is_money(discount_amount, currency) AND ((discount_amount >= (0)::numeric) AND (discount_amount <= gross_amount)))),
    CONSTRAINT bill_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT bill_gross_check CHECK ((hms.is_money(gross_amount, currency) AND (gross_amount >= (0)::numeric))),
    CONSTRAINT bill_issued_check CHECK (
CASE
    WHEN (status = ANY (ARRAY['issued'::text, 'balanced'::text])) THEN ((bill_number IS NOT NULL) AND (bill_date IS NOT NULL) AND (journal_id IS NOT NULL) AND (issued_at IS NOT NULL))
    ELSE ((bill_number IS NULL) AND (bill_date IS NULL) AND (journal_id IS NULL) AND (issued_at IS NULL) AND (paid_amount = (0)::numeric) AND (credited_amount = (0)::numeric) AND (open_amount = (0)::numeric) AND (overpaid_amount = (0)::numeric))
END),
    CONSTRAINT bill_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal(tenant_id, id),
    CONSTRAINT bill_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT bill_number_key UNIQUE (tenant_id, bill_number),
    CONSTRAINT bill_open_check CHECK ((hms.is_money(open_amount, currency) AND hms.is_money(overpaid_amount, currency) AND (open_amount >= (0)::numeric) AND (overpaid_amount >= (0)::numeric) AND ((status <> ALL (ARRAY['issued'::text, 'balanced'::text])) OR ((open_amount - overpaid_amount) = ((total_amount - paid_amount) - credited_amount))))),
    CONSTRAINT bill_paid_check CHECK ((hms.is_money(paid_amount, currency) AND ((paid_amount >= (0)::numeric) AND (paid_amount <= total_amount)))),
    CONSTRAINT bill_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT bill_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT bill_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_reason_check CHECK (((length(discount_reason) <= 500) AND (length(cancel_reason) <= 500) AND ((discount_amount = (0)::numeric) OR (discount_reason <> ''::text)) AND ((status <> 'cancelled'::text) OR (cancel_reason <> ''::text)))),
    CONSTRAINT bill_share_check CHECK ((hms.is_money(patient_amount, currency) AND hms.is_money(payer_amount, currency) AND (patient_amount >= (0)::numeric) AND (payer_amount >= (0)::numeric) AND ((patient_amount + payer_amount) = total_amount))),
    CONSTRAINT bill_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'issued'::text, 'balanced'::text, 'cancelled'::text]))),
    CONSTRAINT bill_tax_check CHECK ((hms.is_money(tax_amount, currency) AND (tax_amount >= (0)::numeric))),
    CONSTRAINT bill_texts_check CHECK ((length(created_by) <= 81)),
    CONSTRAINT bill_total_check CHECK ((hms.is_money(total_amount, currency) AND (total_amount = ((gross_amount - discount_amount) + tax_amount))))
);
CREATE INDEX bill_day_idx ON hms.bill USING btree (tenant_id, bill_date, id) WHERE (bill_date IS NOT NULL);
CREATE INDEX bill_encounter_idx ON hms.bill USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX bill_open_idx ON hms.bill USING btree (tenant_id, bill_date, id) WHERE (status = 'issued'::text);
CREATE INDEX bill_patient_idx ON hms.bill USING btree (tenant_id, patient_id, created_at, id);
ALTER TABLE hms.bill ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bill FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bill_audit_delete AFTER DELETE ON hms.bill REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('bill', 'patient_id', 'id');
CREATE TRIGGER bill_audit_insert AFTER INSERT ON hms.bill REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('bill', 'patient_id', 'id');
CREATE TRIGGER bill_audit_update AFTER UPDATE ON hms.bill REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('bill', 'patient_id', 'id');
CREATE TRIGGER bill_guard BEFORE UPDATE ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_bill();
CREATE TRIGGER bill_guard_new BEFORE INSERT ON hms.bill FOR EACH ROW EXECUTE FUNCTION hms.guard_new_bill();
CREATE TRIGGER bill_keep_rows BEFORE DELETE OR TRUNCATE ON hms.bill FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER bill_status_guard BEFORE UPDATE OF status ON hms.bill FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('draft>issued', 'draft>balanced', 'draft>cancelled', 'issued>balanced', 'balanced>issued');
GRANT INSERT, SELECT ON hms.bill TO hms_app;
GRANT SELECT ON hms.bill TO hms_backup;

CREATE TABLE hms.bill_line ( -- hms_owner
    bill_id uuid NOT NULL,
    category text NOT NULL,
    charge_id uuid NOT NULL,
    credited_net numeric(19,4) NOT NULL DEFAULT 0,
    credited_quantity numeric(19,4) NOT NULL DEFAULT 0,
    credited_tax numeric(19,4) NOT NULL DEFAULT 0,
    currency text NOT NULL,
    description text NOT NULL,
    discount_amount numeric(19,4) NOT NULL,
    gross_amount numeric(19,4) NOT NULL,
    id uuid NOT NULL,
    issued_at timestamp with time zone,
    line_no integer NOT NULL,
    net_amount numeric(19,4) NOT NULL,
    patient_amount numeric(19,4) NOT NULL,
    patient_id uuid NOT NULL,
    payer_amount numeric(19,4) NOT NULL,
    quantity numeric(19,4) NOT NULL,
    released_at timestamp with time zone,
    service_code text NOT NULL,
    service_date date NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tax_percent numeric(7,4) NOT NULL,
    tenant_id uuid NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    unit_price numeric(19,4) NOT NULL,
    CONSTRAINT bill_line_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill(tenant_id, id, patient_id),
    CONSTRAINT bill_line_bill_key UNIQUE (tenant_id, bill_id, line_no),
    CONSTRAINT bill_line_charge_fkey FOREIGN KEY (tenant_id, charge_id, patient_id) REFERENCES hms.charge(tenant_id, id, patient_id),
    CONSTRAINT bill_line_credit_check CHECK (((credited_quantity <> 'NaN'::numeric) AND ((credited_quantity >= (0)::numeric) AND (credited_quantity <= quantity)) AND hms.is_money(credited_net, currency) AND ((credited_net >= (0)::numeric) AND (credited_net <= net_amount)) AND hms.is_money(credited_tax, currency) AND ((credited_tax >= (0)::numeric) AND (credited_tax <= tax_amount)))),
    CONSTRAINT bill_line_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill(tenant_id, id, currency),
    CONSTRAINT bill_line_discount_check CHECK ((hms.is_money(discount_amount, currency) AND ((discount_amount >= (0)::numeric) AND (discount_amount <= gross_amount)))),
    CONSTRAINT bill_line_gross_check CHECK ((hms.is_money(gross_amount, currency) AND (gross_amount = round((quantity * unit_price), hms.minor_units(currency))))),
    CONSTRAINT bill_line_net_check CHECK ((hms.is_money(net_amount, currency) AND (net_amount = (gross_amount - discount_amount)))),
    CONSTRAINT bill_line_percent_check CHECK (((tax_percent <> 'NaN'::numeric) AND ((tax_percent >= (0)::numeric) AND (tax_percent <= (100)::numeric)))),
    CONSTRAINT bill_line_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_line_price_check CHECK ((hms.is_money(unit_price, currency) AND (unit_price >= (0)::numeric))),
    CONSTRAINT bill_line_quantity_check CHECK (((quantity <> 'NaN'::numeric) AND (quantity > (0)::numeric))),
    CONSTRAINT bill_line_released_check CHECK (((released_at IS NULL) OR (issued_at IS NULL))),
    CONSTRAINT bill_line_scope_key UNIQUE (tenant_id, id, bill_id),
    CONSTRAINT bill_line_share_check CHECK ((hms.is_money(patient_amount, currency) AND hms.is_money(payer_amount, currency) AND (patient_amount >= (0)::numeric) AND (payer_amount >= (0)::numeric) AND ((patient_amount + payer_amount) = total_amount))),
    CONSTRAINT bill_line_tax_check CHECK ((hms.is_money(tax_amount, currency) AND (tax_amount = round(((net_amount * tax_percent) * 0.01), hms.minor_units(currency))))),
    CONSTRAINT bill_line_texts_check CHECK (((length(category) <= 100) AND (length(description) <= 300) AND (length(service_code) <= 50))),
    CONSTRAINT bill_line_total_check CHECK ((hms.is_money(total_amount, currency) AND (total_amount = (net_amount + tax_amount))))
);
CREATE INDEX bill_line_bill_idx ON hms.bill_line USING btree (tenant_id, bill_id, patient_id);
CREATE INDEX bill_line_charge_idx ON hms.bill_line USING btree (tenant_id, charge_id, patient_id);
CREATE INDEX bill_line_currency_idx ON hms.bill_line USING btree (tenant_id, bill_id, currency);
CREATE UNIQUE INDEX bill_line_live_charge_key ON hms.bill_line USING btree (tenant_id, charge_id) WHERE (released_at IS NULL);
ALTER TABLE hms.bill_line ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bill_line FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bill_line_audit_delete AFTER DELETE ON hms.bill_line REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('bill_line', 'patient_id', 'id');
CREATE TRIGGER bill_line_audit_insert AFTER INSERT ON hms.bill_line REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('bill_line', 'patient_id', 'id');
CREATE TRIGGER bill_line_audit_update AFTER UPDATE ON hms.bill_line REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('bill_line', 'patient_id', 'id');
CREATE TRIGGER bill_line_guard BEFORE UPDATE ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line();
CREATE TRIGGER bill_line_guard_new BEFORE INSERT ON hms.bill_line FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();
CREATE TRIGGER bill_line_keep_rows BEFORE DELETE OR TRUNCATE ON hms.bill_line FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.bill_line TO hms_app;
GRANT SELECT ON hms.bill_line TO hms_backup;

CREATE TABLE hms.bill_line_share ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    bill_id uuid NOT NULL,
    bill_line_id uuid NOT NULL,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    currency text NOT NULL,
    share_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT bill_line_share_amount_check CHECK ((hms.is_money(amount, currency) AND (amount >= (0)::numeric))),
    CONSTRAINT bill_line_share_credited_check CHECK ((hms.is_money(credited_amount, currency) AND ((credited_amount >= (0)::numeric) AND (credited_amount <= amount)))),
    CONSTRAINT bill_line_share_line_fkey FOREIGN KEY (tenant_id, bill_line_id, bill_id) REFERENCES hms.bill_line(tenant_id, id, bill_id),
    CONSTRAINT bill_line_share_pkey PRIMARY KEY (tenant_id, bill_line_id, share_id),
    CONSTRAINT bill_line_share_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id) REFERENCES hms.bill_share(tenant_id, id, bill_id)
);
CREATE INDEX bill_line_share_share_idx ON hms.bill_line_share USING btree (tenant_id, share_id);
ALTER TABLE hms.bill_line_share ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bill_line_share FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bill_line_share_audit_delete AFTER DELETE ON hms.bill_line_share REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('bill_line_share', '', 'bill_line_id,share_id');
CREATE TRIGGER bill_line_share_audit_insert AFTER INSERT ON hms.bill_line_share REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('bill_line_share', '', 'bill_line_id,share_id');
CREATE TRIGGER bill_line_share_audit_update AFTER UPDATE ON hms.bill_line_share REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('bill_line_share', '', 'bill_line_id,share_id');
CREATE TRIGGER bill_line_share_guard BEFORE UPDATE ON hms.bill_line_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_line_share();
CREATE TRIGGER bill_line_share_guard_new BEFORE INSERT ON hms.bill_line_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();
CREATE TRIGGER bill_line_share_keep_rows BEFORE DELETE OR TRUNCATE ON hms.bill_line_share FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.bill_line_share TO hms_app;
GRANT SELECT ON hms.bill_line_share TO hms_backup;

CREATE TABLE hms.bill_share ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    bill_id uuid NOT NULL,
    coverage_id uuid,
    credited_amount numeric(19,4) NOT NULL DEFAULT 0,
    currency text NOT NULL,
    id uuid NOT NULL,
    paid_amount numeric(19,4) NOT NULL DEFAULT 0,
    patient_id uuid NOT NULL,
    payer text NOT NULL,
    sequence integer NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT bill_share_amount_check CHECK ((hms.is_money(amount, currency) AND (amount >= (0)::numeric))),
    CONSTRAINT bill_share_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill(tenant_id, id, patient_id),
    CONSTRAINT bill_share_coverage_fkey FOREIGN KEY (tenant_id, coverage_id, patient_id) REFERENCES hms.coverage(tenant_id, id, patient_id),
    CONSTRAINT bill_share_credited_check CHECK ((hms.is_money(credited_amount, currency) AND ((credited_amount >= (0)::numeric) AND (credited_amount <= amount)))),
    CONSTRAINT bill_share_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill(tenant_id, id, currency),
    CONSTRAINT bill_share_currency_key UNIQUE (tenant_id, id, bill_id, currency),
    CONSTRAINT bill_share_paid_check CHECK ((hms.is_money(paid_amount, currency) AND ((paid_amount >= (0)::numeric) AND (paid_amount <= amount)))),
    CONSTRAINT bill_share_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bill_share_scope_key UNIQUE (tenant_id, id, bill_id),
    CONSTRAINT bill_share_sequence_check CHECK (((sequence >= 0) AND ((sequence = 0) = (coverage_id IS NULL)) AND ((sequence = 0) = (payer = ''::text)))),
    CONSTRAINT bill_share_sequence_key UNIQUE (tenant_id, bill_id, sequence),
    CONSTRAINT bill_share_texts_check CHECK ((length(payer) <= 200))
);
CREATE INDEX bill_share_bill_currency_idx ON hms.bill_share USING btree (tenant_id, bill_id, currency);
CREATE INDEX bill_share_bill_idx ON hms.bill_share USING btree (tenant_id, bill_id, patient_id);
CREATE INDEX bill_share_coverage_idx ON hms.bill_share USING btree (tenant_id, coverage_id, patient_id);
ALTER TABLE hms.bill_share ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bill_share FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bill_share_audit_delete AFTER DELETE ON hms.bill_share REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('bill_share', 'patient_id', 'id');
CREATE TRIGGER bill_share_audit_insert AFTER INSERT ON hms.bill_share REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('bill_share', 'patient_id', 'id');
CREATE TRIGGER bill_share_audit_update AFTER UPDATE ON hms.bill_share REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('bill_share', 'patient_id', 'id');
CREATE TRIGGER bill_share_derive AFTER UPDATE OF paid_amount, credited_amount ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.derive_bill();
CREATE TRIGGER bill_share_guard BEFORE UPDATE ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_share();
CREATE TRIGGER bill_share_guard_new BEFORE INSERT ON hms.bill_share FOR EACH ROW EXECUTE FUNCTION hms.guard_bill_part();
CREATE TRIGGER bill_share_keep_rows BEFORE DELETE OR TRUNCATE ON hms.bill_share FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.bill_share TO hms_app;
GRANT SELECT ON hms.bill_share TO hms_backup;

CREATE TABLE hms.bill_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT bill_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.bill(tenant_id, id),
    CONSTRAINT bill_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT bill_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT bill_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.bill_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.bill_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER bill_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.bill_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.bill_status TO hms_app;
GRANT SELECT ON hms.bill_status TO hms_backup;

CREATE TABLE hms.billing_account ( -- hms_owner
    opened_at timestamp with time zone NOT NULL,
    patient_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT billing_account_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT billing_account_pkey PRIMARY KEY (tenant_id, patient_id)
);
ALTER TABLE hms.billing_account ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.billing_account FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER billing_account_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.billing_account FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER billing_account_audit_delete AFTER DELETE ON hms.billing_account REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('billing_account', 'patient_id', 'patient_id');
CREATE TRIGGER billing_account_audit_insert AFTER INSERT ON hms.billing_account REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('billing_account', 'patient_id', 'patient_id');
CREATE TRIGGER billing_account_audit_update AFTER UPDATE ON hms.billing_account REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('billing_account', 'patient_id', 'patient_id');
GRANT SELECT ON hms.billing_account TO hms_app;
GRANT SELECT ON hms.billing_account TO hms_backup;

CREATE TABLE hms.break_glass ( -- hms_owner
    closes_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    ended_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    outcome text NOT NULL DEFAULT ''::text,
    patient_id uuid NOT NULL,
    purpose text NOT NULL,
    reason_code text NOT NULL,
    reason_text text NOT NULL,
    related boolean NOT NULL DEFAULT false,
    review_text text NOT NULL DEFAULT ''::text,
    reviewed_at timestamp with time zone,
    reviewed_by text NOT NULL DEFAULT ''::text,
    started_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT break_glass_ended_check CHECK ((ended_at >= started_at)),
    CONSTRAINT break_glass_outcome_check CHECK ((outcome = ANY (ARRAY[''::text, 'justified'::text, 'not-justified'::text]))),
    CONSTRAINT break_glass_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT break_glass_period_check CHECK (((expires_at > started_at) AND (expires_at <= (started_at + '04:00:00'::interval)))),
    CONSTRAINT break_glass_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT break_glass_purpose_check CHECK ((purpose = ANY (ARRAY['ETREAT'::text, 'BTG'::text]))),
    CONSTRAINT break_glass_reason_check CHECK (((reason_code = ANY (ARRAY['emergency'::text, 'direct-care'::text, 'public-health'::text, 'other'::text])) AND ((length(reason_text) >= 10) AND (length(reason_text) <= 5408)))),
    CONSTRAINT break_glass_related_check CHECK (((NOT related) OR (outcome <> ''::text))),
    CONSTRAINT break_glass_review_check CHECK ((((outcome = ''::text) = (reviewed_at IS NULL)) AND ((outcome = ''::text) = (reviewed_by = ''::text)))),
    CONSTRAINT break_glass_reviewer_check CHECK ((hms.actor_person(reviewed_by) <> hms.actor_person(created_by))),
    CONSTRAINT break_glass_status_check CHECK (
CASE status
    WHEN 'active'::text THEN ((outcome = ''::text) AND (ended_at IS NULL))
    WHEN 'ended'::text THEN ((outcome = ''::text) AND (ended_at IS NOT NULL))
    WHEN 'reviewed'::text THEN (outcome <> ''::text)
    ELSE false
END),
    CONSTRAINT break_glass_texts_check CHECK (((length(review_text) <= 5408) AND (length(reviewed_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT break_glass_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX break_glass_patient_idx ON hms.break_glass USING btree (tenant_id, patient_id, started_at);
CREATE INDEX break_glass_person_idx ON hms.break_glass USING btree (tenant_id, hms.actor_person(created_by), started_at);
CREATE INDEX break_glass_started_idx ON hms.break_glass USING btree (tenant_id, started_at, id);
CREATE INDEX break_glass_user_idx ON hms.break_glass USING btree (tenant_id, user_id, patient_id, expires_at);
ALTER TABLE hms.break_glass ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.break_glass FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER break_glass_audit_delete AFTER DELETE ON hms.break_glass REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('break_glass', 'patient_id', 'id');
CREATE TRIGGER break_glass_audit_insert AFTER INSERT ON hms.break_glass REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('break_glass', 'patient_id', 'id');
CREATE TRIGGER break_glass_audit_update AFTER UPDATE ON hms.break_glass REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('break_glass', 'patient_id', 'id');
CREATE TRIGGER break_glass_guard BEFORE INSERT OR UPDATE ON hms.break_glass FOR EACH ROW EXECUTE FUNCTION hms.break_glass_guard();
CREATE TRIGGER break_glass_keep_rows BEFORE DELETE OR TRUNCATE ON hms.break_glass FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER break_glass_sealed_guard BEFORE INSERT OR UPDATE OF reason_text, review_text ON hms.break_glass FOR EACH ROW WHEN ((((new.reason_text <> ''::text) AND ("left"(new.reason_text, 5) <> 'hms1:'::text)) OR ((new.review_text <> ''::text) AND ("left"(new.review_text, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('break_glass', 'reason_text', 'review_text');
CREATE TRIGGER break_glass_status_guard BEFORE UPDATE OF status ON hms.break_glass FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>ended', 'active>reviewed', 'ended>reviewed');
GRANT INSERT, SELECT ON hms.break_glass TO hms_app;
GRANT SELECT ON hms.break_glass TO hms_backup;

CREATE TABLE hms.break_glass_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT break_glass_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.break_glass(tenant_id, id),
    CONSTRAINT break_glass_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT break_glass_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT break_glass_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.break_glass_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.break_glass_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER break_glass_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.break_glass_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.break_glass_status TO hms_app;
GRANT SELECT ON hms.break_glass_status TO hms_backup;

CREATE TABLE hms.charge ( -- hms_owner
    category text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    description text NOT NULL,
    encounter_id uuid,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    quantity numeric(19,4) NOT NULL,
    service_at timestamp with time zone NOT NULL,
    service_code text NOT NULL,
    service_date date NOT NULL,
    service_id uuid NOT NULL,
    source_id text NOT NULL,
    source_kind text NOT NULL,
    source_line integer NOT NULL,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    tax_percent numeric(7,4) NOT NULL,
    tenant_id uuid NOT NULL,
    unit_price numeric(19,4) NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT charge_amount_check CHECK (hms.is_money(round((quantity * unit_price), hms.minor_units(currency)), currency)),
    CONSTRAINT charge_description_check CHECK (((length(description) >= 1) AND (length(description) <= 300))),
    CONSTRAINT charge_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT charge_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT charge_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT charge_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT charge_price_check CHECK ((hms.is_money(unit_price, currency) AND (unit_price >= (0)::numeric))),
    CONSTRAINT charge_quantity_check CHECK (((quantity <> 'NaN'::numeric) AND (quantity > (0)::numeric))),
    CONSTRAINT charge_reason_check CHECK (((length(status_reason) <= 500) AND ((status_reason <> ''::text) OR (status <> ALL (ARRAY['not-billable'::text, 'aborted'::text, 'entered-in-error'::text]))))),
    CONSTRAINT charge_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES hms.service_item(tenant_id, id),
    CONSTRAINT charge_source_check CHECK ((((length(source_kind) >= 1) AND (length(source_kind) <= 40)) AND ((length(source_id) >= 1) AND (length(source_id) <= 100)) AND (source_line >= 0))),
    CONSTRAINT charge_source_key UNIQUE (tenant_id, source_kind, source_id, source_line),
    CONSTRAINT charge_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'billable'::text, 'not-billable'::text, 'aborted'::text, 'billed'::text, 'entered-in-error'::text]))),
    CONSTRAINT charge_tax_check CHECK (((tax_percent <> 'NaN'::numeric) AND ((tax_percent >= (0)::numeric) AND (tax_percent <= (100)::numeric)))),
    CONSTRAINT charge_texts_check CHECK (((length(category) <= 100) AND (length(service_code) <= 50) AND (length(created_by) <= 81)))
);
CREATE INDEX charge_encounter_idx ON hms.charge USING btree (tenant_id, encounter_id, patient_id, service_at, id);
CREATE INDEX charge_patient_idx ON hms.charge USING btree (tenant_id, patient_id, service_at, id);
CREATE INDEX charge_service_idx ON hms.charge USING btree (tenant_id, service_id);
CREATE INDEX charge_unbilled_idx ON hms.charge USING btree (tenant_id, patient_id, id) WHERE (status = 'billable'::text);
ALTER TABLE hms.charge ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.charge FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER charge_audit_delete AFTER DELETE ON hms.charge REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('charge', 'patient_id', 'id');
CREATE TRIGGER charge_audit_insert AFTER INSERT ON hms.charge REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('charge', 'patient_id', 'id');
CREATE TRIGGER charge_audit_update AFTER UPDATE ON hms.charge REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('charge', 'patient_id', 'id');
CREATE TRIGGER charge_guard BEFORE UPDATE ON hms.charge FOR EACH ROW EXECUTE FUNCTION hms.guard_charge();
CREATE TRIGGER charge_keep_rows BEFORE DELETE OR TRUNCATE ON hms.charge FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER charge_status_guard BEFORE UPDATE OF status ON hms.charge FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('planned>billable', 'planned>not-billable', 'planned>aborted', 'planned>entered-in-error', 'billable>not-billable', 'billable>aborted', 'billable>billed', 'billable>entered-in-error', 'not-billable>billable', 'not-billable>entered-in-error', 'aborted>entered-in-error');
GRANT INSERT, SELECT ON hms.charge TO hms_app;
GRANT SELECT ON hms.charge TO hms_backup;

CREATE TABLE hms.charge_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT charge_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.charge(tenant_id, id),
    CONSTRAINT charge_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT charge_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT charge_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.charge_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.charge_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER charge_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.charge_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.charge_status TO hms_app;
GRANT SELECT ON hms.charge_status TO hms_backup;

CREATE TABLE hms.clinical_note ( -- hms_owner
    amends_id uuid,
    assessment text NOT NULL DEFAULT ''::text,
    body_hash text NOT NULL DEFAULT ''::text,
    chief_complaint text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    encounter_id uuid NOT NULL,
    error_reason text NOT NULL DEFAULT ''::text,
    history_of_present_illness text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    physical_examination text NOT NULL DEFAULT ''::text,
    plan text NOT NULL DEFAULT ''::text,
    signed_at timestamp with time zone,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT clinical_note_amends_fkey FOREIGN KEY (tenant_id, amends_id, encounter_id) REFERENCES hms.clinical_note(tenant_id, id, encounter_id),
    CONSTRAINT clinical_note_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT clinical_note_encounter_key UNIQUE (tenant_id, id, encounter_id),
    CONSTRAINT clinical_note_error_check CHECK (((status = 'entered-in-error'::text) = (error_reason <> ''::text))),
    CONSTRAINT clinical_note_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT clinical_note_signed_check CHECK ((((signed_at IS NOT NULL) = (body_hash <> ''::text)) AND ((status <> 'draft'::text) OR (signed_at IS NULL)) AND ((status <> 'signed'::text) OR (signed_at IS NOT NULL)))),
    CONSTRAINT clinical_note_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'signed'::text, 'entered-in-error'::text]))),
    CONSTRAINT clinical_note_texts_check CHECK (((length(chief_complaint) <= 106742) AND (length(history_of_present_illness) <= 106742) AND (length(physical_examination) <= 106742) AND (length(assessment) <= 106742) AND (length(plan) <= 106742) AND (length(body_hash) <= 416) AND (length(error_reason) <= 200) AND (length(created_by) <= 81)))
);
CREATE INDEX clinical_note_amends_idx ON hms.clinical_note USING btree (tenant_id, amends_id, encounter_id);
CREATE INDEX clinical_note_encounter_idx ON hms.clinical_note USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX clinical_note_patient_idx ON hms.clinical_note USING btree (tenant_id, patient_id, created_at, id);
ALTER TABLE hms.clinical_note ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.clinical_note FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER clinical_note_audit_delete AFTER DELETE ON hms.clinical_note REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('clinical_note', 'patient_id', 'id');
CREATE TRIGGER clinical_note_audit_insert AFTER INSERT ON hms.clinical_note REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('clinical_note', 'patient_id', 'id');
CREATE TRIGGER clinical_note_audit_update AFTER UPDATE ON hms.clinical_note REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('clinical_note', 'patient_id', 'id');
CREATE TRIGGER clinical_note_author BEFORE INSERT ON hms.clinical_note FOR EACH ROW EXECUTE FUNCTION hms.guard_author();
CREATE TRIGGER clinical_note_keep_rows BEFORE DELETE OR TRUNCATE ON hms.clinical_note FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER clinical_note_sealed_guard BEFORE INSERT OR UPDATE OF chief_complaint, history_of_present_illness, physical_examination, assessment, plan, body_hash ON hms.clinical_note FOR EACH ROW WHEN ((((new.chief_complaint <> ''::text) AND ("left"(new.chief_complaint, 5) <> 'hms1:'::text)) OR ((new.history_of_present_illness <> ''::text) AND ("left"(new.history_of_present_illness, 5) <> 'hms1:'::text)) OR ((new.physical_examination <> ''::text) AND ("left"(new.physical_examination, 5) <> 'hms1:'::text)) OR ((new.assessment <> ''::text) AND ("left"(new.assessment, 5) <> 'hms1:'::text)) OR ((new.plan <> ''::text) AND ("left"(new.plan, 5) <> 'hms1:'::text)) OR ((new.body_hash <> ''::text) AND ("left"(new.body_hash, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('clinical_note', 'chief_complaint', 'history_of_present_illness', 'physical_examination', 'assessment', 'plan', 'body_hash');
CREATE TRIGGER clinical_note_signed BEFORE UPDATE ON hms.clinical_note FOR EACH ROW WHEN ((old.status <> 'draft'::text)) EXECUTE FUNCTION hms.keep_record('status', 'error_reason', 'version');
CREATE TRIGGER clinical_note_signer BEFORE UPDATE OF status ON hms.clinical_note FOR EACH ROW WHEN (((old.signed_at IS NULL) AND (new.signed_at IS NOT NULL))) EXECUTE FUNCTION hms.guard_author();
CREATE TRIGGER clinical_note_status_guard BEFORE UPDATE OF status ON hms.clinical_note FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('draft>entered-in-error', 'draft>signed', 'signed>entered-in-error');
GRANT INSERT, SELECT ON hms.clinical_note TO hms_app;
GRANT SELECT ON hms.clinical_note TO hms_backup;

CREATE TABLE hms.clinical_note_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT clinical_note_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.clinical_note(tenant_id, id),
    CONSTRAINT clinical_note_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT clinical_note_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT clinical_note_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.clinical_note_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.clinical_note_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER clinical_note_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.clinical_note_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.clinical_note_status TO hms_app;
GRANT SELECT ON hms.clinical_note_status TO hms_backup;

CREATE TABLE hms.condition ( -- hms_owner
    abatement_date date,
    code_display text NOT NULL,
    code_system text NOT NULL DEFAULT ''::text,
    code_value text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    encounter_id uuid,
    error_reason text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    onset_date date,
    patient_id uuid NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    verification_status text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT condition_abatement_check CHECK (((abatement_date IS NULL) OR ((status = ANY (ARRAY['inactive'::text, 'remission'::text, 'resolved'::text])) AND ((onset_date IS NULL) OR (abatement_date >= onset_date))))),
    CONSTRAINT condition_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT condition_error_check CHECK (((verification_status = 'entered-in-error'::text) = (error_reason <> ''::text))),
    CONSTRAINT condition_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT condition_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT condition_status_check CHECK ((status = ANY (ARRAY['active'::text, 'recurrence'::text, 'relapse'::text, 'inactive'::text, 'remission'::text, 'resolved'::text]))),
    CONSTRAINT condition_texts_check CHECK (((length(code_system) <= 200) AND (length(code_value) <= 100) AND (length(code_display) <= 300) AND (length(error_reason) <= 200) AND (length(created_by) <= 81))),
    CONSTRAINT condition_verification_check CHECK ((verification_status = ANY (ARRAY['unconfirmed'::text, 'provisional'::text, 'differential'::text, 'confirmed'::text, 'refuted'::text, 'entered-in-error'::text])))
);
CREATE INDEX condition_encounter_idx ON hms.condition USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX condition_patient_idx ON hms.condition USING btree (tenant_id, patient_id, id);
ALTER TABLE hms.condition ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.condition FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER condition_audit_delete AFTER DELETE ON hms.condition REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('condition', 'patient_id', 'id');
CREATE TRIGGER condition_audit_insert AFTER INSERT ON hms.condition REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('condition', 'patient_id', 'id');
CREATE TRIGGER condition_audit_update AFTER UPDATE ON hms.condition REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('condition', 'patient_id', 'id');
CREATE TRIGGER condition_keep_rows BEFORE DELETE OR TRUNCATE ON hms.condition FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER condition_status_guard BEFORE UPDATE OF status ON hms.condition FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>inactive', 'active>remission', 'active>resolved', 'inactive>active', 'inactive>recurrence', 'inactive>resolved', 'recurrence>inactive', 'recurrence>remission', 'recurrence>resolved', 'relapse>inactive', 'relapse>remission', 'relapse>resolved', 'remission>active', 'remission>relapse', 'remission>resolved', 'resolved>active', 'resolved>recurrence');
GRANT INSERT, SELECT ON hms.condition TO hms_app;
GRANT SELECT ON hms.condition TO hms_backup;

CREATE TABLE hms.condition_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT condition_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.condition(tenant_id, id),
    CONSTRAINT condition_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT condition_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT condition_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.condition_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.condition_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER condition_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.condition_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.condition_status TO hms_app;
GRANT SELECT ON hms.condition_status TO hms_backup;

CREATE TABLE hms.counter ( -- hms_owner
    name text NOT NULL,
    tenant_id uuid NOT NULL,
    value bigint NOT NULL,
    CONSTRAINT counter_pkey PRIMARY KEY (tenant_id, name),
    CONSTRAINT counter_value_check CHECK ((value >= 1))
);
ALTER TABLE hms.counter ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.counter FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER counter_keep_rows BEFORE DELETE OR TRUNCATE ON hms.counter FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER counter_tenant_deleted BEFORE INSERT ON hms.counter FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
GRANT INSERT, SELECT ON hms.counter TO hms_app;
GRANT SELECT ON hms.counter TO hms_backup;

CREATE TABLE hms.coverage ( -- hms_owner
    coverage_percent numeric(5,2) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    group_number text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    payer_name text NOT NULL,
    plan_name text NOT NULL DEFAULT ''::text,
    policy_number text NOT NULL,
    priority integer NOT NULL,
    relationship text NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT coverage_overlap_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, priority WITH =, daterange(valid_from, valid_until) WITH &&) WHERE ((status = 'active'::text)),
    CONSTRAINT coverage_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT coverage_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT coverage_percent_check CHECK (((coverage_percent <> 'NaN'::numeric) AND ((coverage_percent >= (0)::numeric) AND (coverage_percent <= (100)::numeric)))),
    CONSTRAINT coverage_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT coverage_priority_check CHECK (((priority >= 1) AND (priority <= 9))),
    CONSTRAINT coverage_relationship_check CHECK ((relationship = ANY (ARRAY['self'::text, 'spouse'::text, 'child'::text, 'parent'::text, 'other'::text]))),
    CONSTRAINT coverage_status_check CHECK ((status = ANY (ARRAY['active'::text, 'cancelled'::text, 'draft'::text, 'entered-in-error'::text]))),
    CONSTRAINT coverage_texts_check CHECK (((length(payer_name) <= 200) AND (length(policy_number) <= 608) AND (length(group_number) <= 100) AND (length(plan_name) <= 200) AND (length(created_by) <= 81))),
    CONSTRAINT coverage_valid_check CHECK ((valid_until > valid_from))
);
CREATE INDEX coverage_patient_idx ON hms.coverage USING btree (tenant_id, patient_id, priority);
ALTER TABLE hms.coverage ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.coverage FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER coverage_audit_delete AFTER DELETE ON hms.coverage REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('coverage', 'patient_id', 'id');
CREATE TRIGGER coverage_audit_insert AFTER INSERT ON hms.coverage REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('coverage', 'patient_id', 'id');
CREATE TRIGGER coverage_audit_update AFTER UPDATE ON hms.coverage REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('coverage', 'patient_id', 'id');
CREATE TRIGGER coverage_keep_rows BEFORE DELETE OR TRUNCATE ON hms.coverage FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER coverage_sealed_guard BEFORE INSERT OR UPDATE OF policy_number ON hms.coverage FOR EACH ROW WHEN (((new.policy_number <> ''::text) AND ("left"(new.policy_number, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('coverage', 'policy_number');
CREATE TRIGGER coverage_status_guard BEFORE UPDATE OF status ON hms.coverage FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>cancelled', 'active>entered-in-error', 'draft>active', 'draft>cancelled', 'draft>entered-in-error');
GRANT INSERT, SELECT ON hms.coverage TO hms_app;
GRANT SELECT ON hms.coverage TO hms_backup;

CREATE TABLE hms.coverage_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT coverage_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.coverage(tenant_id, id),
    CONSTRAINT coverage_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT coverage_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT coverage_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.coverage_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.coverage_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER coverage_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.coverage_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.coverage_status TO hms_app;
GRANT SELECT ON hms.coverage_status TO hms_backup;

CREATE TABLE hms.credit_note ( -- hms_owner
    bill_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    journal_id uuid NOT NULL,
    net_amount numeric(19,4) NOT NULL,
    note_date date NOT NULL,
    note_number text NOT NULL,
    patient_id uuid NOT NULL,
    reason text NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tenant_id uuid NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT credit_note_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill(tenant_id, id, patient_id),
    CONSTRAINT credit_note_currency_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill(tenant_id, id, currency),
    CONSTRAINT credit_note_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal(tenant_id, id),
    CONSTRAINT credit_note_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT credit_note_net_check CHECK ((hms.is_money(net_amount, currency) AND (net_amount >= (0)::numeric))),
    CONSTRAINT credit_note_number_key UNIQUE (tenant_id, note_number),
    CONSTRAINT credit_note_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT credit_note_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT credit_note_tax_check CHECK ((hms.is_money(tax_amount, currency) AND (tax_amount >= (0)::numeric))),
    CONSTRAINT credit_note_texts_check CHECK ((length(created_by) <= 81)),
    CONSTRAINT credit_note_total_check CHECK ((hms.is_money(total_amount, currency) AND (total_amount > (0)::numeric) AND (total_amount = (net_amount + tax_amount))))
);
CREATE INDEX credit_note_bill_idx ON hms.credit_note USING btree (tenant_id, bill_id, patient_id);
CREATE INDEX credit_note_currency_idx ON hms.credit_note USING btree (tenant_id, bill_id, currency);
CREATE INDEX credit_note_day_idx ON hms.credit_note USING btree (tenant_id, note_date, id);
ALTER TABLE hms.credit_note ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.credit_note FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER credit_note_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.credit_note FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER credit_note_audit_delete AFTER DELETE ON hms.credit_note REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('credit_note', 'patient_id', 'id');
CREATE TRIGGER credit_note_audit_insert AFTER INSERT ON hms.credit_note REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('credit_note', 'patient_id', 'id');
CREATE TRIGGER credit_note_audit_update AFTER UPDATE ON hms.credit_note REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('credit_note', 'patient_id', 'id');
GRANT INSERT, SELECT ON hms.credit_note TO hms_app;
GRANT SELECT ON hms.credit_note TO hms_backup;

CREATE TABLE hms.credit_note_line ( -- hms_owner
    bill_line_id uuid NOT NULL,
    currency text NOT NULL,
    net_amount numeric(19,4) NOT NULL,
    note_id uuid NOT NULL,
    quantity numeric(19,4) NOT NULL,
    tax_amount numeric(19,4) NOT NULL,
    tenant_id uuid NOT NULL,
    total_amount numeric(19,4) NOT NULL,
    CONSTRAINT credit_note_line_line_fkey FOREIGN KEY (tenant_id, bill_line_id) REFERENCES hms.bill_line(tenant_id, id),
    CONSTRAINT credit_note_line_net_check CHECK ((hms.is_money(net_amount, currency) AND (net_amount >= (0)::numeric))),
    CONSTRAINT credit_note_line_note_fkey FOREIGN KEY (tenant_id, note_id) REFERENCES hms.credit_note(tenant_id, id),
    CONSTRAINT credit_note_line_pkey PRIMARY KEY (tenant_id, note_id, bill_line_id),
    CONSTRAINT credit_note_line_quantity_check CHECK (((quantity <> 'NaN'::numeric) AND (quantity >= (0)::numeric))),
    CONSTRAINT credit_note_line_tax_check CHECK ((hms.is_money(tax_amount, currency) AND (tax_amount >= (0)::numeric))),
    CONSTRAINT credit_note_line_total_check CHECK ((hms.is_money(total_amount, currency) AND (total_amount > (0)::numeric) AND (total_amount = (net_amount + tax_amount))))
);
CREATE INDEX credit_note_line_line_idx ON hms.credit_note_line USING btree (tenant_id, bill_line_id);
ALTER TABLE hms.credit_note_line ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.credit_note_line FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER credit_note_line_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.credit_note_line FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER credit_note_line_apply AFTER INSERT ON hms.credit_note_line FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_line();
CREATE TRIGGER credit_note_line_audit_delete AFTER DELETE ON hms.credit_note_line REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('credit_note_line', '', 'note_id,bill_line_id');
CREATE TRIGGER credit_note_line_audit_insert AFTER INSERT ON hms.credit_note_line REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('credit_note_line', '', 'note_id,bill_line_id');
CREATE TRIGGER credit_note_line_audit_update AFTER UPDATE ON hms.credit_note_line REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('credit_note_line', '', 'note_id,bill_line_id');
CREATE TRIGGER credit_note_line_sum AFTER INSERT ON hms.credit_note_line REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('line');
GRANT INSERT, SELECT ON hms.credit_note_line TO hms_app;
GRANT SELECT ON hms.credit_note_line TO hms_backup;

CREATE TABLE hms.credit_note_share ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    bill_line_id uuid NOT NULL,
    currency text NOT NULL,
    note_id uuid NOT NULL,
    share_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT credit_note_share_amount_check CHECK ((hms.is_money(amount, currency) AND (amount > (0)::numeric))),
    CONSTRAINT credit_note_share_line_fkey FOREIGN KEY (tenant_id, note_id, bill_line_id) REFERENCES hms.credit_note_line(tenant_id, note_id, bill_line_id),
    CONSTRAINT credit_note_share_pkey PRIMARY KEY (tenant_id, note_id, bill_line_id, share_id),
    CONSTRAINT credit_note_share_share_fkey FOREIGN KEY (tenant_id, bill_line_id, share_id) REFERENCES hms.bill_line_share(tenant_id, bill_line_id, share_id)
);
CREATE INDEX credit_note_share_share_idx ON hms.credit_note_share USING btree (tenant_id, bill_line_id, share_id);
ALTER TABLE hms.credit_note_share ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.credit_note_share FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER credit_note_share_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.credit_note_share FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER credit_note_share_apply AFTER INSERT ON hms.credit_note_share FOR EACH ROW EXECUTE FUNCTION hms.apply_credit_share();
CREATE TRIGGER credit_note_share_audit_delete AFTER DELETE ON hms.credit_note_share REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('credit_note_share', '', 'note_id,bill_line_id,share_id');
CREATE TRIGGER credit_note_share_audit_insert AFTER INSERT ON hms.credit_note_share REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('credit_note_share', '', 'note_id,bill_line_id,share_id');
CREATE TRIGGER credit_note_share_audit_update AFTER UPDATE ON hms.credit_note_share REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('credit_note_share', '', 'note_id,bill_line_id,share_id');
CREATE TRIGGER credit_note_share_sum AFTER INSERT ON hms.credit_note_share REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.check_credit_note('share');
GRANT INSERT, SELECT ON hms.credit_note_share TO hms_app;
GRANT SELECT ON hms.credit_note_share TO hms_backup;

CREATE TABLE hms.data_key ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    epoch integer NOT NULL,
    subject_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    CONSTRAINT data_key_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT data_key_pkey PRIMARY KEY (tenant_id, subject_id, epoch)
);
ALTER TABLE hms.data_key ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.data_key FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER data_key_guard BEFORE INSERT OR UPDATE ON hms.data_key FOR EACH ROW WHEN ((new.wrapped = '\x'::bytea)) EXECUTE FUNCTION hms.guard_data_key();
CREATE TRIGGER data_key_keep_rows BEFORE DELETE OR TRUNCATE ON hms.data_key FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.data_key TO hms_app;
GRANT SELECT ON hms.data_key TO hms_backup;

CREATE TABLE hms.disclosure ( -- hms_owner
    authorized_by text NOT NULL DEFAULT ''::text,
    basis text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    description text NOT NULL,
    disclosed_at timestamp with time zone NOT NULL,
    error_at timestamp with time zone,
    error_by text NOT NULL DEFAULT ''::text,
    error_reason text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    purpose text NOT NULL,
    recipient_address text NOT NULL DEFAULT ''::text,
    recipient_name text NOT NULL,
    status text NOT NULL,
    suspension_agency text NOT NULL DEFAULT ''::text,
    suspension_at timestamp with time zone,
    suspension_oral boolean NOT NULL DEFAULT false,
    suspension_statement text NOT NULL DEFAULT ''::text,
    suspension_until timestamp with time zone,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT disclosure_basis_check CHECK ((basis = ANY (ARRAY['treatment'::text, 'payment'::text, 'operations'::text, 'authorization'::text, 'required-by-law'::text, 'public-health'::text, 'abuse'::text, 'oversight'::text, 'judicial'::text, 'law-enforcement'::text, 'decedent'::text, 'donation'::text, 'research'::text, 'threat'::text, 'government'::text, 'workers-compensation'::text, 'secretary'::text, 'impermissible'::text, 'other'::text]))),
    CONSTRAINT disclosure_error_check CHECK ((((status = 'entered-in-error'::text) = (error_at IS NOT NULL)) AND ((error_at IS NULL) = (error_by = ''::text)) AND ((error_at IS NULL) = (error_reason = ''::text)) AND (length(error_reason) <= 500))),
    CONSTRAINT disclosure_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT disclosure_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT disclosure_recipient_check CHECK ((((length(recipient_name) >= 1) AND (length(recipient_name) <= 200)) AND (length(recipient_address) <= 2742))),
    CONSTRAINT disclosure_statement_check CHECK ((((suspension_until IS NULL) = (suspension_at IS NULL)) AND ((suspension_until IS NULL) = (suspension_agency = ''::text)) AND ((suspension_until IS NULL) = (suspension_statement = ''::text)) AND (length(suspension_agency) <= 200) AND (length(suspension_statement) <= 2000))),
    CONSTRAINT disclosure_status_check CHECK ((status = ANY (ARRAY['recorded'::text, 'entered-in-error'::text]))),
    CONSTRAINT disclosure_suspension_check CHECK (((suspension_until IS NULL) OR (basis = ANY (ARRAY['oversight'::text, 'law-enforcement'::text])))),
    CONSTRAINT disclosure_text_check CHECK ((((length(description) >= 1) AND (length(description) <= 10742)) AND ((length(purpose) >= 1) AND (length(purpose) <= 500)) AND (length(authorized_by) <= 200))),
    CONSTRAINT disclosure_texts_check CHECK (((length(error_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT disclosure_time_check CHECK ((disclosed_at <= created_at)),
    CONSTRAINT disclosure_until_check CHECK (((suspension_until > suspension_at) AND ((NOT suspension_oral) OR (suspension_until <= (suspension_at + '30 days'::interval)))))
);
CREATE INDEX disclosure_patient_idx ON hms.disclosure USING btree (tenant_id, patient_id, disclosed_at, id);
ALTER TABLE hms.disclosure ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.disclosure FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER disclosure_audit_delete AFTER DELETE ON hms.disclosure REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('disclosure', 'patient_id', 'id');
CREATE TRIGGER disclosure_audit_insert AFTER INSERT ON hms.disclosure REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('disclosure', 'patient_id', 'id');
CREATE TRIGGER disclosure_audit_update AFTER UPDATE ON hms.disclosure REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('disclosure', 'patient_id', 'id');
CREATE TRIGGER disclosure_guard BEFORE UPDATE ON hms.disclosure FOR EACH ROW EXECUTE FUNCTION hms.disclosure_guard();
CREATE TRIGGER disclosure_keep_rows BEFORE DELETE OR TRUNCATE ON hms.disclosure FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER disclosure_sealed_guard BEFORE INSERT OR UPDATE OF description, recipient_address ON hms.disclosure FOR EACH ROW WHEN ((((new.description <> ''::text) AND ("left"(new.description, 5) <> 'hms1:'::text)) OR ((new.recipient_address <> ''::text) AND ("left"(new.recipient_address, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('disclosure', 'description', 'recipient_address');
CREATE TRIGGER disclosure_status_guard BEFORE UPDATE OF status ON hms.disclosure FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('recorded>entered-in-error');
GRANT INSERT, SELECT ON hms.disclosure TO hms_app;
GRANT SELECT ON hms.disclosure TO hms_backup;

CREATE TABLE hms.disclosure_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT disclosure_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.disclosure(tenant_id, id),
    CONSTRAINT disclosure_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT disclosure_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT disclosure_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.disclosure_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.disclosure_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER disclosure_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.disclosure_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.disclosure_status TO hms_app;
GRANT SELECT ON hms.disclosure_status TO hms_backup;

CREATE TABLE hms.drug_base ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    edition text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    relation_count integer NOT NULL,
    tenant_id uuid NOT NULL,
    term_count integer NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT drug_base_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_base_texts_check CHECK (((length(name) <= 100) AND (length(edition) <= 50) AND (length(created_by) <= 81)))
);
CREATE INDEX drug_base_newest_idx ON hms.drug_base USING btree (tenant_id, created_at, id);
ALTER TABLE hms.drug_base ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.drug_base FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER drug_base_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.drug_base FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER drug_base_audit_delete AFTER DELETE ON hms.drug_base REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('drug_base', '', 'id');
CREATE TRIGGER drug_base_audit_insert AFTER INSERT ON hms.drug_base REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('drug_base', '', 'id');
CREATE TRIGGER drug_base_audit_update AFTER UPDATE ON hms.drug_base REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('drug_base', '', 'id');
GRANT INSERT, SELECT ON hms.drug_base TO hms_app;
GRANT SELECT ON hms.drug_base TO hms_backup;

CREATE TABLE hms.drug_relation ( -- hms_owner
    base_id uuid NOT NULL,
    concept text NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    max_daily_mg numeric(15,6) NOT NULL,
    max_single_mg numeric(15,6) NOT NULL,
    note text NOT NULL,
    other text NOT NULL,
    severity text NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT drug_relation_base_fkey FOREIGN KEY (tenant_id, base_id) REFERENCES hms.drug_base(tenant_id, id),
    CONSTRAINT drug_relation_kind_check CHECK ((kind = ANY (ARRAY['member'::text, 'cross-reactive'::text, 'interacts'::text, 'duplicate'::text, 'dose'::text]))),
    CONSTRAINT drug_relation_limit_check CHECK ((((max_single_mg >= (0)::numeric) AND (max_single_mg <= (100000000)::numeric)) AND (max_single_mg <> 'NaN'::numeric) AND ((max_daily_mg >= (0)::numeric) AND (max_daily_mg <= (100000000)::numeric)) AND (max_daily_mg <> 'NaN'::numeric))),
    CONSTRAINT drug_relation_other_check CHECK (((other = ''::text) = (kind = ANY (ARRAY['dose'::text, 'duplicate'::text])))),
    CONSTRAINT drug_relation_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_relation_severity_check CHECK (((severity = ANY (ARRAY[''::text, 'high'::text, 'moderate'::text, 'low'::text])) AND ((severity = ''::text) = (kind = 'member'::text)))),
    CONSTRAINT drug_relation_texts_check CHECK (((length(concept) <= 100) AND (length(other) <= 100) AND (length(note) <= 500)))
);
CREATE INDEX drug_relation_concept_idx ON hms.drug_relation USING btree (tenant_id, base_id, concept, other);
ALTER TABLE hms.drug_relation ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.drug_relation FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER drug_relation_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.drug_relation FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER drug_relation_audit_delete AFTER DELETE ON hms.drug_relation REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('drug_relation', '', 'id');
CREATE TRIGGER drug_relation_audit_insert AFTER INSERT ON hms.drug_relation REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('drug_relation', '', 'id');
CREATE TRIGGER drug_relation_audit_update AFTER UPDATE ON hms.drug_relation REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('drug_relation', '', 'id');
GRANT INSERT, SELECT ON hms.drug_relation TO hms_app;
GRANT SELECT ON hms.drug_relation TO hms_backup;

CREATE TABLE hms.drug_term ( -- hms_owner
    base_id uuid NOT NULL,
    concept text NOT NULL,
    id uuid NOT NULL,
    system text NOT NULL,
    tenant_id uuid NOT NULL,
    term text NOT NULL,
    CONSTRAINT drug_term_base_fkey FOREIGN KEY (tenant_id, base_id) REFERENCES hms.drug_base(tenant_id, id),
    CONSTRAINT drug_term_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_term_texts_check CHECK (((octet_length(system) <= 800) AND (octet_length(term) <= 800) AND (system <> ''::text) AND (term <> ''::text) AND (length(concept) <= 100)))
);
CREATE INDEX drug_term_term_idx ON hms.drug_term USING btree (tenant_id, base_id, system, term);
ALTER TABLE hms.drug_term ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.drug_term FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER drug_term_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.drug_term FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER drug_term_audit_delete AFTER DELETE ON hms.drug_term REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('drug_term', '', 'id');
CREATE TRIGGER drug_term_audit_insert AFTER INSERT ON hms.drug_term REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('drug_term', '', 'id');
CREATE TRIGGER drug_term_audit_update AFTER UPDATE ON hms.drug_term REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('drug_term', '', 'id');
GRANT INSERT, SELECT ON hms.drug_term TO hms_app;
GRANT SELECT ON hms.drug_term TO hms_backup;

CREATE TABLE hms.duty ( -- hms_owner
    cancel_reason text NOT NULL DEFAULT ''::text,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    service text NOT NULL DEFAULT ''::text,
    service_key text NOT NULL DEFAULT ''::text,
    stand_in_for_id uuid,
    starts_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    ward_id uuid,
    CONSTRAINT duty_cancel_check CHECK ((((status = 'cancelled'::text) = (cancelled_at IS NOT NULL)) AND ((status = 'cancelled'::text) = (cancel_reason <> ''::text)) AND ((cancelled_at IS NULL) OR (cancelled_at < ends_at)))),
    CONSTRAINT duty_kind_check CHECK ((kind = ANY (ARRAY['on-duty'::text, 'on-call'::text]))),
    CONSTRAINT duty_length_check CHECK (((ends_at >= (starts_at + '00:01:00'::interval)) AND (ends_at <= (starts_at + '168:00:00'::interval)))),
    CONSTRAINT duty_overlap_excl EXCLUDE USING gist (tenant_id WITH =, user_id WITH =, kind WITH =, service_key WITH =, COALESCE(ward_id, '00000000-0000-0000-0000-000000000000'::uuid) WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status = 'planned'::text)),
    CONSTRAINT duty_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT duty_place_check CHECK (((ward_id IS NOT NULL) OR (service <> ''::text))),
    CONSTRAINT duty_service_key_check CHECK (((service_key = ''::text) = (service = ''::text))),
    CONSTRAINT duty_stand_in_check CHECK ((stand_in_for_id <> id)),
    CONSTRAINT duty_stand_in_excl EXCLUDE USING gist (tenant_id WITH =, stand_in_for_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (((status = 'planned'::text) AND (stand_in_for_id IS NOT NULL))),
    CONSTRAINT duty_stand_in_fkey FOREIGN KEY (tenant_id, stand_in_for_id) REFERENCES hms.duty(tenant_id, id),
    CONSTRAINT duty_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'cancelled'::text]))),
    CONSTRAINT duty_texts_check CHECK (((length(service) <= 100) AND (octet_length(service_key) <= 400) AND (length(cancel_reason) <= 200) AND (length(created_by) <= 81))),
    CONSTRAINT duty_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT duty_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward(tenant_id, id)
);
CREATE INDEX duty_date_idx ON hms.duty USING btree (tenant_id, starts_at, id);
CREATE INDEX duty_service_idx ON hms.duty USING btree (tenant_id, service_key, starts_at, id);
CREATE INDEX duty_stand_in_idx ON hms.duty USING btree (tenant_id, stand_in_for_id, starts_at);
CREATE INDEX duty_user_idx ON hms.duty USING btree (tenant_id, user_id, starts_at, id);
CREATE INDEX duty_ward_idx ON hms.duty USING btree (tenant_id, ward_id, starts_at, id);
ALTER TABLE hms.duty ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.duty FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER duty_audit_delete AFTER DELETE ON hms.duty REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('duty', '', 'id');
CREATE TRIGGER duty_audit_insert AFTER INSERT ON hms.duty REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('duty', '', 'id');
CREATE TRIGGER duty_audit_update AFTER UPDATE ON hms.duty REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('duty', '', 'id');
CREATE TRIGGER duty_guard BEFORE INSERT OR UPDATE ON hms.duty FOR EACH ROW EXECUTE FUNCTION hms.guard_duty();
CREATE TRIGGER duty_keep_rows BEFORE DELETE OR TRUNCATE ON hms.duty FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER duty_status_guard BEFORE UPDATE OF status ON hms.duty FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('planned>cancelled');
GRANT INSERT, SELECT ON hms.duty TO hms_app;
GRANT SELECT ON hms.duty TO hms_backup;

CREATE TABLE hms.duty_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT duty_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.duty(tenant_id, id),
    CONSTRAINT duty_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT duty_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT duty_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.duty_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.duty_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER duty_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.duty_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.duty_status TO hms_app;
GRANT SELECT ON hms.duty_status TO hms_backup;

CREATE TABLE hms.encounter ( -- hms_owner
    appointment_id uuid,
    chief_complaint text NOT NULL DEFAULT ''::text,
    class text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    diagnosis text NOT NULL DEFAULT ''::text,
    disposition text NOT NULL DEFAULT ''::text,
    ended_at timestamp with time zone,
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    practitioner_id uuid NOT NULL,
    service_code text NOT NULL DEFAULT ''::text,
    started_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT encounter_appointment_fkey FOREIGN KEY (tenant_id, appointment_id, patient_id) REFERENCES hms.appointment(tenant_id, id, patient_id),
    CONSTRAINT encounter_class_check CHECK ((class = ANY (ARRAY['AMB'::text, 'IMP'::text, 'EMER'::text]))),
    CONSTRAINT encounter_end_check CHECK ((ended_at >= started_at)),
    CONSTRAINT encounter_finished_check CHECK (((status <> 'finished'::text) OR ((ended_at IS NOT NULL) AND (disposition <> ''::text)))),
    CONSTRAINT encounter_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT encounter_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT encounter_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT encounter_practitioner_fkey FOREIGN KEY (tenant_id, practitioner_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT encounter_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'arrived'::text, 'triaged'::text, 'in-progress'::text, 'onleave'::text, 'finished'::text, 'cancelled'::text, 'entered-in-error'::text]))),
    CONSTRAINT encounter_texts_check CHECK (((length(chief_complaint) <= 10742) AND (length(diagnosis) <= 10742) AND (length(disposition) <= 20) AND (length(service_code) <= 50) AND (length(created_by) <= 81)))
);
CREATE INDEX encounter_appointment_idx ON hms.encounter USING btree (tenant_id, appointment_id, patient_id);
CREATE UNIQUE INDEX encounter_appointment_key ON hms.encounter USING btree (tenant_id, appointment_id) WHERE (status <> 'entered-in-error'::text);
CREATE INDEX encounter_date_idx ON hms.encounter USING btree (tenant_id, started_at, id);
CREATE UNIQUE INDEX encounter_open_inpatient_key ON hms.encounter USING btree (tenant_id, patient_id) WHERE ((class = 'IMP'::text) AND (status = ANY (ARRAY['arrived'::text, 'triaged'::text, 'in-progress'::text, 'onleave'::text])));
CREATE INDEX encounter_patient_date_idx ON hms.encounter USING btree (tenant_id, patient_id, started_at, id);
CREATE INDEX encounter_patient_practitioner_idx ON hms.encounter USING btree (tenant_id, patient_id, practitioner_id);
CREATE INDEX encounter_practitioner_idx ON hms.encounter USING btree (tenant_id, practitioner_id, started_at);
ALTER TABLE hms.encounter ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.encounter FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER encounter_audit_delete AFTER DELETE ON hms.encounter REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('encounter', 'patient_id', 'id');
CREATE TRIGGER encounter_audit_insert AFTER INSERT ON hms.encounter REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('encounter', 'patient_id', 'id');
CREATE TRIGGER encounter_audit_update AFTER UPDATE ON hms.encounter REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('encounter', 'patient_id', 'id');
CREATE TRIGGER encounter_keep_rows BEFORE DELETE OR TRUNCATE ON hms.encounter FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER encounter_patient_guard BEFORE INSERT ON hms.encounter FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER encounter_practitioner BEFORE INSERT OR UPDATE OF practitioner_id ON hms.encounter FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('practitioner_id', 'HM201');
CREATE TRIGGER encounter_sealed_guard BEFORE INSERT OR UPDATE OF chief_complaint, diagnosis ON hms.encounter FOR EACH ROW WHEN ((((new.chief_complaint <> ''::text) AND ("left"(new.chief_complaint, 5) <> 'hms1:'::text)) OR ((new.diagnosis <> ''::text) AND ("left"(new.diagnosis, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('encounter', 'chief_complaint', 'diagnosis');
CREATE TRIGGER encounter_status_guard BEFORE UPDATE OF status ON hms.encounter FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('arrived>cancelled', 'arrived>entered-in-error', 'arrived>in-progress', 'arrived>triaged', 'cancelled>entered-in-error', 'finished>entered-in-error', 'in-progress>entered-in-error', 'in-progress>finished', 'in-progress>onleave', 'onleave>entered-in-error', 'onleave>in-progress', 'planned>arrived', 'planned>cancelled', 'planned>entered-in-error', 'planned>in-progress', 'triaged>entered-in-error', 'triaged>in-progress');
GRANT INSERT, SELECT ON hms.encounter TO hms_app;
GRANT SELECT ON hms.encounter TO hms_backup;

CREATE TABLE hms.encounter_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT encounter_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.encounter(tenant_id, id),
    CONSTRAINT encounter_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT encounter_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT encounter_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81))),
    CONSTRAINT encounter_status_why_check CHECK (((to_status <> ALL (ARRAY['cancelled'::text, 'entered-in-error'::text])) OR (reason <> ''::text)))
);
ALTER TABLE hms.encounter_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.encounter_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER encounter_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.encounter_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.encounter_status TO hms_app;
GRANT SELECT ON hms.encounter_status TO hms_backup;

CREATE TABLE hms.erasure ( -- hms_owner
    basis text NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    erased_by text NOT NULL,
    patient_id uuid NOT NULL,
    reason text NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT erasure_basis_check CHECK (((length(basis) >= 3) AND (length(basis) <= 200))),
    CONSTRAINT erasure_by_check CHECK ((erased_by <> ''::text)),
    CONSTRAINT erasure_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT erasure_pkey PRIMARY KEY (tenant_id, patient_id),
    CONSTRAINT erasure_reason_check CHECK (((length(reason) >= 3) AND (length(reason) <= 1000))),
    CONSTRAINT erasure_texts_check CHECK ((length(erased_by) <= 81))
);
CREATE INDEX erasure_erased_idx ON hms.erasure USING btree (tenant_id, erased_at, patient_id);
ALTER TABLE hms.erasure ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.erasure FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER erasure_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.erasure FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER erasure_audit_delete AFTER DELETE ON hms.erasure REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('erasure', 'patient_id', 'patient_id');
CREATE TRIGGER erasure_audit_insert AFTER INSERT ON hms.erasure REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('erasure', 'patient_id', 'patient_id');
CREATE TRIGGER erasure_audit_update AFTER UPDATE ON hms.erasure REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('erasure', 'patient_id', 'patient_id');
GRANT INSERT, SELECT ON hms.erasure TO hms_app;
GRANT SELECT ON hms.erasure TO hms_backup;

CREATE TABLE hms.external_identity ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT external_identity_key UNIQUE (tenant_id, issuer, subject),
    CONSTRAINT external_identity_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT external_identity_texts_check CHECK ((((length(issuer) >= 1) AND (length(issuer) <= 300)) AND ((length(subject) >= 1) AND (length(subject) <= 256)) AND (length(created_by) <= 81))),
    CONSTRAINT external_identity_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX external_identity_user_idx ON hms.external_identity USING btree (tenant_id, user_id);
ALTER TABLE hms.external_identity ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.external_identity FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER external_identity_audit_delete AFTER DELETE ON hms.external_identity REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('external_identity', '', 'id');
CREATE TRIGGER external_identity_audit_insert AFTER INSERT ON hms.external_identity REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('external_identity', '', 'id');
CREATE TRIGGER external_identity_audit_update AFTER UPDATE ON hms.external_identity REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('external_identity', '', 'id');
CREATE TRIGGER external_identity_made BEFORE INSERT ON hms.external_identity FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.link_external_identity');
GRANT INSERT, SELECT ON hms.external_identity TO hms_app;
GRANT SELECT ON hms.external_identity TO hms_backup;

CREATE TABLE hms.idempotency_key ( -- hms_owner
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    key text NOT NULL,
    operation text NOT NULL,
    request_hash text NOT NULL,
    result_id uuid,
    tenant_id uuid NOT NULL,
    CONSTRAINT idempotency_key_length_check CHECK (((length(key) >= 1) AND (length(key) <= 200))),
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (tenant_id, operation, actor, key)
);
ALTER TABLE hms.idempotency_key ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.idempotency_key FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT DELETE, INSERT, SELECT ON hms.idempotency_key TO hms_app;
GRANT SELECT ON hms.idempotency_key TO hms_backup;

CREATE TABLE hms.journal ( -- hms_owner
    business_date date NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    line_count integer NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    source_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT journal_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT journal_kind_check CHECK ((kind = ANY (ARRAY['bill'::text, 'payment'::text, 'payment-cancellation'::text, 'refund'::text, 'credit-note'::text]))),
    CONSTRAINT journal_line_count_check CHECK (((line_count = 0) OR (line_count >= 2))),
    CONSTRAINT journal_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT journal_source_key UNIQUE (tenant_id, kind, source_id)
);
CREATE INDEX journal_day_idx ON hms.journal USING btree (tenant_id, business_date, id);
ALTER TABLE hms.journal ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.journal FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER journal_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.journal FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER journal_audit_delete AFTER DELETE ON hms.journal REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('journal', '', 'id');
CREATE TRIGGER journal_audit_insert AFTER INSERT ON hms.journal REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('journal', '', 'id');
CREATE TRIGGER journal_audit_update AFTER UPDATE ON hms.journal REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('journal', '', 'id');
GRANT INSERT, SELECT ON hms.journal TO hms_app;
GRANT SELECT ON hms.journal TO hms_backup;

CREATE TABLE hms.lab_analyte ( -- hms_owner
    active boolean NOT NULL,
    code text NOT NULL,
    code_key text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    loinc text NOT NULL DEFAULT ''::text,
    name text NOT NULL,
    "position" bigint NOT NULL,
    "precision" bigint,
    tenant_id uuid NOT NULL,
    test_id uuid NOT NULL,
    unit text NOT NULL DEFAULT ''::text,
    value_type text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_analyte_code_check CHECK ((code ~ '^[A-Z0-9][A-Z0-9._-]{0,29}$'::text)),
    CONSTRAINT lab_analyte_code_key UNIQUE (tenant_id, test_id, code_key),
    CONSTRAINT lab_analyte_key_check CHECK ((code_key <> ''::text)),
    CONSTRAINT lab_analyte_loinc_check CHECK (((loinc = ''::text) OR (loinc ~ '^[0-9]{1,5}-[0-9]$'::text))),
    CONSTRAINT lab_analyte_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT lab_analyte_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_analyte_position_check CHECK (("position" >= 0)),
    CONSTRAINT lab_analyte_precision_check CHECK ((((("precision" >= 0) AND ("precision" <= 20)) AND (value_type = 'numeric'::text)) OR ("precision" IS NULL))),
    CONSTRAINT lab_analyte_test_fkey FOREIGN KEY (tenant_id, test_id) REFERENCES hms.lab_test(tenant_id, id),
    CONSTRAINT lab_analyte_test_key UNIQUE (tenant_id, id, test_id),
    CONSTRAINT lab_analyte_texts_check CHECK (((octet_length(code_key) <= 120) AND (length(created_by) <= 81))),
    CONSTRAINT lab_analyte_unit_check CHECK (((unit ~ '^[!-~]{0,40}$'::text) AND ((unit = ''::text) OR (value_type = 'numeric'::text)))),
    CONSTRAINT lab_analyte_value_type_check CHECK ((value_type = ANY (ARRAY['numeric'::text, 'coded'::text, 'text'::text])))
);
ALTER TABLE hms.lab_analyte ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_analyte FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_analyte_audit_delete AFTER DELETE ON hms.lab_analyte REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_analyte', '', 'id');
CREATE TRIGGER lab_analyte_audit_insert AFTER INSERT ON hms.lab_analyte REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_analyte', '', 'id');
CREATE TRIGGER lab_analyte_audit_update AFTER UPDATE ON hms.lab_analyte REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_analyte', '', 'id');
CREATE TRIGGER lab_analyte_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_analyte FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_analyte TO hms_app;
GRANT SELECT ON hms.lab_analyte TO hms_backup;

CREATE TABLE hms.lab_answer ( -- hms_owner
    analyte_id uuid NOT NULL,
    code text NOT NULL,
    display text NOT NULL,
    flag text NOT NULL DEFAULT ''::text,
    "position" bigint NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT lab_answer_analyte_fkey FOREIGN KEY (tenant_id, analyte_id) REFERENCES hms.lab_analyte(tenant_id, id),
    CONSTRAINT lab_answer_code_check CHECK (((length(code) >= 1) AND (length(code) <= 100))),
    CONSTRAINT lab_answer_display_check CHECK (((length(display) >= 1) AND (length(display) <= 300))),
    CONSTRAINT lab_answer_flag_check CHECK ((flag = ANY (ARRAY[''::text, 'N'::text, 'A'::text, 'AA'::text]))),
    CONSTRAINT lab_answer_pkey PRIMARY KEY (tenant_id, analyte_id, code)
);
ALTER TABLE hms.lab_answer ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_answer FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_answer_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_answer FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_answer_audit_delete AFTER DELETE ON hms.lab_answer REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_answer', '', 'analyte_id,code');
CREATE TRIGGER lab_answer_audit_insert AFTER INSERT ON hms.lab_answer REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_answer', '', 'analyte_id,code');
CREATE TRIGGER lab_answer_audit_update AFTER UPDATE ON hms.lab_answer REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_answer', '', 'analyte_id,code');
GRANT INSERT, SELECT ON hms.lab_answer TO hms_app;
GRANT SELECT ON hms.lab_answer TO hms_backup;

CREATE TABLE hms.lab_critical_alert ( -- hms_owner
    acknowledged_at timestamp with time zone,
    acknowledged_by text NOT NULL DEFAULT ''::text,
    analyte_id uuid NOT NULL,
    closed_at timestamp with time zone,
    closed_by text NOT NULL DEFAULT ''::text,
    closing_comment text NOT NULL DEFAULT ''::text,
    comment text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    escalate_at timestamp with time zone NOT NULL,
    escalated_at timestamp with time zone,
    escalation_level bigint NOT NULL DEFAULT 0,
    flag text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    order_item_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    read_back boolean NOT NULL DEFAULT false,
    result_id uuid NOT NULL,
    status text NOT NULL,
    superseded_by uuid,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_critical_alert_acknowledged_check CHECK ((((status = 'open'::text) = (acknowledged_by = ''::text)) AND ((status = 'open'::text) = (acknowledged_at IS NULL)) AND ((status = 'open'::text) OR (btrim(comment) <> ''::text)) AND (acknowledged_at >= created_at))),
    CONSTRAINT lab_critical_alert_closed_check CHECK ((((status = 'closed'::text) = (closed_by <> ''::text)) AND ((status = 'closed'::text) = (closed_at IS NOT NULL)) AND ((status <> 'closed'::text) OR (read_back AND (btrim(closing_comment) <> ''::text))) AND (closed_at >= acknowledged_at))),
    CONSTRAINT lab_critical_alert_escalation_check CHECK (((escalation_level >= 0) AND (escalate_at > created_at))),
    CONSTRAINT lab_critical_alert_flag_check CHECK ((flag = ANY (ARRAY[''::text, 'L'::text, 'H'::text, 'LL'::text, 'HH'::text, 'A'::text, 'AA'::text, 'N'::text]))),
    CONSTRAINT lab_critical_alert_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT lab_critical_alert_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_critical_alert_result_fkey FOREIGN KEY (tenant_id, result_id, order_item_id, analyte_id, patient_id) REFERENCES hms.lab_result(tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_critical_alert_result_key UNIQUE (tenant_id, result_id),
    CONSTRAINT lab_critical_alert_status_check CHECK ((status = ANY (ARRAY['open'::text, 'acknowledged'::text, 'closed'::text]))),
    CONSTRAINT lab_critical_alert_superseded_fkey FOREIGN KEY (tenant_id, superseded_by, order_item_id, analyte_id, patient_id) REFERENCES hms.lab_result(tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_critical_alert_texts_check CHECK (((length(comment) <= 10742) AND (length(closing_comment) <= 10742) AND (length(acknowledged_by) <= 81) AND (length(closed_by) <= 81) AND (length(created_by) <= 81)))
);
CREATE INDEX lab_critical_alert_escalate_idx ON hms.lab_critical_alert USING btree (tenant_id, escalate_at, id) WHERE (status = 'open'::text);
CREATE INDEX lab_critical_alert_item_idx ON hms.lab_critical_alert USING btree (tenant_id, order_item_id, analyte_id);
CREATE INDEX lab_critical_alert_open_idx ON hms.lab_critical_alert USING btree (tenant_id, created_at, id) WHERE (status <> 'closed'::text);
CREATE INDEX lab_critical_alert_patient_idx ON hms.lab_critical_alert USING btree (tenant_id, patient_id);
CREATE INDEX lab_critical_alert_result_idx ON hms.lab_critical_alert USING btree (tenant_id, result_id, order_item_id, analyte_id);
CREATE INDEX lab_critical_alert_superseded_idx ON hms.lab_critical_alert USING btree (tenant_id, superseded_by, order_item_id, analyte_id);
ALTER TABLE hms.lab_critical_alert ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_critical_alert FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_critical_alert_audit_delete AFTER DELETE ON hms.lab_critical_alert REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_critical_alert', 'patient_id', 'id');
CREATE TRIGGER lab_critical_alert_audit_insert AFTER INSERT ON hms.lab_critical_alert REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_critical_alert', 'patient_id', 'id');
CREATE TRIGGER lab_critical_alert_audit_update AFTER UPDATE ON hms.lab_critical_alert REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_critical_alert', 'patient_id', 'id');
CREATE TRIGGER lab_critical_alert_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_critical_alert FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_critical_alert_sealed_guard BEFORE INSERT OR UPDATE OF comment, closing_comment ON hms.lab_critical_alert FOR EACH ROW WHEN ((((new.comment <> ''::text) AND ("left"(new.comment, 5) <> 'hms1:'::text)) OR ((new.closing_comment <> ''::text) AND ("left"(new.closing_comment, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('lab_critical_alert', 'comment', 'closing_comment');
CREATE TRIGGER lab_critical_alert_status_guard BEFORE UPDATE OF status ON hms.lab_critical_alert FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('open>acknowledged', 'acknowledged>closed');
GRANT INSERT, SELECT ON hms.lab_critical_alert TO hms_app;
GRANT SELECT ON hms.lab_critical_alert TO hms_backup;

CREATE TABLE hms.lab_critical_alert_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT lab_critical_alert_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.lab_critical_alert(tenant_id, id),
    CONSTRAINT lab_critical_alert_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT lab_critical_alert_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT lab_critical_alert_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.lab_critical_alert_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_critical_alert_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_critical_alert_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_critical_alert_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_critical_alert_status TO hms_app;
GRANT SELECT ON hms.lab_critical_alert_status TO hms_backup;

CREATE TABLE hms.lab_order ( -- hms_owner
    clinical_notes text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    encounter_id uuid,
    id uuid NOT NULL,
    number text NOT NULL,
    patient_id uuid NOT NULL,
    priority text NOT NULL,
    requester_id uuid NOT NULL,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_order_clinical_notes_check CHECK ((length(clinical_notes) <= 21408)),
    CONSTRAINT lab_order_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT lab_order_number_key UNIQUE (tenant_id, number),
    CONSTRAINT lab_order_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT lab_order_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT lab_order_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_order_priority_check CHECK ((priority = ANY (ARRAY['routine'::text, 'urgent'::text, 'asap'::text, 'stat'::text]))),
    CONSTRAINT lab_order_reason_check CHECK (((status <> ALL (ARRAY['revoked'::text, 'entered-in-error'::text])) OR (status_reason <> ''::text))),
    CONSTRAINT lab_order_requester_fkey FOREIGN KEY (tenant_id, requester_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT lab_order_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'on-hold'::text, 'completed'::text, 'revoked'::text, 'entered-in-error'::text]))),
    CONSTRAINT lab_order_texts_check CHECK (((length(status_reason) <= 500) AND (length(created_by) <= 81)))
);
CREATE INDEX lab_order_encounter_idx ON hms.lab_order USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX lab_order_patient_idx ON hms.lab_order USING btree (tenant_id, patient_id, created_at, id);
CREATE INDEX lab_order_requester_idx ON hms.lab_order USING btree (tenant_id, requester_id);
ALTER TABLE hms.lab_order ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_order FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_order_audit_delete AFTER DELETE ON hms.lab_order REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_order', 'patient_id', 'id');
CREATE TRIGGER lab_order_audit_insert AFTER INSERT ON hms.lab_order REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_order', 'patient_id', 'id');
CREATE TRIGGER lab_order_audit_update AFTER UPDATE ON hms.lab_order REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_order', 'patient_id', 'id');
CREATE TRIGGER lab_order_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_order FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_order_patient_guard BEFORE INSERT ON hms.lab_order FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER lab_order_requester BEFORE INSERT OR UPDATE OF requester_id ON hms.lab_order FOR EACH ROW EXECUTE FUNCTION hms.guard_active_account('requester_id', 'HM402');
CREATE TRIGGER lab_order_sealed_guard BEFORE INSERT OR UPDATE OF clinical_notes ON hms.lab_order FOR EACH ROW WHEN (((new.clinical_notes <> ''::text) AND ("left"(new.clinical_notes, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('lab_order', 'clinical_notes');
CREATE TRIGGER lab_order_status_guard BEFORE UPDATE OF status ON hms.lab_order FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('draft>active', 'draft>revoked', 'draft>entered-in-error', 'active>on-hold', 'active>completed', 'active>revoked', 'active>entered-in-error', 'on-hold>active', 'on-hold>revoked', 'on-hold>entered-in-error', 'completed>entered-in-error', 'revoked>entered-in-error');
GRANT INSERT, SELECT ON hms.lab_order TO hms_app;
GRANT SELECT ON hms.lab_order TO hms_backup;

CREATE TABLE hms.lab_order_item ( -- hms_owner
    collected_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    priority_rank integer NOT NULL,
    result_date timestamp with time zone,
    resulted_at timestamp with time zone,
    reviewed_at timestamp with time zone,
    reviewed_by text NOT NULL DEFAULT ''::text,
    specimen_id uuid,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    test_id uuid NOT NULL,
    verified_at timestamp with time zone,
    verified_by text NOT NULL DEFAULT ''::text,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_order_item_collected_check CHECK (((status <> ALL (ARRAY['collected'::text, 'in-progress'::text, 'preliminary'::text, 'verified'::text, 'final'::text, 'corrected'::text, 'amended'::text])) OR ((specimen_id IS NOT NULL) AND (collected_at IS NOT NULL)))),
    CONSTRAINT lab_order_item_order_fkey FOREIGN KEY (tenant_id, order_id, patient_id) REFERENCES hms.lab_order(tenant_id, id, patient_id),
    CONSTRAINT lab_order_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_order_item_priority_rank_check CHECK (((priority_rank >= 0) AND (priority_rank <= 3))),
    CONSTRAINT lab_order_item_reason_check CHECK (((status <> ALL (ARRAY['cancelled'::text, 'entered-in-error'::text])) OR (status_reason <> ''::text))),
    CONSTRAINT lab_order_item_result_date_check CHECK (((status <> ALL (ARRAY['final'::text, 'corrected'::text, 'amended'::text])) OR ((result_date IS NOT NULL) AND (result_date >= collected_at)))),
    CONSTRAINT lab_order_item_reviewed_check CHECK (((reviewed_by = ''::text) = (reviewed_at IS NULL))),
    CONSTRAINT lab_order_item_scope_key UNIQUE (tenant_id, id, patient_id, test_id),
    CONSTRAINT lab_order_item_specimen_fkey FOREIGN KEY (tenant_id, specimen_id, order_id) REFERENCES hms.lab_specimen(tenant_id, id, order_id),
    CONSTRAINT lab_order_item_status_check CHECK ((status = ANY (ARRAY['ordered'::text, 'collected'::text, 'in-progress'::text, 'preliminary'::text, 'verified'::text, 'final'::text, 'corrected'::text, 'amended'::text, 'cancelled'::text, 'entered-in-error'::text]))),
    CONSTRAINT lab_order_item_test_fkey FOREIGN KEY (tenant_id, test_id) REFERENCES hms.lab_test(tenant_id, id),
    CONSTRAINT lab_order_item_test_key UNIQUE (tenant_id, order_id, test_id),
    CONSTRAINT lab_order_item_texts_check CHECK (((length(status_reason) <= 500) AND (length(verified_by) <= 81) AND (length(reviewed_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT lab_order_item_verified_check CHECK ((((verified_by = ''::text) = (verified_at IS NULL)) AND ((status <> ALL (ARRAY['verified'::text, 'final'::text, 'corrected'::text, 'amended'::text])) OR (verified_at IS NOT NULL)) AND ((status <> ALL (ARRAY['ordered'::text, 'collected'::text, 'in-progress'::text, 'preliminary'::text])) OR (verified_at IS NULL))))
);
CREATE INDEX lab_order_item_order_idx ON hms.lab_order_item USING btree (tenant_id, order_id, patient_id);
CREATE INDEX lab_order_item_pending_idx ON hms.lab_order_item USING btree (tenant_id, priority_rank, created_at, id) WHERE (status = ANY (ARRAY['ordered'::text, 'collected'::text, 'in-progress'::text, 'preliminary'::text, 'verified'::text]));
CREATE INDEX lab_order_item_result_date_idx ON hms.lab_order_item USING btree (tenant_id, result_date) WHERE (result_date IS NOT NULL);
CREATE INDEX lab_order_item_specimen_idx ON hms.lab_order_item USING btree (tenant_id, specimen_id, order_id);
CREATE INDEX lab_order_item_test_idx ON hms.lab_order_item USING btree (tenant_id, test_id);
ALTER TABLE hms.lab_order_item ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_order_item FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_order_item_audit_delete AFTER DELETE ON hms.lab_order_item REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_order_item', 'patient_id', 'id');
CREATE TRIGGER lab_order_item_audit_insert AFTER INSERT ON hms.lab_order_item REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_order_item', 'patient_id', 'id');
CREATE TRIGGER lab_order_item_audit_update AFTER UPDATE ON hms.lab_order_item REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_order_item', 'patient_id', 'id');
CREATE TRIGGER lab_order_item_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_order_item FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_order_item_status_guard BEFORE UPDATE OF status ON hms.lab_order_item FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('ordered>collected', 'ordered>cancelled', 'ordered>entered-in-error', 'collected>in-progress', 'collected>preliminary', 'collected>ordered', 'collected>cancelled', 'collected>entered-in-error', 'in-progress>preliminary', 'in-progress>ordered', 'in-progress>cancelled', 'in-progress>entered-in-error', 'preliminary>verified', 'preliminary>ordered', 'preliminary>cancelled', 'preliminary>entered-in-error', 'verified>final', 'verified>preliminary', 'verified>ordered', 'verified>cancelled', 'verified>entered-in-error', 'final>corrected', 'final>amended', 'final>cancelled', 'final>entered-in-error', 'corrected>amended', 'corrected>cancelled', 'corrected>entered-in-error', 'amended>corrected', 'amended>cancelled', 'amended>entered-in-error', 'cancelled>entered-in-error');
CREATE TRIGGER lab_order_item_usable_specimen BEFORE INSERT OR UPDATE OF status, specimen_id ON hms.lab_order_item FOR EACH ROW WHEN (((new.specimen_id IS NOT NULL) AND (new.status = ANY (ARRAY['collected'::text, 'in-progress'::text, 'preliminary'::text, 'verified'::text, 'final'::text, 'corrected'::text, 'amended'::text])))) EXECUTE FUNCTION hms.guard_item_specimen();
GRANT INSERT, SELECT ON hms.lab_order_item TO hms_app;
GRANT SELECT ON hms.lab_order_item TO hms_backup;

CREATE TABLE hms.lab_order_item_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT lab_order_item_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.lab_order_item(tenant_id, id),
    CONSTRAINT lab_order_item_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT lab_order_item_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT lab_order_item_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.lab_order_item_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_order_item_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_order_item_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_order_item_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_order_item_status TO hms_app;
GRANT SELECT ON hms.lab_order_item_status TO hms_backup;

CREATE TABLE hms.lab_order_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT lab_order_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.lab_order(tenant_id, id),
    CONSTRAINT lab_order_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT lab_order_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT lab_order_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.lab_order_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_order_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_order_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_order_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_order_status TO hms_app;
GRANT SELECT ON hms.lab_order_status TO hms_backup;

CREATE TABLE hms.lab_reference_range ( -- hms_owner
    age_from integer NOT NULL,
    age_to integer,
    analyte_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    critical_high numeric,
    critical_low numeric,
    high numeric,
    id uuid NOT NULL,
    low numeric,
    sex text NOT NULL,
    tenant_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    version bigint NOT NULL DEFAULT 1,
    void_reason text NOT NULL DEFAULT ''::text,
    voided_at timestamp with time zone,
    CONSTRAINT lab_reference_range_age_check CHECK (((age_from >= 0) AND (age_to > age_from))),
    CONSTRAINT lab_reference_range_analyte_fkey FOREIGN KEY (tenant_id, analyte_id) REFERENCES hms.lab_analyte(tenant_id, id),
    CONSTRAINT lab_reference_range_analyte_key UNIQUE (tenant_id, id, analyte_id),
    CONSTRAINT lab_reference_range_bounds_check CHECK (((num_nonnulls(low, high, critical_low, critical_high) > 0) AND COALESCE((low <= high), true) AND COALESCE((critical_low <= critical_high), true) AND COALESCE((critical_low <= low), true) AND COALESCE((critical_low <= high), true) AND COALESCE((low <= critical_high), true) AND COALESCE((high <= critical_high), true))),
    CONSTRAINT lab_reference_range_number_check CHECK (((low <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])) AND (high <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])) AND (critical_low <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])) AND (critical_high <> ALL (ARRAY['NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric])))),
    CONSTRAINT lab_reference_range_overlap_excl EXCLUDE USING gist (tenant_id WITH =, analyte_id WITH =, sex WITH =, int4range(age_from, age_to) WITH &&, daterange(valid_from, valid_to) WITH &&) WHERE ((voided_at IS NULL)),
    CONSTRAINT lab_reference_range_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_reference_range_sex_check CHECK ((sex = ANY (ARRAY['any'::text, 'female'::text, 'male'::text]))),
    CONSTRAINT lab_reference_range_texts_check CHECK (((length(void_reason) <= 500) AND (length(created_by) <= 81))),
    CONSTRAINT lab_reference_range_validity_check CHECK ((valid_to > valid_from)),
    CONSTRAINT lab_reference_range_void_check CHECK (((voided_at IS NULL) = (void_reason = ''::text)))
);
CREATE INDEX lab_reference_range_analyte_idx ON hms.lab_reference_range USING btree (tenant_id, analyte_id, sex, age_from);
ALTER TABLE hms.lab_reference_range ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_reference_range FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_reference_range_audit_delete AFTER DELETE ON hms.lab_reference_range REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_reference_range', '', 'id');
CREATE TRIGGER lab_reference_range_audit_insert AFTER INSERT ON hms.lab_reference_range REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_reference_range', '', 'id');
CREATE TRIGGER lab_reference_range_audit_update AFTER UPDATE ON hms.lab_reference_range REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_reference_range', '', 'id');
CREATE TRIGGER lab_reference_range_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_reference_range FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_reference_range TO hms_app;
GRANT SELECT ON hms.lab_reference_range TO hms_backup;

CREATE TABLE hms.lab_result ( -- hms_owner
    absent_reason text NOT NULL DEFAULT ''::text,
    age_days integer,
    analyte_id uuid NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    comment text NOT NULL DEFAULT ''::text,
    comparator text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    critical boolean NOT NULL,
    critical_high numeric,
    critical_low numeric,
    entered_at timestamp with time zone NOT NULL,
    entered_by text NOT NULL,
    flag text NOT NULL DEFAULT ''::text,
    high numeric,
    id uuid NOT NULL,
    low numeric,
    order_item_id uuid NOT NULL,
    patient_id uuid NOT NULL,
    range_id uuid,
    reason text NOT NULL DEFAULT ''::text,
    sex text NOT NULL DEFAULT ''::text,
    specimen_id uuid NOT NULL,
    status text NOT NULL,
    supersedes_id uuid,
    tenant_id uuid NOT NULL,
    test_id uuid NOT NULL,
    unit text NOT NULL DEFAULT ''::text,
    value_code text NOT NULL DEFAULT ''::text,
    value_number numeric,
    value_text text NOT NULL DEFAULT ''::text,
    value_type text NOT NULL,
    verified_at timestamp with time zone,
    verified_by text NOT NULL DEFAULT ''::text,
    version bigint NOT NULL,
    CONSTRAINT lab_result_analyte_fkey FOREIGN KEY (tenant_id, analyte_id, test_id) REFERENCES hms.lab_analyte(tenant_id, id, test_id),
    CONSTRAINT lab_result_chain_key UNIQUE (tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_result_comparator_check CHECK (((comparator = ANY (ARRAY[''::text, '<'::text, '<='::text, '>='::text, '>'::text])) AND ((comparator = ''::text) OR (value_type = 'numeric'::text)))),
    CONSTRAINT lab_result_flag_check CHECK (((flag = ANY (ARRAY[''::text, 'N'::text, 'L'::text, 'H'::text, 'LL'::text, 'HH'::text, 'A'::text, 'AA'::text])) AND (critical OR (flag <> ALL (ARRAY['LL'::text, 'HH'::text, 'AA'::text]))))),
    CONSTRAINT lab_result_item_fkey FOREIGN KEY (tenant_id, order_item_id, patient_id, test_id) REFERENCES hms.lab_order_item(tenant_id, id, patient_id, test_id),
    CONSTRAINT lab_result_number_check CHECK (((low <> 'NaN'::numeric) AND (high <> 'NaN'::numeric) AND (critical_low <> 'NaN'::numeric) AND (critical_high <> 'NaN'::numeric) AND (value_number <> 'NaN'::numeric))),
    CONSTRAINT lab_result_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_result_range_fkey FOREIGN KEY (tenant_id, range_id, analyte_id) REFERENCES hms.lab_reference_range(tenant_id, id, analyte_id),
    CONSTRAINT lab_result_reason_check CHECK (((status <> ALL (ARRAY['corrected'::text, 'amended'::text, 'cancelled'::text, 'entered-in-error'::text])) OR (reason <> ''::text))),
    CONSTRAINT lab_result_specimen_fkey FOREIGN KEY (tenant_id, specimen_id, patient_id) REFERENCES hms.lab_specimen(tenant_id, id, patient_id),
    CONSTRAINT lab_result_status_check CHECK ((status = ANY (ARRAY['preliminary'::text, 'final'::text, 'corrected'::text, 'amended'::text, 'cancelled'::text, 'entered-in-error'::text]))),
    CONSTRAINT lab_result_supersedes_fkey FOREIGN KEY (tenant_id, supersedes_id, order_item_id, analyte_id, patient_id) REFERENCES hms.lab_result(tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_result_supersedes_key UNIQUE (tenant_id, supersedes_id, order_item_id, analyte_id),
    CONSTRAINT lab_result_texts_check CHECK (((length(value_code) <= 100) AND (length(value_text) <= 4000) AND (length(absent_reason) <= 30) AND (length(unit) <= 40) AND (length(sex) <= 10) AND (length(comment) <= 2000) AND (length(reason) <= 500) AND (length(entered_by) <= 81) AND (length(verified_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT lab_result_value_check CHECK (
CASE value_type
    WHEN 'numeric'::text THEN ((value_text ~ '^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$'::text) AND (value_number IS NOT NULL) AND (value_number = (value_text)::numeric) AND (value_code = ''::text) AND (absent_reason = ''::text))
    WHEN 'coded'::text THEN ((value_number IS NULL) AND (value_code <> ''::text) AND (value_text <> ''::text) AND (absent_reason = ''::text))
    WHEN 'text'::text THEN ((value_number IS NULL) AND (value_code = ''::text) AND (value_text <> ''::text) AND (absent_reason = ''::text))
    ELSE ((value_number IS NULL) AND (value_code = ''::text) AND (value_text = ''::text) AND (absent_reason <> ''::text))
END),
    CONSTRAINT lab_result_value_type_check CHECK ((value_type = ANY (ARRAY['numeric'::text, 'coded'::text, 'text'::text, 'absent'::text]))),
    CONSTRAINT lab_result_verified_check CHECK (((status <> ALL (ARRAY['final'::text, 'corrected'::text, 'amended'::text])) OR ((verified_at IS NOT NULL) AND (verified_by <> ''::text)))),
    CONSTRAINT lab_result_version_check CHECK (((version >= 1) AND ((version = 1) = (supersedes_id IS NULL)))),
    CONSTRAINT lab_result_version_key UNIQUE (tenant_id, order_item_id, analyte_id, version)
);
CREATE INDEX lab_result_analyte_idx ON hms.lab_result USING btree (tenant_id, analyte_id, test_id);
CREATE INDEX lab_result_history_idx ON hms.lab_result USING btree (tenant_id, patient_id, analyte_id, collected_at, id);
CREATE INDEX lab_result_item_idx ON hms.lab_result USING btree (tenant_id, order_item_id, patient_id, test_id);
CREATE INDEX lab_result_patient_idx ON hms.lab_result USING btree (tenant_id, patient_id, collected_at, id);
CREATE INDEX lab_result_range_idx ON hms.lab_result USING btree (tenant_id, range_id, analyte_id);
CREATE INDEX lab_result_specimen_idx ON hms.lab_result USING btree (tenant_id, specimen_id);
ALTER TABLE hms.lab_result ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_result FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_result_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_result FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_result_audit_delete AFTER DELETE ON hms.lab_result REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_result', 'patient_id', 'id');
CREATE TRIGGER lab_result_audit_insert AFTER INSERT ON hms.lab_result REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_result', 'patient_id', 'id');
CREATE TRIGGER lab_result_audit_update AFTER UPDATE ON hms.lab_result REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_result', 'patient_id', 'id');
CREATE TRIGGER lab_result_patient_guard BEFORE INSERT ON hms.lab_result FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('collected_at');
CREATE TRIGGER lab_result_status_guard BEFORE INSERT ON hms.lab_result FOR EACH ROW EXECUTE FUNCTION hms.guard_lab_result('preliminary>preliminary', 'preliminary>final', 'preliminary>cancelled', 'preliminary>entered-in-error', 'final>corrected', 'final>amended', 'final>cancelled', 'final>entered-in-error', 'corrected>corrected', 'corrected>amended', 'corrected>cancelled', 'corrected>entered-in-error', 'amended>corrected', 'amended>amended', 'amended>cancelled', 'amended>entered-in-error', 'cancelled>preliminary', 'cancelled>entered-in-error');
GRANT INSERT, SELECT ON hms.lab_result TO hms_app;
GRANT SELECT ON hms.lab_result TO hms_backup;

CREATE TABLE hms.lab_specimen ( -- hms_owner
    accession text NOT NULL,
    birth_precision text NOT NULL DEFAULT ''::text,
    collected_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    patient_birth date,
    patient_id uuid NOT NULL,
    patient_sex text NOT NULL DEFAULT ''::text,
    received_at timestamp with time zone,
    received_by text NOT NULL DEFAULT ''::text,
    reject_code text NOT NULL DEFAULT ''::text,
    reject_reason text NOT NULL DEFAULT ''::text,
    rejected_at timestamp with time zone,
    rejected_by text NOT NULL DEFAULT ''::text,
    specimen_type text NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    two_identifiers boolean NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_specimen_accession_key UNIQUE (tenant_id, accession),
    CONSTRAINT lab_specimen_order_fkey FOREIGN KEY (tenant_id, order_id, patient_id) REFERENCES hms.lab_order(tenant_id, id, patient_id),
    CONSTRAINT lab_specimen_order_key UNIQUE (tenant_id, id, order_id),
    CONSTRAINT lab_specimen_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT lab_specimen_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_specimen_received_check CHECK (((status <> 'received'::text) OR ((received_at IS NOT NULL) AND (received_by <> ''::text)))),
    CONSTRAINT lab_specimen_rejected_check CHECK (((status = ANY (ARRAY['rejected'::text, 'entered-in-error'::text])) = ((rejected_at IS NOT NULL) AND (rejected_by <> ''::text) AND (reject_reason <> ''::text)))),
    CONSTRAINT lab_specimen_status_check CHECK ((status = ANY (ARRAY['collected'::text, 'received'::text, 'rejected'::text, 'entered-in-error'::text]))),
    CONSTRAINT lab_specimen_texts_check CHECK (((length(specimen_type) <= 100) AND (length(patient_sex) <= 10) AND (length(birth_precision) <= 10) AND (length(reject_code) <= 10) AND (length(reject_reason) <= 500) AND (length(received_by) <= 81) AND (length(rejected_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT lab_specimen_time_check CHECK (((collected_at <= created_at) AND (received_at >= collected_at) AND (rejected_at >= collected_at))),
    CONSTRAINT lab_specimen_two_identifiers_check CHECK (two_identifiers)
);
CREATE INDEX lab_specimen_order_idx ON hms.lab_specimen USING btree (tenant_id, order_id, patient_id);
ALTER TABLE hms.lab_specimen ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_specimen FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_specimen_audit_delete AFTER DELETE ON hms.lab_specimen REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_specimen', 'patient_id', 'id');
CREATE TRIGGER lab_specimen_audit_insert AFTER INSERT ON hms.lab_specimen REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_specimen', 'patient_id', 'id');
CREATE TRIGGER lab_specimen_audit_update AFTER UPDATE ON hms.lab_specimen REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_specimen', 'patient_id', 'id');
CREATE TRIGGER lab_specimen_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_specimen FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER lab_specimen_patient_guard BEFORE INSERT ON hms.lab_specimen FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('collected_at');
CREATE TRIGGER lab_specimen_status_guard BEFORE UPDATE OF status ON hms.lab_specimen FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('collected>received', 'collected>rejected', 'collected>entered-in-error', 'received>rejected', 'received>entered-in-error', 'rejected>entered-in-error');
CREATE TRIGGER lab_specimen_used BEFORE UPDATE OF status ON hms.lab_specimen FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) AND (new.status = ANY (ARRAY['rejected'::text, 'entered-in-error'::text])))) EXECUTE FUNCTION hms.guard_used_specimen();
GRANT INSERT, SELECT ON hms.lab_specimen TO hms_app;
GRANT SELECT ON hms.lab_specimen TO hms_backup;

CREATE TABLE hms.lab_specimen_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT lab_specimen_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.lab_specimen(tenant_id, id),
    CONSTRAINT lab_specimen_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT lab_specimen_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT lab_specimen_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.lab_specimen_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_specimen_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_specimen_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.lab_specimen_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_specimen_status TO hms_app;
GRANT SELECT ON hms.lab_specimen_status TO hms_backup;

CREATE TABLE hms.lab_test ( -- hms_owner
    active boolean NOT NULL,
    category text NOT NULL DEFAULT ''::text,
    code text NOT NULL,
    code_key text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    loinc text NOT NULL DEFAULT ''::text,
    name text NOT NULL,
    service_code text NOT NULL DEFAULT ''::text,
    specimen_type text NOT NULL,
    tenant_id uuid NOT NULL,
    turnaround_minutes bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT lab_test_code_check CHECK ((code ~ '^[A-Z0-9][A-Z0-9._-]{0,29}$'::text)),
    CONSTRAINT lab_test_code_key UNIQUE (tenant_id, code_key),
    CONSTRAINT lab_test_key_check CHECK ((code_key <> ''::text)),
    CONSTRAINT lab_test_loinc_check CHECK (((loinc = ''::text) OR (loinc ~ '^[0-9]{1,5}-[0-9]$'::text))),
    CONSTRAINT lab_test_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT lab_test_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_test_specimen_type_check CHECK (((length(specimen_type) >= 1) AND (length(specimen_type) <= 100))),
    CONSTRAINT lab_test_texts_check CHECK (((octet_length(code_key) <= 120) AND (length(category) <= 100) AND (length(service_code) <= 50) AND (length(created_by) <= 81))),
    CONSTRAINT lab_test_turnaround_minutes_check CHECK (((turnaround_minutes >= 1) AND (turnaround_minutes <= 525600)))
);
ALTER TABLE hms.lab_test ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lab_test FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lab_test_audit_delete AFTER DELETE ON hms.lab_test REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('lab_test', '', 'id');
CREATE TRIGGER lab_test_audit_insert AFTER INSERT ON hms.lab_test REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('lab_test', '', 'id');
CREATE TRIGGER lab_test_audit_update AFTER UPDATE ON hms.lab_test REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('lab_test', '', 'id');
CREATE TRIGGER lab_test_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lab_test FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lab_test TO hms_app;
GRANT SELECT ON hms.lab_test TO hms_backup;

CREATE TABLE hms.ledger_account ( -- hms_owner
    code text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT ledger_account_code_check CHECK ((code ~ '^[a-z][a-z-]{0,39}$'::text)),
    CONSTRAINT ledger_account_code_key UNIQUE (tenant_id, currency, code),
    CONSTRAINT ledger_account_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT ledger_account_currency_key UNIQUE (tenant_id, id, currency),
    CONSTRAINT ledger_account_pkey PRIMARY KEY (tenant_id, id)
);
ALTER TABLE hms.ledger_account ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.ledger_account FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER ledger_account_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.ledger_account FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER ledger_account_audit_delete AFTER DELETE ON hms.ledger_account REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('ledger_account', '', 'id');
CREATE TRIGGER ledger_account_audit_insert AFTER INSERT ON hms.ledger_account REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('ledger_account', '', 'id');
CREATE TRIGGER ledger_account_audit_update AFTER UPDATE ON hms.ledger_account REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('ledger_account', '', 'id');
GRANT INSERT, SELECT ON hms.ledger_account TO hms_app;
GRANT SELECT ON hms.ledger_account TO hms_backup;

CREATE TABLE hms.legal_hold ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    patient_id uuid,
    reason text NOT NULL,
    release_reason text NOT NULL DEFAULT ''::text,
    released_at timestamp with time zone,
    released_by text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT legal_hold_created_by_check CHECK ((created_by <> ''::text)),
    CONSTRAINT legal_hold_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT legal_hold_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT legal_hold_reason_check CHECK (((length(reason) >= 3) AND (length(reason) <= 1000))),
    CONSTRAINT legal_hold_release_check CHECK ((((released_at IS NULL) = (released_by = ''::text)) AND ((released_at IS NULL) = (release_reason = ''::text)) AND (length(release_reason) <= 1000))),
    CONSTRAINT legal_hold_released_check CHECK ((released_at >= created_at)),
    CONSTRAINT legal_hold_texts_check CHECK (((length(released_by) <= 81) AND (length(created_by) <= 81)))
);
CREATE INDEX legal_hold_created_idx ON hms.legal_hold USING btree (tenant_id, created_at, id);
CREATE INDEX legal_hold_patient_idx ON hms.legal_hold USING btree (tenant_id, patient_id);
ALTER TABLE hms.legal_hold ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.legal_hold FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER legal_hold_audit_delete AFTER DELETE ON hms.legal_hold REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('legal_hold', 'patient_id', 'id');
CREATE TRIGGER legal_hold_audit_insert AFTER INSERT ON hms.legal_hold REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('legal_hold', 'patient_id', 'id');
CREATE TRIGGER legal_hold_audit_update AFTER UPDATE ON hms.legal_hold REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('legal_hold', 'patient_id', 'id');
CREATE TRIGGER legal_hold_guard BEFORE UPDATE ON hms.legal_hold FOR EACH ROW EXECUTE FUNCTION hms.legal_hold_guard();
CREATE TRIGGER legal_hold_keep_rows BEFORE DELETE OR TRUNCATE ON hms.legal_hold FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.legal_hold TO hms_app;
GRANT SELECT ON hms.legal_hold TO hms_backup;

CREATE TABLE hms.lock ( -- hms_owner
    name text NOT NULL,
    taken bigint NOT NULL DEFAULT 1,
    tenant_id uuid NOT NULL,
    CONSTRAINT lock_pkey PRIMARY KEY (tenant_id, name)
);
ALTER TABLE hms.lock ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.lock FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER lock_keep_rows BEFORE DELETE OR TRUNCATE ON hms.lock FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.lock TO hms_app;
GRANT SELECT ON hms.lock TO hms_backup;

CREATE TABLE hms.login_source ( -- hms_owner
    failures integer NOT NULL,
    last_failure_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    source text NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT login_source_pkey PRIMARY KEY (tenant_id, source)
);
CREATE INDEX login_source_last_idx ON hms.login_source USING btree (tenant_id, last_failure_at);
ALTER TABLE hms.login_source ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.login_source FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT DELETE, INSERT, SELECT ON hms.login_source TO hms_app;
GRANT SELECT ON hms.login_source TO hms_backup;

CREATE TABLE hms.medication_category ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    description text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT medication_category_key_check CHECK ((name_key <> ''::text)),
    CONSTRAINT medication_category_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT medication_category_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_category_texts_check CHECK (((length(name) <= 100) AND (octet_length(name_key) <= 400) AND (length(description) <= 1000) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.medication_category ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.medication_category FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER medication_category_audit_delete AFTER DELETE ON hms.medication_category REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('medication_category', '', 'id');
CREATE TRIGGER medication_category_audit_insert AFTER INSERT ON hms.medication_category REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('medication_category', '', 'id');
CREATE TRIGGER medication_category_audit_update AFTER UPDATE ON hms.medication_category REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('medication_category', '', 'id');
CREATE TRIGGER medication_category_keep_rows BEFORE DELETE OR TRUNCATE ON hms.medication_category FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.medication_category TO hms_app;
GRANT SELECT ON hms.medication_category TO hms_backup;

CREATE TABLE hms.medication_dispense ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    location_id uuid NOT NULL,
    override_reason text NOT NULL DEFAULT ''::text,
    patient_id uuid NOT NULL,
    prescription_id uuid,
    quantity_dispensed bigint NOT NULL DEFAULT 0,
    quantity_requested bigint NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    verdict jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT medication_dispense_item_fkey FOREIGN KEY (tenant_id, item_id) REFERENCES hms.medication_item(tenant_id, id),
    CONSTRAINT medication_dispense_location_fkey FOREIGN KEY (tenant_id, location_id) REFERENCES hms.stock_location(tenant_id, id),
    CONSTRAINT medication_dispense_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT medication_dispense_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_dispense_prescription_fkey FOREIGN KEY (tenant_id, prescription_id, patient_id) REFERENCES hms.prescription(tenant_id, id, patient_id),
    CONSTRAINT medication_dispense_quantity_check CHECK (((quantity_requested >= 1) AND ((quantity_dispensed >= 0) AND (quantity_dispensed <= quantity_requested)))),
    CONSTRAINT medication_dispense_safety_check CHECK (hms.is_verdict(verdict)),
    CONSTRAINT medication_dispense_status_check CHECK ((status = ANY (ARRAY['in-progress'::text, 'completed'::text, 'entered-in-error'::text]))),
    CONSTRAINT medication_dispense_texts_check CHECK (((length(override_reason) <= 500) AND (length(created_by) <= 81)))
);
CREATE INDEX medication_dispense_item_idx ON hms.medication_dispense USING btree (tenant_id, item_id, created_at);
CREATE INDEX medication_dispense_location_idx ON hms.medication_dispense USING btree (tenant_id, location_id);
CREATE INDEX medication_dispense_patient_idx ON hms.medication_dispense USING btree (tenant_id, patient_id, created_at, id);
CREATE INDEX medication_dispense_prescription_idx ON hms.medication_dispense USING btree (tenant_id, prescription_id, patient_id);
ALTER TABLE hms.medication_dispense ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.medication_dispense FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER medication_dispense_audit_delete AFTER DELETE ON hms.medication_dispense REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('medication_dispense', 'patient_id', 'id');
CREATE TRIGGER medication_dispense_audit_insert AFTER INSERT ON hms.medication_dispense REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('medication_dispense', 'patient_id', 'id');
CREATE TRIGGER medication_dispense_audit_update AFTER UPDATE ON hms.medication_dispense REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('medication_dispense', 'patient_id', 'id');
CREATE TRIGGER medication_dispense_keep_rows BEFORE DELETE OR TRUNCATE ON hms.medication_dispense FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER medication_dispense_patient_guard BEFORE INSERT ON hms.medication_dispense FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER medication_dispense_status_guard BEFORE UPDATE OF status ON hms.medication_dispense FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('completed>entered-in-error', 'in-progress>completed');
GRANT INSERT, SELECT ON hms.medication_dispense TO hms_app;
GRANT SELECT ON hms.medication_dispense TO hms_backup;

CREATE TABLE hms.medication_dispense_line ( -- hms_owner
    batch_id uuid NOT NULL,
    dispense_id uuid NOT NULL,
    item_id uuid NOT NULL,
    quantity bigint NOT NULL,
    returned_quantity bigint NOT NULL DEFAULT 0,
    tenant_id uuid NOT NULL,
    CONSTRAINT medication_dispense_line_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch(tenant_id, id, item_id),
    CONSTRAINT medication_dispense_line_dispense_fkey FOREIGN KEY (tenant_id, dispense_id) REFERENCES hms.medication_dispense(tenant_id, id),
    CONSTRAINT medication_dispense_line_pkey PRIMARY KEY (tenant_id, dispense_id, batch_id),
    CONSTRAINT medication_dispense_line_quantity_check CHECK ((quantity >= 1)),
    CONSTRAINT medication_dispense_line_returned_check CHECK (((returned_quantity >= 0) AND (returned_quantity <= quantity)))
);
CREATE INDEX medication_dispense_line_batch_idx ON hms.medication_dispense_line USING btree (tenant_id, batch_id, item_id);
ALTER TABLE hms.medication_dispense_line ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.medication_dispense_line FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER medication_dispense_line_audit_delete AFTER DELETE ON hms.medication_dispense_line REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('medication_dispense_line', '', 'dispense_id,batch_id');
CREATE TRIGGER medication_dispense_line_audit_insert AFTER INSERT ON hms.medication_dispense_line REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('medication_dispense_line', '', 'dispense_id,batch_id');
CREATE TRIGGER medication_dispense_line_audit_update AFTER UPDATE ON hms.medication_dispense_line REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('medication_dispense_line', '', 'dispense_id,batch_id');
CREATE TRIGGER medication_dispense_line_keep_rows BEFORE DELETE OR TRUNCATE ON hms.medication_dispense_line FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.medication_dispense_line TO hms_app;
GRANT SELECT ON hms.medication_dispense_line TO hms_backup;

CREATE TABLE hms.medication_dispense_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT medication_dispense_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.medication_dispense(tenant_id, id),
    CONSTRAINT medication_dispense_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT medication_dispense_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT medication_dispense_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.medication_dispense_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.medication_dispense_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER medication_dispense_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.medication_dispense_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.medication_dispense_status TO hms_app;
GRANT SELECT ON hms.medication_dispense_status TO hms_backup;

CREATE TABLE hms.medication_item ( -- hms_owner
    atc_code text NOT NULL DEFAULT ''::text,
    category_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    form text NOT NULL DEFAULT ''::text,
    generic_name text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    manufacturer text NOT NULL DEFAULT ''::text,
    manufacturer_key text NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    reorder_level bigint NOT NULL DEFAULT 0,
    rxnorm_code text NOT NULL DEFAULT ''::text,
    service_code text NOT NULL DEFAULT ''::text,
    strength text NOT NULL DEFAULT ''::text,
    strength_key text NOT NULL,
    tenant_id uuid NOT NULL,
    unit text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT medication_item_category_fkey FOREIGN KEY (tenant_id, category_id) REFERENCES hms.medication_category(tenant_id, id),
    CONSTRAINT medication_item_key_check CHECK (((name_key <> ''::text) AND ((strength_key = ''::text) = (strength = ''::text)) AND ((manufacturer_key = ''::text) = (manufacturer = ''::text)))),
    CONSTRAINT medication_item_name_key UNIQUE (tenant_id, name_key, strength_key, manufacturer_key),
    CONSTRAINT medication_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT medication_item_reorder_check CHECK ((reorder_level >= 0)),
    CONSTRAINT medication_item_texts_check CHECK (((length(name) <= 200) AND (octet_length(name_key) <= 800) AND (length(generic_name) <= 200) AND (length(strength) <= 50) AND (octet_length(strength_key) <= 200) AND (length(unit) <= 20) AND (length(manufacturer) <= 200) AND (octet_length(manufacturer_key) <= 800) AND (length(form) <= 50) AND (length(rxnorm_code) <= 50) AND (length(atc_code) <= 50) AND (length(service_code) <= 50) AND (length(created_by) <= 81)))
);
CREATE INDEX medication_item_category_idx ON hms.medication_item USING btree (tenant_id, category_id);
ALTER TABLE hms.medication_item ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.medication_item FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER medication_item_audit_delete AFTER DELETE ON hms.medication_item REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('medication_item', '', 'id');
CREATE TRIGGER medication_item_audit_insert AFTER INSERT ON hms.medication_item REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('medication_item', '', 'id');
CREATE TRIGGER medication_item_audit_update AFTER UPDATE ON hms.medication_item REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('medication_item', '', 'id');
CREATE TRIGGER medication_item_keep_rows BEFORE DELETE OR TRUNCATE ON hms.medication_item FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.medication_item TO hms_app;
GRANT SELECT ON hms.medication_item TO hms_backup;

CREATE TABLE hms.message ( -- hms_owner
    body text NOT NULL,
    id uuid NOT NULL,
    patient_id uuid,
    sealed_for uuid NOT NULL,
    sender_id uuid NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    CONSTRAINT message_body_check CHECK (((length(body) >= 1) AND (length(body) <= 53408))),
    CONSTRAINT message_order_key UNIQUE (tenant_id, thread_id, sent_at),
    CONSTRAINT message_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT message_person_fkey FOREIGN KEY (tenant_id, thread_id, patient_id) REFERENCES hms.message_thread(tenant_id, id, patient_id),
    CONSTRAINT message_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT message_sealed_check CHECK (((patient_id IS NULL) = (sealed_for = tenant_id))),
    CONSTRAINT message_sender_fkey FOREIGN KEY (tenant_id, thread_id, sender_id) REFERENCES hms.thread_participant(tenant_id, thread_id, user_id),
    CONSTRAINT message_thread_fkey FOREIGN KEY (tenant_id, thread_id, sealed_for) REFERENCES hms.message_thread(tenant_id, id, sealed_for)
);
CREATE INDEX message_patient_idx ON hms.message USING btree (tenant_id, patient_id);
CREATE INDEX message_thread_idx ON hms.message USING btree (tenant_id, thread_id, sent_at, id);
ALTER TABLE hms.message ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.message FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER message_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.message FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER message_audit_delete AFTER DELETE ON hms.message REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('message', 'patient_id', 'id');
CREATE TRIGGER message_audit_insert AFTER INSERT ON hms.message REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('message', 'patient_id', 'id');
CREATE TRIGGER message_audit_update AFTER UPDATE ON hms.message REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('message', 'patient_id', 'id');
CREATE TRIGGER message_sealed_guard BEFORE INSERT OR UPDATE OF body ON hms.message FOR EACH ROW WHEN (((new.body <> ''::text) AND ("left"(new.body, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('message', 'body');
GRANT INSERT, SELECT ON hms.message TO hms_app;
GRANT SELECT ON hms.message TO hms_backup;

CREATE TABLE hms.message_thread ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    last_message_at timestamp with time zone NOT NULL,
    patient_id uuid,
    sealed_for uuid NOT NULL,
    subject text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT message_thread_last_check CHECK ((last_message_at >= created_at)),
    CONSTRAINT message_thread_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT message_thread_person_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT message_thread_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT message_thread_sealed_check CHECK (((patient_id IS NULL) = (sealed_for = tenant_id))),
    CONSTRAINT message_thread_sealed_key UNIQUE (tenant_id, id, sealed_for),
    CONSTRAINT message_thread_text_check CHECK (((length(subject) >= 1) AND (length(subject) <= 1142))),
    CONSTRAINT message_thread_texts_check CHECK ((length(created_by) <= 81))
);
CREATE INDEX message_thread_last_idx ON hms.message_thread USING btree (tenant_id, last_message_at, id);
CREATE INDEX message_thread_patient_idx ON hms.message_thread USING btree (tenant_id, patient_id, last_message_at, id);
ALTER TABLE hms.message_thread ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.message_thread FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER message_thread_audit_delete AFTER DELETE ON hms.message_thread REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('message_thread', 'patient_id', 'id');
CREATE TRIGGER message_thread_audit_insert AFTER INSERT ON hms.message_thread REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('message_thread', 'patient_id', 'id');
CREATE TRIGGER message_thread_audit_update AFTER UPDATE ON hms.message_thread REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('message_thread', 'patient_id', 'id');
CREATE TRIGGER message_thread_keep_rows BEFORE DELETE OR TRUNCATE ON hms.message_thread FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER message_thread_sealed_guard BEFORE INSERT OR UPDATE OF subject ON hms.message_thread FOR EACH ROW WHEN (((new.subject <> ''::text) AND ("left"(new.subject, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('message_thread', 'subject');
GRANT INSERT, SELECT ON hms.message_thread TO hms_app;
GRANT SELECT ON hms.message_thread TO hms_backup;

CREATE TABLE hms.migration ( -- hms_owner
    applied_at timestamp with time zone NOT NULL DEFAULT now(),
    checksum text NOT NULL,
    compatible_from integer NOT NULL,
    name text NOT NULL,
    version integer NOT NULL,
    CONSTRAINT migration_pkey PRIMARY KEY (version)
);
-- hms.migration: no row-level security
GRANT SELECT ON hms.migration TO hms_app;
GRANT SELECT ON hms.migration TO hms_backup;
GRANT SELECT ON hms.migration TO hms_sealer;

CREATE TABLE hms.notification ( -- hms_owner
    body text NOT NULL DEFAULT ''::text,
    category text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    entity text NOT NULL DEFAULT ''::text,
    entity_id uuid,
    expires_at timestamp with time zone,
    id uuid NOT NULL,
    patient_id uuid,
    priority text NOT NULL,
    role_id uuid,
    sealed_for uuid NOT NULL,
    tenant_id uuid NOT NULL,
    title text NOT NULL,
    user_id uuid,
    CONSTRAINT notification_category_check CHECK ((category ~ '^[a-z0-9][a-z0-9._-]{0,49}$'::text)),
    CONSTRAINT notification_expiry_check CHECK ((expires_at > created_at)),
    CONSTRAINT notification_link_check CHECK ((((entity = ''::text) = (entity_id IS NULL)) AND (entity ~ '^[a-z_]{0,50}$'::text))),
    CONSTRAINT notification_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT notification_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT notification_priority_check CHECK ((priority = ANY (ARRAY['routine'::text, 'urgent'::text, 'asap'::text, 'stat'::text]))),
    CONSTRAINT notification_recipient_check CHECK ((num_nonnulls(user_id, role_id) = 1)),
    CONSTRAINT notification_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT notification_sealed_check CHECK (((patient_id IS NULL) = (sealed_for = tenant_id))),
    CONSTRAINT notification_text_check CHECK ((((length(title) >= 1) AND (length(title) <= 1142)) AND (length(body) <= 53408))),
    CONSTRAINT notification_texts_check CHECK ((length(created_by) <= 81)),
    CONSTRAINT notification_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX notification_patient_idx ON hms.notification USING btree (tenant_id, patient_id, created_at);
CREATE INDEX notification_role_idx ON hms.notification USING btree (tenant_id, role_id, created_at, id) WHERE (role_id IS NOT NULL);
CREATE INDEX notification_user_idx ON hms.notification USING btree (tenant_id, user_id, created_at, id) WHERE (user_id IS NOT NULL);
ALTER TABLE hms.notification ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.notification FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER notification_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.notification FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER notification_audit_delete AFTER DELETE ON hms.notification REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('notification', 'patient_id', 'id');
CREATE TRIGGER notification_audit_insert AFTER INSERT ON hms.notification REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('notification', 'patient_id', 'id');
CREATE TRIGGER notification_audit_update AFTER UPDATE ON hms.notification REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('notification', 'patient_id', 'id');
CREATE TRIGGER notification_sealed_guard BEFORE INSERT OR UPDATE OF title, body ON hms.notification FOR EACH ROW WHEN ((((new.title <> ''::text) AND ("left"(new.title, 5) <> 'hms1:'::text)) OR ((new.body <> ''::text) AND ("left"(new.body, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('notification', 'title', 'body');
GRANT INSERT, SELECT ON hms.notification TO hms_app;
GRANT SELECT ON hms.notification TO hms_backup;

CREATE TABLE hms.notification_read ( -- hms_owner
    notification_id uuid NOT NULL,
    read_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT notification_read_notification_fkey FOREIGN KEY (tenant_id, notification_id) REFERENCES hms.notification(tenant_id, id),
    CONSTRAINT notification_read_pkey PRIMARY KEY (tenant_id, notification_id, user_id),
    CONSTRAINT notification_read_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX notification_read_user_idx ON hms.notification_read USING btree (tenant_id, user_id, notification_id);
ALTER TABLE hms.notification_read ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.notification_read FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER notification_read_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.notification_read FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER notification_read_audit_delete AFTER DELETE ON hms.notification_read REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('notification_read', '', 'notification_id,user_id');
CREATE TRIGGER notification_read_audit_insert AFTER INSERT ON hms.notification_read REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('notification_read', '', 'notification_id,user_id');
CREATE TRIGGER notification_read_audit_update AFTER UPDATE ON hms.notification_read REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('notification_read', '', 'notification_id,user_id');
GRANT INSERT, SELECT ON hms.notification_read TO hms_app;
GRANT SELECT ON hms.notification_read TO hms_backup;

CREATE TABLE hms.outbox ( -- hms_owner
    attempts integer NOT NULL DEFAULT 0,
    data jsonb NOT NULL,
    delivered_at timestamp with time zone,
    discard_id uuid,
    due_at timestamp with time zone,
    entity text NOT NULL,
    entity_id text NOT NULL,
    event_type text NOT NULL,
    failed_at timestamp with time zone,
    failure text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    lease_owner uuid,
    lease_until timestamp with time zone,
    occurred_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    status text NOT NULL DEFAULT 'waiting'::text,
    tenant_id uuid NOT NULL,
    CONSTRAINT outbox_attempts_check CHECK (((attempts >= 0) AND ((status <> 'waiting'::text) OR (attempts = 0)) AND ((status <> ALL (ARRAY['failing'::text, 'dead'::text])) OR (attempts >= 1)))),
    CONSTRAINT outbox_discard_fkey FOREIGN KEY (tenant_id, discard_id) REFERENCES hms.outbox_decision(tenant_id, id),
    CONSTRAINT outbox_done_check CHECK ((((status = 'delivered'::text) = (delivered_at IS NOT NULL)) AND ((status = 'discarded'::text) = (discard_id IS NOT NULL)))),
    CONSTRAINT outbox_due_check CHECK (((due_at IS NULL) OR (status = ANY (ARRAY['waiting'::text, 'failing'::text])))),
    CONSTRAINT outbox_failure_check CHECK ((((failure = ''::text) = (attempts = 0)) AND ((failed_at IS NULL) = (attempts = 0)) AND (length(failure) <= 100))),
    CONSTRAINT outbox_lease_check CHECK ((((lease_owner IS NULL) = (lease_until IS NULL)) AND ((lease_owner IS NULL) OR ((status = ANY (ARRAY['waiting'::text, 'failing'::text])) AND (due_at IS NOT NULL) AND (due_at >= lease_until))))),
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'failing'::text, 'dead'::text, 'delivered'::text, 'discarded'::text])))
);
CREATE INDEX outbox_discard_idx ON hms.outbox USING btree (tenant_id, discard_id) WHERE (discard_id IS NOT NULL);
CREATE INDEX outbox_due_idx ON hms.outbox USING btree (tenant_id, due_at, recorded_at) WHERE (due_at IS NOT NULL);
CREATE INDEX outbox_entity_idx ON hms.outbox USING btree (tenant_id, entity, entity_id, recorded_at, id) WHERE ((delivered_at IS NULL) AND (discard_id IS NULL));
CREATE INDEX outbox_status_idx ON hms.outbox USING btree (tenant_id, status, occurred_at, id) WHERE ((delivered_at IS NULL) AND (discard_id IS NULL));
ALTER TABLE hms.outbox ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.outbox FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER outbox_status_guard BEFORE UPDATE OF status ON hms.outbox FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('dead>discarded', 'dead>waiting', 'failing>dead', 'failing>delivered', 'waiting>dead', 'waiting>delivered', 'waiting>failing');
GRANT DELETE, INSERT, SELECT ON hms.outbox TO hms_app;
GRANT SELECT ON hms.outbox TO hms_backup;

CREATE TABLE hms.outbox_decision ( -- hms_owner
    attempts integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    decision text NOT NULL,
    entity text NOT NULL,
    entity_id text NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    failure text NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamp with time zone NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    CONSTRAINT outbox_decision_attempts_check CHECK ((attempts >= 1)),
    CONSTRAINT outbox_decision_decision_check CHECK ((decision = ANY (ARRAY['retry'::text, 'discard'::text]))),
    CONSTRAINT outbox_decision_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_decision_reason_check CHECK (((length(reason) <= 500) AND ((decision = 'retry'::text) OR (length(btrim(reason)) >= 3)))),
    CONSTRAINT outbox_decision_texts_check CHECK ((((length(created_by) >= 1) AND (length(created_by) <= 81)) AND (length(failure) <= 100)))
);
ALTER TABLE hms.outbox_decision ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.outbox_decision FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER outbox_decision_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.outbox_decision FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER outbox_decision_audit_delete AFTER DELETE ON hms.outbox_decision REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('outbox_decision', '', 'id');
CREATE TRIGGER outbox_decision_audit_insert AFTER INSERT ON hms.outbox_decision REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('outbox_decision', '', 'id');
CREATE TRIGGER outbox_decision_audit_update AFTER UPDATE ON hms.outbox_decision REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('outbox_decision', '', 'id');
GRANT INSERT, SELECT ON hms.outbox_decision TO hms_app;
GRANT SELECT ON hms.outbox_decision TO hms_backup;

CREATE TABLE hms.patient ( -- hms_owner
    address text NOT NULL DEFAULT ''::text,
    birth_date date,
    birth_date_precision text NOT NULL DEFAULT 'day'::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    death_revoked_reason text NOT NULL DEFAULT ''::text,
    deceased_at timestamp with time zone,
    email text NOT NULL DEFAULT ''::text,
    emergency_contact_name text NOT NULL DEFAULT ''::text,
    emergency_contact_phone text NOT NULL DEFAULT ''::text,
    first_name text NOT NULL,
    gender text NOT NULL,
    id uuid NOT NULL,
    is_deceased boolean NOT NULL DEFAULT false,
    is_multiple_birth boolean NOT NULL DEFAULT false,
    is_newborn boolean NOT NULL DEFAULT false,
    is_restricted boolean NOT NULL DEFAULT false,
    last_name text NOT NULL,
    merged_into_id uuid,
    mrn text NOT NULL,
    mrn_key text NOT NULL,
    other_names text NOT NULL DEFAULT ''::text,
    override_reason text NOT NULL DEFAULT ''::text,
    phone_number text NOT NULL DEFAULT ''::text,
    second_phone_number text NOT NULL DEFAULT ''::text,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT patient_birth_date_check CHECK ((birth_date >= '1850-01-01'::date)),
    CONSTRAINT patient_birth_day_check CHECK (
CASE birth_date_precision
    WHEN 'month'::text THEN (EXTRACT(day FROM birth_date) = (1)::numeric)
    WHEN 'year'::text THEN (EXTRACT(doy FROM birth_date) = (1)::numeric)
    ELSE true
END),
    CONSTRAINT patient_birth_precision_check CHECK ((birth_date_precision = ANY (ARRAY['day'::text, 'month'::text, 'year'::text]))),
    CONSTRAINT patient_deceased_check CHECK (
CASE
    WHEN is_deceased THEN (death_revoked_reason = ''::text)
    ELSE (deceased_at IS NULL)
END),
    CONSTRAINT patient_gender_check CHECK ((gender = ANY (ARRAY['male'::text, 'female'::text, 'other'::text, 'unknown'::text]))),
    CONSTRAINT patient_key_check CHECK ((mrn_key <> ''::text)),
    CONSTRAINT patient_merged_check CHECK ((((status = 'merged'::text) = (merged_into_id IS NOT NULL)) AND (merged_into_id <> id))),
    CONSTRAINT patient_merged_into_fkey FOREIGN KEY (tenant_id, merged_into_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_mrn_check CHECK (((length(mrn) >= 1) AND (length(mrn) <= 20))),
    CONSTRAINT patient_mrn_key UNIQUE (tenant_id, mrn_key),
    CONSTRAINT patient_name_check CHECK ((((length(last_name) >= 1) AND (length(last_name) <= 100)) AND (length(first_name) <= 100) AND (length(other_names) <= 200))),
    CONSTRAINT patient_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'merged'::text, 'entered-in-error'::text]))),
    CONSTRAINT patient_texts_check CHECK (((octet_length(mrn_key) <= 80) AND (length(phone_number) <= 224) AND (length(second_phone_number) <= 224) AND (length(email) <= 1419) AND (length(address) <= 2742) AND (length(emergency_contact_name) <= 1142) AND (length(emergency_contact_phone) <= 224) AND (length(override_reason) <= 500) AND (length(death_revoked_reason) <= 500) AND (length(status_reason) <= 500) AND (length(created_by) <= 81)))
);
CREATE INDEX patient_birth_date_idx ON hms.patient USING btree (tenant_id, birth_date, id);
CREATE INDEX patient_merged_into_idx ON hms.patient USING btree (tenant_id, merged_into_id);
ALTER TABLE hms.patient ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER patient_audit_delete AFTER DELETE ON hms.patient REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('patient', 'id', 'id');
CREATE TRIGGER patient_audit_insert AFTER INSERT ON hms.patient REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('patient', 'id', 'id');
CREATE TRIGGER patient_audit_update AFTER UPDATE ON hms.patient REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('patient', 'id', 'id');
CREATE TRIGGER patient_keep_mrn BEFORE UPDATE OF mrn, mrn_key ON hms.patient FOR EACH ROW WHEN (((old.mrn IS DISTINCT FROM new.mrn) OR (old.mrn_key IS DISTINCT FROM new.mrn_key))) EXECUTE FUNCTION hms.patient_keep_mrn();
CREATE TRIGGER patient_keep_rows BEFORE DELETE OR TRUNCATE ON hms.patient FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER patient_sealed_guard BEFORE INSERT OR UPDATE OF phone_number, second_phone_number, email, address, emergency_contact_name, emergency_contact_phone ON hms.patient FOR EACH ROW WHEN ((((new.phone_number <> ''::text) AND ("left"(new.phone_number, 5) <> 'hms1:'::text)) OR ((new.second_phone_number <> ''::text) AND ("left"(new.second_phone_number, 5) <> 'hms1:'::text)) OR ((new.email <> ''::text) AND ("left"(new.email, 5) <> 'hms1:'::text)) OR ((new.address <> ''::text) AND ("left"(new.address, 5) <> 'hms1:'::text)) OR ((new.emergency_contact_name <> ''::text) AND ("left"(new.emergency_contact_name, 5) <> 'hms1:'::text)) OR ((new.emergency_contact_phone <> ''::text) AND ("left"(new.emergency_contact_phone, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('patient', 'phone_number', 'second_phone_number', 'email', 'address', 'emergency_contact_name', 'emergency_contact_phone');
CREATE TRIGGER patient_status_guard BEFORE UPDATE OF status ON hms.patient FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>entered-in-error', 'active>inactive', 'active>merged', 'inactive>active', 'inactive>entered-in-error', 'inactive>merged');
CREATE TRIGGER patient_tenant_deleted BEFORE INSERT ON hms.patient FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
GRANT INSERT, SELECT ON hms.patient TO hms_app;
GRANT SELECT ON hms.patient TO hms_backup;

CREATE TABLE hms.patient_identifier ( -- hms_owner
    id uuid NOT NULL,
    patient_id uuid NOT NULL,
    system text NOT NULL,
    system_key text NOT NULL,
    tenant_id uuid NOT NULL,
    value text NOT NULL,
    value_key text NOT NULL,
    CONSTRAINT patient_identifier_key_check CHECK (((system_key <> ''::text) AND (value_key <> ''::text))),
    CONSTRAINT patient_identifier_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_identifier_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_identifier_texts_check CHECK (((octet_length(system_key) <= 800) AND (octet_length(value_key) <= 800))),
    CONSTRAINT patient_identifier_value_check CHECK ((((length(value) >= 1) AND (length(value) <= 1142)) AND ((length(system) >= 1) AND (length(system) <= 200)))),
    CONSTRAINT patient_identifier_value_key UNIQUE (tenant_id, system_key, value_key)
);
CREATE INDEX patient_identifier_patient_idx ON hms.patient_identifier USING btree (tenant_id, patient_id);
ALTER TABLE hms.patient_identifier ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient_identifier FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER patient_identifier_audit_delete AFTER DELETE ON hms.patient_identifier REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('patient_identifier', 'patient_id', 'id');
CREATE TRIGGER patient_identifier_audit_insert AFTER INSERT ON hms.patient_identifier REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('patient_identifier', 'patient_id', 'id');
CREATE TRIGGER patient_identifier_audit_update AFTER UPDATE ON hms.patient_identifier REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('patient_identifier', 'patient_id', 'id');
CREATE TRIGGER patient_identifier_keep_rows BEFORE DELETE OR TRUNCATE ON hms.patient_identifier FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER patient_identifier_sealed_guard BEFORE INSERT OR UPDATE OF value ON hms.patient_identifier FOR EACH ROW WHEN (((new.value <> ''::text) AND ("left"(new.value, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('patient_identifier', 'value');
GRANT INSERT, SELECT ON hms.patient_identifier TO hms_app;
GRANT SELECT ON hms.patient_identifier TO hms_backup;

CREATE TABLE hms.patient_key ( -- hms_owner
    key text NOT NULL,
    kind text NOT NULL,
    patient_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT patient_key_kind_check CHECK ((kind = ANY (ARRAY['identifier'::text, 'match'::text, 'number'::text, 'phone'::text]))),
    CONSTRAINT patient_key_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_key_pkey PRIMARY KEY (tenant_id, kind, key, patient_id),
    CONSTRAINT patient_key_texts_check CHECK ((octet_length(key) <= 1700))
);
CREATE INDEX patient_key_patient_idx ON hms.patient_key USING btree (tenant_id, patient_id);
ALTER TABLE hms.patient_key ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient_key FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT INSERT, SELECT ON hms.patient_key TO hms_app;
GRANT SELECT ON hms.patient_key TO hms_backup;

CREATE TABLE hms.patient_likeness ( -- hms_owner
    family bigint[] NOT NULL,
    first_given bigint NOT NULL,
    given bigint[] NOT NULL,
    initial bigint NOT NULL,
    is_keyed boolean NOT NULL,
    near_family bigint[] NOT NULL,
    near_given bigint[] NOT NULL,
    patient_id uuid NOT NULL,
    same_names bigint NOT NULL,
    tenant_id uuid NOT NULL,
    whole_names bigint[] NOT NULL,
    CONSTRAINT patient_likeness_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_likeness_pkey PRIMARY KEY (tenant_id, patient_id)
);
CREATE INDEX patient_likeness_clear_idx ON hms.patient_likeness USING btree (tenant_id, patient_id) WHERE (NOT is_keyed);
ALTER TABLE hms.patient_likeness ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient_likeness FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT INSERT, SELECT ON hms.patient_likeness TO hms_app;
GRANT SELECT ON hms.patient_likeness TO hms_backup;

CREATE TABLE hms.patient_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT patient_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT patient_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT patient_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.patient_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER patient_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.patient_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.patient_status TO hms_app;
GRANT SELECT ON hms.patient_status TO hms_backup;

CREATE TABLE hms.patient_token ( -- hms_owner
    patient_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    token text NOT NULL,
    CONSTRAINT patient_token_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT patient_token_pkey PRIMARY KEY (tenant_id, token, patient_id)
);
CREATE INDEX patient_token_patient_idx ON hms.patient_token USING btree (tenant_id, patient_id);
ALTER TABLE hms.patient_token ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.patient_token FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT INSERT, SELECT ON hms.patient_token TO hms_app;
GRANT SELECT ON hms.patient_token TO hms_backup;

CREATE TABLE hms.payment ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    bill_id uuid NOT NULL,
    business_date date NOT NULL,
    cancel_reason text NOT NULL DEFAULT ''::text,
    cancelled_at timestamp with time zone,
    cancelled_by text NOT NULL DEFAULT ''::text,
    cancelled_on date,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    journal_id uuid NOT NULL,
    method text NOT NULL,
    patient_id uuid NOT NULL,
    reference_number text NOT NULL DEFAULT ''::text,
    reference_number_key text NOT NULL,
    refunded_amount numeric(19,4) NOT NULL DEFAULT 0,
    share_id uuid NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT payment_amount_check CHECK ((hms.is_money(amount, currency) AND (amount > (0)::numeric))),
    CONSTRAINT payment_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill(tenant_id, id, patient_id),
    CONSTRAINT payment_bill_key UNIQUE (tenant_id, id, bill_id, currency),
    CONSTRAINT payment_cancelled_check CHECK ((((status = 'cancelled'::text) = (cancelled_at IS NOT NULL)) AND ((cancelled_at IS NULL) = (cancelled_on IS NULL)) AND ((cancelled_at IS NULL) = (cancelled_by = ''::text)) AND ((status <> 'cancelled'::text) OR (cancel_reason <> ''::text)) AND (length(cancel_reason) <= 500))),
    CONSTRAINT payment_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal(tenant_id, id),
    CONSTRAINT payment_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT payment_key_check CHECK (((reference_number_key = ''::text) = (reference_number = ''::text))),
    CONSTRAINT payment_method_check CHECK ((method = ANY (ARRAY['cash'::text, 'card'::text, 'mobile-money'::text, 'bank-transfer'::text, 'insurance'::text, 'cheque'::text]))),
    CONSTRAINT payment_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT payment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT payment_reference_check CHECK ((length(reference_number) <= 100)),
    CONSTRAINT payment_refunded_check CHECK ((hms.is_money(refunded_amount, currency) AND ((refunded_amount >= (0)::numeric) AND (refunded_amount <= amount)))),
    CONSTRAINT payment_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id, currency) REFERENCES hms.bill_share(tenant_id, id, bill_id, currency),
    CONSTRAINT payment_status_check CHECK ((status = ANY (ARRAY['active'::text, 'cancelled'::text]))),
    CONSTRAINT payment_texts_check CHECK (((octet_length(reference_number_key) <= 400) AND (length(cancelled_by) <= 81) AND (length(created_by) <= 81))),
    CONSTRAINT payment_undone_check CHECK (((status <> 'cancelled'::text) OR (refunded_amount = (0)::numeric)))
);
CREATE INDEX payment_bill_idx ON hms.payment USING btree (tenant_id, bill_id, patient_id);
CREATE INDEX payment_cancelled_idx ON hms.payment USING btree (tenant_id, cancelled_on, id) WHERE (cancelled_on IS NOT NULL);
CREATE INDEX payment_day_idx ON hms.payment USING btree (tenant_id, business_date, id);
CREATE UNIQUE INDEX payment_reference_key ON hms.payment USING btree (tenant_id, method, reference_number_key) WHERE (reference_number_key <> ''::text);
CREATE INDEX payment_share_idx ON hms.payment USING btree (tenant_id, share_id, bill_id, currency);
ALTER TABLE hms.payment ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.payment FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER payment_apply AFTER INSERT OR UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.apply_payment();
CREATE TRIGGER payment_audit_delete AFTER DELETE ON hms.payment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('payment', 'patient_id', 'id');
CREATE TRIGGER payment_audit_insert AFTER INSERT ON hms.payment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('payment', 'patient_id', 'id');
CREATE TRIGGER payment_audit_update AFTER UPDATE ON hms.payment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('payment', 'patient_id', 'id');
CREATE TRIGGER payment_guard BEFORE UPDATE ON hms.payment FOR EACH ROW EXECUTE FUNCTION hms.guard_payment();
CREATE TRIGGER payment_keep_rows BEFORE DELETE OR TRUNCATE ON hms.payment FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER payment_status_guard BEFORE UPDATE OF status ON hms.payment FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>cancelled');
GRANT INSERT, SELECT ON hms.payment TO hms_app;
GRANT SELECT ON hms.payment TO hms_backup;

CREATE TABLE hms.payment_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT payment_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.payment(tenant_id, id),
    CONSTRAINT payment_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT payment_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT payment_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.payment_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.payment_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER payment_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.payment_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.payment_status TO hms_app;
GRANT SELECT ON hms.payment_status TO hms_backup;

CREATE TABLE hms.posting ( -- hms_owner
    account_id uuid NOT NULL,
    amount numeric(19,4) NOT NULL,
    bill_id uuid,
    currency text NOT NULL,
    journal_id uuid NOT NULL,
    line_no integer NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT posting_account_fkey FOREIGN KEY (tenant_id, account_id, currency) REFERENCES hms.ledger_account(tenant_id, id, currency),
    CONSTRAINT posting_amount_check CHECK ((hms.is_money(amount, currency) AND (amount <> (0)::numeric))),
    CONSTRAINT posting_bill_fkey FOREIGN KEY (tenant_id, bill_id, currency) REFERENCES hms.bill(tenant_id, id, currency),
    CONSTRAINT posting_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal(tenant_id, id),
    CONSTRAINT posting_line_check CHECK ((line_no >= 1)),
    CONSTRAINT posting_pkey PRIMARY KEY (tenant_id, journal_id, line_no)
);
CREATE INDEX posting_account_idx ON hms.posting USING btree (tenant_id, account_id, currency) INCLUDE (amount);
CREATE INDEX posting_bill_idx ON hms.posting USING btree (tenant_id, bill_id, currency);
ALTER TABLE hms.posting ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.posting FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER posting_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.posting FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER posting_audit_delete AFTER DELETE ON hms.posting REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('posting', '', 'journal_id,line_no');
CREATE TRIGGER posting_audit_insert AFTER INSERT ON hms.posting REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('posting', '', 'journal_id,line_no');
CREATE TRIGGER posting_audit_update AFTER UPDATE ON hms.posting REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('posting', '', 'journal_id,line_no');
CREATE TRIGGER posting_balance AFTER INSERT ON hms.posting REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.check_journal();
GRANT INSERT, SELECT ON hms.posting TO hms_app;
GRANT SELECT ON hms.posting TO hms_backup;

CREATE TABLE hms.prescription ( -- hms_owner
    codes jsonb NOT NULL DEFAULT '[]'::jsonb,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    days_supply integer,
    dispensed_quantity bigint NOT NULL DEFAULT 0,
    dosage text NOT NULL,
    doses_per_day integer,
    duration text NOT NULL,
    encounter_id uuid NOT NULL,
    form text NOT NULL DEFAULT ''::text,
    frequency text NOT NULL,
    generic_name text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    instructions text NOT NULL DEFAULT ''::text,
    medication_code text NOT NULL DEFAULT ''::text,
    medication_item_id uuid,
    medication_name text NOT NULL,
    medication_system text NOT NULL DEFAULT ''::text,
    override_reason text NOT NULL DEFAULT ''::text,
    patient_id uuid NOT NULL,
    quantity bigint NOT NULL,
    refills_allowed integer NOT NULL,
    status text NOT NULL,
    stop_reason text NOT NULL DEFAULT ''::text,
    strength text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    unit text NOT NULL,
    valid_until date NOT NULL,
    verdict jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT prescription_cancelled_check CHECK (((status <> 'cancelled'::text) OR (dispensed_quantity = 0))),
    CONSTRAINT prescription_codes_check CHECK ((jsonb_typeof(codes) = 'array'::text)),
    CONSTRAINT prescription_days_supply_check CHECK (((days_supply >= 1) AND (days_supply <= 3650))),
    CONSTRAINT prescription_dispensed_check CHECK (((dispensed_quantity >= 0) AND (dispensed_quantity <= (quantity * (1 + refills_allowed))))),
    CONSTRAINT prescription_doses_per_day_check CHECK (((doses_per_day >= 1) AND (doses_per_day <= 96))),
    CONSTRAINT prescription_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT prescription_item_fkey FOREIGN KEY (tenant_id, medication_item_id) REFERENCES hms.medication_item(tenant_id, id),
    CONSTRAINT prescription_name_check CHECK (((medication_name <> ''::text) AND (unit <> ''::text))),
    CONSTRAINT prescription_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT prescription_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT prescription_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100000))),
    CONSTRAINT prescription_refills_check CHECK (((refills_allowed >= 0) AND (refills_allowed <= 99))),
    CONSTRAINT prescription_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'active'::text, 'on-hold'::text, 'completed'::text, 'stopped'::text, 'cancelled'::text, 'entered-in-error'::text]))),
    CONSTRAINT prescription_stop_check CHECK (((status <> ALL (ARRAY['stopped'::text, 'cancelled'::text, 'entered-in-error'::text])) OR (stop_reason <> ''::text))),
    CONSTRAINT prescription_texts_check CHECK (((length(medication_system) <= 200) AND (length(medication_code) <= 100) AND (length(medication_name) <= 200) AND (length(generic_name) <= 200) AND (length(strength) <= 50) AND (length(form) <= 50) AND (length(unit) <= 20) AND (length(dosage) <= 100) AND (length(frequency) <= 100) AND (length(duration) <= 100) AND (length(instructions) <= 10742) AND (length(override_reason) <= 500) AND (length(stop_reason) <= 500) AND (length(created_by) <= 81))),
    CONSTRAINT prescription_verdict_check CHECK (hms.is_verdict(verdict))
);
CREATE INDEX prescription_encounter_idx ON hms.prescription USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX prescription_item_idx ON hms.prescription USING btree (tenant_id, medication_item_id);
CREATE INDEX prescription_patient_idx ON hms.prescription USING btree (tenant_id, patient_id, id);
ALTER TABLE hms.prescription ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.prescription FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER prescription_audit_delete AFTER DELETE ON hms.prescription REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('prescription', 'patient_id', 'id');
CREATE TRIGGER prescription_audit_insert AFTER INSERT ON hms.prescription REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('prescription', 'patient_id', 'id');
CREATE TRIGGER prescription_audit_update AFTER UPDATE ON hms.prescription REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('prescription', 'patient_id', 'id');
CREATE TRIGGER prescription_author BEFORE INSERT ON hms.prescription FOR EACH ROW EXECUTE FUNCTION hms.guard_author();
CREATE TRIGGER prescription_final BEFORE UPDATE ON hms.prescription FOR EACH ROW EXECUTE FUNCTION hms.keep_record('status', 'stop_reason', 'dispensed_quantity', 'version');
CREATE TRIGGER prescription_keep_rows BEFORE DELETE OR TRUNCATE ON hms.prescription FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER prescription_patient_guard BEFORE INSERT ON hms.prescription FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER prescription_sealed_guard BEFORE INSERT OR UPDATE OF instructions ON hms.prescription FOR EACH ROW WHEN (((new.instructions <> ''::text) AND ("left"(new.instructions, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('prescription', 'instructions');
CREATE TRIGGER prescription_status_guard BEFORE UPDATE OF status ON hms.prescription FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>cancelled', 'active>completed', 'active>entered-in-error', 'active>on-hold', 'active>stopped', 'completed>active', 'completed>entered-in-error', 'draft>active', 'draft>cancelled', 'draft>entered-in-error', 'cancelled>entered-in-error', 'on-hold>active', 'on-hold>cancelled', 'on-hold>entered-in-error', 'on-hold>stopped', 'stopped>entered-in-error');
GRANT INSERT, SELECT ON hms.prescription TO hms_app;
GRANT SELECT ON hms.prescription TO hms_backup;

CREATE TABLE hms.prescription_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT prescription_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.prescription(tenant_id, id),
    CONSTRAINT prescription_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT prescription_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT prescription_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.prescription_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.prescription_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER prescription_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.prescription_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.prescription_status TO hms_app;
GRANT SELECT ON hms.prescription_status TO hms_backup;

CREATE TABLE hms.refund ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    bill_id uuid NOT NULL,
    business_date date NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    journal_id uuid NOT NULL,
    method text NOT NULL,
    patient_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    reason text NOT NULL,
    reference_number text NOT NULL DEFAULT ''::text,
    reference_number_key text NOT NULL,
    share_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT refund_amount_check CHECK ((hms.is_money(amount, currency) AND (amount > (0)::numeric))),
    CONSTRAINT refund_bill_fkey FOREIGN KEY (tenant_id, bill_id, patient_id) REFERENCES hms.bill(tenant_id, id, patient_id),
    CONSTRAINT refund_journal_fkey FOREIGN KEY (tenant_id, journal_id) REFERENCES hms.journal(tenant_id, id),
    CONSTRAINT refund_journal_key UNIQUE (tenant_id, journal_id),
    CONSTRAINT refund_key_check CHECK (((reference_number_key = ''::text) = (reference_number = ''::text))),
    CONSTRAINT refund_method_check CHECK ((method = ANY (ARRAY['cash'::text, 'card'::text, 'mobile-money'::text, 'bank-transfer'::text, 'insurance'::text, 'cheque'::text]))),
    CONSTRAINT refund_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT refund_payment_fkey FOREIGN KEY (tenant_id, payment_id, bill_id, currency) REFERENCES hms.payment(tenant_id, id, bill_id, currency),
    CONSTRAINT refund_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refund_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
    CONSTRAINT refund_reference_check CHECK ((length(reference_number) <= 100)),
    CONSTRAINT refund_share_fkey FOREIGN KEY (tenant_id, share_id, bill_id, currency) REFERENCES hms.bill_share(tenant_id, id, bill_id, currency),
    CONSTRAINT refund_texts_check CHECK (((octet_length(reference_number_key) <= 400) AND (length(created_by) <= 81)))
);
CREATE INDEX refund_bill_idx ON hms.refund USING btree (tenant_id, bill_id, patient_id);
CREATE INDEX refund_day_idx ON hms.refund USING btree (tenant_id, business_date, id);
CREATE INDEX refund_payment_idx ON hms.refund USING btree (tenant_id, payment_id, bill_id, currency);
CREATE UNIQUE INDEX refund_reference_key ON hms.refund USING btree (tenant_id, method, reference_number_key) WHERE (reference_number_key <> ''::text);
CREATE INDEX refund_share_idx ON hms.refund USING btree (tenant_id, share_id, bill_id, currency);
ALTER TABLE hms.refund ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.refund FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER refund_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.refund FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER refund_apply AFTER INSERT ON hms.refund FOR EACH ROW EXECUTE FUNCTION hms.apply_refund();
CREATE TRIGGER refund_audit_delete AFTER DELETE ON hms.refund REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('refund', 'patient_id', 'id');
CREATE TRIGGER refund_audit_insert AFTER INSERT ON hms.refund REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('refund', 'patient_id', 'id');
CREATE TRIGGER refund_audit_update AFTER UPDATE ON hms.refund REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('refund', 'patient_id', 'id');
GRANT INSERT, SELECT ON hms.refund TO hms_app;
GRANT SELECT ON hms.refund TO hms_backup;

CREATE TABLE hms.refund_request ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    decided_at timestamp with time zone,
    decided_by text NOT NULL DEFAULT ''::text,
    decision_reason text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    method text NOT NULL,
    patient_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    reason text NOT NULL,
    reference_number text NOT NULL DEFAULT ''::text,
    refund_id uuid,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT refund_request_amount_check CHECK ((hms.is_money(amount, currency) AND (amount > (0)::numeric))),
    CONSTRAINT refund_request_approver_check CHECK (((status <> 'approved'::text) OR (hms.actor_person(decided_by) <> hms.actor_person(created_by)))),
    CONSTRAINT refund_request_decided_check CHECK ((((status = 'requested'::text) = (decided_at IS NULL)) AND ((status = 'requested'::text) = (decided_by = ''::text)))),
    CONSTRAINT refund_request_method_check CHECK ((method = ANY (ARRAY[''::text, 'cash'::text, 'card'::text, 'mobile-money'::text, 'bank-transfer'::text, 'insurance'::text, 'cheque'::text]))),
    CONSTRAINT refund_request_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT refund_request_payment_fkey FOREIGN KEY (tenant_id, payment_id, patient_id) REFERENCES hms.payment(tenant_id, id, patient_id),
    CONSTRAINT refund_request_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT refund_request_refund_fkey FOREIGN KEY (tenant_id, refund_id, patient_id) REFERENCES hms.refund(tenant_id, id, patient_id),
    CONSTRAINT refund_request_refund_key UNIQUE (tenant_id, refund_id),
    CONSTRAINT refund_request_refunded_check CHECK (((status = 'approved'::text) = (refund_id IS NOT NULL))),
    CONSTRAINT refund_request_status_check CHECK ((status = ANY (ARRAY['requested'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text]))),
    CONSTRAINT refund_request_text_check CHECK (((length(reference_number) <= 100) AND ((length(reason) >= 1) AND (length(reason) <= 500)) AND (length(decision_reason) <= 500))),
    CONSTRAINT refund_request_texts_check CHECK (((length(created_by) <= 81) AND (length(decided_by) <= 81)))
);
CREATE INDEX refund_request_patient_idx ON hms.refund_request USING btree (tenant_id, patient_id);
CREATE INDEX refund_request_payment_idx ON hms.refund_request USING btree (tenant_id, payment_id);
CREATE INDEX refund_request_waiting_idx ON hms.refund_request USING btree (tenant_id, status, created_at, id);
ALTER TABLE hms.refund_request ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.refund_request FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER refund_request_audit_delete AFTER DELETE ON hms.refund_request REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('refund_request', 'patient_id', 'id');
CREATE TRIGGER refund_request_audit_insert AFTER INSERT ON hms.refund_request REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('refund_request', 'patient_id', 'id');
CREATE TRIGGER refund_request_audit_update AFTER UPDATE ON hms.refund_request REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('refund_request', 'patient_id', 'id');
CREATE TRIGGER refund_request_keep_rows BEFORE DELETE OR TRUNCATE ON hms.refund_request FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER refund_request_status_guard BEFORE UPDATE OF status ON hms.refund_request FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('requested>approved', 'requested>rejected', 'requested>withdrawn');
GRANT INSERT, SELECT ON hms.refund_request TO hms_app;
GRANT SELECT ON hms.refund_request TO hms_backup;

CREATE TABLE hms.refund_request_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT refund_request_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.refund_request(tenant_id, id),
    CONSTRAINT refund_request_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT refund_request_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT refund_request_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.refund_request_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.refund_request_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER refund_request_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.refund_request_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.refund_request_status TO hms_app;
GRANT SELECT ON hms.refund_request_status TO hms_backup;

CREATE TABLE hms.retention_policy ( -- hms_owner
    basis text NOT NULL,
    category text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    jurisdiction text NOT NULL,
    keep_months integer NOT NULL,
    tenant_id uuid NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT retention_policy_basis_check CHECK (((length(basis) >= 3) AND (length(basis) <= 500))),
    CONSTRAINT retention_policy_category_check CHECK ((category = ANY (ARRAY['access'::text, 'change'::text, 'security'::text, 'disclosure'::text]))),
    CONSTRAINT retention_policy_floor_check CHECK (((keep_months >= 72) OR ("left"(jurisdiction, 2) <> 'US'::text))),
    CONSTRAINT retention_policy_jurisdiction_check CHECK ((jurisdiction ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'::text)),
    CONSTRAINT retention_policy_keep_check CHECK (((keep_months >= 12) AND (keep_months <= 1200))),
    CONSTRAINT retention_policy_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT retention_policy_rule_key UNIQUE (tenant_id, category, jurisdiction),
    CONSTRAINT retention_policy_texts_check CHECK ((length(created_by) <= 81))
);
ALTER TABLE hms.retention_policy ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.retention_policy FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER retention_policy_audit_delete AFTER DELETE ON hms.retention_policy REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('retention_policy', '', 'id');
CREATE TRIGGER retention_policy_audit_insert AFTER INSERT ON hms.retention_policy REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('retention_policy', '', 'id');
CREATE TRIGGER retention_policy_audit_update AFTER UPDATE ON hms.retention_policy REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('retention_policy', '', 'id');
CREATE TRIGGER retention_policy_keep_rows BEFORE DELETE OR TRUNCATE ON hms.retention_policy FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.retention_policy TO hms_app;
GRANT SELECT ON hms.retention_policy TO hms_backup;

CREATE TABLE hms.role ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    description text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    permissions jsonb NOT NULL DEFAULT '[]'::jsonb,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT role_key_check CHECK ((name_key <> ''::text)),
    CONSTRAINT role_name_check CHECK (((length(name) >= 1) AND (length(name) <= 50))),
    CONSTRAINT role_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT role_permissions_check CHECK ((jsonb_typeof(permissions) = 'array'::text)),
    CONSTRAINT role_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_texts_check CHECK (((octet_length(name_key) <= 200) AND (length(description) <= 1000) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.role ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.role FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER role_audit_delete AFTER DELETE ON hms.role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('role', '', 'id');
CREATE TRIGGER role_audit_insert AFTER INSERT ON hms.role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('role', '', 'id');
CREATE TRIGGER role_audit_update AFTER UPDATE ON hms.role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('role', '', 'id');
CREATE TRIGGER role_changed BEFORE UPDATE OF permissions ON hms.role FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.update_role', 'identity.decide_access_change');
CREATE TRIGGER role_keep_rows BEFORE DELETE OR TRUNCATE ON hms.role FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER role_made BEFORE INSERT ON hms.role FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_role', 'identity.create_tenant');
CREATE TRIGGER role_tenant_deleted BEFORE INSERT ON hms.role FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
GRANT INSERT, SELECT ON hms.role TO hms_app;
GRANT SELECT ON hms.role TO hms_backup;

CREATE TABLE hms.service_item ( -- hms_owner
    category text NOT NULL,
    code text NOT NULL,
    code_key text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    name text NOT NULL,
    tax_percent numeric(7,4) NOT NULL DEFAULT 0,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT service_item_category_check CHECK (((length(category) >= 1) AND (length(category) <= 100))),
    CONSTRAINT service_item_code_check CHECK (((length(code) >= 1) AND (length(code) <= 50))),
    CONSTRAINT service_item_code_key UNIQUE (tenant_id, code_key),
    CONSTRAINT service_item_key_check CHECK ((code_key <> ''::text)),
    CONSTRAINT service_item_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT service_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_item_tax_check CHECK (((tax_percent <> 'NaN'::numeric) AND ((tax_percent >= (0)::numeric) AND (tax_percent <= (100)::numeric)))),
    CONSTRAINT service_item_texts_check CHECK (((octet_length(code_key) <= 200) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.service_item ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.service_item FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER service_item_audit_delete AFTER DELETE ON hms.service_item REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('service_item', '', 'id');
CREATE TRIGGER service_item_audit_insert AFTER INSERT ON hms.service_item REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('service_item', '', 'id');
CREATE TRIGGER service_item_audit_update AFTER UPDATE ON hms.service_item REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('service_item', '', 'id');
CREATE TRIGGER service_item_keep_rows BEFORE DELETE OR TRUNCATE ON hms.service_item FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.service_item TO hms_app;
GRANT SELECT ON hms.service_item TO hms_backup;

CREATE TABLE hms.service_price ( -- hms_owner
    amount numeric(19,4) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    service_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT service_price_amount_check CHECK ((hms.is_money(amount, currency) AND (amount >= (0)::numeric))),
    CONSTRAINT service_price_days_check CHECK ((valid_to >= valid_from)),
    CONSTRAINT service_price_days_excl EXCLUDE USING gist (tenant_id WITH =, service_id WITH =, currency WITH =, daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT service_price_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT service_price_service_fkey FOREIGN KEY (tenant_id, service_id) REFERENCES hms.service_item(tenant_id, id),
    CONSTRAINT service_price_texts_check CHECK ((length(created_by) <= 81))
);
CREATE INDEX service_price_service_idx ON hms.service_price USING btree (tenant_id, service_id, currency, valid_from);
ALTER TABLE hms.service_price ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.service_price FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER service_price_audit_delete AFTER DELETE ON hms.service_price REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('service_price', '', 'id');
CREATE TRIGGER service_price_audit_insert AFTER INSERT ON hms.service_price REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('service_price', '', 'id');
CREATE TRIGGER service_price_audit_update AFTER UPDATE ON hms.service_price REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('service_price', '', 'id');
CREATE TRIGGER service_price_keep_rows BEFORE DELETE OR TRUNCATE ON hms.service_price FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.service_price TO hms_app;
GRANT SELECT ON hms.service_price TO hms_backup;

CREATE TABLE hms.skipped_number ( -- hms_owner
    first bigint NOT NULL,
    last bigint NOT NULL,
    reason text NOT NULL,
    series text NOT NULL,
    skipped_at timestamp with time zone NOT NULL,
    skipped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    CONSTRAINT skipped_number_by_check CHECK (((skipped_by <> ''::text) AND (length(skipped_by) <= 81))),
    CONSTRAINT skipped_number_counter_fkey FOREIGN KEY (tenant_id, series) REFERENCES hms.counter(tenant_id, name),
    CONSTRAINT skipped_number_pkey PRIMARY KEY (tenant_id, series, first),
    CONSTRAINT skipped_number_range_check CHECK (((first >= 1) AND (last >= first))),
    CONSTRAINT skipped_number_reason_check CHECK (((length(reason) >= 3) AND (length(reason) <= 1000)))
);
ALTER TABLE hms.skipped_number ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.skipped_number FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER skipped_number_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.skipped_number FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER skipped_number_audit_delete AFTER DELETE ON hms.skipped_number REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('skipped_number', '', 'series,first');
CREATE TRIGGER skipped_number_audit_insert AFTER INSERT ON hms.skipped_number REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('skipped_number', '', 'series,first');
CREATE TRIGGER skipped_number_audit_update AFTER UPDATE ON hms.skipped_number REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('skipped_number', '', 'series,first');
GRANT INSERT, SELECT ON hms.skipped_number TO hms_app;
GRANT SELECT ON hms.skipped_number TO hms_backup;

CREATE TABLE hms.stay ( -- hms_owner
    bed_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    discharge_ordered_at timestamp with time zone,
    encounter_id uuid NOT NULL,
    end_reason text NOT NULL DEFAULT ''::text,
    ends_at timestamp with time zone,
    id uuid NOT NULL,
    is_long boolean NOT NULL GENERATED ALWAYS AS (((ends_at IS NULL) OR ((ends_at - starts_at) > '720:00:00'::interval))) STORED,
    patient_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    ward_id uuid NOT NULL,
    CONSTRAINT stay_bed_excl EXCLUDE USING gist (tenant_id WITH =, bed_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status <> 'entered-in-error'::text)),
    CONSTRAINT stay_bed_fkey FOREIGN KEY (tenant_id, bed_id) REFERENCES hms.bed(tenant_id, id),
    CONSTRAINT stay_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT stay_open_check CHECK (((status = 'active'::text) = (ends_at IS NULL))),
    CONSTRAINT stay_patient_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ((status <> 'entered-in-error'::text)),
    CONSTRAINT stay_period_check CHECK ((ends_at >= starts_at)),
    CONSTRAINT stay_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stay_status_check CHECK ((status = ANY (ARRAY['active'::text, 'completed'::text, 'entered-in-error'::text]))),
    CONSTRAINT stay_texts_check CHECK (((length(end_reason) <= 20) AND (length(created_by) <= 81))),
    CONSTRAINT stay_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward(tenant_id, id)
);
CREATE INDEX stay_bed_idx ON hms.stay USING btree (tenant_id, bed_id, starts_at);
CREATE INDEX stay_census_idx ON hms.stay USING btree (tenant_id, is_long, starts_at) INCLUDE (ends_at, ward_id);
CREATE INDEX stay_encounter_idx ON hms.stay USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX stay_patient_idx ON hms.stay USING btree (tenant_id, patient_id, starts_at);
CREATE INDEX stay_started_idx ON hms.stay USING btree (tenant_id, starts_at, id);
CREATE INDEX stay_ward_idx ON hms.stay USING btree (tenant_id, ward_id, starts_at);
ALTER TABLE hms.stay ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stay FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stay_audit_delete AFTER DELETE ON hms.stay REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('stay', 'patient_id', 'id');
CREATE TRIGGER stay_audit_insert AFTER INSERT ON hms.stay REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('stay', 'patient_id', 'id');
CREATE TRIGGER stay_audit_update AFTER UPDATE ON hms.stay REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('stay', 'patient_id', 'id');
CREATE TRIGGER stay_keep_rows BEFORE DELETE OR TRUNCATE ON hms.stay FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER stay_patient_guard BEFORE INSERT ON hms.stay FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('');
CREATE TRIGGER stay_status_guard BEFORE UPDATE OF status ON hms.stay FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>completed', 'active>entered-in-error', 'completed>entered-in-error');
GRANT INSERT, SELECT ON hms.stay TO hms_app;
GRANT SELECT ON hms.stay TO hms_backup;

CREATE TABLE hms.stay_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT stay_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.stay(tenant_id, id),
    CONSTRAINT stay_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT stay_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT stay_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.stay_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stay_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stay_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.stay_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.stay_status TO hms_app;
GRANT SELECT ON hms.stay_status TO hms_backup;

CREATE TABLE hms.stock_balance ( -- hms_owner
    batch_id uuid NOT NULL,
    item_id uuid NOT NULL,
    location_id uuid NOT NULL,
    on_hand bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    tenant_id uuid NOT NULL,
    CONSTRAINT stock_balance_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch(tenant_id, id, item_id),
    CONSTRAINT stock_balance_location_fkey FOREIGN KEY (tenant_id, location_id) REFERENCES hms.stock_location(tenant_id, id),
    CONSTRAINT stock_balance_on_hand_check CHECK ((on_hand >= 0)),
    CONSTRAINT stock_balance_pkey PRIMARY KEY (tenant_id, location_id, item_id, batch_id),
    CONSTRAINT stock_balance_quarantined_check CHECK ((quarantined >= 0))
);
CREATE INDEX stock_balance_batch_idx ON hms.stock_balance USING btree (tenant_id, batch_id, item_id);
ALTER TABLE hms.stock_balance ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stock_balance FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stock_balance_audit_delete AFTER DELETE ON hms.stock_balance REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('stock_balance', '', 'location_id,item_id,batch_id');
CREATE TRIGGER stock_balance_audit_insert AFTER INSERT ON hms.stock_balance REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('stock_balance', '', 'location_id,item_id,batch_id');
CREATE TRIGGER stock_balance_audit_update AFTER UPDATE ON hms.stock_balance REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('stock_balance', '', 'location_id,item_id,batch_id');
CREATE TRIGGER stock_balance_keep_rows BEFORE DELETE OR TRUNCATE ON hms.stock_balance FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.stock_balance TO hms_app;
GRANT SELECT ON hms.stock_balance TO hms_backup;

CREATE TABLE hms.stock_batch ( -- hms_owner
    batch_number text NOT NULL,
    batch_number_key text NOT NULL,
    cost_price_amount numeric(19,4) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    expiry_date date,
    id uuid NOT NULL,
    item_id uuid NOT NULL,
    quantity_received bigint NOT NULL,
    selling_price_amount numeric(19,4) NOT NULL,
    status text NOT NULL,
    status_reason text NOT NULL DEFAULT ''::text,
    supplier_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT stock_batch_cost_check CHECK (((cost_price_amount >= (0)::numeric) AND hms.is_money(cost_price_amount, currency))),
    CONSTRAINT stock_batch_item_fkey FOREIGN KEY (tenant_id, item_id) REFERENCES hms.medication_item(tenant_id, id),
    CONSTRAINT stock_batch_item_key UNIQUE (tenant_id, id, item_id),
    CONSTRAINT stock_batch_key_check CHECK ((batch_number_key <> ''::text)),
    CONSTRAINT stock_batch_number_key UNIQUE (tenant_id, item_id, batch_number_key),
    CONSTRAINT stock_batch_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_batch_received_check CHECK (((quantity_received >= 1) AND (quantity_received <= '1000000000000'::bigint))),
    CONSTRAINT stock_batch_selling_check CHECK (((selling_price_amount >= (0)::numeric) AND hms.is_money(selling_price_amount, currency))),
    CONSTRAINT stock_batch_status_check CHECK ((status = ANY (ARRAY['quarantine'::text, 'available'::text, 'hold'::text, 'recalled'::text, 'destroyed'::text]))),
    CONSTRAINT stock_batch_supplier_fkey FOREIGN KEY (tenant_id, supplier_id) REFERENCES hms.supplier(tenant_id, id),
    CONSTRAINT stock_batch_texts_check CHECK (((length(batch_number) <= 100) AND (octet_length(batch_number_key) <= 400) AND (length(status_reason) <= 500) AND (length(created_by) <= 81)))
);
CREATE INDEX stock_batch_expiry_idx ON hms.stock_batch USING btree (tenant_id, item_id, expiry_date, created_at, id);
CREATE INDEX stock_batch_supplier_idx ON hms.stock_batch USING btree (tenant_id, supplier_id);
ALTER TABLE hms.stock_batch ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stock_batch FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stock_batch_audit_delete AFTER DELETE ON hms.stock_batch REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('stock_batch', '', 'id');
CREATE TRIGGER stock_batch_audit_insert AFTER INSERT ON hms.stock_batch REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('stock_batch', '', 'id');
CREATE TRIGGER stock_batch_audit_update AFTER UPDATE ON hms.stock_batch REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('stock_batch', '', 'id');
CREATE TRIGGER stock_batch_keep_rows BEFORE DELETE OR TRUNCATE ON hms.stock_batch FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER stock_batch_status_guard BEFORE UPDATE OF status ON hms.stock_batch FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('available>hold', 'available>quarantine', 'available>recalled', 'hold>available', 'hold>destroyed', 'hold>recalled', 'quarantine>available', 'quarantine>destroyed', 'quarantine>recalled', 'recalled>destroyed', 'recalled>quarantine');
GRANT INSERT, SELECT ON hms.stock_batch TO hms_app;
GRANT SELECT ON hms.stock_batch TO hms_backup;

CREATE TABLE hms.stock_batch_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT stock_batch_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.stock_batch(tenant_id, id),
    CONSTRAINT stock_batch_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT stock_batch_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT stock_batch_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.stock_batch_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stock_batch_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stock_batch_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.stock_batch_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.stock_batch_status TO hms_app;
GRANT SELECT ON hms.stock_batch_status TO hms_backup;

CREATE TABLE hms.stock_location ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT stock_location_key_check CHECK ((name_key <> ''::text)),
    CONSTRAINT stock_location_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT stock_location_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_location_texts_check CHECK (((length(name) <= 100) AND (octet_length(name_key) <= 400) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.stock_location ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stock_location FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stock_location_audit_delete AFTER DELETE ON hms.stock_location REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('stock_location', '', 'id');
CREATE TRIGGER stock_location_audit_insert AFTER INSERT ON hms.stock_location REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('stock_location', '', 'id');
CREATE TRIGGER stock_location_audit_update AFTER UPDATE ON hms.stock_location REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('stock_location', '', 'id');
CREATE TRIGGER stock_location_keep_rows BEFORE DELETE OR TRUNCATE ON hms.stock_location FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.stock_location TO hms_app;
GRANT SELECT ON hms.stock_location TO hms_backup;

CREATE TABLE hms.stock_movement ( -- hms_owner
    batch_id uuid NOT NULL,
    cause text NOT NULL,
    cause_id uuid,
    from_kind text NOT NULL,
    from_location_id uuid,
    id uuid NOT NULL DEFAULT hms.uuid_v7(),
    item_id uuid NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    moved_by text NOT NULL,
    quantity bigint NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    to_kind text NOT NULL,
    to_location_id uuid,
    CONSTRAINT stock_movement_batch_fkey FOREIGN KEY (tenant_id, batch_id, item_id) REFERENCES hms.stock_batch(tenant_id, id, item_id),
    CONSTRAINT stock_movement_from_check CHECK (((from_kind = ANY (ARRAY['stock'::text, 'quarantine'::text])) = (from_location_id IS NOT NULL))),
    CONSTRAINT stock_movement_from_location_fkey FOREIGN KEY (tenant_id, from_location_id) REFERENCES hms.stock_location(tenant_id, id),
    CONSTRAINT stock_movement_kind_check CHECK (((from_kind = ANY (ARRAY['supplier'::text, 'stock'::text, 'quarantine'::text, 'patient'::text, 'adjustment'::text])) AND (to_kind = ANY (ARRAY['stock'::text, 'quarantine'::text, 'patient'::text, 'waste'::text, 'adjustment'::text])))),
    CONSTRAINT stock_movement_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stock_movement_quantity_check CHECK (((quantity >= 1) AND (quantity <= '1000000000000'::bigint))),
    CONSTRAINT stock_movement_texts_check CHECK (((length(cause) <= 30) AND (length(reason) <= 500) AND (length(moved_by) <= 81))),
    CONSTRAINT stock_movement_to_check CHECK (((to_kind = ANY (ARRAY['stock'::text, 'quarantine'::text])) = (to_location_id IS NOT NULL))),
    CONSTRAINT stock_movement_to_location_fkey FOREIGN KEY (tenant_id, to_location_id) REFERENCES hms.stock_location(tenant_id, id)
);
CREATE INDEX stock_movement_batch_idx ON hms.stock_movement USING btree (tenant_id, batch_id, item_id);
CREATE INDEX stock_movement_from_idx ON hms.stock_movement USING btree (tenant_id, from_location_id);
CREATE INDEX stock_movement_item_idx ON hms.stock_movement USING btree (tenant_id, item_id, moved_at, id);
CREATE INDEX stock_movement_to_idx ON hms.stock_movement USING btree (tenant_id, to_location_id);
ALTER TABLE hms.stock_movement ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.stock_movement FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER stock_movement_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.stock_movement FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER stock_movement_audit_delete AFTER DELETE ON hms.stock_movement REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('stock_movement', '', 'id');
CREATE TRIGGER stock_movement_audit_insert AFTER INSERT ON hms.stock_movement REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('stock_movement', '', 'id');
CREATE TRIGGER stock_movement_audit_update AFTER UPDATE ON hms.stock_movement REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('stock_movement', '', 'id');
GRANT INSERT, SELECT ON hms.stock_movement TO hms_app;
GRANT SELECT ON hms.stock_movement TO hms_backup;

CREATE TABLE hms.supplier ( -- hms_owner
    address text NOT NULL DEFAULT ''::text,
    contact_person text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    email text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    name text NOT NULL,
    name_key text NOT NULL,
    phone_number text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT supplier_key_check CHECK ((name_key <> ''::text)),
    CONSTRAINT supplier_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT supplier_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT supplier_texts_check CHECK (((length(name) <= 200) AND (octet_length(name_key) <= 800) AND (length(contact_person) <= 200) AND (length(phone_number) <= 30) AND (length(email) <= 254) AND (length(address) <= 500) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.supplier ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.supplier FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER supplier_audit_delete AFTER DELETE ON hms.supplier REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('supplier', '', 'id');
CREATE TRIGGER supplier_audit_insert AFTER INSERT ON hms.supplier REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('supplier', '', 'id');
CREATE TRIGGER supplier_audit_update AFTER UPDATE ON hms.supplier REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('supplier', '', 'id');
CREATE TRIGGER supplier_keep_rows BEFORE DELETE OR TRUNCATE ON hms.supplier FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.supplier TO hms_app;
GRANT SELECT ON hms.supplier TO hms_backup;

CREATE TABLE hms.task ( -- hms_owner
    claimed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    description text NOT NULL DEFAULT ''::text,
    due_at timestamp with time zone,
    ended_at timestamp with time zone,
    entity text NOT NULL DEFAULT ''::text,
    entity_id uuid,
    escalate_at timestamp with time zone,
    escalated_at timestamp with time zone,
    escalation_level bigint NOT NULL DEFAULT 0,
    escalation_role_id uuid,
    id uuid NOT NULL,
    outcome text NOT NULL DEFAULT ''::text,
    owner_id uuid,
    patient_id uuid,
    priority text NOT NULL,
    role_id uuid,
    sealed_for uuid NOT NULL,
    sort_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    title text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT task_assignee_check CHECK ((num_nonnulls(owner_id, role_id) >= 1)),
    CONSTRAINT task_claimed_check CHECK (((claimed_at IS NULL) OR (owner_id IS NOT NULL))),
    CONSTRAINT task_ended_check CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['rejected'::text, 'cancelled'::text, 'failed'::text, 'completed'::text, 'entered-in-error'::text])))),
    CONSTRAINT task_escalate_check CHECK (((escalate_at IS NULL) OR ((ended_at IS NULL) AND (due_at IS NOT NULL) AND (escalate_at >= due_at)))),
    CONSTRAINT task_escalation_check CHECK (((escalation_level >= 0) AND ((escalation_level = 0) = (escalated_at IS NULL)))),
    CONSTRAINT task_escalation_role_fkey FOREIGN KEY (tenant_id, escalation_role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT task_link_check CHECK ((((entity = ''::text) = (entity_id IS NULL)) AND (entity ~ '^[a-z_]{0,50}$'::text))),
    CONSTRAINT task_outcome_check CHECK (((status <> 'completed'::text) OR (outcome <> ''::text))),
    CONSTRAINT task_owner_check CHECK (((owner_id IS NOT NULL) OR (status <> ALL (ARRAY['accepted'::text, 'ready'::text, 'in-progress'::text, 'on-hold'::text, 'completed'::text, 'failed'::text])))),
    CONSTRAINT task_owner_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT task_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT task_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT task_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT task_priority_check CHECK ((priority = ANY (ARRAY['routine'::text, 'urgent'::text, 'asap'::text, 'stat'::text]))),
    CONSTRAINT task_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT task_sealed_check CHECK (((patient_id IS NULL) = (sealed_for = tenant_id))),
    CONSTRAINT task_sealed_key UNIQUE (tenant_id, id, sealed_for),
    CONSTRAINT task_sort_check CHECK ((sort_at = COALESCE(due_at, '9999-12-31 00:00:00+00'::timestamp with time zone))),
    CONSTRAINT task_status_check CHECK ((status = ANY (ARRAY['draft'::text, 'requested'::text, 'received'::text, 'accepted'::text, 'rejected'::text, 'ready'::text, 'cancelled'::text, 'in-progress'::text, 'on-hold'::text, 'failed'::text, 'completed'::text, 'entered-in-error'::text]))),
    CONSTRAINT task_text_check CHECK ((((length(title) >= 1) AND (length(title) <= 1142)) AND (length(description) <= 53408) AND (length(outcome) <= 10742))),
    CONSTRAINT task_texts_check CHECK ((length(created_by) <= 81))
);
CREATE INDEX task_creator_idx ON hms.task USING btree (tenant_id, created_by, sort_at, id);
CREATE INDEX task_escalate_idx ON hms.task USING btree (tenant_id, escalate_at, id) WHERE (escalate_at IS NOT NULL);
CREATE INDEX task_escalation_role_idx ON hms.task USING btree (tenant_id, escalation_role_id);
CREATE INDEX task_owner_idx ON hms.task USING btree (tenant_id, owner_id);
CREATE INDEX task_owner_open_idx ON hms.task USING btree (tenant_id, owner_id, sort_at, id) WHERE (ended_at IS NULL);
CREATE INDEX task_patient_idx ON hms.task USING btree (tenant_id, patient_id, sort_at, id);
CREATE INDEX task_role_idx ON hms.task USING btree (tenant_id, role_id);
CREATE INDEX task_role_open_idx ON hms.task USING btree (tenant_id, role_id, sort_at, id) WHERE ((ended_at IS NULL) AND (owner_id IS NULL));
CREATE INDEX task_status_idx ON hms.task USING btree (tenant_id, status, sort_at, id);
ALTER TABLE hms.task ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.task FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER task_audit_delete AFTER DELETE ON hms.task REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('task', 'patient_id', 'id');
CREATE TRIGGER task_audit_insert AFTER INSERT ON hms.task REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('task', 'patient_id', 'id');
CREATE TRIGGER task_audit_update AFTER UPDATE ON hms.task REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('task', 'patient_id', 'id');
CREATE TRIGGER task_keep_owner BEFORE UPDATE OF owner_id ON hms.task FOR EACH ROW WHEN (((old.owner_id IS NOT NULL) AND (new.owner_id IS DISTINCT FROM old.owner_id) AND (new.status <> ALL (ARRAY['draft'::text, 'requested'::text])))) EXECUTE FUNCTION hms.task_keep_owner();
CREATE TRIGGER task_keep_rows BEFORE DELETE OR TRUNCATE ON hms.task FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER task_sealed_guard BEFORE INSERT OR UPDATE OF title, description, outcome ON hms.task FOR EACH ROW WHEN ((((new.title <> ''::text) AND ("left"(new.title, 5) <> 'hms1:'::text)) OR ((new.description <> ''::text) AND ("left"(new.description, 5) <> 'hms1:'::text)) OR ((new.outcome <> ''::text) AND ("left"(new.outcome, 5) <> 'hms1:'::text)))) EXECUTE FUNCTION hms.guard_sealed('task', 'title', 'description', 'outcome');
CREATE TRIGGER task_status_guard BEFORE UPDATE OF status ON hms.task FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('draft>requested', 'draft>cancelled', 'draft>entered-in-error', 'requested>received', 'requested>accepted', 'requested>rejected', 'requested>cancelled', 'requested>entered-in-error', 'received>requested', 'received>accepted', 'received>rejected', 'received>cancelled', 'received>entered-in-error', 'accepted>requested', 'accepted>ready', 'accepted>in-progress', 'accepted>cancelled', 'accepted>entered-in-error', 'ready>requested', 'ready>in-progress', 'ready>cancelled', 'ready>entered-in-error', 'in-progress>requested', 'in-progress>on-hold', 'in-progress>completed', 'in-progress>failed', 'in-progress>cancelled', 'in-progress>entered-in-error', 'on-hold>requested', 'on-hold>in-progress', 'on-hold>failed', 'on-hold>cancelled', 'on-hold>entered-in-error', 'rejected>entered-in-error', 'cancelled>entered-in-error', 'failed>entered-in-error', 'completed>entered-in-error');
GRANT INSERT, SELECT ON hms.task TO hms_app;
GRANT SELECT ON hms.task TO hms_backup;

CREATE TABLE hms.task_history ( -- hms_owner
    actor text NOT NULL,
    at timestamp with time zone NOT NULL,
    from_status text NOT NULL,
    id uuid NOT NULL,
    owner_id uuid,
    patient_id uuid,
    reason text NOT NULL DEFAULT ''::text,
    role_id uuid,
    sealed_for uuid NOT NULL,
    task_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT task_history_owner_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT task_history_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT task_history_person_fkey FOREIGN KEY (tenant_id, task_id, patient_id) REFERENCES hms.task(tenant_id, id, patient_id),
    CONSTRAINT task_history_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT task_history_reason_check CHECK (((length(reason) <= 2742) AND ((reason <> ''::text) OR (to_status <> ALL (ARRAY['rejected'::text, 'cancelled'::text, 'failed'::text, 'entered-in-error'::text]))))),
    CONSTRAINT task_history_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT task_history_sealed_check CHECK (((patient_id IS NULL) = (sealed_for = tenant_id))),
    CONSTRAINT task_history_task_fkey FOREIGN KEY (tenant_id, task_id, sealed_for) REFERENCES hms.task(tenant_id, id, sealed_for),
    CONSTRAINT task_history_texts_check CHECK (((length(from_status) <= 30) AND (length(to_status) <= 30) AND (length(actor) <= 81))),
    CONSTRAINT task_history_version_key UNIQUE (tenant_id, task_id, version)
);
CREATE INDEX task_history_owner_idx ON hms.task_history USING btree (tenant_id, owner_id);
CREATE INDEX task_history_patient_idx ON hms.task_history USING btree (tenant_id, patient_id);
CREATE INDEX task_history_role_idx ON hms.task_history USING btree (tenant_id, role_id);
ALTER TABLE hms.task_history ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.task_history FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER task_history_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.task_history FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER task_history_audit_delete AFTER DELETE ON hms.task_history REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('task_history', 'patient_id', 'id');
CREATE TRIGGER task_history_audit_insert AFTER INSERT ON hms.task_history REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('task_history', 'patient_id', 'id');
CREATE TRIGGER task_history_audit_update AFTER UPDATE ON hms.task_history REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('task_history', 'patient_id', 'id');
CREATE TRIGGER task_history_sealed_guard BEFORE INSERT OR UPDATE OF reason ON hms.task_history FOR EACH ROW WHEN (((new.reason <> ''::text) AND ("left"(new.reason, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('task_history', 'reason');
GRANT INSERT, SELECT ON hms.task_history TO hms_app;
GRANT SELECT ON hms.task_history TO hms_backup;

CREATE TABLE hms.tenant ( -- hms_owner
    country text NOT NULL DEFAULT ''::text,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    currency text NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    tenant_id uuid NOT NULL,
    time_zone text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT tenant_country_check CHECK (((country = ''::text) OR ((country ~ '^[A-Z]{2}$'::text) AND (length(country) <= 2)))),
    CONSTRAINT tenant_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT tenant_id_check CHECK ((id = tenant_id)),
    CONSTRAINT tenant_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_texts_check CHECK ((length(created_by) <= 81))
);
ALTER TABLE hms.tenant ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.tenant FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE POLICY tenant_list ON hms.tenant FOR r TO hms_scheduler USING (true) WITH CHECK ();
CREATE TRIGGER tenant_audit_delete AFTER DELETE ON hms.tenant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('tenant', '', 'id');
CREATE TRIGGER tenant_audit_insert AFTER INSERT ON hms.tenant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('tenant', '', 'id');
CREATE TRIGGER tenant_audit_update AFTER UPDATE ON hms.tenant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('tenant', '', 'id');
CREATE TRIGGER tenant_deleted BEFORE INSERT ON hms.tenant FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
CREATE TRIGGER tenant_keep_rows BEFORE DELETE OR TRUNCATE ON hms.tenant FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.tenant TO hms_app;
GRANT SELECT ON hms.tenant TO hms_backup;

CREATE TABLE hms.tenant_keyset ( -- hms_owner
    closed_fields text[] NOT NULL DEFAULT '{}'::text[],
    created_at timestamp with time zone NOT NULL,
    data_keyset bytea NOT NULL,
    epoch integer NOT NULL,
    index_keyset bytea NOT NULL,
    rotated_at timestamp with time zone,
    sealed_fields text[] NOT NULL DEFAULT '{}'::text[],
    tenant_id uuid NOT NULL,
    CONSTRAINT tenant_keyset_epoch_check CHECK ((epoch >= 1)),
    CONSTRAINT tenant_keyset_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE hms.tenant_keyset ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.tenant_keyset FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER tenant_keyset_guard BEFORE UPDATE ON hms.tenant_keyset FOR EACH ROW EXECUTE FUNCTION hms.guard_keyset();
CREATE TRIGGER tenant_keyset_keep_rows BEFORE DELETE OR TRUNCATE ON hms.tenant_keyset FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER tenant_keyset_tenant_deleted BEFORE INSERT ON hms.tenant_keyset FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
GRANT INSERT, SELECT ON hms.tenant_keyset TO hms_app;
GRANT SELECT ON hms.tenant_keyset TO hms_backup;

CREATE TABLE hms.tenant_record ( -- hms_owner
    archive_hash bytea NOT NULL,
    kind text NOT NULL,
    note text NOT NULL,
    number bigint NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT tenant_record_hash_check CHECK (((length(archive_hash) = ANY (ARRAY[0, 32])) AND ((kind = 'deleted'::text) OR (length(archive_hash) = 32)))),
    CONSTRAINT tenant_record_kind_check CHECK ((kind = ANY (ARRAY['handed-out'::text, 'moved-in'::text, 'deleted'::text]))),
    CONSTRAINT tenant_record_note_check CHECK ((length(note) <= 20000)),
    CONSTRAINT tenant_record_number_check CHECK ((number >= 1)),
    CONSTRAINT tenant_record_pkey PRIMARY KEY (tenant_id, number)
);
ALTER TABLE hms.tenant_record ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.tenant_record FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE POLICY tenant_record_list ON hms.tenant_record FOR r TO hms_owner USING (true) WITH CHECK ();
CREATE TRIGGER tenant_record_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.tenant_record FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT SELECT ON hms.tenant_record TO hms_app;
GRANT SELECT ON hms.tenant_record TO hms_backup;

CREATE TABLE hms.thread_participant ( -- hms_owner
    added_by text NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone,
    read_up_to timestamp with time zone,
    tenant_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT thread_participant_left_check CHECK ((left_at >= joined_at)),
    CONSTRAINT thread_participant_pkey PRIMARY KEY (tenant_id, thread_id, user_id),
    CONSTRAINT thread_participant_texts_check CHECK ((length(added_by) <= 81)),
    CONSTRAINT thread_participant_thread_fkey FOREIGN KEY (tenant_id, thread_id) REFERENCES hms.message_thread(tenant_id, id),
    CONSTRAINT thread_participant_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX thread_participant_user_idx ON hms.thread_participant USING btree (tenant_id, user_id, thread_id);
ALTER TABLE hms.thread_participant ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.thread_participant FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER thread_participant_audit_delete AFTER DELETE ON hms.thread_participant REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('thread_participant', '', 'thread_id,user_id');
CREATE TRIGGER thread_participant_audit_insert AFTER INSERT ON hms.thread_participant REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('thread_participant', '', 'thread_id,user_id');
CREATE TRIGGER thread_participant_audit_update AFTER UPDATE ON hms.thread_participant REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('thread_participant', '', 'thread_id,user_id');
CREATE TRIGGER thread_participant_keep_rows BEFORE DELETE OR TRUNCATE ON hms.thread_participant FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.thread_participant TO hms_app;
GRANT SELECT ON hms.thread_participant TO hms_backup;

CREATE TABLE hms.user_account ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    directory_key text NOT NULL,
    email text NOT NULL DEFAULT ''::text,
    email_key text,
    first_name text NOT NULL,
    id uuid NOT NULL,
    language text NOT NULL DEFAULT ''::text,
    last_name text NOT NULL,
    patient_id uuid,
    person_id uuid NOT NULL,
    phone_number text NOT NULL DEFAULT ''::text,
    profile_image text NOT NULL DEFAULT ''::text,
    speciality text NOT NULL DEFAULT ''::text,
    status text NOT NULL,
    tenant_id uuid NOT NULL,
    username text NOT NULL,
    username_key text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT user_account_email_key UNIQUE (tenant_id, email_key),
    CONSTRAINT user_account_key_check CHECK (((username_key <> ''::text) AND ((email_key IS NULL) = (email = ''::text)) AND (email_key <> ''::text))),
    CONSTRAINT user_account_last_check CHECK (((length(first_name) <= 150) AND (length(last_name) <= 150) AND ((first_name || last_name) <> ''::text) AND ((length(username_key) >= 1) AND (length(username_key) <= 600)))),
    CONSTRAINT user_account_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient(tenant_id, id),
    CONSTRAINT user_account_person_fkey FOREIGN KEY (tenant_id, person_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT user_account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_account_status_check CHECK ((status = ANY (ARRAY['invited'::text, 'active'::text, 'locked'::text, 'deactivated'::text]))),
    CONSTRAINT user_account_texts_check CHECK (((length(email) <= 254) AND (octet_length(email_key) <= 1016) AND (length(phone_number) <= 30) AND (length(profile_image) <= 500) AND (length(language) <= 35) AND (length(speciality) <= 100) AND (octet_length(directory_key) <= 8192) AND (length(created_by) <= 81))),
    CONSTRAINT user_account_username_check CHECK (((length(username) >= 1) AND (length(username) <= 150))),
    CONSTRAINT user_account_username_key UNIQUE (tenant_id, username_key)
);
CREATE INDEX user_account_patient_idx ON hms.user_account USING btree (tenant_id, patient_id) WHERE (patient_id IS NOT NULL);
CREATE INDEX user_account_person_idx ON hms.user_account USING btree (tenant_id, person_id);
ALTER TABLE hms.user_account ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_account FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_account_audit_delete AFTER DELETE ON hms.user_account REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('user_account', '', 'id');
CREATE TRIGGER user_account_audit_insert AFTER INSERT ON hms.user_account REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('user_account', '', 'id');
CREATE TRIGGER user_account_audit_update AFTER UPDATE ON hms.user_account REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('user_account', '', 'id');
CREATE TRIGGER user_account_first_person AFTER INSERT ON hms.user_account FOR EACH ROW EXECUTE FUNCTION hms.user_account_first_person();
CREATE TRIGGER user_account_keep_person BEFORE INSERT OR UPDATE ON hms.user_account FOR EACH ROW EXECUTE FUNCTION hms.user_account_keep_person();
CREATE TRIGGER user_account_keep_rows BEFORE DELETE OR TRUNCATE ON hms.user_account FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER user_account_status_guard BEFORE UPDATE OF status ON hms.user_account FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('active>deactivated', 'active>locked', 'invited>active', 'invited>deactivated', 'locked>active', 'locked>deactivated');
CREATE TRIGGER user_account_tenant_deleted BEFORE INSERT ON hms.user_account FOR EACH ROW EXECUTE FUNCTION hms.guard_deleted_tenant();
GRANT INSERT, SELECT ON hms.user_account TO hms_app;
GRANT SELECT ON hms.user_account TO hms_backup;

CREATE TABLE hms.user_account_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT user_account_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.user_account(tenant_id, id),
    CONSTRAINT user_account_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT user_account_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT user_account_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.user_account_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_account_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_account_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.user_account_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.user_account_status TO hms_app;
GRANT SELECT ON hms.user_account_status TO hms_backup;

CREATE TABLE hms.user_device ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    id uuid NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    next_attempt_at timestamp with time zone,
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    user_agent text NOT NULL DEFAULT ''::text,
    user_id uuid NOT NULL,
    CONSTRAINT user_device_failures_check CHECK ((failures >= 0)),
    CONSTRAINT user_device_period_check CHECK (((expires_at > last_used_at) AND (last_used_at >= created_at))),
    CONSTRAINT user_device_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_device_texts_check CHECK ((length(user_agent) <= 500)),
    CONSTRAINT user_device_token_check CHECK ((length(token_hash) = 32)),
    CONSTRAINT user_device_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT user_device_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX user_device_expires_idx ON hms.user_device USING btree (tenant_id, expires_at);
CREATE INDEX user_device_user_idx ON hms.user_device USING btree (tenant_id, user_id, last_used_at);
ALTER TABLE hms.user_device ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_device FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_device_made BEFORE INSERT ON hms.user_device FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.login');
GRANT DELETE, INSERT, SELECT ON hms.user_device TO hms_app;
GRANT SELECT ON hms.user_device TO hms_backup;

CREATE TABLE hms.user_look ( -- hms_owner
    kind text NOT NULL,
    look text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT user_look_kind_check CHECK ((kind = ANY (ARRAY['username'::text, 'email'::text]))),
    CONSTRAINT user_look_pkey PRIMARY KEY (tenant_id, kind, look),
    CONSTRAINT user_look_texts_check CHECK ((octet_length(look) <= 2400)),
    CONSTRAINT user_look_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX user_look_user_idx ON hms.user_look USING btree (tenant_id, user_id);
ALTER TABLE hms.user_look ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_look FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
GRANT INSERT, SELECT ON hms.user_look TO hms_app;
GRANT SELECT ON hms.user_look TO hms_backup;

CREATE TABLE hms.user_password ( -- hms_owner
    changed_at timestamp with time zone,
    failures integer NOT NULL DEFAULT 0,
    hash text NOT NULL DEFAULT ''::text,
    locked_at timestamp with time zone,
    next_attempt_at timestamp with time zone,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT user_password_failures_check CHECK ((failures >= 0)),
    CONSTRAINT user_password_hash_check CHECK (((hash = ''::text) OR (hash ~~ '$argon2id$%'::text))),
    CONSTRAINT user_password_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_password_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
ALTER TABLE hms.user_password ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_password FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_password_keep_rows BEFORE DELETE OR TRUNCATE ON hms.user_password FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER user_password_set BEFORE INSERT OR UPDATE OF hash ON hms.user_password FOR EACH ROW WHEN ((new.hash <> ''::text)) EXECUTE FUNCTION hms.guard_credential('identity.accept_invitation', 'identity.change_password', 'identity.reset_password', 'identity.login');
GRANT INSERT, SELECT ON hms.user_password TO hms_app;
GRANT SELECT ON hms.user_password TO hms_backup;

CREATE TABLE hms.user_recovery_code ( -- hms_owner
    code_hash bytea NOT NULL,
    tenant_id uuid NOT NULL,
    used_at timestamp with time zone,
    user_id uuid NOT NULL,
    CONSTRAINT user_recovery_code_hash_check CHECK ((length(code_hash) = 32)),
    CONSTRAINT user_recovery_code_pkey PRIMARY KEY (tenant_id, user_id, code_hash),
    CONSTRAINT user_recovery_code_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
ALTER TABLE hms.user_recovery_code ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_recovery_code FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_recovery_code_made BEFORE INSERT ON hms.user_recovery_code FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.confirm_totp');
CREATE TRIGGER user_recovery_code_used BEFORE UPDATE OF used_at ON hms.user_recovery_code FOR EACH ROW WHEN (((old.used_at IS NOT NULL) AND (new.used_at IS NULL))) EXECUTE FUNCTION hms.guard_credential();
GRANT INSERT, SELECT ON hms.user_recovery_code TO hms_app;
GRANT SELECT ON hms.user_recovery_code TO hms_backup;

CREATE TABLE hms.user_role ( -- hms_owner
    granted_at timestamp with time zone NOT NULL,
    role_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT user_role_pkey PRIMARY KEY (tenant_id, user_id, role_id),
    CONSTRAINT user_role_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role(tenant_id, id),
    CONSTRAINT user_role_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX user_role_role_idx ON hms.user_role USING btree (tenant_id, role_id);
ALTER TABLE hms.user_role ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_role FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_role_audit_delete AFTER DELETE ON hms.user_role REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('user_role', '', 'user_id,role_id');
CREATE TRIGGER user_role_audit_insert AFTER INSERT ON hms.user_role REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('user_role', '', 'user_id,role_id');
CREATE TRIGGER user_role_audit_update AFTER UPDATE ON hms.user_role REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('user_role', '', 'user_id,role_id');
CREATE TRIGGER user_role_given BEFORE INSERT ON hms.user_role FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.create_user', 'identity.set_user_roles', 'identity.decide_access_change');
GRANT INSERT, SELECT ON hms.user_role TO hms_app;
GRANT SELECT ON hms.user_role TO hms_backup;

CREATE TABLE hms.user_session ( -- hms_owner
    authenticated_at timestamp with time zone NOT NULL,
    end_reason text NOT NULL DEFAULT ''::text,
    ended_at timestamp with time zone,
    expires_at timestamp with time zone NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    id uuid NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    must_rotate boolean NOT NULL DEFAULT false,
    next_attempt_at timestamp with time zone,
    source text NOT NULL DEFAULT ''::text,
    started_at timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    user_agent text NOT NULL DEFAULT ''::text,
    user_id uuid NOT NULL,
    CONSTRAINT user_session_ended_check CHECK (((ended_at IS NULL) = (end_reason = ''::text))),
    CONSTRAINT user_session_failures_check CHECK ((failures >= 0)),
    CONSTRAINT user_session_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_session_texts_check CHECK (((length(source) <= 200) AND (length(user_agent) <= 500) AND (length(end_reason) <= 30))),
    CONSTRAINT user_session_token_check CHECK ((length(token_hash) = 32)),
    CONSTRAINT user_session_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT user_session_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX user_session_user_idx ON hms.user_session USING btree (tenant_id, user_id, started_at);
ALTER TABLE hms.user_session ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_session FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_session_made BEFORE INSERT ON hms.user_session FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.login', 'identity.login_external', 'identity.rotate_session');
CREATE TRIGGER user_session_over BEFORE UPDATE OF ended_at ON hms.user_session FOR EACH ROW WHEN (((old.ended_at IS NOT NULL) AND (new.ended_at IS NULL))) EXECUTE FUNCTION hms.guard_credential();
CREATE TRIGGER user_session_prolonged BEFORE UPDATE OF expires_at ON hms.user_session FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.rotate_session');
CREATE TRIGGER user_session_proved BEFORE UPDATE OF authenticated_at ON hms.user_session FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.reauthenticate');
GRANT DELETE, INSERT, SELECT ON hms.user_session TO hms_app;
GRANT SELECT ON hms.user_session TO hms_backup;

CREATE TABLE hms.user_token ( -- hms_owner
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    purpose text NOT NULL,
    tenant_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    used_at timestamp with time zone,
    user_id uuid,
    CONSTRAINT user_token_hash_check CHECK ((length(token_hash) = 32)),
    CONSTRAINT user_token_owner_check CHECK (((user_id IS NOT NULL) OR (purpose = 'reset'::text))),
    CONSTRAINT user_token_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT user_token_purpose_check CHECK ((purpose = ANY (ARRAY['reset'::text, 'invitation'::text]))),
    CONSTRAINT user_token_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX user_token_expires_idx ON hms.user_token USING btree (tenant_id, expires_at);
CREATE INDEX user_token_user_idx ON hms.user_token USING btree (tenant_id, user_id, purpose);
ALTER TABLE hms.user_token ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_token FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_token_made BEFORE INSERT ON hms.user_token FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.invite', 'identity.request_password_reset');
CREATE TRIGGER user_token_used BEFORE UPDATE OF used_at ON hms.user_token FOR EACH ROW WHEN (((old.used_at IS NOT NULL) AND (new.used_at IS NULL))) EXECUTE FUNCTION hms.guard_credential();
GRANT DELETE, INSERT, SELECT ON hms.user_token TO hms_app;
GRANT SELECT ON hms.user_token TO hms_backup;

CREATE TABLE hms.user_totp ( -- hms_owner
    confirmed_at timestamp with time zone,
    last_step bigint NOT NULL DEFAULT 0,
    secret text NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    CONSTRAINT user_totp_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_totp_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
ALTER TABLE hms.user_totp ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.user_totp FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER user_totp_sealed_guard BEFORE INSERT OR UPDATE OF secret ON hms.user_totp FOR EACH ROW WHEN (((new.secret <> ''::text) AND ("left"(new.secret, 5) <> 'hms1:'::text))) EXECUTE FUNCTION hms.guard_sealed('user_totp', 'secret');
CREATE TRIGGER user_totp_set BEFORE INSERT OR UPDATE OF secret ON hms.user_totp FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.begin_totp', 'encryption.reencrypt');
GRANT INSERT, SELECT ON hms.user_totp TO hms_app;
GRANT SELECT ON hms.user_totp TO hms_backup;

CREATE TABLE hms.vitals ( -- hms_owner
    bmi numeric(5,1),
    breaths_per_minute integer,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    diastolic_mmhg integer,
    encounter_id uuid NOT NULL,
    error_reason text NOT NULL DEFAULT ''::text,
    height_cm numeric(4,1),
    id uuid NOT NULL,
    oxygen_saturation_percent integer,
    pain_score integer,
    patient_id uuid NOT NULL,
    pulse_per_minute integer,
    status text NOT NULL,
    systolic_mmhg integer,
    taken_at timestamp with time zone NOT NULL,
    temperature_celsius numeric(4,1),
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    weight_kg numeric(6,3),
    CONSTRAINT vitals_bmi_check CHECK (((bmi <> 'NaN'::numeric) AND ((bmi IS NULL) OR ((height_cm IS NOT NULL) AND (weight_kg IS NOT NULL))))),
    CONSTRAINT vitals_breaths_check CHECK (((breaths_per_minute >= 0) AND (breaths_per_minute <= 150))),
    CONSTRAINT vitals_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter(tenant_id, id, patient_id),
    CONSTRAINT vitals_error_check CHECK (((status = 'entered-in-error'::text) = (error_reason <> ''::text))),
    CONSTRAINT vitals_height_check CHECK (((height_cm <> 'NaN'::numeric) AND ((height_cm >= (20)::numeric) AND (height_cm <= (280)::numeric)))),
    CONSTRAINT vitals_pain_check CHECK (((pain_score >= 0) AND (pain_score <= 10))),
    CONSTRAINT vitals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT vitals_pressure_check CHECK ((((systolic_mmhg >= 20) AND (systolic_mmhg <= 350)) AND ((diastolic_mmhg >= 0) AND (diastolic_mmhg <= 250)) AND (diastolic_mmhg <= systolic_mmhg))),
    CONSTRAINT vitals_pulse_check CHECK (((pulse_per_minute >= 0) AND (pulse_per_minute <= 350))),
    CONSTRAINT vitals_saturation_check CHECK (((oxygen_saturation_percent >= 0) AND (oxygen_saturation_percent <= 100))),
    CONSTRAINT vitals_status_check CHECK ((status = ANY (ARRAY['final'::text, 'entered-in-error'::text]))),
    CONSTRAINT vitals_taken_check CHECK ((taken_at <= created_at)),
    CONSTRAINT vitals_temperature_check CHECK (((temperature_celsius <> 'NaN'::numeric) AND ((temperature_celsius >= (20)::numeric) AND (temperature_celsius <= (46)::numeric)))),
    CONSTRAINT vitals_texts_check CHECK (((length(error_reason) <= 200) AND (length(created_by) <= 81))),
    CONSTRAINT vitals_weight_check CHECK (((weight_kg <> 'NaN'::numeric) AND ((weight_kg >= 0.2) AND (weight_kg <= (700)::numeric))))
);
CREATE INDEX vitals_encounter_idx ON hms.vitals USING btree (tenant_id, encounter_id, patient_id);
CREATE INDEX vitals_patient_idx ON hms.vitals USING btree (tenant_id, patient_id, taken_at, id);
ALTER TABLE hms.vitals ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.vitals FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER vitals_audit_delete AFTER DELETE ON hms.vitals REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('vitals', 'patient_id', 'id');
CREATE TRIGGER vitals_audit_insert AFTER INSERT ON hms.vitals REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('vitals', 'patient_id', 'id');
CREATE TRIGGER vitals_audit_update AFTER UPDATE ON hms.vitals REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('vitals', 'patient_id', 'id');
CREATE TRIGGER vitals_final BEFORE UPDATE ON hms.vitals FOR EACH ROW EXECUTE FUNCTION hms.keep_record('status', 'error_reason', 'version');
CREATE TRIGGER vitals_keep_rows BEFORE DELETE OR TRUNCATE ON hms.vitals FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
CREATE TRIGGER vitals_patient_guard BEFORE INSERT ON hms.vitals FOR EACH ROW EXECUTE FUNCTION hms.guard_patient('taken_at');
CREATE TRIGGER vitals_status_guard BEFORE UPDATE OF status ON hms.vitals FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION hms.guard_transition('final>entered-in-error');
GRANT INSERT, SELECT ON hms.vitals TO hms_app;
GRANT SELECT ON hms.vitals TO hms_backup;

CREATE TABLE hms.vitals_status ( -- hms_owner
    entity_id uuid NOT NULL,
    from_status text NOT NULL,
    reason text NOT NULL DEFAULT ''::text,
    stepped_at timestamp with time zone NOT NULL,
    stepped_by text NOT NULL,
    tenant_id uuid NOT NULL,
    to_status text NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT vitals_status_entity_fkey FOREIGN KEY (tenant_id, entity_id) REFERENCES hms.vitals(tenant_id, id),
    CONSTRAINT vitals_status_pkey PRIMARY KEY (tenant_id, entity_id, version),
    CONSTRAINT vitals_status_reason_check CHECK (((length(reason) <= 2000) AND (length(from_status) <= 30) AND (length(to_status) <= 30))),
    CONSTRAINT vitals_status_stepped_by_check CHECK (((length(stepped_by) >= 1) AND (length(stepped_by) <= 81)))
);
ALTER TABLE hms.vitals_status ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.vitals_status FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER vitals_status_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON hms.vitals_status FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.vitals_status TO hms_app;
GRANT SELECT ON hms.vitals_status TO hms_backup;

CREATE TABLE hms.ward ( -- hms_owner
    capacity integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    description text NOT NULL DEFAULT ''::text,
    id uuid NOT NULL,
    is_active boolean NOT NULL DEFAULT true,
    name text NOT NULL,
    name_key text NOT NULL,
    service_code text NOT NULL DEFAULT ''::text,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    ward_type text NOT NULL,
    CONSTRAINT ward_capacity_check CHECK ((capacity >= 0)),
    CONSTRAINT ward_key_check CHECK ((name_key <> ''::text)),
    CONSTRAINT ward_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT ward_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT ward_texts_check CHECK (((length(name) <= 100) AND (octet_length(name_key) <= 400) AND (length(description) <= 1000) AND (length(ward_type) <= 50) AND (length(service_code) <= 50) AND (length(created_by) <= 81)))
);
ALTER TABLE hms.ward ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.ward FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER ward_audit_delete AFTER DELETE ON hms.ward REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_delete('ward', '', 'id');
CREATE TRIGGER ward_audit_insert AFTER INSERT ON hms.ward REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_insert('ward', '', 'id');
CREATE TRIGGER ward_audit_update AFTER UPDATE ON hms.ward REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hms.audit_update('ward', '', 'id');
CREATE TRIGGER ward_keep_rows BEFORE DELETE OR TRUNCATE ON hms.ward FOR EACH STATEMENT EXECUTE FUNCTION hms.refuse_change();
GRANT INSERT, SELECT ON hms.ward TO hms_app;
GRANT SELECT ON hms.ward TO hms_backup;

CREATE TABLE hms.webauthn_credential ( -- hms_owner
    aaguid bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    credential_id bytea NOT NULL,
    id uuid NOT NULL,
    last_used_at timestamp with time zone,
    name text NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    tenant_id uuid NOT NULL,
    transports text NOT NULL DEFAULT ''::text,
    user_id uuid NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    CONSTRAINT webauthn_credential_count_check CHECK (((sign_count >= 0) AND (sign_count <= '4294967295'::bigint))),
    CONSTRAINT webauthn_credential_key UNIQUE (tenant_id, credential_id),
    CONSTRAINT webauthn_credential_length_check CHECK ((((length(credential_id) >= 16) AND (length(credential_id) <= 1023)) AND ((length(public_key) >= 1) AND (length(public_key) <= 4096)) AND (length(aaguid) = 16))),
    CONSTRAINT webauthn_credential_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT webauthn_credential_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webauthn_credential_texts_check CHECK (((length(transports) <= 100) AND (length(created_by) <= 81))),
    CONSTRAINT webauthn_credential_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account(tenant_id, id)
);
CREATE INDEX webauthn_credential_user_idx ON hms.webauthn_credential USING btree (tenant_id, user_id);
ALTER TABLE hms.webauthn_credential ENABLE AND FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_isolation ON hms.webauthn_credential FOR ALL TO PUBLIC USING ((tenant_id = hms.current_tenant())) WITH CHECK ((tenant_id = hms.current_tenant()));
CREATE TRIGGER webauthn_credential_made BEFORE INSERT ON hms.webauthn_credential FOR EACH ROW EXECUTE FUNCTION hms.guard_credential('identity.add_webauthn_credential');
GRANT INSERT, SELECT ON hms.webauthn_credential TO hms_app;
GRANT SELECT ON hms.webauthn_credential TO hms_backup;
