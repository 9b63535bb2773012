-- The trail's Merkle log (RFC 6962), the accounting of disclosures (45 CFR 164.528), how long the
-- trail is kept and what holds it back. Each event of a tenant becomes a leaf, checkpoints are signed
-- by the host's key, and nobody but the sealer may add to it.

CREATE TABLE hms.audit_leaf (
    tenant_id   uuid        NOT NULL,
    leaf_index  bigint      NOT NULL,
    event_id    uuid        NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea       NOT NULL,
    CONSTRAINT audit_leaf_pkey PRIMARY KEY (tenant_id, leaf_index),
    CONSTRAINT audit_leaf_event_key UNIQUE (tenant_id, recorded_at, event_id),
    CONSTRAINT audit_leaf_index_check CHECK (leaf_index >= 0),
    CONSTRAINT audit_leaf_hash_check CHECK (length(hash) = 32)
);
SELECT hms.secure_table('audit_leaf', 'SELECT');
GRANT SELECT, INSERT ON hms.audit_leaf TO hms_sealer;

-- Hashes of complete subtrees of 256 leaves and more; smaller ones are computed from leaves.
CREATE TABLE hms.audit_node (
    tenant_id uuid    NOT NULL,
    level     integer NOT NULL,
    position  bigint  NOT NULL,
    hash      bytea   NOT NULL,
    CONSTRAINT audit_node_pkey PRIMARY KEY (tenant_id, level, position),
    CONSTRAINT audit_node_level_check CHECK (level BETWEEN 8 AND 62),
    CONSTRAINT audit_node_hash_check CHECK (length(hash) = 32)
);
SELECT hms.secure_table('audit_node', 'SELECT');
GRANT SELECT, INSERT ON hms.audit_node TO hms_sealer;

-- number makes two sealers at once impossible: the second one's insert fails. The next step begins where sealed ends:
-- every event of a transaction that is visible in it is in the log. xid is the newest transaction that had sealed.
CREATE TABLE hms.audit_checkpoint (
    tenant_id  uuid        NOT NULL,
    number     bigint      NOT NULL,
    size       bigint      NOT NULL,
    root       bytea       NOT NULL,
    sealed_at  timestamptz NOT NULL,
    note       text        NOT NULL,
    sealed     pg_snapshot NOT NULL,
    xid        xid8        NOT NULL,
    CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT audit_checkpoint_number_check CHECK (number >= 1),
    CONSTRAINT audit_checkpoint_size_check CHECK (size >= 0),
    CONSTRAINT audit_checkpoint_root_check CHECK (length(root) = 32)
);
CREATE INDEX audit_checkpoint_size_idx ON hms.audit_checkpoint (tenant_id, size, number);
SELECT hms.secure_table('audit_checkpoint', 'SELECT');
GRANT SELECT, INSERT ON hms.audit_checkpoint TO hms_sealer;

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

-- What the log says of itself: which key signs from which checkpoint on, which is no longer believed, and behind which
-- checkpoint the log went on after a restore. The note is signed and says all that the columns say; each checkpoint
-- signs how many there are.
CREATE TABLE hms.audit_record (
    tenant_id  uuid   NOT NULL,
    number     bigint NOT NULL,
    kind       text   NOT NULL,
    key        text   NOT NULL,
    checkpoint bigint NOT NULL,
    note       text   NOT NULL,
    CONSTRAINT audit_record_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT audit_record_kind_check CHECK (kind IN ('signs', 'distrusted', 'restored')),
    CONSTRAINT audit_record_number_check CHECK (number >= 1 AND checkpoint >= 0),
    CONSTRAINT audit_record_key_check CHECK (length(key) BETWEEN 1 AND 500)
);
SELECT hms.secure_table('audit_record', 'SELECT');
GRANT SELECT, INSERT ON hms.audit_record TO hms_sealer;

-- One disclosure of a patient's data outside the hospital. The description and the address
-- may be ciphertext, which is longer than what it hides.
CREATE TABLE hms.disclosure (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text        NOT NULL,
    version           bigint      NOT NULL DEFAULT 1,
    patient_id        uuid        NOT NULL,
    status            text        NOT NULL,
    disclosed_at      timestamptz NOT NULL,
    recipient_name    text        NOT NULL,
    recipient_address text        NOT NULL DEFAULT '',
    description       text        NOT NULL,
    purpose           text        NOT NULL,
    basis             text        NOT NULL,
    authorized_by     text        NOT NULL DEFAULT '',
    suspension_until   timestamptz,
    suspension_agency      text        NOT NULL DEFAULT '',
    suspension_statement   text        NOT NULL DEFAULT '',
    suspension_oral   boolean     NOT NULL DEFAULT false,
    suspension_at     timestamptz,
    error_reason      text        NOT NULL DEFAULT '',
    error_at          timestamptz,
    error_by          text        NOT NULL DEFAULT '',
    CONSTRAINT disclosure_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT disclosure_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT disclosure_status_check CHECK (status IN ('recorded', 'entered-in-error')),
    CONSTRAINT disclosure_time_check CHECK (disclosed_at <= created_at),
    CONSTRAINT disclosure_recipient_check CHECK (length(recipient_name) BETWEEN 1 AND 200 AND length(recipient_address) <= 2742),
    CONSTRAINT disclosure_text_check CHECK (length(description) BETWEEN 1 AND 10742 AND length(purpose) BETWEEN 1 AND 500 AND length(authorized_by) <= 200),
    CONSTRAINT disclosure_basis_check CHECK (basis IN ('treatment', 'payment', 'operations', 'authorization', 'required-by-law', 'public-health', 'abuse',
        'oversight', 'judicial', 'law-enforcement', 'decedent', 'donation', 'research', 'threat', 'government', 'workers-compensation', 'secretary', 'impermissible', 'other')),
    -- 164.528(a)(2): only for these two, by a statement, and for 30 days where it was oral.
    CONSTRAINT disclosure_suspension_check CHECK (suspension_until IS NULL OR basis IN ('oversight', 'law-enforcement')),
    CONSTRAINT disclosure_statement_check CHECK ((suspension_until IS NULL) = (suspension_at IS NULL) AND (suspension_until IS NULL) = (suspension_agency = '')
        AND (suspension_until IS NULL) = (suspension_statement = '') AND length(suspension_agency) <= 200 AND length(suspension_statement) <= 2000),
    CONSTRAINT disclosure_until_check CHECK (suspension_until > suspension_at
        AND (NOT suspension_oral OR suspension_until <= suspension_at + interval '30 days')),
    CONSTRAINT disclosure_error_check CHECK ((status = 'entered-in-error') = (error_at IS NOT NULL) AND (error_at IS NULL) = (error_by = '')
        AND (error_at IS NULL) = (error_reason = '') AND length(error_reason) <= 500),
    CONSTRAINT disclosure_texts_check CHECK (length(error_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX disclosure_patient_idx ON hms.disclosure (tenant_id, patient_id, disclosed_at, id);
SELECT hms.install_table('disclosure', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (version, status, suspension_until, suspension_agency, suspension_statement,
        suspension_oral, suspension_at, error_reason, error_at, error_by)');
SELECT hms.guard_status('disclosure', 'recorded>entered-in-error');
SELECT hms.install_status_history('disclosure');

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
    CONSTRAINT retention_policy_basis_check CHECK (length(basis) BETWEEN 3 AND 500),
    CONSTRAINT retention_policy_texts_check CHECK (length(created_by) <= 81)
);
SELECT hms.install_table('retention_policy', p_grants =>
    'SELECT, INSERT, UPDATE (version, keep_months, basis, updated_at)');

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
    CONSTRAINT legal_hold_released_check CHECK (released_at >= created_at),
    CONSTRAINT legal_hold_texts_check CHECK (length(released_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX legal_hold_patient_idx ON hms.legal_hold (tenant_id, patient_id);
CREATE INDEX legal_hold_created_idx ON hms.legal_hold (tenant_id, created_at, id);
SELECT hms.install_table('legal_hold', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (version, released_by, released_at, release_reason)');
