-- Texts have an end, the one that Go's validation has: length() of what people type; 81 for who did it
-- (hmstype.ActorRef), four bytes a character for the normal form of a typed text (internal/names), and for what
-- may be sealed the length of the longest text's ciphertext (fieldcrypt.SealedLength). text_length_test.go
-- holds both sides together, and lists the columns without an end.

-- What every table's mechanism writes to: the audit trail, the outbox, idempotency keys, counters
-- and locks. Runs as hms_owner, like every step.

CREATE TABLE hms.audit_event (
    tenant_id   uuid        NOT NULL,
    -- The transaction has its id before the clock is read: what has none yet records nothing earlier than now, on which
    -- the sealer builds (proof.Checkpoint.Through).
    recorded_at timestamptz NOT NULL DEFAULT CASE WHEN pg_current_xact_id() IS NOT NULL THEN clock_timestamp() END,
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
    -- Makes a leaf's hash useless for trying out what a purged event said.
    salt           bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
    break_glass_id uuid, -- the grant under which something was read; NULL for everything else
    -- What the actor proved himself by, "session:<id>" or "key:<id>"; empty for the host itself.
    -- A default, so that every way in which events are written sets it.
    credential     text NOT NULL DEFAULT hms.context(2),
    CONSTRAINT audit_event_pkey PRIMARY KEY (tenant_id, recorded_at, id),
    CONSTRAINT audit_event_action_check CHECK (action ~ '^[a-z_]{1,30}$'),
    CONSTRAINT audit_event_actor_check CHECK (actor <> ''),
    -- An event from the future would lie before every checkpoint's time for years; a minute is for clocks that are set.
    CONSTRAINT audit_event_time_check CHECK (recorded_at < clock_timestamp() + interval '1 minute')
) PARTITION BY RANGE (recorded_at);
CREATE INDEX audit_event_patient_idx ON hms.audit_event (tenant_id, patient_id, recorded_at);
CREATE INDEX audit_event_actor_idx   ON hms.audit_event (tenant_id, actor, recorded_at);
CREATE INDEX audit_event_entity_idx  ON hms.audit_event (tenant_id, entity, entity_id, recorded_at);
SELECT hms.secure_table('audit_event', 'SELECT');

-- The sealer's way through the trail: by transaction, for whole transactions end at once.
CREATE INDEX audit_event_xid_idx ON hms.audit_event (tenant_id, xid, recorded_at, id);
GRANT SELECT ON hms.audit_event TO hms_sealer;

CREATE INDEX audit_event_credential_idx ON hms.audit_event (tenant_id, credential, recorded_at) WHERE credential <> '';
CREATE INDEX audit_event_grant_idx ON hms.audit_event (tenant_id, break_glass_id, recorded_at) WHERE break_glass_id IS NOT NULL;

-- Only functions of the owner add, and they say whose event it is: their callers' rows, or the tenant that the
-- transaction is checked to have.
CREATE POLICY trail_writer ON hms.audit_event FOR INSERT TO hms_owner WITH CHECK (true);

CREATE TABLE hms.audit_event_default PARTITION OF hms.audit_event DEFAULT;
SELECT hms.secure_table('audit_event_default', '');

-- What somebody decided of an event that could not be delivered. The event itself goes some day; this stays.
CREATE TABLE hms.outbox_decision (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    decision    text        NOT NULL,
    reason      text        NOT NULL DEFAULT '',
    event_id    uuid        NOT NULL,
    event_type  text        NOT NULL,
    entity      text        NOT NULL,
    entity_id   text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    attempts    integer     NOT NULL,
    failure     text        NOT NULL,
    CONSTRAINT outbox_decision_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_decision_decision_check CHECK (decision IN ('retry', 'discard')),
    CONSTRAINT outbox_decision_reason_check CHECK (length(reason) <= 500 AND (decision = 'retry' OR length(btrim(reason)) >= 3)),
    CONSTRAINT outbox_decision_attempts_check CHECK (attempts >= 1),
    CONSTRAINT outbox_decision_texts_check CHECK (length(created_by) BETWEEN 1 AND 81 AND length(failure) <= 100)
);
SELECT hms.install_table('outbox_decision');

-- Mechanisms without an audit trail of their own: they repeat what is audited elsewhere.
--
-- Events of an entity go out in the order (recorded_at, id): one clock for all hosts. The first of an entity that is
-- not done is its head; only a head is taken on, with those behind it. due_at is when a relay looks at an event next,
-- NULL where it does not: done, dead, or held behind a head that is not due. The head is never held, unless dead.
CREATE TABLE hms.outbox (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    event_type   text        NOT NULL,
    entity       text        NOT NULL,
    entity_id    text        NOT NULL,
    data         jsonb       NOT NULL,
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    status       text        NOT NULL DEFAULT 'waiting',
    due_at       timestamptz,
    attempts     integer     NOT NULL DEFAULT 0, -- tries that failed since it waits, or since somebody asked for more
    failure      text        NOT NULL DEFAULT '', -- the last one's kind or type of error, never its text
    failed_at    timestamptz,
    lease_owner  uuid, -- the relay that has it; another may take it when the lease is over
    lease_until  timestamptz,
    delivered_at timestamptz,
    discard_id   uuid, -- the decision by which it was given up
    CONSTRAINT outbox_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT outbox_discard_fkey FOREIGN KEY (tenant_id, discard_id) REFERENCES hms.outbox_decision (tenant_id, id),
    CONSTRAINT outbox_status_check CHECK (status IN ('waiting', 'failing', 'dead', 'delivered', 'discarded')),
    CONSTRAINT outbox_done_check CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)
        AND (status = 'discarded') = (discard_id IS NOT NULL)),
    CONSTRAINT outbox_attempts_check CHECK (attempts >= 0 AND (status <> 'waiting' OR attempts = 0)
        AND (status NOT IN ('failing', 'dead') OR attempts >= 1)),
    CONSTRAINT outbox_failure_check CHECK ((failure = '') = (attempts = 0) AND (failed_at IS NULL) = (attempts = 0)
        AND length(failure) <= 100),
    CONSTRAINT outbox_lease_check CHECK ((lease_owner IS NULL) = (lease_until IS NULL)
        AND (lease_owner IS NULL OR (status IN ('waiting', 'failing') AND due_at IS NOT NULL AND due_at >= lease_until))),
    CONSTRAINT outbox_due_check CHECK (due_at IS NULL OR status IN ('waiting', 'failing'))
);
CREATE INDEX outbox_due_idx ON hms.outbox (tenant_id, due_at, recorded_at) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_entity_idx ON hms.outbox (tenant_id, entity, entity_id, recorded_at, id)
    WHERE delivered_at IS NULL AND discard_id IS NULL;
CREATE INDEX outbox_status_idx ON hms.outbox (tenant_id, status, occurred_at, id)
    WHERE delivered_at IS NULL AND discard_id IS NULL;
CREATE INDEX outbox_discard_idx ON hms.outbox (tenant_id, discard_id) WHERE discard_id IS NOT NULL;
SELECT hms.secure_table('outbox', 'SELECT, INSERT,
    UPDATE (status, due_at, attempts, failure, failed_at, lease_owner, lease_until, delivered_at, discard_id), DELETE');
SELECT hms.guard_status('outbox', 'dead>discarded', 'dead>waiting', 'failing>dead', 'failing>delivered',
    'waiting>dead', 'waiting>delivered', 'waiting>failing');

-- What was done under a key: the result's id and the hash of the input, under the tenant's key where
-- encryption is on. It is no patient's data, and erased with nobody.
CREATE TABLE hms.idempotency_key (
    tenant_id    uuid        NOT NULL,
    operation    text        NOT NULL,
    actor        text        NOT NULL,
    key          text        NOT NULL,
    request_hash text        NOT NULL,
    result_id    uuid,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (tenant_id, operation, actor, key),
    CONSTRAINT idempotency_key_length_check CHECK (length(key) BETWEEN 1 AND 200)
);
SELECT hms.secure_table('idempotency_key', 'SELECT, INSERT, UPDATE (request_hash, result_id, expires_at), DELETE');

-- Numbers that people read (MRN, bill, order). A sequence would neither be per tenant nor
-- free of gaps; a counter's row is locked until the use case commits, and so never skips.
CREATE TABLE hms.counter (
    tenant_id uuid   NOT NULL,
    name      text   NOT NULL,
    value     bigint NOT NULL,
    CONSTRAINT counter_pkey PRIMARY KEY (tenant_id, name),
    CONSTRAINT counter_value_check CHECK (value >= 1)
);
SELECT hms.secure_table('counter', 'SELECT, INSERT, UPDATE (value)');

-- Numbers that a series left out, and why: after a restore those that may lie outside on paper already. In a series
-- without gaps such a range is the void row that explains it.
CREATE TABLE hms.skipped_number (
    tenant_id  uuid        NOT NULL,
    series     text        NOT NULL,
    first      bigint      NOT NULL,
    last       bigint      NOT NULL,
    reason     text        NOT NULL,
    skipped_at timestamptz NOT NULL,
    skipped_by text        NOT NULL,
    CONSTRAINT skipped_number_pkey PRIMARY KEY (tenant_id, series, first),
    CONSTRAINT skipped_number_counter_fkey FOREIGN KEY (tenant_id, series) REFERENCES hms.counter (tenant_id, name),
    CONSTRAINT skipped_number_range_check CHECK (first >= 1 AND last >= first),
    CONSTRAINT skipped_number_reason_check CHECK (length(reason) BETWEEN 3 AND 1000),
    CONSTRAINT skipped_number_by_check CHECK (skipped_by <> '' AND length(skipped_by) <= 81)
);
SELECT hms.install_table('skipped_number', '', 'series,first');

-- A row per thing that two use cases must not do at once and that has no row of its own yet.
CREATE TABLE hms.lock (
    tenant_id uuid NOT NULL,
    name      text NOT NULL,
    taken     bigint NOT NULL DEFAULT 1,
    CONSTRAINT lock_pkey PRIMARY KEY (tenant_id, name)
);
SELECT hms.secure_table('lock', 'SELECT, INSERT, UPDATE (taken)');

-- What became of a tenant as a whole: handed out, moved in, deleted. It outlives the tenant's rows and holds nothing of
-- a patient. The note is signed by the log's key and says all that the columns say. Only the owner adds to it, and by
-- what he adds the guards know that a tenant's rows may come or go as a whole (hms.is_moving_in, hms.is_removing).
CREATE TABLE hms.tenant_record (
    tenant_id    uuid        NOT NULL,
    number       bigint      NOT NULL,
    kind         text        NOT NULL,
    recorded_at  timestamptz NOT NULL,
    archive_hash bytea       NOT NULL, -- SHA-256 of the archive; empty where there is none
    note         text        NOT NULL,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT tenant_record_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT tenant_record_number_check CHECK (number >= 1),
    CONSTRAINT tenant_record_note_check CHECK (length(note) <= 20000),
    CONSTRAINT tenant_record_kind_check CHECK (kind IN ('handed-out', 'moved-in', 'deleted')),
    CONSTRAINT tenant_record_hash_check CHECK (length(archive_hash) IN (0, 32) AND (kind = 'deleted' OR length(archive_hash) = 32))
);
SELECT hms.secure_table('tenant_record', 'SELECT');
-- It is the installation's: the owner lists what became of all tenants.
CREATE POLICY tenant_record_list ON hms.tenant_record FOR SELECT TO hms_owner USING (true);
