-- The keys that sign contexts, as the two blocks of HMAC-SHA256 that a key gives, so that verifying takes two
-- hashes. No role but the owner reads them, the one of backups neither: pg_dump leaves this table out.
CREATE TABLE IF NOT EXISTS hms.context_key (
    id         text        NOT NULL, -- 16 hexadecimal digits that depend on the key and do not tell it
    inner_pad  bytea       NOT NULL,
    outer_pad  bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT context_key_pkey PRIMARY KEY (id),
    CONSTRAINT context_key_pad_check CHECK (octet_length(inner_pad) = 64 AND octet_length(outer_pad) = 64)
);

DO $$
DECLARE
    r text;
BEGIN
    FOR r IN SELECT rolname FROM pg_catalog.pg_roles WHERE rolname LIKE 'hms\_%' AND rolname <> 'hms_owner' LOOP
        EXECUTE format('REVOKE ALL ON hms.context_key FROM %I', r);
    END LOOP;
END $$;
