-- The clinical record: vital signs, problems, allergies and prescriptions.

CREATE TABLE hms.vitals (
    tenant_id                 uuid          NOT NULL,
    id                        uuid          NOT NULL,
    patient_id                uuid          NOT NULL,
    encounter_id              uuid          NOT NULL,
    status                    text          NOT NULL,
    taken_at                  timestamptz   NOT NULL,
    temperature_celsius       numeric(4, 1),
    pulse_per_minute          integer,
    breaths_per_minute        integer,
    systolic_mmhg             integer,
    diastolic_mmhg            integer,
    oxygen_saturation_percent integer,
    height_cm                 numeric(4, 1),
    weight_kg                 numeric(6, 3),
    bmi                       numeric(5, 1),
    pain_score                integer,
    error_reason              text          NOT NULL DEFAULT '',
    created_at                timestamptz   NOT NULL,
    created_by                text          NOT NULL,
    version                   bigint        NOT NULL DEFAULT 1,
    CONSTRAINT vitals_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT vitals_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT vitals_status_check CHECK (status IN ('final', 'entered-in-error')),
    CONSTRAINT vitals_error_check CHECK ((status = 'entered-in-error') = (error_reason <> '')),
    CONSTRAINT vitals_taken_check CHECK (taken_at <= created_at),
    CONSTRAINT vitals_temperature_check CHECK (temperature_celsius <> 'NaN' AND temperature_celsius BETWEEN 20 AND 46),
    CONSTRAINT vitals_pulse_check CHECK (pulse_per_minute BETWEEN 0 AND 350),
    CONSTRAINT vitals_breaths_check CHECK (breaths_per_minute BETWEEN 0 AND 150),
    CONSTRAINT vitals_pressure_check CHECK (systolic_mmhg BETWEEN 20 AND 350 AND diastolic_mmhg BETWEEN 0 AND 250 AND diastolic_mmhg <= systolic_mmhg),
    CONSTRAINT vitals_saturation_check CHECK (oxygen_saturation_percent BETWEEN 0 AND 100),
    CONSTRAINT vitals_height_check CHECK (height_cm <> 'NaN' AND height_cm BETWEEN 20 AND 280),
    CONSTRAINT vitals_weight_check CHECK (weight_kg <> 'NaN' AND weight_kg BETWEEN 0.2 AND 700),
    CONSTRAINT vitals_bmi_check CHECK (bmi <> 'NaN' AND (bmi IS NULL OR (height_cm IS NOT NULL AND weight_kg IS NOT NULL))),
    CONSTRAINT vitals_pain_check CHECK (pain_score BETWEEN 0 AND 10),
    CONSTRAINT vitals_texts_check CHECK (length(error_reason) <= 200 AND length(created_by) <= 81)
);
CREATE INDEX vitals_encounter_idx ON hms.vitals (tenant_id, encounter_id, patient_id);
CREATE INDEX vitals_patient_idx ON hms.vitals (tenant_id, patient_id, taken_at, id);
SELECT hms.install_table('vitals', 'patient_id', p_kind => 'follow-up', p_happened => 'taken_at', p_grants =>
    'SELECT, INSERT, UPDATE (status, error_reason, version)');
SELECT hms.install_status_history('vitals');
SELECT hms.guard_status('vitals', 'final>entered-in-error');

CREATE TABLE hms.condition (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    patient_id          uuid        NOT NULL,
    encounter_id        uuid,
    code_system         text        NOT NULL DEFAULT '',
    code_value          text        NOT NULL DEFAULT '',
    code_display        text        NOT NULL,
    status              text        NOT NULL,
    verification_status text        NOT NULL,
    onset_date          date,
    abatement_date      date,
    error_reason        text        NOT NULL DEFAULT '',
    created_at          timestamptz NOT NULL,
    created_by          text        NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    CONSTRAINT condition_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT condition_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT condition_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT condition_status_check CHECK (status IN ('active', 'recurrence', 'relapse', 'inactive', 'remission', 'resolved')),
    CONSTRAINT condition_verification_check CHECK (verification_status IN ('unconfirmed', 'provisional', 'differential', 'confirmed', 'refuted', 'entered-in-error')),
    CONSTRAINT condition_error_check CHECK ((verification_status = 'entered-in-error') = (error_reason <> '')),
    -- FHIR con-4: what has an end is over.
    CONSTRAINT condition_abatement_check CHECK (abatement_date IS NULL OR
        (status IN ('inactive', 'remission', 'resolved') AND (onset_date IS NULL OR abatement_date >= onset_date))),
    CONSTRAINT condition_texts_check CHECK (length(code_system) <= 200 AND length(code_value) <= 100
        AND length(code_display) <= 300 AND length(error_reason) <= 200 AND length(created_by) <= 81)
);
CREATE INDEX condition_patient_idx ON hms.condition (tenant_id, patient_id, id);
CREATE INDEX condition_encounter_idx ON hms.condition (tenant_id, encounter_id, patient_id);
SELECT hms.install_table('condition', 'patient_id', p_kind => 'follow-up', p_grants =>
    'SELECT, INSERT, UPDATE (status, verification_status, abatement_date, error_reason, version)');
SELECT hms.install_status_history('condition');
SELECT hms.guard_status('condition', 'active>inactive', 'active>remission', 'active>resolved',
    'inactive>active', 'inactive>recurrence', 'inactive>resolved', 'recurrence>inactive', 'recurrence>remission', 'recurrence>resolved',
    'relapse>inactive', 'relapse>remission', 'relapse>resolved', 'remission>active', 'remission>relapse', 'remission>resolved',
    'resolved>active', 'resolved>recurrence');

CREATE TABLE hms.allergy (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    patient_id          uuid        NOT NULL,
    substance_system    text        NOT NULL DEFAULT '',
    substance_value     text        NOT NULL DEFAULT '',
    substance_display   text        NOT NULL DEFAULT '',
    substance_key       text        NOT NULL DEFAULT '',
    none_known          boolean     NOT NULL DEFAULT false,
    category            text        NOT NULL DEFAULT '',
    criticality         text        NOT NULL,
    reaction            text        NOT NULL DEFAULT '',
    status              text        NOT NULL,
    verification_status text        NOT NULL,
    status_reason       text        NOT NULL DEFAULT '',
    created_at          timestamptz NOT NULL,
    created_by          text        NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    CONSTRAINT allergy_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT allergy_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT allergy_status_check CHECK (status IN ('active', 'inactive', 'resolved')),
    CONSTRAINT allergy_verification_check CHECK (verification_status IN ('unconfirmed', 'confirmed', 'refuted', 'entered-in-error')),
    CONSTRAINT allergy_category_check CHECK (category IN ('', 'food', 'medication', 'environment', 'biologic')),
    CONSTRAINT allergy_error_check CHECK (verification_status <> 'entered-in-error' OR status_reason <> ''),
    CONSTRAINT allergy_criticality_check CHECK (criticality IN ('low', 'high', 'unable-to-assess')),
    CONSTRAINT allergy_substance_check CHECK (none_known = (substance_display = '')),
    -- "None known" and an active allergy may not coexist: among the active, verified
    -- assertions of one patient all have the same answer to the question.
    CONSTRAINT allergy_none_known_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, (none_known::integer) WITH <>)
        WHERE (status = 'active' AND verification_status IN ('unconfirmed', 'confirmed')),
    CONSTRAINT allergy_texts_check CHECK (length(substance_system) <= 200 AND length(substance_value) <= 100
        AND length(substance_display) <= 300 AND octet_length(substance_key) <= 1200 AND length(reaction) <= 2742
        AND length(status_reason) <= 200 AND length(created_by) <= 81)
);

-- One substance is recorded once, and so is "none known", whose key is empty.
CREATE UNIQUE INDEX allergy_substance_key ON hms.allergy (tenant_id, patient_id, substance_key)
    WHERE status = 'active' AND verification_status IN ('unconfirmed', 'confirmed');
CREATE INDEX allergy_patient_idx ON hms.allergy (tenant_id, patient_id, id);
SELECT hms.install_table('allergy', 'patient_id', p_kind => 'follow-up', p_grants =>
    'SELECT, INSERT, UPDATE (status, verification_status, status_reason, version)');
SELECT hms.install_status_history('allergy');
SELECT hms.guard_status('allergy', 'active>inactive', 'active>resolved', 'inactive>active', 'inactive>resolved', 'resolved>active');

CREATE TABLE hms.prescription (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    patient_id          uuid        NOT NULL,
    encounter_id        uuid        NOT NULL,
    medication_item_id  uuid,
    medication_system   text        NOT NULL DEFAULT '',
    medication_code     text        NOT NULL DEFAULT '',
    codes               jsonb       NOT NULL DEFAULT '[]', -- all that it is compared by
    medication_name     text        NOT NULL,
    generic_name        text        NOT NULL DEFAULT '',
    strength            text        NOT NULL DEFAULT '',
    form                text        NOT NULL DEFAULT '',
    unit                text        NOT NULL,
    dosage              text        NOT NULL,
    doses_per_day       integer,
    frequency           text        NOT NULL,
    duration            text        NOT NULL,
    instructions        text        NOT NULL DEFAULT '',
    status              text        NOT NULL,
    quantity            bigint      NOT NULL,
    refills_allowed     integer     NOT NULL,
    dispensed_quantity  bigint      NOT NULL DEFAULT 0,
    days_supply         integer,
    valid_until         date        NOT NULL,
    verdict             jsonb       NOT NULL, -- of the safety checks, with what was overridden and why
    override_reason     text        NOT NULL DEFAULT '',
    stop_reason         text        NOT NULL DEFAULT '',
    created_at          timestamptz NOT NULL,
    created_by          text        NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    CONSTRAINT prescription_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT prescription_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT prescription_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT prescription_status_check CHECK (status IN ('draft', 'active', 'on-hold', 'completed', 'stopped', 'cancelled', 'entered-in-error')),
    CONSTRAINT prescription_quantity_check CHECK (quantity BETWEEN 1 AND 100000),
    CONSTRAINT prescription_verdict_check CHECK (hms.is_verdict(verdict)),
    CONSTRAINT prescription_doses_per_day_check CHECK (doses_per_day BETWEEN 1 AND 96),
    CONSTRAINT prescription_codes_check CHECK (jsonb_typeof(codes) = 'array'),
    CONSTRAINT prescription_refills_check CHECK (refills_allowed BETWEEN 0 AND 99),
    CONSTRAINT prescription_name_check CHECK (medication_name <> '' AND unit <> ''),
    CONSTRAINT prescription_days_supply_check CHECK (days_supply BETWEEN 1 AND 3650),
    CONSTRAINT prescription_cancelled_check CHECK (status <> 'cancelled' OR dispensed_quantity = 0),
    CONSTRAINT prescription_stop_check CHECK (status NOT IN ('stopped', 'cancelled', 'entered-in-error') OR stop_reason <> ''),
    CONSTRAINT prescription_dispensed_check CHECK (dispensed_quantity BETWEEN 0 AND quantity * (1 + refills_allowed)),
    CONSTRAINT prescription_texts_check CHECK (length(medication_system) <= 200 AND length(medication_code) <= 100
        AND length(medication_name) <= 200 AND length(generic_name) <= 200 AND length(strength) <= 50
        AND length(form) <= 50 AND length(unit) <= 20 AND length(dosage) <= 100 AND length(frequency) <= 100 AND length(duration) <= 100
        AND length(instructions) <= 10742 AND length(override_reason) <= 500 AND length(stop_reason) <= 500
        AND length(created_by) <= 81)
);
CREATE INDEX prescription_encounter_idx ON hms.prescription (tenant_id, encounter_id, patient_id);
CREATE INDEX prescription_item_idx ON hms.prescription (tenant_id, medication_item_id);
CREATE INDEX prescription_patient_idx ON hms.prescription (tenant_id, patient_id, id);
SELECT hms.install_table('prescription', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, dispensed_quantity, stop_reason, version)');
SELECT hms.install_status_history('prescription');
SELECT hms.guard_status('prescription', 'active>cancelled', 'active>completed', 'active>entered-in-error', 'active>on-hold', 'active>stopped',
    'completed>active', 'completed>entered-in-error', 'draft>active', 'draft>cancelled', 'draft>entered-in-error',
    'cancelled>entered-in-error', 'on-hold>active', 'on-hold>cancelled', 'on-hold>entered-in-error', 'on-hold>stopped',
    'stopped>entered-in-error');

-- What is known of medicines: a host loads a base as a whole, and the one that was loaded last is in force. Terms are in
-- normal form (internal/names); of members every class above is there, so that a prescription climbs nothing.
CREATE TABLE hms.drug_base (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    name           text        NOT NULL,
    edition        text        NOT NULL,
    term_count     integer     NOT NULL,
    relation_count integer     NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    version        bigint      NOT NULL DEFAULT 1,
    CONSTRAINT drug_base_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_base_texts_check CHECK (length(name) <= 100 AND length(edition) <= 50 AND length(created_by) <= 81)
);
CREATE INDEX drug_base_newest_idx ON hms.drug_base (tenant_id, created_at, id);
SELECT hms.install_table('drug_base');

CREATE TABLE hms.drug_term (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    base_id   uuid NOT NULL,
    system    text NOT NULL, -- of a code; "name" for a name
    term      text NOT NULL,
    concept   text NOT NULL,
    CONSTRAINT drug_term_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_term_base_fkey FOREIGN KEY (tenant_id, base_id) REFERENCES hms.drug_base (tenant_id, id),
    CONSTRAINT drug_term_texts_check CHECK (octet_length(system) <= 800 AND octet_length(term) <= 800 AND system <> '' AND term <> ''
        AND length(concept) <= 100)
);
CREATE INDEX drug_term_term_idx ON hms.drug_term (tenant_id, base_id, system, term);
SELECT hms.install_table('drug_term');

CREATE TABLE hms.drug_relation (
    tenant_id     uuid           NOT NULL,
    id            uuid           NOT NULL,
    base_id       uuid           NOT NULL,
    kind          text           NOT NULL,
    concept       text           NOT NULL,
    other         text           NOT NULL, -- empty for a dose and a duplicate
    severity      text           NOT NULL,
    note          text           NOT NULL,
    max_single_mg numeric(15, 6) NOT NULL,
    max_daily_mg  numeric(15, 6) NOT NULL,
    CONSTRAINT drug_relation_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT drug_relation_base_fkey FOREIGN KEY (tenant_id, base_id) REFERENCES hms.drug_base (tenant_id, id),
    CONSTRAINT drug_relation_kind_check CHECK (kind IN ('member', 'cross-reactive', 'interacts', 'duplicate', 'dose')),
    CONSTRAINT drug_relation_severity_check CHECK (severity IN ('', 'high', 'moderate', 'low')
        AND (severity = '') = (kind = 'member')),
    CONSTRAINT drug_relation_other_check CHECK ((other = '') = (kind IN ('dose', 'duplicate'))),
    CONSTRAINT drug_relation_limit_check CHECK (max_single_mg BETWEEN 0 AND 100000000
        AND max_single_mg <> 'NaN' AND max_daily_mg BETWEEN 0 AND 100000000 AND max_daily_mg <> 'NaN'),
    CONSTRAINT drug_relation_texts_check CHECK (length(concept) <= 100 AND length(other) <= 100 AND length(note) <= 500)
);
CREATE INDEX drug_relation_concept_idx ON hms.drug_relation (tenant_id, base_id, concept, other);
SELECT hms.install_table('drug_relation');
