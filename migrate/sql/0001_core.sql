-- Texts have an end, the one that Go's validation has: length() of what people type; 81 for who did it
-- (hmstype.ActorRef), four bytes a character for the normal form of a typed text (internal/names), and for what
-- may be sealed the length of the longest text's ciphertext (fieldcrypt.SealedLength). text_length_test.go
-- holds both sides together, and lists the columns without an end.

-- What every table's mechanism writes to: the audit trail, the outbox, idempotency keys, counters
-- and locks. Runs as hms_owner, like every step.

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
    -- Makes a leaf's hash useless for trying out what a purged event said.
    salt           bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
    break_glass_id uuid, -- the grant under which something was read; NULL for everything else
    -- What the actor proved himself by, "session:<id>" or "key:<id>"; empty for the host itself.
    -- A default, so that every way in which events are written sets it.
    credential     text NOT NULL DEFAULT hms.context(2),
    CONSTRAINT audit_event_pkey PRIMARY KEY (tenant_id, recorded_at, id),
    CONSTRAINT audit_event_action_check CHECK (action ~ '^[a-z_]{1,30}$'),
    CONSTRAINT audit_event_actor_check CHECK (actor <> '')
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
SELECT hms.secure_table('outbox', 'SELECT, INSERT, UPDATE (delivered_at), DELETE');

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

-- A row per thing that two use cases must not do at once and that has no row of its own yet.
CREATE TABLE hms.lock (
    tenant_id uuid NOT NULL,
    name      text NOT NULL,
    taken     bigint NOT NULL DEFAULT 1,
    CONSTRAINT lock_pkey PRIMARY KEY (tenant_id, name)
);
SELECT hms.secure_table('lock', 'SELECT, INSERT, UPDATE (taken)');
