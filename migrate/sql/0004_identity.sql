-- Tenants, roles and users, and break-glass: access in an emergency to the restricted record of one
-- patient (45 CFR 164.312(a)(2)(ii)).

CREATE TABLE hms.tenant (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    time_zone  text        NOT NULL,
    currency   text        NOT NULL,
    country    text        NOT NULL DEFAULT '', -- ISO 3166-1 alpha-2: how a telephone number without one is read
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_id_check CHECK (id = tenant_id),
    CONSTRAINT tenant_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT tenant_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT tenant_country_check CHECK (country = '' OR country ~ '^[A-Z]{2}$' AND length(country) <= 2),
    CONSTRAINT tenant_texts_check CHECK (length(created_by) <= 81)
);
SELECT hms.install_table('tenant', p_others => 'UPDATE');
-- Whoever runs work for all tenants must know which there are: their ids, to a role that sees
-- nothing else.
CREATE POLICY tenant_list ON hms.tenant FOR SELECT TO hms_scheduler USING (true);
GRANT SELECT (tenant_id) ON hms.tenant TO hms_scheduler;

CREATE TABLE hms.role (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    name        text        NOT NULL,
    name_key    text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    permissions jsonb       NOT NULL DEFAULT '[]',
    created_at  timestamptz NOT NULL,
    created_by  text        NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT role_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT role_key_check CHECK (name_key <> ''),
    CONSTRAINT role_name_check CHECK (length(name) BETWEEN 1 AND 50),
    CONSTRAINT role_permissions_check CHECK (jsonb_typeof(permissions) = 'array'),
    CONSTRAINT role_texts_check CHECK (octet_length(name_key) <= 200 AND length(description) <= 1000
        AND length(created_by) <= 81)
);
SELECT hms.install_table('role', p_grants => 'SELECT, INSERT, UPDATE (description, permissions, version)');

CREATE TABLE hms.user_account (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    username            text        NOT NULL,
    username_key        text        NOT NULL,
    email               text        NOT NULL DEFAULT '',
    email_key           text,
    first_name          text        NOT NULL,
    last_name           text        NOT NULL,
    phone_number        text        NOT NULL DEFAULT '',
    profile_image       text        NOT NULL DEFAULT '',
    language            text        NOT NULL DEFAULT '',
    speciality          text        NOT NULL DEFAULT '',
    -- Words of the names and the speciality in normal form, by which the directory of practitioners is searched.
    directory_key       text        NOT NULL,
    -- The patient's record of a user who is a patient here, too: that he opened it is no crime,
    -- and yet somebody should look.
    patient_id          uuid,
    -- Whose account it is: the first one of that person, mostly itself. See hms.user_account_keep_person.
    person_id           uuid        NOT NULL,
    status              text        NOT NULL,
    created_at          timestamptz NOT NULL,
    created_by          text        NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    CONSTRAINT user_account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_account_username_key UNIQUE (tenant_id, username_key),
    CONSTRAINT user_account_email_key UNIQUE (tenant_id, email_key),
    CONSTRAINT user_account_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    CONSTRAINT user_account_key_check CHECK (username_key <> '' AND (email_key IS NULL) = (email = '') AND email_key <> ''),
    CONSTRAINT user_account_person_fkey FOREIGN KEY (tenant_id, person_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_account_username_check CHECK (length(username) BETWEEN 1 AND 150),
    CONSTRAINT user_account_last_check CHECK (length(first_name) <= 150 AND length(last_name) <= 150
        AND first_name || last_name <> '' AND length(username_key) BETWEEN 1 AND 600),
    CONSTRAINT user_account_status_check CHECK (status IN ('invited', 'active', 'locked', 'deactivated')),
    CONSTRAINT user_account_texts_check CHECK (length(email) <= 254
        AND octet_length(email_key) <= 1016 AND length(phone_number) <= 30 AND length(profile_image) <= 500
        AND length(language) <= 35 AND length(speciality) <= 100 AND octet_length(directory_key) <= 8192
        AND length(created_by) <= 81)
);
SELECT hms.install_table('user_account', p_grants =>
    'SELECT, INSERT, UPDATE (username, username_key, email, email_key, first_name, last_name, phone_number,
        profile_image, language, speciality, directory_key, patient_id, status, version)');
SELECT hms.guard_status('user_account', 'active>deactivated', 'active>locked', 'invited>active', 'invited>deactivated',
    'locked>active', 'locked>deactivated');
SELECT hms.install_status_history('user_account');
CREATE INDEX user_account_person_idx ON hms.user_account (tenant_id, person_id);
CREATE INDEX user_account_patient_idx ON hms.user_account (tenant_id, patient_id) WHERE patient_id IS NOT NULL;

-- What user names and e-mail addresses may be taken for (UTS #39 skeletons): "аdmin" with a Cyrillic
-- letter is no second "admin". Made anew from the names whenever these change.
CREATE TABLE hms.user_look (
    tenant_id uuid NOT NULL,
    kind      text NOT NULL,
    look      text COLLATE "C" NOT NULL,
    user_id   uuid NOT NULL,
    CONSTRAINT user_look_pkey PRIMARY KEY (tenant_id, kind, look),
    CONSTRAINT user_look_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_look_kind_check CHECK (kind IN ('username', 'email')),
    CONSTRAINT user_look_texts_check CHECK (octet_length(look) <= 2400)
);
CREATE INDEX user_look_user_idx ON hms.user_look (tenant_id, user_id);
SELECT hms.secure_table('user_look', 'SELECT, INSERT', 'DELETE');

CREATE TABLE hms.user_role (
    tenant_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    role_id    uuid        NOT NULL,
    granted_at timestamptz NOT NULL,
    CONSTRAINT user_role_pkey PRIMARY KEY (tenant_id, user_id, role_id),
    CONSTRAINT user_role_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_role_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role (tenant_id, id)
);
CREATE INDEX user_role_role_idx ON hms.user_role (tenant_id, role_id);
SELECT hms.install_table('user_role', '', 'user_id,role_id', p_others => 'DELETE');

-- What another person approves: who becomes an administrator, what a role allows, a second factor that is reset.
-- Whom or what it is about is kept with the version that was asked of: see hms.access_change_guard.
CREATE TABLE hms.access_change (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    kind          text        NOT NULL,
    user_id       uuid,
    user_version  bigint,
    roles         jsonb       NOT NULL DEFAULT '[]', -- to be given: id and version of each
    role_id       uuid,
    role_version  bigint,
    description   text        NOT NULL DEFAULT '',
    permissions   jsonb       NOT NULL DEFAULT '[]',
    reason        text        NOT NULL,
    status        text        NOT NULL,
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    decided_by    text        NOT NULL DEFAULT '',
    decided_at    timestamptz,
    decision_text text        NOT NULL DEFAULT '',
    version       bigint      NOT NULL DEFAULT 1,
    CONSTRAINT access_change_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT access_change_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT access_change_role_fkey FOREIGN KEY (tenant_id, role_id) REFERENCES hms.role (tenant_id, id),
    CONSTRAINT access_change_version_check CHECK ((user_id IS NULL) = (user_version IS NULL) AND (role_id IS NULL) = (role_version IS NULL)),
    CONSTRAINT access_change_list_check CHECK (jsonb_typeof(roles) = 'array' AND jsonb_typeof(permissions) = 'array'),
    CONSTRAINT access_change_kind_check CHECK (CASE kind
        WHEN 'administrator' THEN user_id IS NOT NULL AND role_id IS NULL AND roles <> '[]' AND description = '' AND permissions = '[]'
        WHEN 'role' THEN user_id IS NULL AND role_id IS NOT NULL AND roles = '[]'
        WHEN 'second-factor' THEN user_id IS NOT NULL AND role_id IS NULL AND roles = '[]' AND description = '' AND permissions = '[]'
        ELSE false END),
    CONSTRAINT access_change_status_check CHECK (status IN ('requested', 'approved', 'rejected', 'withdrawn')),
    CONSTRAINT access_change_period_check CHECK (expires_at > created_at AND expires_at <= created_at + interval '7 days'),
    CONSTRAINT access_change_decided_check CHECK ((status = 'requested') = (decided_at IS NULL) AND (status = 'requested') = (decided_by = '')),
    CONSTRAINT access_change_expired_check CHECK (status <> 'approved' OR decided_at < expires_at),
    -- The person who asked does not approve, by whatever account or key; the host's own actor is no person.
    CONSTRAINT access_change_approver_check CHECK (status <> 'approved' OR hms.actor_person(decided_by) <> hms.actor_person(created_by)),
    CONSTRAINT access_change_texts_check CHECK (length(description) <= 1000 AND length(reason) BETWEEN 3 AND 500
        AND length(decision_text) <= 500 AND length(created_by) <= 81 AND length(decided_by) <= 81)
);
CREATE INDEX access_change_user_idx ON hms.access_change (tenant_id, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX access_change_role_idx ON hms.access_change (tenant_id, role_id) WHERE role_id IS NOT NULL;
CREATE INDEX access_change_status_idx ON hms.access_change (tenant_id, status, created_at, id);
SELECT hms.install_table('access_change', p_grants =>
    'SELECT, INSERT, UPDATE (status, decided_by, decided_at, decision_text, version)');
SELECT hms.guard_status('access_change', 'requested>approved', 'requested>rejected', 'requested>withdrawn');
SELECT hms.install_status_history('access_change');

CREATE TABLE hms.break_glass (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    user_id      uuid        NOT NULL,
    patient_id   uuid        NOT NULL,
    reason_code  text        NOT NULL,
    reason_text  text        NOT NULL,
    purpose      text        NOT NULL,
    status       text        NOT NULL,
    started_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL, -- by the host's clock, as the grant says
    closes_at    timestamptz NOT NULL, -- the same by the database's clock, which break_glass_guard sets
    ended_at     timestamptz,
    outcome      text        NOT NULL DEFAULT '',
    review_text  text        NOT NULL DEFAULT '',
    reviewed_by  text        NOT NULL DEFAULT '',
    reviewed_at  timestamptz,
    related      boolean     NOT NULL DEFAULT false, -- the reviewer's account and the user's: see hms.accounts_related
    version      bigint      NOT NULL DEFAULT 1,
    CONSTRAINT break_glass_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT break_glass_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT break_glass_patient_fkey FOREIGN KEY (tenant_id, patient_id) REFERENCES hms.patient (tenant_id, id),
    -- Ciphertext is longer than what it hides; the services bound the text itself.
    CONSTRAINT break_glass_reason_check CHECK (reason_code IN ('emergency', 'direct-care', 'public-health', 'other') AND length(reason_text) BETWEEN 10 AND 5408),
    CONSTRAINT break_glass_purpose_check CHECK (purpose IN ('ETREAT', 'BTG')),
    CONSTRAINT break_glass_period_check CHECK (expires_at > started_at AND expires_at <= started_at + interval '4 hours'),
    CONSTRAINT break_glass_ended_check CHECK (ended_at >= started_at),
    CONSTRAINT break_glass_outcome_check CHECK (outcome IN ('', 'justified', 'not-justified')),
    CONSTRAINT break_glass_review_check CHECK ((outcome = '') = (reviewed_at IS NULL) AND (outcome = '') = (reviewed_by = '')),
    CONSTRAINT break_glass_reviewer_check CHECK (hms.actor_person(reviewed_by) <> hms.actor_person(created_by)),
    CONSTRAINT break_glass_related_check CHECK (NOT related OR outcome <> ''),
    CONSTRAINT break_glass_status_check CHECK (CASE status WHEN 'active' THEN outcome = '' AND ended_at IS NULL
        WHEN 'ended' THEN outcome = '' AND ended_at IS NOT NULL WHEN 'reviewed' THEN outcome <> '' ELSE false END),
    CONSTRAINT break_glass_texts_check CHECK (length(review_text) <= 5408 AND length(reviewed_by) <= 81
        AND length(created_by) <= 81)
);
CREATE INDEX break_glass_user_idx ON hms.break_glass (tenant_id, user_id, patient_id, expires_at);
CREATE INDEX break_glass_person_idx ON hms.break_glass (tenant_id, hms.actor_person(created_by), started_at);
CREATE INDEX break_glass_patient_idx ON hms.break_glass (tenant_id, patient_id, started_at);
CREATE INDEX break_glass_started_idx ON hms.break_glass (tenant_id, started_at, id);
SELECT hms.install_table('break_glass', 'patient_id', p_kind => 'trail', p_grants =>
    'SELECT, INSERT, UPDATE (status, ended_at, outcome, review_text, reviewed_by, reviewed_at, related, version)');
SELECT hms.guard_status('break_glass', 'active>ended', 'active>reviewed', 'ended>reviewed');
SELECT hms.install_status_history('break_glass');
