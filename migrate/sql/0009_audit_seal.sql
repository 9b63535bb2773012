-- The trail's Merkle log (RFC 6962): each event of a tenant becomes a leaf, checkpoints are
-- signed by the host's key, and nobody but the sealer may add to it.

-- Makes a leaf's hash useless for trying out what a purged event said.
ALTER TABLE hms.audit_event ADD COLUMN salt bytea NOT NULL DEFAULT uuid_send(gen_random_uuid());

-- The sealer's way through the trail: by transaction, for whole transactions end at once.
CREATE INDEX audit_event_xid_idx ON hms.audit_event (tenant_id, xid, recorded_at, id);

CREATE TABLE hms.audit_leaf (
    tenant_id   uuid        NOT NULL,
    leaf_index  bigint      NOT NULL,
    event_id    uuid        NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea       NOT NULL,
    CONSTRAINT audit_leaf_pkey PRIMARY KEY (tenant_id, leaf_index),
    CONSTRAINT audit_leaf_event_key UNIQUE (tenant_id, recorded_at, event_id),
    CONSTRAINT audit_leaf_index_check CHECK (leaf_index >= 0),
    CONSTRAINT audit_leaf_hash_check CHECK (length(hash) = 32)
);

-- Hashes of complete subtrees of 256 leaves and more; smaller ones are computed from leaves.
CREATE TABLE hms.audit_node (
    tenant_id uuid    NOT NULL,
    level     integer NOT NULL,
    position  bigint  NOT NULL,
    hash      bytea   NOT NULL,
    CONSTRAINT audit_node_pkey PRIMARY KEY (tenant_id, level, position),
    CONSTRAINT audit_node_level_check CHECK (level BETWEEN 8 AND 62),
    CONSTRAINT audit_node_hash_check CHECK (length(hash) = 32)
);

-- number makes two sealers at once impossible: the second one's insert fails. watermark is
-- where the next step begins: every event of a transaction below it is in the log.
CREATE TABLE hms.audit_checkpoint (
    tenant_id  uuid        NOT NULL,
    number     bigint      NOT NULL,
    size       bigint      NOT NULL,
    root       bytea       NOT NULL,
    sealed_at  timestamptz NOT NULL,
    note       text        NOT NULL,
    watermark  xid8        NOT NULL,
    CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (tenant_id, number),
    CONSTRAINT audit_checkpoint_number_check CHECK (number >= 1),
    CONSTRAINT audit_checkpoint_size_check CHECK (size >= 0),
    CONSTRAINT audit_checkpoint_root_check CHECK (length(root) = 32)
);
CREATE INDEX audit_checkpoint_size_idx ON hms.audit_checkpoint (tenant_id, size, number);

SELECT hms.secure_table(t, 'SELECT') FROM unnest(ARRAY['audit_leaf', 'audit_node', 'audit_checkpoint']) AS t;
SELECT hms.append_only(t) FROM unnest(ARRAY['audit_leaf', 'audit_node', 'audit_checkpoint']) AS t;
GRANT SELECT, INSERT ON hms.audit_leaf, hms.audit_node, hms.audit_checkpoint TO hms_sealer;
GRANT SELECT ON hms.audit_event TO hms_sealer;
GRANT EXECUTE ON FUNCTION hms.current_tenant() TO hms_sealer;

-- What the catalogue must still say for the trail to be trusted: each row is a breach.
CREATE FUNCTION hms.audit_catalogue_breaches() RETURNS TABLE (object text, breach text)
LANGUAGE sql STABLE AS $$
    SELECT c.relname || '.' || t.tgname, 'the trigger is disabled'
    FROM pg_catalog.pg_trigger AS t JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND NOT t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT c.relname, 'row-level security is not forced'
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'hms' AND c.relkind IN ('r', 'p') AND c.relname <> 'migration' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
    UNION ALL
    SELECT c.relname, 'rows can be changed or removed by ' || r.rolname
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN pg_catalog.pg_roles AS r
    WHERE n.nspname = 'hms' AND c.relname ~ '^audit_(event|leaf|node|checkpoint)' AND c.relkind IN ('r', 'p')
      AND r.rolname IN ('hms_app', 'hms_sealer', 'hms_backup')
      AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE')
    UNION ALL
    SELECT w.name, 'the append-only trigger is gone'
    FROM unnest(ARRAY['audit_event', 'audit_leaf', 'audit_node', 'audit_checkpoint']) AS w (name)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || w.name) AND t.tgname = w.name || '_append_only')
    UNION ALL
    SELECT a.table_name, 'an audit trigger is gone'
    FROM hms.audited_table() AS a CROSS JOIN unnest(ARRAY['_audit_update', '_audit_delete']) AS s (suffix)
    WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
        WHERE t.tgrelid = to_regclass('hms.' || a.table_name) AND t.tgname = a.table_name || s.suffix)
$$;
