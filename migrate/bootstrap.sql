-- Runs before the first migration, as the role that the host migrates with: what only
-- that role may do, and the table that remembers which migrations have run. Idempotent.
-- Roles belong to the whole server, so several databases may create them at once.

DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM (VALUES
        ('hms_owner',  'NOLOGIN'),
        ('hms_app',    'NOLOGIN NOINHERIT'),
        ('hms_sealer', 'NOLOGIN'),
        ('hms_scheduler', 'NOLOGIN'),
        ('hms_backup', 'NOLOGIN BYPASSRLS')) AS wanted (name, options)
    LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r.name) THEN
                EXECUTE format('CREATE ROLE %I %s', r.name, r.options);
            END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another database was faster
            WHEN insufficient_privilege THEN
                -- Only a superuser may create a role with BYPASSRLS. The backup role can be
                -- made later by an administrator; the others are needed now.
                IF r.name <> 'hms_backup' THEN RAISE; END IF;
        END;
    END LOOP;
END $$;

DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT hms_owner, hms_app, hms_sealer, hms_scheduler TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- an administrator made the roles and has granted them, or SET ROLE below says that he has not
END $$;

CREATE SCHEMA IF NOT EXISTS hms;
DO $$
BEGIN
    IF (SELECT pg_catalog.pg_get_userbyid(nspowner) FROM pg_catalog.pg_namespace WHERE nspname = 'hms') <> 'hms_owner' THEN
        ALTER SCHEMA hms OWNER TO hms_owner;
    END IF;
END $$;

CREATE EXTENSION IF NOT EXISTS btree_gist;

SET LOCAL ROLE hms_owner;

CREATE TABLE IF NOT EXISTS hms.migration (
    version         integer     NOT NULL,
    name            text        NOT NULL,
    checksum        text        NOT NULL, -- SHA-256 of the step's text, hexadecimal
    compatible_from integer     NOT NULL, -- the last step of the oldest library that goes on with this one
    applied_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT migration_pkey PRIMARY KEY (version)
);

GRANT USAGE ON SCHEMA hms TO hms_app, hms_sealer, hms_scheduler;
GRANT SELECT ON hms.migration TO hms_app, hms_sealer;

-- Functions of this schema are for the library's roles, not for everybody.
ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms GRANT EXECUTE ON FUNCTIONS TO hms_app;

-- pg_dump reads everything as hms_backup, also what later migrations add, and in a schema that was
-- there before the role was. It writes nothing.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'hms_backup') THEN
        GRANT USAGE ON SCHEMA hms TO hms_backup;
        GRANT SELECT ON ALL TABLES IN SCHEMA hms TO hms_backup;
        GRANT SELECT ON ALL SEQUENCES IN SCHEMA hms TO hms_backup;
        ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms GRANT SELECT ON TABLES TO hms_backup;
        ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms GRANT SELECT ON SEQUENCES TO hms_backup;
    END IF;
END $$;

RESET ROLE;
