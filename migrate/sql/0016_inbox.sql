-- What waits for a person: notifications, tasks (FHIR R4 Task) and messages.
--
-- Text is sealed under the key of the patient whom it is about, or the tenant's own: sealed_for
-- names whose. It stands beside the patient because a sealed text keeps the key that it was
-- sealed under, whatever becomes of the record. The lengths are those of ciphertext; the services
-- bound the text itself.
CREATE TABLE hms.notification (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid,
    role_id    uuid,
    category   text        NOT NULL,
    priority   text        NOT NULL,
    title      text        NOT NULL,
    body       text        NOT NULL DEFAULT '',
    patient_id uuid,
    sealed_for uuid        NOT NULL,
    entity     text        NOT NULL DEFAULT '',
    entity_id  uuid,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    CONSTRAINT notification_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT notification_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT notification_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role (tenant_id, id),
    CONSTRAINT notification_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT notification_recipient_check CHECK (num_nonnulls(user_id, role_id) = 1),
    CONSTRAINT notification_sealed_check CHECK ((patient_id IS NULL) = (sealed_for = tenant_id)),
    CONSTRAINT notification_category_check CHECK (category ~ '^[a-z0-9][a-z0-9._-]{0,49}$'),
    CONSTRAINT notification_priority_check CHECK (priority IN ('routine', 'urgent', 'asap', 'stat')),
    CONSTRAINT notification_text_check CHECK (length(title) BETWEEN 1 AND 1142 AND length(body) <= 53408),
    CONSTRAINT notification_link_check CHECK ((entity = '') = (entity_id IS NULL) AND entity ~ '^[a-z_]{0,50}$'),
    CONSTRAINT notification_expiry_check CHECK (expires_at > created_at),
    CONSTRAINT notification_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX notification_user_idx ON hms.notification (tenant_id, user_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE INDEX notification_role_idx ON hms.notification (tenant_id, role_id, created_at, id) WHERE role_id IS NOT NULL;
CREATE INDEX notification_patient_idx ON hms.notification (tenant_id, patient_id, created_at);
SELECT hms.install_table('notification', 'patient_id', p_kind => 'trail');

-- Who has read a notification; of one to a role each member reads for himself.
CREATE TABLE hms.notification_read (
    tenant_id       uuid        NOT NULL,
    notification_id uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    read_at         timestamptz NOT NULL,
    CONSTRAINT notification_read_pkey PRIMARY KEY (tenant_id, notification_id, user_id),
    CONSTRAINT notification_read_notification_fkey FOREIGN KEY (tenant_id, notification_id) REFERENCES hms.notification (tenant_id, id),
    CONSTRAINT notification_read_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id)
);
CREATE INDEX notification_read_user_idx ON hms.notification_read (tenant_id, user_id, notification_id);
SELECT hms.install_table('notification_read', '', 'notification_id,user_id');

-- Tasks
CREATE TABLE hms.task (
    tenant_id          uuid        NOT NULL,
    id                 uuid        NOT NULL,
    status             text        NOT NULL,
    priority           text        NOT NULL,
    title              text        NOT NULL,
    description        text        NOT NULL DEFAULT '',
    outcome            text        NOT NULL DEFAULT '',
    patient_id         uuid,
    sealed_for         uuid        NOT NULL,
    entity             text        NOT NULL DEFAULT '',
    entity_id          uuid,
    role_id            uuid,
    owner_id           uuid,
    due_at             timestamptz,
    sort_at            timestamptz NOT NULL,
    escalation_role_id uuid,
    escalate_at        timestamptz,
    escalated_at       timestamptz,
    escalation_level   bigint      NOT NULL DEFAULT 0,
    created_by         text        NOT NULL,
    created_at         timestamptz NOT NULL,
    claimed_at         timestamptz,
    started_at         timestamptz,
    ended_at           timestamptz,
    version            bigint      NOT NULL DEFAULT 1,
    CONSTRAINT task_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT task_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT task_sealed_key UNIQUE (tenant_id, id, sealed_for),
    CONSTRAINT task_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role (tenant_id, id),
    CONSTRAINT task_owner_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT task_escalation_role_fkey FOREIGN KEY (tenant_id, escalation_role_id) REFERENCES hms.role (tenant_id, id),
    CONSTRAINT task_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT task_status_check CHECK (status IN ('draft', 'requested', 'received', 'accepted', 'rejected', 'ready', 'cancelled',
        'in-progress', 'on-hold', 'failed', 'completed', 'entered-in-error')),
    CONSTRAINT task_priority_check CHECK (priority IN ('routine', 'urgent', 'asap', 'stat')),
    CONSTRAINT task_assignee_check CHECK (num_nonnulls(owner_id, role_id) >= 1),
    -- What is being worked on has somebody who works on it.
    CONSTRAINT task_owner_check CHECK (owner_id IS NOT NULL OR status NOT IN ('accepted', 'ready', 'in-progress', 'on-hold', 'completed', 'failed')),
    CONSTRAINT task_claimed_check CHECK ((claimed_at IS NULL) OR (owner_id IS NOT NULL)),
    CONSTRAINT task_ended_check CHECK ((ended_at IS NOT NULL) = (status IN ('rejected', 'cancelled', 'failed', 'completed', 'entered-in-error'))),
    CONSTRAINT task_outcome_check CHECK (status <> 'completed' OR outcome <> ''),
    CONSTRAINT task_sealed_check CHECK ((patient_id IS NULL) = (sealed_for = tenant_id)),
    CONSTRAINT task_text_check CHECK (length(title) BETWEEN 1 AND 1142 AND length(description) <= 53408 AND length(outcome) <= 10742),
    CONSTRAINT task_link_check CHECK ((entity = '') = (entity_id IS NULL) AND entity ~ '^[a-z_]{0,50}$'),
    -- Lists are ordered by what is due; what has no date comes last.
    CONSTRAINT task_sort_check CHECK (sort_at = coalesce(due_at, '9999-12-31 00:00:00+00'::timestamptz)),
    CONSTRAINT task_escalation_check CHECK (escalation_level >= 0 AND (escalation_level = 0) = (escalated_at IS NULL)),
    CONSTRAINT task_escalate_check CHECK (escalate_at IS NULL OR (ended_at IS NULL AND due_at IS NOT NULL AND escalate_at >= due_at)),
    CONSTRAINT task_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX task_owner_idx ON hms.task (tenant_id, owner_id);
CREATE INDEX task_role_idx ON hms.task (tenant_id, role_id);
CREATE INDEX task_owner_open_idx ON hms.task (tenant_id, owner_id, sort_at, id) WHERE ended_at IS NULL;
CREATE INDEX task_role_open_idx ON hms.task (tenant_id, role_id, sort_at, id) WHERE ended_at IS NULL AND owner_id IS NULL;
CREATE INDEX task_patient_idx ON hms.task (tenant_id, patient_id, sort_at, id);
CREATE INDEX task_status_idx ON hms.task (tenant_id, status, sort_at, id);
CREATE INDEX task_creator_idx ON hms.task (tenant_id, created_by, sort_at, id);
CREATE INDEX task_escalation_role_idx ON hms.task (tenant_id, escalation_role_id);
CREATE INDEX task_escalate_idx ON hms.task (tenant_id, escalate_at, id) WHERE escalate_at IS NOT NULL;
SELECT hms.install_table('task', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (status, priority, title, description, outcome, role_id, owner_id, due_at, sort_at,
        escalation_role_id, escalate_at, escalated_at, escalation_level, claimed_at, started_at, ended_at, version)');
SELECT hms.guard_status('task',
    'draft>requested', 'draft>cancelled', 'draft>entered-in-error',
    'requested>received', 'requested>accepted', 'requested>rejected', 'requested>cancelled', 'requested>entered-in-error',
    'received>requested', 'received>accepted', 'received>rejected', 'received>cancelled', 'received>entered-in-error',
    'accepted>requested', 'accepted>ready', 'accepted>in-progress', 'accepted>cancelled', 'accepted>entered-in-error',
    'ready>requested', 'ready>in-progress', 'ready>cancelled', 'ready>entered-in-error',
    'in-progress>requested', 'in-progress>on-hold', 'in-progress>completed', 'in-progress>failed', 'in-progress>cancelled', 'in-progress>entered-in-error',
    'on-hold>requested', 'on-hold>in-progress', 'on-hold>failed', 'on-hold>cancelled', 'on-hold>entered-in-error',
    'rejected>entered-in-error', 'cancelled>entered-in-error', 'failed>entered-in-error', 'completed>entered-in-error');

-- Every step of a task: who, when, from where, to where, why. The task's version numbers them.
CREATE TABLE hms.task_history (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    task_id     uuid        NOT NULL,
    version     bigint      NOT NULL,
    patient_id  uuid,
    sealed_for  uuid        NOT NULL,
    from_status text        NOT NULL,
    to_status   text        NOT NULL,
    owner_id    uuid,
    role_id     uuid,
    reason      text        NOT NULL DEFAULT '',
    actor       text        NOT NULL,
    at          timestamptz NOT NULL,
    CONSTRAINT task_history_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT task_history_version_key UNIQUE (tenant_id, task_id, version),
    CONSTRAINT task_history_task_fkey FOREIGN KEY (tenant_id, task_id, sealed_for) REFERENCES hms.task (tenant_id, id, sealed_for),
    CONSTRAINT task_history_person_fkey FOREIGN KEY (tenant_id, task_id, patient_id) REFERENCES hms.task (tenant_id, id, patient_id),
    CONSTRAINT task_history_owner_fkey FOREIGN KEY (tenant_id, owner_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT task_history_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role (tenant_id, id),
    CONSTRAINT task_history_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT task_history_reason_check CHECK (length(reason) <= 2742
        AND (reason <> '' OR to_status NOT IN ('rejected', 'cancelled', 'failed', 'entered-in-error'))),
    CONSTRAINT task_history_sealed_check CHECK ((patient_id IS NULL) = (sealed_for = tenant_id)),
    CONSTRAINT task_history_texts_check CHECK (length(from_status) <= 30 AND length(to_status) <= 30 AND length(actor) <= 81)
);
CREATE INDEX task_history_owner_idx ON hms.task_history (tenant_id, owner_id);
CREATE INDEX task_history_role_idx ON hms.task_history (tenant_id, role_id);
CREATE INDEX task_history_patient_idx ON hms.task_history (tenant_id, patient_id);
SELECT hms.install_table('task_history', 'patient_id', p_kind => 'trail');

-- Messages
CREATE TABLE hms.message_thread (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    subject         text        NOT NULL,
    patient_id      uuid,
    sealed_for      uuid        NOT NULL,
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    version         bigint      NOT NULL DEFAULT 1,
    last_message_at timestamptz NOT NULL,
    CONSTRAINT message_thread_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT message_thread_person_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT message_thread_sealed_key UNIQUE (tenant_id, id, sealed_for),
    CONSTRAINT message_thread_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT message_thread_sealed_check CHECK ((patient_id IS NULL) = (sealed_for = tenant_id)),
    CONSTRAINT message_thread_text_check CHECK (length(subject) BETWEEN 1 AND 1142),
    CONSTRAINT message_thread_last_check CHECK (last_message_at >= created_at),
    CONSTRAINT message_thread_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX message_thread_last_idx ON hms.message_thread (tenant_id, last_message_at, id);
CREATE INDEX message_thread_patient_idx ON hms.message_thread (tenant_id, patient_id, last_message_at, id);
SELECT hms.install_table('message_thread', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (subject, version, last_message_at)');

CREATE TABLE hms.thread_participant (
    tenant_id  uuid        NOT NULL,
    thread_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    added_by   text        NOT NULL,
    joined_at  timestamptz NOT NULL,
    left_at    timestamptz,
    read_up_to timestamptz,
    CONSTRAINT thread_participant_pkey PRIMARY KEY (tenant_id, thread_id, user_id),
    CONSTRAINT thread_participant_thread_fkey FOREIGN KEY (tenant_id, thread_id) REFERENCES hms.message_thread (tenant_id, id),
    CONSTRAINT thread_participant_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT thread_participant_left_check CHECK (left_at >= joined_at),
    CONSTRAINT thread_participant_texts_check CHECK (length(added_by) <= 81)
);
CREATE INDEX thread_participant_user_idx ON hms.thread_participant (tenant_id, user_id, thread_id);
SELECT hms.install_table('thread_participant', '', 'thread_id,user_id', p_grants =>
    'SELECT, INSERT, UPDATE (added_by, joined_at, left_at, read_up_to)');

-- Messages are never changed. Instants are unique in a thread, so they order it.
CREATE TABLE hms.message (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    thread_id  uuid        NOT NULL,
    sender_id  uuid        NOT NULL,
    body       text        NOT NULL,
    patient_id uuid,
    sealed_for uuid        NOT NULL,
    sent_at    timestamptz NOT NULL,
    CONSTRAINT message_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT message_order_key UNIQUE (tenant_id, thread_id, sent_at),
    CONSTRAINT message_thread_fkey FOREIGN KEY (tenant_id, thread_id, sealed_for) REFERENCES hms.message_thread (tenant_id, id, sealed_for),
    CONSTRAINT message_person_fkey FOREIGN KEY (tenant_id, thread_id, patient_id) REFERENCES hms.message_thread (tenant_id, id, patient_id),
    CONSTRAINT message_sender_fkey FOREIGN KEY (tenant_id, thread_id, sender_id) REFERENCES hms.thread_participant (tenant_id, thread_id, user_id),
    CONSTRAINT message_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT message_sealed_check CHECK ((patient_id IS NULL) = (sealed_for = tenant_id)),
    CONSTRAINT message_body_check CHECK (length(body) BETWEEN 1 AND 53408)
);
CREATE INDEX message_thread_idx ON hms.message (tenant_id, thread_id, sent_at, id);
CREATE INDEX message_patient_idx ON hms.message (tenant_id, patient_id);
SELECT hms.install_table('message', 'patient_id', p_kind => 'trail');
