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
    CONSTRAINT erasure_by_check CHECK (erased_by <> '')
);
CREATE INDEX erasure_erased_idx ON hms.erasure (tenant_id, erased_at, patient_id);
SELECT hms.install_table('erasure', 'patient_id', 'patient_id', 'SELECT, INSERT');
SELECT hms.append_only('erasure');
