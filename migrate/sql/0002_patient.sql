-- Patients, their further identifiers, the tokens by which they are searched and the keys by which they are found and
-- compared, and coverage.

CREATE TABLE hms.patient (
    tenant_id               uuid        NOT NULL,
    id                      uuid        NOT NULL,
    mrn                     text        NOT NULL,
    mrn_key                 text        NOT NULL,
    status                  text        NOT NULL,
    status_reason           text        NOT NULL DEFAULT '',
    first_name              text        NOT NULL,
    last_name               text        NOT NULL,
    other_names             text        NOT NULL DEFAULT '',
    birth_date              date,
    birth_date_precision    text        NOT NULL DEFAULT 'day',
    gender                  text        NOT NULL,
    is_multiple_birth       boolean     NOT NULL DEFAULT false,
    is_newborn              boolean     NOT NULL DEFAULT false,
    phone_number            text        NOT NULL DEFAULT '',
    second_phone_number     text        NOT NULL DEFAULT '',
    email                   text        NOT NULL DEFAULT '',
    address                 text        NOT NULL DEFAULT '',
    emergency_contact_name  text        NOT NULL DEFAULT '',
    emergency_contact_phone text        NOT NULL DEFAULT '',
    is_deceased             boolean     NOT NULL DEFAULT false,
    deceased_at             timestamptz,
    death_revoked_reason    text        NOT NULL DEFAULT '',
    is_restricted           boolean     NOT NULL DEFAULT false,
    override_reason         text        NOT NULL DEFAULT '',
    merged_into_id          uuid,
    created_at              timestamptz NOT NULL,
    created_by              text        NOT NULL,
    version                 bigint      NOT NULL DEFAULT 1,
    CONSTRAINT patient_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_mrn_key UNIQUE (tenant_id, mrn_key),
    CONSTRAINT patient_key_check CHECK (mrn_key <> ''),
    CONSTRAINT patient_merged_into_fkey FOREIGN KEY (tenant_id, merged_into_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT patient_status_check CHECK (status IN ('active', 'inactive', 'merged', 'entered-in-error')),
    CONSTRAINT patient_merged_check CHECK ((status = 'merged') = (merged_into_id IS NOT NULL) AND merged_into_id <> id),
    CONSTRAINT patient_gender_check CHECK (gender IN ('male', 'female', 'other', 'unknown')),
    CONSTRAINT patient_birth_precision_check CHECK (birth_date_precision IN ('day', 'month', 'year')),
    CONSTRAINT patient_birth_date_check CHECK (birth_date >= '1850-01-01'),
    CONSTRAINT patient_birth_day_check CHECK (CASE birth_date_precision
        WHEN 'month' THEN extract(day FROM birth_date) = 1 WHEN 'year' THEN extract(doy FROM birth_date) = 1 ELSE true END),
    CONSTRAINT patient_deceased_check CHECK (CASE WHEN is_deceased THEN death_revoked_reason = '' ELSE deceased_at IS NULL END),
    CONSTRAINT patient_name_check CHECK (length(last_name) BETWEEN 1 AND 100 AND length(first_name) <= 100
        AND length(other_names) <= 200),
    CONSTRAINT patient_mrn_check CHECK (length(mrn) BETWEEN 1 AND 20),
    CONSTRAINT patient_texts_check CHECK (octet_length(mrn_key) <= 80 AND length(phone_number) <= 224
        AND length(second_phone_number) <= 224 AND length(email) <= 1419 AND length(address) <= 2742
        AND length(emergency_contact_name) <= 1142 AND length(emergency_contact_phone) <= 224
        AND length(override_reason) <= 500 AND length(death_revoked_reason) <= 500
        AND length(status_reason) <= 500 AND length(created_by) <= 81)
);
CREATE INDEX patient_merged_into_idx ON hms.patient (tenant_id, merged_into_id);
CREATE INDEX patient_birth_date_idx ON hms.patient (tenant_id, birth_date, id);
SELECT hms.install_table('patient', 'id', p_grants =>
    'SELECT, INSERT, UPDATE (status, status_reason, first_name, last_name, other_names, birth_date,
        birth_date_precision, gender, is_multiple_birth, is_newborn, phone_number, second_phone_number, email,
        address, emergency_contact_name, emergency_contact_phone,
        is_deceased, deceased_at, death_revoked_reason, is_restricted, version)');
SELECT hms.guard_status('patient', 'active>entered-in-error', 'active>inactive', 'active>merged',
    'inactive>active', 'inactive>entered-in-error', 'inactive>merged');
SELECT hms.install_status_history('patient');

CREATE TABLE hms.patient_identifier (
    tenant_id        uuid NOT NULL,
    id               uuid NOT NULL,
    patient_id       uuid NOT NULL,
    system           text NOT NULL,
    system_key       text NOT NULL,
    value            text NOT NULL,
    value_key        text NOT NULL, -- with field encryption a keyed token of the normal form
    CONSTRAINT patient_identifier_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT patient_identifier_value_key UNIQUE (tenant_id, system_key, value_key),
    CONSTRAINT patient_identifier_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    -- Ciphertext is longer than what it hides; the services bound the text itself.
    CONSTRAINT patient_identifier_value_check CHECK (length(value) BETWEEN 1 AND 1142 AND length(system) BETWEEN 1 AND 200),
    CONSTRAINT patient_identifier_key_check CHECK (system_key <> '' AND value_key <> ''),
    CONSTRAINT patient_identifier_texts_check CHECK (octet_length(system_key) <= 800 AND octet_length(value_key) <= 800)
);
CREATE INDEX patient_identifier_patient_idx ON hms.patient_identifier (tenant_id, patient_id);
SELECT hms.install_table('patient_identifier', 'patient_id', p_kind => 'trail', p_grants => 'SELECT, INSERT, UPDATE (value, value_key)');

-- One row per word of a name, normalised: a prefix is a range of a b-tree, which works
-- under row-level security, where LIKE and trigrams do not reach an index.
CREATE TABLE hms.patient_token (
    tenant_id  uuid NOT NULL,
    token      text COLLATE "C" NOT NULL,
    patient_id uuid NOT NULL,
    CONSTRAINT patient_token_pkey PRIMARY KEY (tenant_id, token, patient_id),
    CONSTRAINT patient_token_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id)
);
CREATE INDEX patient_token_patient_idx ON hms.patient_token (tenant_id, patient_id);
SELECT hms.secure_table('patient_token', 'SELECT, INSERT', 'DELETE');

-- What a patient is found by besides the words of his names, and what the matcher looks for. With field encryption all
-- keys are keyed hashes.
--
--   identifier  an identifier without punctuation, with and without its system
--   phone       a telephone number in international form
--   match       the year of birth with a part of the name; number: a telephone number with the names
--
-- Two patients whom the matcher may take for one have one of the last two in common (package patient, likeness.go).
CREATE TABLE hms.patient_key (
    tenant_id  uuid NOT NULL,
    kind       text NOT NULL,
    key        text COLLATE "C" NOT NULL,
    patient_id uuid NOT NULL,
    CONSTRAINT patient_key_pkey PRIMARY KEY (tenant_id, kind, key, patient_id),
    CONSTRAINT patient_key_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT patient_key_kind_check CHECK (kind IN ('identifier', 'match', 'number', 'phone')),
    CONSTRAINT patient_key_texts_check CHECK (octet_length(key) <= 1700)
);
CREATE INDEX patient_key_patient_idx ON hms.patient_key (tenant_id, patient_id);
SELECT hms.secure_table('patient_key', 'SELECT, INSERT', 'DELETE');

-- The names of a patient as the matcher compares them: hashes of their forms, keyed where fields are encrypted.
CREATE TABLE hms.patient_likeness (
    tenant_id   uuid     NOT NULL,
    patient_id  uuid     NOT NULL,
    is_keyed    boolean  NOT NULL,
    same_names  bigint   NOT NULL, -- both names in the form in which equal names are equal
    whole_names bigint[] NOT NULL, -- both names in any order, in the spellings under which they are found
    family      bigint[] NOT NULL, -- the family name in these spellings
    given       bigint[] NOT NULL, -- empty for people of one name
    near_family bigint[] NOT NULL, -- in common with a name that one letter tells apart
    near_given  bigint[] NOT NULL,
    first_given bigint   NOT NULL, -- the first given name; 0 for none
    initial     bigint   NOT NULL, -- its first letter; 0 for none
    CONSTRAINT patient_likeness_pkey PRIMARY KEY (tenant_id, patient_id),
    CONSTRAINT patient_likeness_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id)
);
-- Those from before encryption, until encryption.reencrypt makes them anew.
CREATE INDEX patient_likeness_clear_idx ON hms.patient_likeness (tenant_id, patient_id) WHERE NOT is_keyed;
SELECT hms.secure_table('patient_likeness', 'SELECT, INSERT', 'DELETE');

CREATE TABLE hms.coverage (
    tenant_id        uuid          NOT NULL,
    id               uuid          NOT NULL,
    patient_id       uuid          NOT NULL,
    status           text          NOT NULL,
    payer_name       text          NOT NULL,
    policy_number    text          NOT NULL,
    group_number     text          NOT NULL DEFAULT '',
    plan_name        text          NOT NULL DEFAULT '',
    relationship     text          NOT NULL,
    priority         integer       NOT NULL,
    coverage_percent numeric(5, 2) NOT NULL,
    valid_from       date          NOT NULL,
    valid_until      date,
    created_at       timestamptz   NOT NULL,
    created_by       text          NOT NULL,
    version          bigint        NOT NULL DEFAULT 1,
    CONSTRAINT coverage_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT coverage_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT coverage_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT coverage_status_check CHECK (status IN ('active', 'cancelled', 'draft', 'entered-in-error')),
    CONSTRAINT coverage_relationship_check CHECK (relationship IN ('self', 'spouse', 'child', 'parent', 'other')),
    CONSTRAINT coverage_priority_check CHECK (priority BETWEEN 1 AND 9),
    CONSTRAINT coverage_percent_check CHECK (coverage_percent <> 'NaN' AND coverage_percent BETWEEN 0 AND 100),
    CONSTRAINT coverage_valid_check CHECK (valid_until > valid_from),
    CONSTRAINT coverage_overlap_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, priority WITH =,
        daterange(valid_from, valid_until) WITH &&) WHERE (status = 'active'),
    CONSTRAINT coverage_texts_check CHECK (length(payer_name) <= 200 AND length(policy_number) <= 608
        AND length(group_number) <= 100 AND length(plan_name) <= 200 AND length(created_by) <= 81)
);
CREATE INDEX coverage_patient_idx ON hms.coverage (tenant_id, patient_id, priority);
SELECT hms.install_table('coverage', 'patient_id', p_kind => 'money', p_grants =>
    'SELECT, INSERT, UPDATE (status, policy_number, valid_until, version)');
SELECT hms.guard_status('coverage', 'active>cancelled', 'active>entered-in-error', 'draft>active', 'draft>cancelled', 'draft>entered-in-error');
SELECT hms.install_status_history('coverage');
