-- Appointments, encounters and notes.

CREATE TABLE hms.appointment (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    patient_id       uuid        NOT NULL,
    practitioner_id  uuid        NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    status           text        NOT NULL,
    appointment_type text        NOT NULL DEFAULT '',
    reason           text        NOT NULL DEFAULT '',
    room             text        NOT NULL DEFAULT '',
    notes            text        NOT NULL DEFAULT '',
    cancel_code      text        NOT NULL DEFAULT '',
    cancel_reason    text        NOT NULL DEFAULT '',
    cancelled_by     text        NOT NULL DEFAULT '',
    replaces_id      uuid,
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    version          bigint      NOT NULL DEFAULT 1,
    CONSTRAINT appointment_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT appointment_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT appointment_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT appointment_practitioner_fkey FOREIGN KEY (tenant_id, practitioner_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT appointment_replaces_fkey FOREIGN KEY (tenant_id, replaces_id, patient_id) REFERENCES hms.appointment (tenant_id, id, patient_id),
    CONSTRAINT appointment_status_check CHECK (status IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled',
        'cancelled', 'noshow', 'entered-in-error', 'waitlist')),
    CONSTRAINT appointment_cancel_check CHECK (status <> 'cancelled' OR (cancel_code <> '' AND cancelled_by <> '')),
    CONSTRAINT appointment_length_check CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    -- Nobody is in two places: neither the practitioner nor the patient.
    CONSTRAINT appointment_practitioner_excl EXCLUDE USING gist (tenant_id WITH =, practitioner_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status IN ('booked', 'arrived', 'checked-in', 'fulfilled')),
    CONSTRAINT appointment_patient_excl EXCLUDE USING gist (tenant_id WITH =, patient_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status IN ('booked', 'arrived', 'checked-in', 'fulfilled')),
    CONSTRAINT appointment_texts_check CHECK (length(appointment_type) <= 50 AND length(reason) <= 1142
        AND length(room) <= 50 AND length(notes) <= 10742 AND length(cancel_code) <= 20 AND length(cancel_reason) <= 200
        AND length(cancelled_by) <= 81 AND length(created_by) <= 81)
);
CREATE INDEX appointment_date_idx ON hms.appointment (tenant_id, starts_at, id);
CREATE INDEX appointment_patient_date_idx ON hms.appointment (tenant_id, patient_id, starts_at, id);
CREATE INDEX appointment_practitioner_idx ON hms.appointment (tenant_id, practitioner_id, starts_at, id);

-- The sweep of no-shows looks for visits that are still only booked.
CREATE INDEX appointment_booked_idx ON hms.appointment (tenant_id, starts_at, id) WHERE status = 'booked';
CREATE INDEX appointment_replaces_idx ON hms.appointment (tenant_id, replaces_id);
SELECT hms.install_table('appointment', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, cancel_code, cancel_reason, cancelled_by, version)');
SELECT hms.install_status_history('appointment');
SELECT hms.guard_status('appointment', 'arrived>cancelled', 'arrived>checked-in', 'arrived>entered-in-error', 'arrived>fulfilled',
    'booked>arrived', 'booked>cancelled', 'booked>checked-in', 'booked>entered-in-error', 'booked>noshow', 'cancelled>entered-in-error',
    'checked-in>cancelled', 'checked-in>entered-in-error', 'checked-in>fulfilled', 'fulfilled>entered-in-error',
    'noshow>entered-in-error', 'pending>booked', 'pending>cancelled', 'pending>entered-in-error', 'proposed>booked', 'proposed>cancelled', 'proposed>entered-in-error',
    'proposed>pending', 'waitlist>booked', 'waitlist>cancelled', 'waitlist>entered-in-error', 'waitlist>pending');

CREATE TABLE hms.encounter (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    patient_id      uuid        NOT NULL,
    practitioner_id uuid        NOT NULL,
    appointment_id  uuid,
    class           text        NOT NULL,
    status          text        NOT NULL,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    chief_complaint text        NOT NULL DEFAULT '',
    diagnosis       text        NOT NULL DEFAULT '',
    disposition     text        NOT NULL DEFAULT '',
    service_code    text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    created_by      text        NOT NULL,
    version         bigint      NOT NULL DEFAULT 1,
    CONSTRAINT encounter_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT encounter_patient_key UNIQUE (tenant_id, id, patient_id),
    CONSTRAINT encounter_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT encounter_practitioner_fkey FOREIGN KEY (tenant_id, practitioner_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT encounter_appointment_fkey FOREIGN KEY (tenant_id, appointment_id, patient_id)
        REFERENCES hms.appointment (tenant_id, id, patient_id),
    CONSTRAINT encounter_class_check CHECK (class IN ('AMB', 'IMP', 'EMER')),
    CONSTRAINT encounter_status_check CHECK (status IN ('planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled', 'entered-in-error')),
    CONSTRAINT encounter_end_check CHECK (ended_at >= started_at),
    CONSTRAINT encounter_finished_check CHECK (status <> 'finished' OR (ended_at IS NOT NULL AND disposition <> '')),
    CONSTRAINT encounter_texts_check CHECK (length(chief_complaint) <= 10742 AND length(diagnosis) <= 10742
        AND length(disposition) <= 20 AND length(service_code) <= 50 AND length(created_by) <= 81)
);
CREATE INDEX encounter_date_idx ON hms.encounter (tenant_id, started_at, id);
CREATE INDEX encounter_patient_practitioner_idx ON hms.encounter (tenant_id, patient_id, practitioner_id);
CREATE INDEX encounter_patient_date_idx ON hms.encounter (tenant_id, patient_id, started_at, id);
CREATE INDEX encounter_practitioner_idx ON hms.encounter (tenant_id, practitioner_id, started_at);
CREATE INDEX encounter_appointment_idx ON hms.encounter (tenant_id, appointment_id, patient_id);
-- One entered in error does not occupy its appointment.
CREATE UNIQUE INDEX encounter_appointment_key ON hms.encounter (tenant_id, appointment_id)
    WHERE status <> 'entered-in-error';
CREATE UNIQUE INDEX encounter_open_inpatient_key ON hms.encounter (tenant_id, patient_id)
    WHERE class = 'IMP' AND status IN ('arrived', 'triaged', 'in-progress', 'onleave');
SELECT hms.install_table('encounter', 'patient_id', p_kind => 'care', p_grants =>
    'SELECT, INSERT, UPDATE (status, started_at, ended_at, diagnosis, disposition, service_code, version)');
SELECT hms.install_status_history('encounter');
SELECT hms.guard_status('encounter', 'arrived>cancelled', 'arrived>entered-in-error', 'arrived>in-progress', 'arrived>triaged',
    'cancelled>entered-in-error', 'finished>entered-in-error', 'in-progress>entered-in-error', 'in-progress>finished', 'in-progress>onleave',
    'onleave>entered-in-error', 'onleave>in-progress', 'planned>arrived', 'planned>cancelled', 'planned>entered-in-error',
    'planned>in-progress', 'triaged>entered-in-error', 'triaged>in-progress');
ALTER TABLE hms.encounter_status ADD CONSTRAINT encounter_status_why_check
    CHECK (to_status NOT IN ('cancelled', 'entered-in-error') OR reason <> '');

CREATE TABLE hms.clinical_note (
    tenant_id                  uuid        NOT NULL,
    id                         uuid        NOT NULL,
    patient_id                 uuid        NOT NULL,
    encounter_id               uuid        NOT NULL,
    amends_id                  uuid,
    status                     text        NOT NULL,
    chief_complaint            text        NOT NULL DEFAULT '',
    history_of_present_illness text        NOT NULL DEFAULT '',
    physical_examination       text        NOT NULL DEFAULT '',
    assessment                 text        NOT NULL DEFAULT '',
    plan                       text        NOT NULL DEFAULT '',
    signed_at                  timestamptz,
    body_hash                  text        NOT NULL DEFAULT '',
    error_reason               text        NOT NULL DEFAULT '',
    created_at                 timestamptz NOT NULL,
    created_by                 text        NOT NULL,
    version                    bigint      NOT NULL DEFAULT 1,
    CONSTRAINT clinical_note_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT clinical_note_encounter_key UNIQUE (tenant_id, id, encounter_id),
    CONSTRAINT clinical_note_encounter_fkey FOREIGN KEY (tenant_id, encounter_id, patient_id) REFERENCES hms.encounter (tenant_id, id, patient_id),
    CONSTRAINT clinical_note_amends_fkey FOREIGN KEY (tenant_id, amends_id, encounter_id) REFERENCES hms.clinical_note (tenant_id, id, encounter_id),
    CONSTRAINT clinical_note_status_check CHECK (status IN ('draft', 'signed', 'entered-in-error')),
    CONSTRAINT clinical_note_signed_check CHECK ((signed_at IS NOT NULL) = (body_hash <> '')
        AND (status <> 'draft' OR signed_at IS NULL) AND (status <> 'signed' OR signed_at IS NOT NULL)),
    CONSTRAINT clinical_note_error_check CHECK ((status = 'entered-in-error') = (error_reason <> '')),
    CONSTRAINT clinical_note_texts_check CHECK (length(chief_complaint) <= 106742
        AND length(history_of_present_illness) <= 106742 AND length(physical_examination) <= 106742
        AND length(assessment) <= 106742 AND length(plan) <= 106742 AND length(body_hash) <= 416
        AND length(error_reason) <= 200 AND length(created_by) <= 81)
);
CREATE INDEX clinical_note_encounter_idx ON hms.clinical_note (tenant_id, encounter_id, patient_id);
CREATE INDEX clinical_note_amends_idx ON hms.clinical_note (tenant_id, amends_id, encounter_id);
CREATE INDEX clinical_note_patient_idx ON hms.clinical_note (tenant_id, patient_id, created_at, id);
SELECT hms.install_table('clinical_note', 'patient_id', p_kind => 'follow-up', p_grants =>
    'SELECT, INSERT, UPDATE (status, chief_complaint, history_of_present_illness, physical_examination,
        assessment, plan, signed_at, body_hash, error_reason, version)');
SELECT hms.install_status_history('clinical_note');
SELECT hms.guard_status('clinical_note', 'draft>entered-in-error', 'draft>signed', 'signed>entered-in-error');
