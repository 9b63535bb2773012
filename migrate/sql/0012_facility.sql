-- Wards, beds, stays and cleaning.
CREATE TABLE hms.ward (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    name         text        NOT NULL,
    name_key     text        NOT NULL,
    description  text        NOT NULL DEFAULT '',
    ward_type    text        NOT NULL,
    capacity     integer     NOT NULL,
    service_code text        NOT NULL DEFAULT '',
    is_active    boolean     NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    version      bigint      NOT NULL DEFAULT 1,
    CONSTRAINT ward_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT ward_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT ward_key_check CHECK (name_key <> ''),
    CONSTRAINT ward_capacity_check CHECK (capacity >= 0),
    CONSTRAINT ward_texts_check CHECK (length(name) <= 100 AND octet_length(name_key) <= 400 AND length(description) <= 1000
        AND length(ward_type) <= 50 AND length(service_code) <= 50 AND length(created_by) <= 81)
);
SELECT hms.install_table('ward', p_others => 'UPDATE');

-- The operational status is HL7 v2 table 0116: U unoccupied, O occupied, H housekeeping,
-- K contaminated, I isolated, C closed.
CREATE TABLE hms.bed (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    ward_id      uuid        NOT NULL,
    bed_number   text        NOT NULL,
    bed_number_key text      NOT NULL,
    bed_type     text        NOT NULL,
    status       text        NOT NULL,
    last_cleaned timestamptz,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    version      bigint      NOT NULL DEFAULT 1,
    CONSTRAINT bed_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT bed_number_key UNIQUE (tenant_id, ward_id, bed_number_key),
    CONSTRAINT bed_key_check CHECK (bed_number_key <> ''),
    CONSTRAINT bed_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward (tenant_id, id),
    CONSTRAINT bed_status_check CHECK (status IN ('U', 'O', 'H', 'K', 'I', 'C')),
    CONSTRAINT bed_texts_check CHECK (length(bed_number) <= 10 AND octet_length(bed_number_key) <= 40
        AND length(bed_type) <= 50 AND length(created_by) <= 81)
);
SELECT hms.install_table('bed', p_grants => 'SELECT, INSERT, UPDATE (status, last_cleaned, version)');
SELECT hms.install_status_history('bed');
SELECT hms.guard_status('bed', 'C>U', 'H>U', 'I>K', 'I>U', 'K>H', 'O>H', 'O>I', 'O>K', 'U>C', 'U>I', 'U>O');

-- The interval that a patient spends in one bed (FHIR Encounter.location). An open stay
-- has no end. The two exclusion constraints are the promise: never two patients in a bed,
-- never one patient in two. Length classes serve the census: a stay that is open or longer
-- than 30 days is long, of which there are few; a short one that covers an instant began in
-- the 30 days before it.
CREATE TABLE hms.stay (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    patient_id       uuid        NOT NULL,
    encounter_id     uuid        NOT NULL,
    bed_id           uuid        NOT NULL,
    ward_id          uuid        NOT NULL,
    status           text        NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz,
    is_long          boolean     NOT NULL GENERATED ALWAYS AS (ends_at IS NULL OR ends_at - starts_at > interval '720 hours') STORED,
    discharge_ordered_at timestamptz,
    end_reason       text        NOT NULL DEFAULT '',
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    version          bigint      NOT NULL DEFAULT 1,
    CONSTRAINT stay_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT stay_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT stay_bed_fkey FOREIGN KEY (tenant_id, bed_id) REFERENCES hms.bed (tenant_id, id),
    CONSTRAINT stay_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward (tenant_id, id),
    CONSTRAINT stay_status_check CHECK (status IN ('active', 'completed', 'entered-in-error')),
    CONSTRAINT stay_period_check CHECK (ends_at >= starts_at),
    CONSTRAINT stay_open_check CHECK ((status = 'active') = (ends_at IS NULL)),
    CONSTRAINT stay_bed_excl EXCLUDE USING gist (tenant_id WITH =, bed_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status <> 'entered-in-error'),
    CONSTRAINT stay_patient_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status <> 'entered-in-error'),
    CONSTRAINT stay_texts_check CHECK (length(end_reason) <= 20 AND length(created_by) <= 81)
);
CREATE INDEX stay_census_idx ON hms.stay (tenant_id, is_long, starts_at) INCLUDE (ends_at, ward_id);
CREATE INDEX stay_started_idx ON hms.stay (tenant_id, starts_at, id);
CREATE INDEX stay_bed_idx ON hms.stay (tenant_id, bed_id, starts_at);
CREATE INDEX stay_ward_idx ON hms.stay (tenant_id, ward_id, starts_at);
CREATE INDEX stay_encounter_idx ON hms.stay (tenant_id, encounter_id, patient_id);
CREATE INDEX stay_patient_idx ON hms.stay (tenant_id, patient_id, starts_at);
SELECT hms.install_table('stay', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, ends_at, is_long, discharge_ordered_at, end_reason, version)');
SELECT hms.install_status_history('stay');
SELECT hms.guard_status('stay', 'active>completed', 'active>entered-in-error', 'completed>entered-in-error');
