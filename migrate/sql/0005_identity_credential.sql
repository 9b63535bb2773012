-- How people and programs prove who they are. Secrets are stored as hashes, or sealed; none of
-- these tables has an audit trail of rows, which would keep hashes for years, but for external identities. What happens
-- is on the trail as login, logout and the like.
CREATE TABLE hms.user_password (
    tenant_id       uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    hash            text        NOT NULL DEFAULT '',
    changed_at      timestamptz,
    failures        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    locked_at       timestamptz,
    CONSTRAINT user_password_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_password_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_password_hash_check CHECK (hash = '' OR hash LIKE '$argon2id$%'),
    CONSTRAINT user_password_failures_check CHECK (failures >= 0)
);
SELECT hms.secure_table('user_password',
    'SELECT, INSERT, UPDATE (hash, changed_at, failures, next_attempt_at, locked_at)');

-- Failed attempts by where they came from, requests for a new password by source and account; what is
-- counted is hashed. A row that is forgotten goes.
CREATE TABLE hms.login_source (
    tenant_id       uuid        NOT NULL,
    source          text        NOT NULL,
    failures        integer     NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    last_failure_at timestamptz NOT NULL,
    CONSTRAINT login_source_pkey PRIMARY KEY (tenant_id, source)
);
CREATE INDEX login_source_last_idx ON hms.login_source (tenant_id, last_failure_at);
SELECT hms.secure_table('login_source',
    'SELECT, INSERT, UPDATE (failures, next_attempt_at, last_failure_at), DELETE');

CREATE TABLE hms.user_session (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    user_id          uuid        NOT NULL,
    token_hash       bytea       NOT NULL,
    source           text        NOT NULL DEFAULT '',
    user_agent       text        NOT NULL DEFAULT '',
    started_at       timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    last_seen_at     timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    must_rotate      boolean     NOT NULL DEFAULT false,
    -- Wrong proofs within the session: nobody outside of it can make its person wait.
    failures         integer     NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz,
    ended_at         timestamptz,
    end_reason       text        NOT NULL DEFAULT '',
    CONSTRAINT user_session_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_session_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT user_session_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_session_failures_check CHECK (failures >= 0),
    CONSTRAINT user_session_token_check CHECK (length(token_hash) = 32),
    CONSTRAINT user_session_ended_check CHECK ((ended_at IS NULL) = (end_reason = '')),
    CONSTRAINT user_session_texts_check CHECK (length(source) <= 200 AND length(user_agent) <= 500
        AND length(end_reason) <= 30)
);
CREATE INDEX user_session_user_idx ON hms.user_session (tenant_id, user_id, started_at);
SELECT hms.secure_table('user_session',
    'SELECT, INSERT, UPDATE (authenticated_at, last_seen_at, expires_at, must_rotate, failures, next_attempt_at,
        ended_at, end_reason), DELETE');

-- Devices from which a user has logged in: what comes from one is counted apart from the attempts of
-- strangers, who otherwise could keep its person out (OWASP, "device cookies").
CREATE TABLE hms.user_device (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    token_hash      bytea       NOT NULL,
    user_agent      text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    last_used_at    timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    failures        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    CONSTRAINT user_device_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_device_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT user_device_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_device_token_check CHECK (length(token_hash) = 32),
    CONSTRAINT user_device_failures_check CHECK (failures >= 0),
    CONSTRAINT user_device_period_check CHECK (expires_at > last_used_at AND last_used_at >= created_at),
    CONSTRAINT user_device_texts_check CHECK (length(user_agent) <= 500)
);
CREATE INDEX user_device_user_idx ON hms.user_device (tenant_id, user_id, last_used_at);
CREATE INDEX user_device_expires_idx ON hms.user_device (tenant_id, expires_at);
SELECT hms.secure_table('user_device',
    'SELECT, INSERT, UPDATE (user_agent, last_used_at, expires_at, failures, next_attempt_at), DELETE');

-- Tokens that are good for one use case: a new password, or the acceptance of an invitation. One that
-- was asked for under a name that nobody has is nobody's: it is stored, so that nobody can tell.
CREATE TABLE hms.user_token (
    tenant_id  uuid        NOT NULL,
    token_hash bytea       NOT NULL,
    user_id    uuid,
    purpose    text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT user_token_pkey PRIMARY KEY (tenant_id, token_hash),
    CONSTRAINT user_token_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_token_purpose_check CHECK (purpose IN ('reset', 'invitation')),
    CONSTRAINT user_token_owner_check CHECK (user_id IS NOT NULL OR purpose = 'reset'),
    CONSTRAINT user_token_hash_check CHECK (length(token_hash) = 32)
);
CREATE INDEX user_token_user_idx ON hms.user_token (tenant_id, user_id, purpose);
CREATE INDEX user_token_expires_idx ON hms.user_token (tenant_id, expires_at);
SELECT hms.secure_table('user_token', 'SELECT, INSERT, UPDATE (used_at), DELETE');

CREATE TABLE hms.user_totp (
    tenant_id    uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    secret       text        NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0,
    CONSTRAINT user_totp_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT user_totp_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id)
);
SELECT hms.secure_table('user_totp', 'SELECT, INSERT, UPDATE (secret, confirmed_at, last_step)', 'DELETE');

CREATE TABLE hms.user_recovery_code (
    tenant_id uuid  NOT NULL,
    user_id   uuid  NOT NULL,
    code_hash bytea NOT NULL,
    used_at   timestamptz,
    CONSTRAINT user_recovery_code_pkey PRIMARY KEY (tenant_id, user_id, code_hash),
    CONSTRAINT user_recovery_code_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT user_recovery_code_hash_check CHECK (length(code_hash) = 32)
);
SELECT hms.secure_table('user_recovery_code', 'SELECT, INSERT, UPDATE (used_at)', 'DELETE');

-- What a WebAuthn library needs of a credential (W3C WebAuthn level 2, section 5.8 and 6.5).
CREATE TABLE hms.webauthn_credential (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    user_id       uuid        NOT NULL,
    credential_id bytea       NOT NULL,
    public_key    bytea       NOT NULL,
    sign_count    bigint      NOT NULL,
    aaguid        bytea       NOT NULL,
    transports    text        NOT NULL DEFAULT '',
    name          text        NOT NULL,
    created_at    timestamptz NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    last_used_at  timestamptz,
    CONSTRAINT webauthn_credential_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webauthn_credential_key UNIQUE (tenant_id, credential_id),
    CONSTRAINT webauthn_credential_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT webauthn_credential_length_check CHECK (length(credential_id) BETWEEN 16 AND 1023 AND length(public_key) BETWEEN 1 AND 4096 AND length(aaguid) = 16),
    CONSTRAINT webauthn_credential_count_check CHECK (sign_count BETWEEN 0 AND 4294967295),
    CONSTRAINT webauthn_credential_name_check CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT webauthn_credential_texts_check CHECK (length(transports) <= 100 AND length(created_by) <= 81)
);
CREATE INDEX webauthn_credential_user_idx ON hms.webauthn_credential (tenant_id, user_id);
SELECT hms.secure_table('webauthn_credential', 'SELECT, INSERT', 'DELETE');

-- Who somebody is to an identity provider of the hospital's (OpenID Connect, SAML): issuer and subject, to the byte.
CREATE TABLE hms.external_identity (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    issuer     text        NOT NULL,
    subject    text        NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    CONSTRAINT external_identity_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT external_identity_key UNIQUE (tenant_id, issuer, subject),
    CONSTRAINT external_identity_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT external_identity_texts_check CHECK (length(issuer) BETWEEN 1 AND 300 AND length(subject) BETWEEN 1 AND 256
        AND length(created_by) <= 81)
);
CREATE INDEX external_identity_user_idx ON hms.external_identity (tenant_id, user_id);
SELECT hms.install_table('external_identity', p_others => 'DELETE');

CREATE TABLE hms.api_key (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    name         text        NOT NULL,
    token_hash   bytea       NOT NULL,
    scopes       jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    version      bigint      NOT NULL DEFAULT 1,
    expires_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_key_token_key UNIQUE (tenant_id, token_hash),
    CONSTRAINT api_key_user_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES hms.user_account (tenant_id, id),
    CONSTRAINT api_key_name_check CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_key_scopes_check CHECK (jsonb_typeof(scopes) = 'array'),
    CONSTRAINT api_key_token_check CHECK (length(token_hash) = 32),
    CONSTRAINT api_key_expiry_check CHECK (expires_at > created_at AND expires_at <= created_at + interval '366 days'),
    CONSTRAINT api_key_texts_check CHECK (length(created_by) <= 81)
);
CREATE INDEX api_key_user_idx ON hms.api_key (tenant_id, user_id);
-- A key that was revoked stays: the trail's credential says "key:<id>", and whose it was is asked for years.
SELECT hms.secure_table('api_key', 'SELECT, INSERT, UPDATE (version, last_used_at, revoked_at)');
