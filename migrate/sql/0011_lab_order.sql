-- Laboratory orders, specimens, results and the cases of critical values.

-- Orders and specimens
CREATE TABLE hms.lab_order (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    number         text        NOT NULL,
    patient_id     uuid        NOT NULL,
    encounter_id   uuid,
    requester_id   uuid        NOT NULL,
    status         text        NOT NULL,
    status_reason  text        NOT NULL DEFAULT '',
    priority       text        NOT NULL,
    clinical_notes text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    version        bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_order_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_order_number_key UNIQUE (tenant_id, number),
    CONSTRAINT lab_order_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT lab_order_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT lab_order_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id)
        REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT lab_order_requester_fkey FOREIGN KEY (tenant_id, requester_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT lab_order_status_check CHECK (status IN ('draft', 'active', 'on-hold', 'completed', 'revoked', 'entered-in-error')),
    CONSTRAINT lab_order_reason_check CHECK (status NOT IN ('revoked', 'entered-in-error') OR status_reason <> ''),
    CONSTRAINT lab_order_priority_check CHECK (priority IN ('routine', 'urgent', 'asap', 'stat')),
    -- Ciphertext is longer than what it hides; the services bound the text itself.
    CONSTRAINT lab_order_clinical_notes_check CHECK (length(clinical_notes) <= 21408),
    CONSTRAINT lab_order_texts_check CHECK (length(status_reason) <= 500 AND length(created_by) <= 81)
);
CREATE INDEX lab_order_patient_idx ON hms.lab_order (tenant_id, patient_id, created_at, id);
CREATE INDEX lab_order_encounter_idx ON hms.lab_order (tenant_id, encounter_id, patient_id);
CREATE INDEX lab_order_requester_idx ON hms.lab_order (tenant_id, requester_id);
SELECT hms.install_table('lab_order', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, status_reason, version)');
SELECT hms.install_status_history('lab_order');
SELECT hms.guard_status('lab_order', 'draft>active', 'draft>revoked', 'draft>entered-in-error',
    'active>on-hold', 'active>completed', 'active>revoked', 'active>entered-in-error',
    'on-hold>active', 'on-hold>revoked', 'on-hold>entered-in-error',
    'completed>entered-in-error', 'revoked>entered-in-error');

CREATE TABLE hms.lab_specimen (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    accession       text        NOT NULL,
    order_id        uuid        NOT NULL,
    patient_id      uuid        NOT NULL,
    specimen_type   text        NOT NULL,
    status          text        NOT NULL,
    two_identifiers boolean     NOT NULL,
    patient_sex     text        NOT NULL DEFAULT '',
    patient_birth   date,
    birth_precision text        NOT NULL DEFAULT '',
    collected_at    timestamptz NOT NULL,
    received_at     timestamptz,
    received_by     text        NOT NULL DEFAULT '',
    rejected_at     timestamptz,
    rejected_by     text        NOT NULL DEFAULT '',
    reject_code     text        NOT NULL DEFAULT '',
    reject_reason   text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    created_by      text        NOT NULL,
    version         bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_specimen_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_specimen_accession_key UNIQUE (tenant_id, accession),
    CONSTRAINT lab_specimen_order_key UNIQUE (tenant_id, id, order_id),
    CONSTRAINT lab_specimen_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT lab_specimen_order_fkey FOREIGN KEY (tenant_id, order_id, patient_id)
        REFERENCES hms.lab_order (tenant_id, id, patient_id),
    CONSTRAINT lab_specimen_status_check CHECK (status IN ('collected', 'received', 'rejected', 'entered-in-error')),
    CONSTRAINT lab_specimen_two_identifiers_check CHECK (two_identifiers),
    CONSTRAINT lab_specimen_time_check CHECK (collected_at <= created_at AND received_at >= collected_at
        AND rejected_at >= collected_at),
    CONSTRAINT lab_specimen_received_check CHECK (status <> 'received' OR (received_at IS NOT NULL AND received_by <> '')),
    CONSTRAINT lab_specimen_rejected_check CHECK ((status IN ('rejected', 'entered-in-error'))
        = (rejected_at IS NOT NULL AND rejected_by <> '' AND reject_reason <> '')),
    CONSTRAINT lab_specimen_texts_check CHECK (length(specimen_type) <= 100 AND length(patient_sex) <= 10
        AND length(birth_precision) <= 10 AND length(reject_code) <= 10 AND length(reject_reason) <= 500
        AND length(received_by) <= 81 AND length(rejected_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX lab_specimen_order_idx ON hms.lab_specimen (tenant_id, order_id, patient_id);
SELECT hms.install_table('lab_specimen', 'patient_id', p_kind => 'follow-up', p_happened => 'collected_at', p_grants =>
    'SELECT, INSERT, UPDATE (status, received_at, received_by, rejected_at, rejected_by, reject_code,
        reject_reason, version)');
SELECT hms.install_status_history('lab_specimen');
SELECT hms.guard_status('lab_specimen', 'collected>received', 'collected>rejected', 'collected>entered-in-error',
    'received>rejected', 'received>entered-in-error', 'rejected>entered-in-error');

-- priority_rank and created_at repeat the order's, so that the worklist is one index scan.
CREATE TABLE hms.lab_order_item (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    order_id      uuid        NOT NULL,
    patient_id    uuid        NOT NULL,
    test_id       uuid        NOT NULL,
    status        text        NOT NULL,
    status_reason text        NOT NULL DEFAULT '',
    priority_rank integer     NOT NULL,
    specimen_id   uuid,
    collected_at  timestamptz,
    resulted_at   timestamptz,
    verified_by   text        NOT NULL DEFAULT '',
    verified_at   timestamptz,
    result_date   timestamptz,
    reviewed_by   text        NOT NULL DEFAULT '',
    reviewed_at   timestamptz,
    created_at    timestamptz NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_order_item_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_order_item_test_key UNIQUE (tenant_id, order_id, test_id),
    CONSTRAINT lab_order_item_scope_key UNIQUE (tenant_id, id, patient_id, test_id),
    CONSTRAINT lab_order_item_order_fkey FOREIGN KEY (tenant_id, order_id, patient_id)
        REFERENCES hms.lab_order (tenant_id, id, patient_id),
    CONSTRAINT lab_order_item_test_fkey FOREIGN KEY (tenant_id, test_id) REFERENCES hms.lab_test (tenant_id, id),
    CONSTRAINT lab_order_item_specimen_fkey FOREIGN KEY (tenant_id, specimen_id, order_id)
        REFERENCES hms.lab_specimen (tenant_id, id, order_id),
    CONSTRAINT lab_order_item_status_check CHECK (status IN ('ordered', 'collected', 'in-progress', 'preliminary', 'verified',
        'final', 'corrected', 'amended', 'cancelled', 'entered-in-error')),
    CONSTRAINT lab_order_item_reason_check CHECK (status NOT IN ('cancelled', 'entered-in-error') OR status_reason <> ''),
    CONSTRAINT lab_order_item_priority_rank_check CHECK (priority_rank BETWEEN 0 AND 3),
    CONSTRAINT lab_order_item_collected_check CHECK (status NOT IN ('collected', 'in-progress', 'preliminary', 'verified', 'final',
        'corrected', 'amended')
        OR (specimen_id IS NOT NULL AND collected_at IS NOT NULL)),
    CONSTRAINT lab_order_item_result_date_check CHECK (status NOT IN ('final', 'corrected', 'amended') OR (result_date IS NOT NULL AND result_date >= collected_at)),
    -- What is released was verified; what has no values yet, or was drawn anew, was not.
    CONSTRAINT lab_order_item_verified_check CHECK ((verified_by = '') = (verified_at IS NULL)
        AND (status NOT IN ('verified', 'final', 'corrected', 'amended') OR verified_at IS NOT NULL)
        AND (status NOT IN ('ordered', 'collected', 'in-progress', 'preliminary') OR verified_at IS NULL)),
    CONSTRAINT lab_order_item_reviewed_check CHECK ((reviewed_by = '') = (reviewed_at IS NULL)),
    CONSTRAINT lab_order_item_texts_check CHECK (length(status_reason) <= 500 AND length(verified_by) <= 81
        AND length(reviewed_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX lab_order_item_order_idx ON hms.lab_order_item (tenant_id, order_id, patient_id);
CREATE INDEX lab_order_item_test_idx ON hms.lab_order_item (tenant_id, test_id);
CREATE INDEX lab_order_item_specimen_idx ON hms.lab_order_item (tenant_id, specimen_id, order_id);
CREATE INDEX lab_order_item_pending_idx ON hms.lab_order_item (tenant_id, priority_rank, created_at, id)
    WHERE status IN ('ordered', 'collected', 'in-progress', 'preliminary', 'verified');
CREATE INDEX lab_order_item_result_date_idx ON hms.lab_order_item (tenant_id, result_date) WHERE result_date IS NOT NULL;
SELECT hms.install_table('lab_order_item', 'patient_id', p_kind => 'follow-up', p_grants =>
    'SELECT, INSERT, UPDATE (status, status_reason, specimen_id, collected_at, resulted_at, verified_by,
        verified_at, result_date, reviewed_by, reviewed_at, version)');
SELECT hms.install_status_history('lab_order_item');
SELECT hms.guard_status('lab_order_item',
    'ordered>collected', 'ordered>cancelled', 'ordered>entered-in-error',
    'collected>in-progress', 'collected>preliminary', 'collected>ordered', 'collected>cancelled', 'collected>entered-in-error',
    'in-progress>preliminary', 'in-progress>ordered', 'in-progress>cancelled', 'in-progress>entered-in-error',
    'preliminary>verified', 'preliminary>ordered', 'preliminary>cancelled', 'preliminary>entered-in-error',
    'verified>final', 'verified>preliminary', 'verified>ordered', 'verified>cancelled', 'verified>entered-in-error',
    'final>corrected', 'final>amended', 'final>cancelled', 'final>entered-in-error',
    'corrected>amended', 'corrected>cancelled', 'corrected>entered-in-error',
    'amended>corrected', 'amended>cancelled', 'amended>entered-in-error',
    'cancelled>entered-in-error');

-- Results: one row per version, never changed
CREATE TABLE hms.lab_result (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    order_item_id  uuid        NOT NULL,
    patient_id     uuid        NOT NULL,
    test_id        uuid        NOT NULL,
    analyte_id     uuid        NOT NULL,
    specimen_id    uuid        NOT NULL,
    supersedes_id  uuid,
    status         text        NOT NULL,
    value_type     text        NOT NULL,
    comparator     text        NOT NULL DEFAULT '',
    value_number   numeric,
    value_code     text        NOT NULL DEFAULT '',
    value_text     text        NOT NULL DEFAULT '',
    absent_reason  text        NOT NULL DEFAULT '',
    unit           text        NOT NULL DEFAULT '',
    flag           text        NOT NULL DEFAULT '',
    critical       boolean     NOT NULL,
    range_id       uuid,
    low            numeric,
    high           numeric,
    critical_low   numeric,
    critical_high  numeric,
    sex            text        NOT NULL DEFAULT '',
    age_days       integer,
    collected_at   timestamptz NOT NULL,
    comment        text        NOT NULL DEFAULT '',
    reason         text        NOT NULL DEFAULT '',
    entered_by     text        NOT NULL,
    entered_at     timestamptz NOT NULL,
    verified_by    text        NOT NULL DEFAULT '',
    verified_at    timestamptz,
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    version        bigint      NOT NULL,
    CONSTRAINT lab_result_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_result_version_key UNIQUE (tenant_id, order_item_id, analyte_id, version),
    CONSTRAINT lab_result_supersedes_key UNIQUE (tenant_id, supersedes_id, order_item_id, analyte_id),
    CONSTRAINT lab_result_chain_key UNIQUE (tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_result_item_fkey FOREIGN KEY (tenant_id, order_item_id, patient_id, test_id)
        REFERENCES hms.lab_order_item (tenant_id, id, patient_id, test_id),
    CONSTRAINT lab_result_analyte_fkey FOREIGN KEY (tenant_id, analyte_id, test_id)
        REFERENCES hms.lab_analyte (tenant_id, id, test_id),
    CONSTRAINT lab_result_specimen_fkey FOREIGN KEY (tenant_id, specimen_id, patient_id)
        REFERENCES hms.lab_specimen (tenant_id, id, patient_id),
    CONSTRAINT lab_result_range_fkey FOREIGN KEY (tenant_id, range_id, analyte_id)
        REFERENCES hms.lab_reference_range (tenant_id, id, analyte_id),
    CONSTRAINT lab_result_supersedes_fkey FOREIGN KEY (tenant_id, supersedes_id, order_item_id, analyte_id, patient_id)
        REFERENCES hms.lab_result (tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_result_version_check CHECK (version >= 1 AND (version = 1) = (supersedes_id IS NULL)),
    CONSTRAINT lab_result_status_check CHECK (status IN ('preliminary', 'final', 'corrected', 'amended', 'cancelled', 'entered-in-error')),
    CONSTRAINT lab_result_verified_check CHECK (status NOT IN ('final', 'corrected', 'amended') OR (verified_at IS NOT NULL AND verified_by <> '')),
    CONSTRAINT lab_result_reason_check CHECK (status NOT IN ('corrected', 'amended', 'cancelled', 'entered-in-error') OR reason <> ''),
    CONSTRAINT lab_result_value_type_check CHECK (value_type IN ('numeric', 'coded', 'text', 'absent')),
    CONSTRAINT lab_result_comparator_check CHECK (comparator IN ('', '<', '<=', '>=', '>') AND (comparator = '' OR value_type = 'numeric')),
    -- The text is what was entered ("1.0" is not "1"); the number is what is compared.
    CONSTRAINT lab_result_value_check CHECK (CASE value_type
        WHEN 'numeric' THEN value_text ~ '^-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$'
            AND value_number IS NOT NULL AND value_number = value_text::numeric AND value_code = '' AND absent_reason = ''
        WHEN 'coded' THEN value_number IS NULL AND value_code <> '' AND value_text <> '' AND absent_reason = ''
        WHEN 'text' THEN value_number IS NULL AND value_code = '' AND value_text <> '' AND absent_reason = ''
        ELSE value_number IS NULL AND value_code = '' AND value_text = '' AND absent_reason <> '' END),
    CONSTRAINT lab_result_flag_check CHECK (flag IN ('', 'N', 'L', 'H', 'LL', 'HH', 'A', 'AA')
        AND (critical OR flag NOT IN ('LL', 'HH', 'AA'))),
    CONSTRAINT lab_result_number_check CHECK (low <> 'NaN' AND high <> 'NaN' AND critical_low <> 'NaN' AND critical_high <> 'NaN'
        AND value_number <> 'NaN'),
    CONSTRAINT lab_result_texts_check CHECK (length(value_code) <= 100 AND length(value_text) <= 4000
        AND length(absent_reason) <= 30 AND length(unit) <= 40 AND length(sex) <= 10 AND length(comment) <= 2000
        AND length(reason) <= 500 AND length(entered_by) <= 81 AND length(verified_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX lab_result_item_idx ON hms.lab_result (tenant_id, order_item_id, patient_id, test_id);
CREATE INDEX lab_result_analyte_idx ON hms.lab_result (tenant_id, analyte_id, test_id);
CREATE INDEX lab_result_specimen_idx ON hms.lab_result (tenant_id, specimen_id);
CREATE INDEX lab_result_range_idx ON hms.lab_result (tenant_id, range_id, analyte_id);
CREATE INDEX lab_result_patient_idx ON hms.lab_result (tenant_id, patient_id, collected_at, id);
CREATE INDEX lab_result_history_idx ON hms.lab_result (tenant_id, patient_id, analyte_id, collected_at, id);
SELECT hms.install_table('lab_result', 'patient_id', p_kind => 'follow-up', p_happened => 'collected_at');

-- Critical values
CREATE TABLE hms.lab_critical_alert (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    result_id        uuid        NOT NULL,
    order_item_id    uuid        NOT NULL,
    analyte_id       uuid        NOT NULL,
    patient_id       uuid        NOT NULL,
    flag             text        NOT NULL DEFAULT '',
    status           text        NOT NULL,
    escalation_level bigint      NOT NULL DEFAULT 0,
    escalate_at      timestamptz NOT NULL,
    escalated_at     timestamptz,
    superseded_by    uuid,
    acknowledged_by  text        NOT NULL DEFAULT '',
    acknowledged_at  timestamptz,
    comment          text        NOT NULL DEFAULT '',
    read_back        boolean     NOT NULL DEFAULT false,
    closed_by        text        NOT NULL DEFAULT '',
    closed_at        timestamptz,
    closing_comment  text        NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL,
    created_by       text        NOT NULL,
    version          bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_critical_alert_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_critical_alert_result_key UNIQUE (tenant_id, result_id),
    CONSTRAINT lab_critical_alert_result_fkey FOREIGN KEY (tenant_id, result_id, order_item_id, analyte_id, patient_id)
        REFERENCES hms.lab_result (tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_critical_alert_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT lab_critical_alert_superseded_fkey FOREIGN KEY (tenant_id, superseded_by, order_item_id, analyte_id, patient_id)
        REFERENCES hms.lab_result (tenant_id, id, order_item_id, analyte_id, patient_id),
    CONSTRAINT lab_critical_alert_status_check CHECK (status IN ('open', 'acknowledged', 'closed')),
    CONSTRAINT lab_critical_alert_flag_check CHECK (flag IN ('', 'L', 'H', 'LL', 'HH', 'A', 'AA', 'N')),
    CONSTRAINT lab_critical_alert_acknowledged_check CHECK ((status = 'open') = (acknowledged_by = '')
        AND (status = 'open') = (acknowledged_at IS NULL) AND (status = 'open' OR btrim(comment) <> '')
        AND acknowledged_at >= created_at),
    CONSTRAINT lab_critical_alert_closed_check CHECK ((status = 'closed') = (closed_by <> '')
        AND (status = 'closed') = (closed_at IS NOT NULL)
        AND (status <> 'closed' OR (read_back AND btrim(closing_comment) <> '')) AND closed_at >= acknowledged_at),
    CONSTRAINT lab_critical_alert_escalation_check CHECK (escalation_level >= 0 AND escalate_at > created_at),
    CONSTRAINT lab_critical_alert_texts_check CHECK (length(comment) <= 10742 AND length(closing_comment) <= 10742
        AND length(acknowledged_by) <= 81 AND length(closed_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX lab_critical_alert_result_idx ON hms.lab_critical_alert (tenant_id, result_id, order_item_id, analyte_id);
CREATE INDEX lab_critical_alert_item_idx ON hms.lab_critical_alert (tenant_id, order_item_id, analyte_id);
CREATE INDEX lab_critical_alert_patient_idx ON hms.lab_critical_alert (tenant_id, patient_id);
CREATE INDEX lab_critical_alert_superseded_idx ON hms.lab_critical_alert (tenant_id, superseded_by, order_item_id, analyte_id);
CREATE INDEX lab_critical_alert_open_idx ON hms.lab_critical_alert (tenant_id, created_at, id) WHERE status <> 'closed';
CREATE INDEX lab_critical_alert_escalate_idx ON hms.lab_critical_alert (tenant_id, escalate_at, id) WHERE status = 'open';
SELECT hms.install_table('lab_critical_alert', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (status, escalation_level, escalate_at, escalated_at, superseded_by, acknowledged_by,
        acknowledged_at, comment, read_back, closed_by, closed_at, closing_comment, version)');
SELECT hms.install_status_history('lab_critical_alert');
SELECT hms.guard_status('lab_critical_alert', 'open>acknowledged', 'acknowledged>closed');
