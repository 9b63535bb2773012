-- Who is on duty: staff at wards and services. It stands behind the wards, to which it refers.
--
-- A duty lasts 7 days at most: the search for those of an instant relies on it. The first exclusion constraint
-- keeps a user from being planned twice for one place, the second a duty from being taken over twice at once. A
-- cancelled duty keeps the instant of its cancelling: until then it was as planned.
CREATE TABLE hms.duty (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    ward_id         uuid,
    service         text        NOT NULL DEFAULT '',
    service_key     text        NOT NULL DEFAULT '',
    kind            text        NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    stand_in_for_id uuid,
    status          text        NOT NULL,
    cancelled_at    timestamptz,
    cancel_reason   text        NOT NULL DEFAULT '',
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL,
    version         bigint      NOT NULL DEFAULT 1,
    CONSTRAINT duty_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT duty_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT duty_ward_fkey FOREIGN KEY (tenant_id, ward_id) REFERENCES hms.ward (tenant_id, id),
    CONSTRAINT duty_stand_in_fkey FOREIGN KEY (tenant_id, stand_in_for_id) REFERENCES hms.duty (tenant_id, id),
    CONSTRAINT duty_place_check CHECK (ward_id IS NOT NULL OR service <> ''),
    CONSTRAINT duty_service_key_check CHECK ((service_key = '') = (service = '')),
    CONSTRAINT duty_kind_check CHECK (kind IN ('on-duty', 'on-call')),
    CONSTRAINT duty_status_check CHECK (status IN ('planned', 'cancelled')),
    CONSTRAINT duty_length_check CHECK (ends_at >= starts_at + interval '1 minute' AND ends_at <= starts_at + interval '168 hours'),
    CONSTRAINT duty_stand_in_check CHECK (stand_in_for_id <> id),
    -- What is over stays as it was.
    CONSTRAINT duty_cancel_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)
        AND (status = 'cancelled') = (cancel_reason <> '') AND (cancelled_at IS NULL OR cancelled_at < ends_at)),
    CONSTRAINT duty_overlap_excl EXCLUDE USING gist (tenant_id WITH =, user_id WITH =, kind WITH =, service_key WITH =,
        coalesce(ward_id, '00000000-0000-0000-0000-000000000000'::uuid) WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status = 'planned'),
    CONSTRAINT duty_stand_in_excl EXCLUDE USING gist (tenant_id WITH =, stand_in_for_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status = 'planned' AND stand_in_for_id IS NOT NULL),
    CONSTRAINT duty_texts_check CHECK (length(service) <= 100 AND octet_length(service_key) <= 400
        AND length(cancel_reason) <= 200 AND length(created_by) <= 81)
);
CREATE INDEX duty_date_idx ON hms.duty (tenant_id, starts_at, id);
CREATE INDEX duty_user_idx ON hms.duty (tenant_id, user_id, starts_at, id);
CREATE INDEX duty_ward_idx ON hms.duty (tenant_id, ward_id, starts_at, id);
CREATE INDEX duty_service_idx ON hms.duty (tenant_id, service_key, starts_at, id);
CREATE INDEX duty_stand_in_idx ON hms.duty (tenant_id, stand_in_for_id, starts_at);
SELECT hms.install_table('duty', p_grants =>
    'SELECT, INSERT, UPDATE (status, cancelled_at, cancel_reason, version)');
SELECT hms.install_status_history('duty');
SELECT hms.guard_status('duty', 'planned>cancelled');
