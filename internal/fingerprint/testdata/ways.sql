-- The ways in which mutation_test.go changes what the catalogue holds. Each query gives a row per object that can be
-- changed so: the statement, and the kind and name by which the difference must be told. "apart": each change in a
-- transaction of its own, for they hinder each other; the others go in one transaction, and each must be told.

-- way: row-level security is switched off
SELECT format('ALTER TABLE hms.%s DISABLE ROW LEVEL SECURITY', quoted),
    'table', relname FROM rel WHERE relrowsecurity;

-- way: row-level security is switched on
SELECT format('ALTER TABLE hms.%s ENABLE ROW LEVEL SECURITY', quoted),
    'table', relname FROM rel WHERE NOT relrowsecurity;

-- way: row-level security spares the owner
SELECT format('ALTER TABLE hms.%s NO FORCE ROW LEVEL SECURITY', quoted),
    'table', relname FROM rel WHERE relforcerowsecurity;

-- way: a table has another owner
SELECT format('ALTER TABLE hms.%s OWNER TO zz_host', quoted),
    'table', relname FROM rel;

-- way: a table has another name
SELECT format('ALTER TABLE hms.%s RENAME TO zz_%s', quoted, oid),
    'table', CASE WHEN relname ~ '^audit_event_[0-9]' THEN 'zz_' || oid ELSE relname END FROM rel;

-- way: a table goes unlogged
SELECT format('UPDATE pg_class SET relpersistence = ''u'' WHERE oid = %s', oid),
    'table', relname FROM rel;

-- way: a table goes elsewhere
SELECT format('ALTER TABLE hms.%s SET SCHEMA public', quoted),
    'table', relname FROM rel WHERE NOT relispartition;

-- way: a partition is taken out
SELECT format('ALTER TABLE hms.audit_event DETACH PARTITION hms.%s', quoted),
    'table', relname FROM rel WHERE relispartition;

-- way: a column has another name
SELECT format('ALTER TABLE hms.%s RENAME COLUMN %I TO zz_%s', quoted, attname, attnum),
    'column', relname || '.' || attname FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    WHERE NOT relispartition;

-- way: two columns change places
SELECT format(
    'UPDATE pg_attribute SET attnum = -1000 WHERE attrelid = %1$s AND attnum = 1;
    UPDATE pg_attribute SET attnum = 1 WHERE attrelid = %1$s AND attnum = 2;
    UPDATE pg_attribute SET attnum = 2 WHERE attrelid = %1$s AND attnum = -1000', oid), 'table', relname
    FROM rel WHERE relname = 'patient';

-- way: a column may be empty
SELECT format('UPDATE pg_attribute SET attnotnull = false WHERE attrelid = %s AND attnum = %s',
    attrelid, attnum), 'column', relname || '.' || attname FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0
    WHERE attnotnull AND NOT attisdropped;

-- way: a column has no default
SELECT format('ALTER TABLE ONLY hms.%s ALTER COLUMN %I DROP DEFAULT', quoted, attname),
    'column', relname || '.' || attname FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0
    WHERE atthasdef AND attgenerated = '';

-- way: a column has a default
SELECT format('ALTER TABLE ONLY hms.%s ALTER COLUMN %I SET DEFAULT %L', quoted, attname, 'x'),
    'column', relname || '.' || attname FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0
    WHERE NOT atthasdef AND NOT attisdropped AND atttypid = 'text'::regtype;

-- way: a column is added
SELECT format('ALTER TABLE hms.%s ADD COLUMN zz integer', quoted),
    'column', relname || '.zz' FROM rel WHERE NOT relispartition;

-- way: a constraint is dropped
SELECT format('ALTER TABLE hms.%s DROP CONSTRAINT IF EXISTS %I CASCADE', quoted, conname),
    'constraint', relname || '.' || conname FROM rel JOIN pg_constraint ON conrelid = rel.oid
    WHERE contype <> 't' AND coninhcount = 0 ORDER BY contype = 'p';

-- way: a constraint goes unproved
SELECT format('UPDATE pg_constraint SET convalidated = false WHERE oid = %s',
    pg_constraint.oid), 'constraint', relname || '.' || conname FROM rel JOIN pg_constraint ON conrelid = rel.oid
    WHERE contype IN ('c', 'f');

-- way: a constraint is added
SELECT format('ALTER TABLE hms.%s ADD CONSTRAINT zz CHECK (true) NOT VALID', quoted),
    'constraint', relname || '.zz' FROM rel WHERE NOT relispartition;

-- way: an index is dropped
SELECT format('DROP INDEX hms.%I', i.relname),
    CASE WHEN indisunique OR indpred IS NOT NULL OR indexprs IS NOT NULL THEN 'index' ELSE 'plain index' END,
    rel.relname || '.' || i.relname FROM rel JOIN pg_index AS x ON x.indrelid = rel.oid JOIN pg_class AS i ON i.oid = indexrelid
    WHERE NOT i.relispartition AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = indexrelid
        AND k.contype IN ('p', 'u', 'x'));

-- way: an index is not used
SELECT format('UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s', indexrelid),
    CASE WHEN indisunique OR indisexclusion OR indpred IS NOT NULL OR indexprs IS NOT NULL THEN 'index' ELSE 'plain index' END,
    rel.relname || '.' || i.relname FROM rel JOIN pg_index AS x ON x.indrelid = rel.oid JOIN pg_class AS i ON i.oid = indexrelid;

-- way: an index that keeps rows away is added
SELECT format('CREATE UNIQUE INDEX zz_%s ON hms.%s ((tenant_id::text))
    WHERE false', oid, quoted), 'index', relname || '.zz_' || oid FROM rel WHERE relkind = 'r'
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = rel.oid AND attname = 'tenant_id');

-- way: a trigger is disabled
SELECT format('ALTER TABLE hms.%s DISABLE TRIGGER %I', quoted, tgname), 'trigger',
    relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal;

-- way: a trigger fires on replicas only
SELECT format('ALTER TABLE hms.%s ENABLE REPLICA TRIGGER %I', quoted, tgname),
    'trigger', relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal;

-- way: a trigger is dropped
SELECT format('DROP TRIGGER %I ON hms.%s', tgname, quoted), 'trigger',
    relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal AND tgparentid = 0;

-- way: a trigger calls another function
SELECT format('UPDATE pg_trigger SET tgfoid = (SELECT oid FROM pg_proc
    WHERE proname = ''suppress_redundant_updates_trigger'') WHERE oid = %s', pg_trigger.oid), 'trigger',
    relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal;

-- way: a trigger is told something else
SELECT format('UPDATE pg_trigger SET tgnargs = 1, tgargs = ''zz\000''
    WHERE oid = %s', pg_trigger.oid), 'trigger',
    relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal;

-- way: a trigger has a condition
SELECT format('UPDATE pg_trigger SET tgtype = tgtype # 2 WHERE oid = %s', pg_trigger.oid),
    'trigger', relname || '.' || tgname FROM rel JOIN pg_trigger ON tgrelid = rel.oid WHERE NOT tgisinternal;

-- way: a trigger is added
SELECT format('CREATE TRIGGER zz AFTER INSERT ON hms.%s FOR EACH STATEMENT
    EXECUTE FUNCTION hms.refuse_change()', quoted), 'trigger', relname || '.zz' FROM rel;

-- way: a constraint's triggers are disabled
SELECT format('UPDATE pg_trigger SET tgenabled = ''D'' WHERE oid = %s', t.oid),
    'constraint trigger', rel.relname || '.' || k.conname || ' of hms.' || c.relname || ' by ' || p.proname
    FROM rel JOIN pg_trigger AS t ON t.tgrelid = rel.oid JOIN pg_constraint AS k ON k.oid = t.tgconstraint
    JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_proc AS p ON p.oid = t.tgfoid WHERE t.tgisinternal;

-- way: a rule is added
SELECT format('CREATE RULE zz AS ON INSERT TO hms.%s WHERE false DO INSTEAD NOTHING', quoted),
    'rule', relname || '.zz' FROM rel;

-- way: a policy is dropped
SELECT format('DROP POLICY %I ON hms.%s', polname, quoted), 'policy',
    relname || '.' || polname FROM rel JOIN pg_policy ON polrelid = rel.oid;

-- way: a policy lets everything pass
SELECT format('ALTER POLICY %I ON hms.%s %s', polname, quoted,
    CASE WHEN polqual IS NULL THEN 'WITH CHECK (1 = 1)' ELSE 'USING (1 = 1)' END), 'policy',
    relname || '.' || polname FROM rel JOIN pg_policy ON polrelid = rel.oid;

-- way: a policy is for another role
SELECT format('ALTER POLICY %I ON hms.%s TO zz_host', polname, quoted), 'policy',
    relname || '.' || polname FROM rel JOIN pg_policy ON polrelid = rel.oid;

-- way: a policy restricts
SELECT format('UPDATE pg_policy SET polpermissive = false WHERE oid = %s', pg_policy.oid),
    'policy', relname || '.' || polname FROM rel JOIN pg_policy ON polrelid = rel.oid;

-- way: a policy is added
SELECT format('CREATE POLICY zz ON hms.%s USING (true)', quoted), 'policy',
    relname || '.zz' FROM rel;

-- way: a function does something else
SELECT CASE WHEN prosqlbody IS NULL
    THEN regexp_replace(pg_get_functiondef(oid), '\$function\$(\s*)$', ' $function$')
    ELSE regexp_replace(pg_get_functiondef(oid), 'RETURN (.*)$', 'RETURN coalesce(NULL, \1)') END, 'function', called FROM fun;

-- way: a function runs as somebody else
SELECT format('ALTER FUNCTION hms.%s SECURITY %s', called,
    CASE WHEN prosecdef THEN 'INVOKER' ELSE 'DEFINER' END), 'function', called FROM fun;

-- way: a function looks for names elsewhere
SELECT format('ALTER FUNCTION hms.%s SET search_path = public', called),
    'function', called FROM fun;

-- way: a function is leakproof
SELECT format('ALTER FUNCTION hms.%s LEAKPROOF', called), 'function', called
    FROM fun WHERE NOT proleakproof;

-- way: a function has another owner
SELECT format('ALTER FUNCTION hms.%s OWNER TO zz_host', called), 'function', called
    FROM fun;

-- way: a function has another name
SELECT format('ALTER FUNCTION hms.%s RENAME TO zz_%s', called, oid), 'function',
    called FROM fun;

-- way: a function is overloaded
SELECT format('CREATE FUNCTION hms.%I(zz_never point[]) RETURNS integer LANGUAGE sql
    AS ''SELECT 1''', proname), 'function', proname || '(zz_never point[])' FROM fun;

-- way: a right on a table is taken
SELECT DISTINCT format('REVOKE ALL ON hms.%s FROM %s', quoted,
    CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END), 'right',
    'table ' || relname || ' to ' || CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END
    FROM rel CROSS JOIN aclexplode(coalesce(relacl, acldefault('r', relowner))) AS x;

-- way: a right on a column is taken
SELECT DISTINCT format('REVOKE ALL (%I) ON hms.%s FROM %s', attname, quoted,
    x.grantee::regrole), 'right', 'column ' || relname || '.' || attname || ' to ' || x.grantee::regrole
    FROM rel JOIN pg_attribute ON attrelid = rel.oid CROSS JOIN aclexplode(attacl) AS x;

-- way: a right on a function is taken
SELECT DISTINCT format('REVOKE ALL ON FUNCTION hms.%s FROM %s', called,
    x.grantee::regrole), 'right', 'function ' || called || ' to ' || x.grantee::regrole
    FROM fun CROSS JOIN aclexplode(coalesce(proacl, acldefault('f', proowner))) AS x;

-- way: a right on the schema is taken
SELECT DISTINCT format('REVOKE ALL ON SCHEMA hms FROM %s', x.grantee::regrole),
    'right', 'schema hms to ' || x.grantee::regrole
    FROM pg_namespace CROSS JOIN aclexplode(nspacl) AS x WHERE nspname = 'hms';

-- way: a right on a table is given
SELECT format('GRANT TRIGGER ON hms.%s TO %s', quoted, name), 'right',
    'table ' || relname || ' to ' || label FROM rel CROSS JOIN label;

-- way: a right on a table may be passed on
SELECT DISTINCT format('GRANT %s ON hms.%s TO %s WITH GRANT OPTION',
    x.privilege_type, quoted, x.grantee::regrole), 'right', 'table ' || relname || ' to ' || x.grantee::regrole
    FROM rel CROSS JOIN aclexplode(relacl) AS x WHERE x.grantee NOT IN (0, relowner);

-- way: a right on a column is given
SELECT format('GRANT UPDATE (%I) ON hms.%s TO %s', attname, quoted, name), 'right',
    'column ' || relname || '.' || attname || ' to ' || label
    FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    CROSS JOIN label WHERE name IN ('PUBLIC', 'hms_sealer', 'zz_host')
        OR name = 'hms_app' AND coalesce(attacl::text, '') !~ 'hms_app=w';

-- way: a right on a function is given
SELECT format('GRANT EXECUTE ON FUNCTION hms.%s TO %s', called, name), 'right',
    'function ' || called || ' to ' || label FROM fun CROSS JOIN label WHERE NOT EXISTS (
        SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS x WHERE x.grantee::regrole::text = name);

-- way: a right on the schema is given
SELECT format('GRANT CREATE ON SCHEMA hms TO %s', name), 'right',
    'schema hms to ' || label FROM label;

-- way: a right on what will be made is given
SELECT format(
    'ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms GRANT %s ON %s TO %s', CASE kind WHEN 'functions' THEN 'EXECUTE'
    WHEN 'types' THEN 'USAGE' ELSE 'UPDATE' END, kind, name),
    'right', 'default of hms_owner in hms for ' || kind || ' to ' || label
    FROM label CROSS JOIN unnest(ARRAY['tables', 'sequences', 'functions', 'types']) AS k (kind)
    WHERE NOT (name = 'hms_app' AND kind = 'functions');

-- way: a right on what will be made is given anywhere
SELECT format(
    'ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner GRANT %s ON %s TO %s', CASE kind WHEN 'functions' THEN 'EXECUTE'
    WHEN 'types' THEN 'USAGE' ELSE 'UPDATE' END, kind, name),
    'right', 'default of hms_owner for ' || kind || ' to ' || label
    FROM label CROSS JOIN unnest(ARRAY['tables', 'sequences', 'functions', 'types']) AS k (kind)
    WHERE name NOT IN ('PUBLIC') OR kind NOT IN ('types');

-- way: a right on what somebody else will make in the schema is given
SELECT
    'ALTER DEFAULT PRIVILEGES FOR ROLE zz_host IN SCHEMA hms GRANT SELECT ON TABLES TO hms_app', 'right',
    'default of other role zz_host in hms for tables to hms_app';

-- way apart: a right on what will be made is taken
SELECT format(
    'ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner%s REVOKE ALL ON %s FROM %s', place, kind, name), 'right',
    'default of hms_owner' || CASE place WHEN '' THEN '' ELSE ' in hms' END || ' for ' || kind || ' to ' || name
    FROM (VALUES ('', 'functions', 'hms_owner'), (' IN SCHEMA hms', 'functions', 'hms_app'),
        (' IN SCHEMA hms', 'tables', 'hms_backup'), (' IN SCHEMA hms', 'sequences', 'hms_backup')) AS d (place, kind, name);

-- way: a setting may be changed by right
SELECT format('GRANT SET ON PARAMETER session_replication_role TO %s', name), 'right',
    'parameter session_replication_role to ' || name FROM label
    WHERE name <> 'zz_host' AND current_setting('server_version_num')::integer >= 150000
    UNION ALL SELECT 'GRANT CREATE ON SCHEMA hms TO PUBLIC', 'right', 'schema hms to PUBLIC';

-- way apart: a role may more
SELECT string_agg(format('ALTER ROLE %I %s', r.name, o.option), ';'), 'role', r.name
    FROM unnest(ARRAY['hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup']) AS r (name)
    CROSS JOIN unnest(ARRAY['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'LOGIN', 'REPLICATION', 'CONNECTION LIMIT 5',
        'VALID UNTIL ''2030-01-01''']) AS o (option) GROUP BY r.name, o.option
    UNION ALL SELECT format('ALTER ROLE %I %s', r.name, r.option), 'role', r.name
    FROM (VALUES ('hms_owner', 'BYPASSRLS'), ('hms_app', 'BYPASSRLS'), ('hms_sealer', 'BYPASSRLS'),
        ('hms_scheduler', 'BYPASSRLS'), ('hms_backup', 'NOBYPASSRLS'), ('hms_app', 'INHERIT'),
        ('hms_owner', 'NOINHERIT')) AS r (name, option);

-- way apart: a role has another name
SELECT format('ALTER ROLE %I RENAME TO zz_other', r.name), 'role', r.name
    FROM unnest(ARRAY['hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler']) AS r (name);

-- way apart: a role becomes another's member
SELECT format('GRANT %I TO %I', g.name, m.name), 'membership',
    m.name || ' in ' || CASE WHEN g.name LIKE 'hms%' THEN g.name ELSE 'other role ' || g.name END
    FROM unnest(ARRAY['hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup']) AS m (name)
    CROSS JOIN unnest(ARRAY['hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup', 'zz_host',
        'pg_read_all_data', 'pg_execute_server_program']) AS g (name) WHERE g.name <> m.name;

-- way: a role has a setting
SELECT format('ALTER ROLE %I SET search_path = public', r.name), 'setting',
    'search_path of ' || r.name FROM unnest(ARRAY['hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup']) AS r (name);

-- way: a setting blinds or names a tenant
SELECT format('ALTER %s SET %s = %L', replace(o.what, '$D', current_database()),
    v.name, v.value), 'setting', v.name || ' of ' || o.label
    FROM (VALUES ('DATABASE $D', 'everybody in the database'), ('ROLE zz_host', 'other role zz_host'), ('ROLE ALL', 'everybody'),
        ('ROLE zz_host IN DATABASE $D', 'other role zz_host in the database')) AS o (what, label)
    CROSS JOIN (VALUES ('session_replication_role', 'replica'), ('row_security', 'off'),
        ('hms.tenant', '00000000-0000-0000-0000-000000000001')) AS v (name, value);

-- way: the session's triggers are switched off
SELECT 'SET LOCAL session_replication_role = replica', 'setting',
    'session_replication_role in force';

-- way: the schema has another owner
SELECT 'ALTER SCHEMA hms OWNER TO zz_host', 'schema', 'hms';

-- way: an extension is gone
SELECT 'DROP EXTENSION btree_gist CASCADE', 'extension', 'btree_gist';

-- way: a language has another handler
SELECT 'UPDATE pg_language SET lanplcallfoid = (SELECT oid FROM pg_proc
    WHERE proname = ''fmgr_sql_validator'') WHERE lanname = ''plpgsql''', 'language', 'plpgsql';

-- way apart: an object is added
SELECT * FROM (VALUES
    ('CREATE TABLE hms.zz (a integer)', 'table', 'zz'),
    ('CREATE VIEW hms.zz AS SELECT * FROM hms.patient', 'view', 'zz'),
    ('CREATE MATERIALIZED VIEW hms.zz AS SELECT 1 AS a', 'materialized view', 'zz'),
    ('CREATE SEQUENCE hms.zz', 'sequence', 'zz'),
    ('CREATE FOREIGN DATA WRAPPER zz; CREATE SERVER zz FOREIGN DATA WRAPPER zz; CREATE FOREIGN TABLE hms.zz (a integer) SERVER zz',
        'foreign table', 'zz'),
    ('CREATE TYPE hms.zz AS (a integer)', 'composite type', 'zz'),
    ('CREATE TYPE hms.zz AS ENUM (''a'')', 'type', 'zz'),
    ('CREATE DOMAIN hms.zz AS text', 'type', 'zz'),
    ('CREATE TYPE hms.zz AS RANGE (subtype = text)', 'type', 'zz'),
    ('CREATE FUNCTION hms.zz() RETURNS integer LANGUAGE sql AS ''SELECT 1''', 'function', 'zz()'),
    ('CREATE PROCEDURE hms.zz() LANGUAGE sql AS ''SELECT 1''', 'function', 'zz()'),
    ('CREATE AGGREGATE hms.zz(integer) (SFUNC = int4pl, STYPE = integer)', 'function', 'zz(integer)'),
    ('CREATE OPERATOR hms.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)', 'operator', '==='),
    ('CREATE OPERATOR CLASS hms.zz FOR TYPE text USING btree AS STORAGE text', 'operator class', 'zz'),
    ('CREATE OPERATOR FAMILY hms.zz USING btree', 'operator family', 'zz'),
    ('CREATE COLLATION hms.zz FROM "C"', 'collation', 'zz'),
    ('CREATE CONVERSION hms.zz FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8', 'conversion', 'zz'),
    ('CREATE TEXT SEARCH CONFIGURATION hms.zz (COPY = simple)', 'text search configuration', 'zz'),
    ('CREATE TEXT SEARCH DICTIONARY hms.zz (TEMPLATE = simple)', 'text search dictionary', 'zz'),
    ('CREATE TEXT SEARCH PARSER hms.zz (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)',
        'text search parser', 'zz'),
    ('CREATE TEXT SEARCH TEMPLATE hms.zz (LEXIZE = dsimple_lexize)', 'text search template', 'zz'),
    ('CREATE STATISTICS hms.zz ON tenant_id, id FROM hms.patient', 'statistics', 'zz'),
    ('ALTER EXTENSION btree_gist SET SCHEMA hms', 'extension', 'btree_gist'),
    ('CREATE TABLE public.zz () INHERITS (hms.patient)', 'child table', 'public.zz of patient'),
    ('CREATE TABLE hms.audit_event_2001m01 PARTITION OF hms.audit_event FOR VALUES FROM (''2000-01-01'') TO (''2002-01-01'')',
        'table', 'audit_event_2001m01'),
    ('CREATE TABLE hms.audit_event_zz PARTITION OF hms.audit_event FOR VALUES FROM (''2000-01-01'') TO (''2002-01-01'')',
        'table', 'audit_event_zz'),
    ('CREATE TABLE public.zz PARTITION OF hms.audit_event FOR VALUES FROM (''2000-01-01'') TO (''2002-01-01'')',
        'child table', 'public.zz of audit_event'),
    ('CREATE FUNCTION hms.zz() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END'';
        CREATE EVENT TRIGGER zz ON ddl_command_end EXECUTE FUNCTION hms.zz()', 'event trigger', 'zz'),
    ('CREATE SUBSCRIPTION zz CONNECTION ''dbname=zz'' PUBLICATION zz WITH (connect = false);
        INSERT INTO pg_subscription_rel VALUES ((SELECT oid FROM pg_subscription WHERE subname = ''zz''),
            ''hms.patient''::regclass, ''r'', NULL)', 'subscription', 'patient by zz'))
    AS o (statement, kind, name);
