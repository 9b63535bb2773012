-- Tenants, users and roles.

CREATE TABLE hms.tenant (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    name       text        NOT NULL,
    time_zone  text        NOT NULL,
    currency   text        NOT NULL,
    created_at timestamptz NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    CONSTRAINT tenant_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT tenant_id_check CHECK (id = tenant_id),
    CONSTRAINT tenant_name_check CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT tenant_currency_check CHECK (currency ~ '^[A-Z]{3}$')
);
SELECT hms.install_table('tenant');

CREATE TABLE hms.role (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    name        text        NOT NULL,
    name_key    text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    permissions jsonb       NOT NULL DEFAULT '[]',
    created_at  timestamptz NOT NULL,
    version     bigint      NOT NULL DEFAULT 1,
    CONSTRAINT role_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT role_name_key UNIQUE (tenant_id, name_key),
    CONSTRAINT role_twin_check CHECK (name_key <> ''),
    CONSTRAINT role_name_check CHECK (length(name) BETWEEN 1 AND 50),
    CONSTRAINT role_permissions_check CHECK (jsonb_typeof(permissions) = 'array')
);
SELECT hms.install_table('role');

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
    status              text        NOT NULL,
    is_active_session   boolean     NOT NULL DEFAULT false,
    last_activity       timestamptz,
    created_at          timestamptz NOT NULL,
    version             bigint      NOT NULL DEFAULT 1,
    CONSTRAINT user_account_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT user_account_username_key UNIQUE (tenant_id, username_key),
    CONSTRAINT user_account_email_key UNIQUE (tenant_id, email_key),
    CONSTRAINT user_account_twin_check CHECK (username_key <> '' AND (email_key IS NULL) = (email = '') AND email_key <> ''),
    CONSTRAINT user_account_username_check CHECK (length(username) BETWEEN 1 AND 150),
    CONSTRAINT user_account_status_check CHECK (status IN ('invited', 'active', 'locked', 'deactivated'))
);
SELECT hms.install_table('user_account');
SELECT hms.guard_status('user_account', 'active>deactivated', 'active>locked', 'invited>active', 'invited>deactivated',
    'locked>active', 'locked>deactivated');

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
SELECT hms.install_table('user_role', '', 'user_id,role_id', 'SELECT, INSERT, DELETE');
