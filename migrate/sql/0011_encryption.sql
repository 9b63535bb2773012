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
    CONSTRAINT tenant_keyset_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_keyset_epoch_check CHECK (epoch >= 1)
);
SELECT hms.secure_table('tenant_keyset', 'SELECT, INSERT, UPDATE');

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
SELECT hms.secure_table('data_key', 'SELECT, INSERT, UPDATE');

-- Ciphertext is longer than what it hides; the services bound the text itself.
ALTER TABLE hms.patient_identifier DROP CONSTRAINT patient_identifier_value_check;
ALTER TABLE hms.patient_identifier ADD CONSTRAINT patient_identifier_value_check
    CHECK (length(value) BETWEEN 1 AND 1200 AND length(system) BETWEEN 1 AND 200);
