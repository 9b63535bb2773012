-- Keys of field encryption, all of them wrapped: the host's key-encryption key wraps a
-- tenant's keysets, a tenant's keyset wraps the data keys of its subjects. Neither table
-- has an audit trail of rows: a key that is destroyed must be gone from there, too.
CREATE TABLE hms.tenant_keyset (
    tenant_id    uuid        NOT NULL,
    epoch        integer     NOT NULL,
    data_keyset  bytea       NOT NULL,
    index_keyset bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    rotated_at   timestamptz,
    -- Columns, such as 'patient.email', into which nothing in clear is written any more, and those of them in which
    -- nothing in clear is left; see hms.close_fields.
    closed_fields text[]     NOT NULL DEFAULT '{}',
    sealed_fields text[]     NOT NULL DEFAULT '{}',
    CONSTRAINT tenant_keyset_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_keyset_epoch_check CHECK (epoch >= 1)
);
SELECT hms.secure_table('tenant_keyset', 'SELECT, INSERT', 'UPDATE');

-- One key per subject (a patient, a user, the tenant itself) and epoch. To destroy the keys
-- of a subject makes its fields unreadable for ever, in backups as far as these are older
-- than the keys or gone themselves. An empty key stands for a destroyed one, so that nobody
-- makes a new one in its place.
CREATE TABLE hms.data_key (
    tenant_id  uuid        NOT NULL,
    subject_id uuid        NOT NULL,
    epoch      integer     NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT data_key_pkey PRIMARY KEY (tenant_id, subject_id, epoch),
    CONSTRAINT data_key_epoch_check CHECK (epoch >= 1)
);
SELECT hms.secure_table('data_key', 'SELECT, INSERT', 'UPDATE');

-- Who was erased, when and why: the record that outlives the keys.
CREATE TABLE hms.erasure (
    tenant_id  uuid        NOT NULL,
    patient_id uuid        NOT NULL,
    basis      text        NOT NULL,
    reason     text        NOT NULL,
    erased_by  text        NOT NULL,
    erased_at  timestamptz NOT NULL,
    CONSTRAINT erasure_pkey PRIMARY KEY (tenant_id, patient_id),
    CONSTRAINT erasure_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT erasure_basis_check CHECK (length(basis) BETWEEN 3 AND 200),
    CONSTRAINT erasure_reason_check CHECK (length(reason) BETWEEN 3 AND 1000),
    CONSTRAINT erasure_by_check CHECK (erased_by <> ''),
    CONSTRAINT erasure_texts_check CHECK (length(erased_by) <= 81)
);
CREATE INDEX erasure_erased_idx ON hms.erasure (tenant_id, erased_at, patient_id);
SELECT hms.install_table('erasure', 'patient_id', 'patient_id', p_kind => 'trail');
