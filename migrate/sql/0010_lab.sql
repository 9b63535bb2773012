-- The laboratory's catalogue: tests, analytes, answers and reference ranges.

CREATE TABLE hms.lab_test (
    tenant_id          uuid        NOT NULL,
    id                 uuid        NOT NULL,
    code               text        NOT NULL,
    code_key           text        NOT NULL,
    loinc              text        NOT NULL DEFAULT '',
    name               text        NOT NULL,
    category           text        NOT NULL DEFAULT '',
    specimen_type      text        NOT NULL,
    turnaround_minutes bigint      NOT NULL,
    service_code       text        NOT NULL DEFAULT '',
    active             boolean     NOT NULL,
    created_at         timestamptz NOT NULL,
    created_by         text        NOT NULL,
    version            bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_test_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_test_code_key UNIQUE (tenant_id, code_key),
    CONSTRAINT lab_test_key_check CHECK (code_key <> ''),
    CONSTRAINT lab_test_code_check CHECK (code ~ '^[A-Z0-9][A-Z0-9._-]{0,29}$'),
    CONSTRAINT lab_test_loinc_check CHECK (loinc = '' OR loinc ~ '^[0-9]{1,5}-[0-9]$'),
    CONSTRAINT lab_test_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT lab_test_specimen_type_check CHECK (length(specimen_type) BETWEEN 1 AND 100),
    CONSTRAINT lab_test_turnaround_minutes_check CHECK (turnaround_minutes BETWEEN 1 AND 525600),
    CONSTRAINT lab_test_texts_check CHECK (octet_length(code_key) <= 120 AND length(category) <= 100
        AND length(service_code) <= 50 AND length(created_by) <= 81)
);
SELECT hms.install_table('lab_test', p_grants => 'SELECT, INSERT, UPDATE (active, version)');

CREATE TABLE hms.lab_analyte (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    test_id     uuid        NOT NULL,
    code        text        NOT NULL,
    code_key    text        NOT NULL,
    loinc       text        NOT NULL DEFAULT '',
    name        text        NOT NULL,
    value_type  text        NOT NULL,
    unit        text        NOT NULL DEFAULT '',
    precision   bigint,
    position    bigint      NOT NULL,
    active      boolean     NOT NULL,
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_analyte_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_analyte_code_key UNIQUE (tenant_id, test_id, code_key),
    CONSTRAINT lab_analyte_key_check CHECK (code_key <> ''),
    CONSTRAINT lab_analyte_test_key UNIQUE (tenant_id, id, test_id),
    CONSTRAINT lab_analyte_test_fkey FOREIGN KEY (tenant_id, test_id) REFERENCES hms.lab_test (tenant_id, id),
    CONSTRAINT lab_analyte_code_check CHECK (code ~ '^[A-Z0-9][A-Z0-9._-]{0,29}$'),
    CONSTRAINT lab_analyte_loinc_check CHECK (loinc = '' OR loinc ~ '^[0-9]{1,5}-[0-9]$'),
    CONSTRAINT lab_analyte_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT lab_analyte_value_type_check CHECK (value_type IN ('numeric', 'coded', 'text')),
    CONSTRAINT lab_analyte_unit_check CHECK (unit ~ '^[!-~]{0,40}$' AND (unit = '' OR value_type = 'numeric')),
    CONSTRAINT lab_analyte_precision_check CHECK (precision BETWEEN 0 AND 20 AND value_type = 'numeric' OR precision IS NULL),
    CONSTRAINT lab_analyte_position_check CHECK (position >= 0),
    CONSTRAINT lab_analyte_texts_check CHECK (octet_length(code_key) <= 120 AND length(created_by) <= 81)
);
SELECT hms.install_table('lab_analyte', p_others => 'UPDATE');

-- The answers that a coded analyte may have, each with the flag that it carries. Their codes have
-- no normal form, for case tells them apart: ccEe and CcEe are two Rhesus phenotypes.
CREATE TABLE hms.lab_answer (
    tenant_id  uuid   NOT NULL,
    analyte_id uuid   NOT NULL,
    code       text   NOT NULL,
    display    text   NOT NULL,
    flag       text   NOT NULL DEFAULT '',
    position   bigint NOT NULL,
    CONSTRAINT lab_answer_pkey PRIMARY KEY (tenant_id, analyte_id, code),
    CONSTRAINT lab_answer_analyte_fkey FOREIGN KEY (tenant_id, analyte_id) REFERENCES hms.lab_analyte (tenant_id, id),
    CONSTRAINT lab_answer_code_check CHECK (length(code) BETWEEN 1 AND 100),
    CONSTRAINT lab_answer_display_check CHECK (length(display) BETWEEN 1 AND 300),
    CONSTRAINT lab_answer_flag_check CHECK (flag IN ('', 'N', 'A', 'AA'))
);
SELECT hms.install_table('lab_answer', '', 'analyte_id,code');

-- Ages are days, ages and days of validity half-open. Only one range in force may answer
-- for one analyte, sex, age and day; one that was entered by mistake is voided, not removed.
CREATE TABLE hms.lab_reference_range (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    analyte_id    uuid        NOT NULL,
    sex           text        NOT NULL,
    age_from      integer     NOT NULL,
    age_to        integer,
    valid_from    date        NOT NULL,
    valid_to      date,
    low           numeric,
    high          numeric,
    critical_low  numeric,
    critical_high numeric,
    voided_at     timestamptz,
    void_reason   text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    CONSTRAINT lab_reference_range_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT lab_reference_range_analyte_key UNIQUE (tenant_id, id, analyte_id),
    CONSTRAINT lab_reference_range_analyte_fkey FOREIGN KEY (tenant_id, analyte_id) REFERENCES hms.lab_analyte (tenant_id, id),
    CONSTRAINT lab_reference_range_sex_check CHECK (sex IN ('any', 'female', 'male')),
    CONSTRAINT lab_reference_range_age_check CHECK (age_from >= 0 AND age_to > age_from),
    CONSTRAINT lab_reference_range_validity_check CHECK (valid_to > valid_from),
    CONSTRAINT lab_reference_range_number_check CHECK (low NOT IN ('NaN', 'Infinity', '-Infinity') AND high NOT IN ('NaN', 'Infinity', '-Infinity')
        AND critical_low NOT IN ('NaN', 'Infinity', '-Infinity') AND critical_high NOT IN ('NaN', 'Infinity', '-Infinity')),
    CONSTRAINT lab_reference_range_bounds_check CHECK (num_nonnulls(low, high, critical_low, critical_high) > 0
        AND coalesce(low <= high, true) AND coalesce(critical_low <= critical_high, true)
        AND coalesce(critical_low <= low, true) AND coalesce(critical_low <= high, true)
        AND coalesce(low <= critical_high, true) AND coalesce(high <= critical_high, true)),
    CONSTRAINT lab_reference_range_void_check CHECK ((voided_at IS NULL) = (void_reason = '')),
    CONSTRAINT lab_reference_range_overlap_excl EXCLUDE USING gist (
        tenant_id WITH =, analyte_id WITH =, sex WITH =,
        int4range(age_from, age_to) WITH &&, daterange(valid_from, valid_to) WITH &&) WHERE (voided_at IS NULL),
    CONSTRAINT lab_reference_range_texts_check CHECK (length(void_reason) <= 500 AND length(created_by) <= 81)
);
CREATE INDEX lab_reference_range_analyte_idx ON hms.lab_reference_range (tenant_id, analyte_id, sex, age_from);
SELECT hms.install_table('lab_reference_range', p_grants =>
    'SELECT, INSERT, UPDATE (valid_to, voided_at, void_reason, version)');
