package fingerprint

// The queries give a row per object: kind, the partition of the trail that it belongs to, name, definition,
// whether it is a host's own. Every name has its schema, every text its order, and nothing tells when or by whom
// a thing was made, so that a dump that was restored reads like its original. Functions are pg_catalog's only.

// begin names what the queries below have in common: our schema, our roles, our relations, and the trail's months.
const begin = `WITH schema AS (
    SELECT n.oid, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'hms'),
ours AS (
    SELECT r.oid, r.rolname FROM pg_catalog.pg_roles AS r WHERE r.rolname = ANY ($1::pg_catalog.text[])),
role AS (
    SELECT r.oid, CASE WHEN r.rolname = ANY ($1::pg_catalog.text[]) THEN r.rolname::pg_catalog.text
        ELSE 'other role ' || r.rolname END AS label
    FROM pg_catalog.pg_roles AS r
    UNION ALL SELECT 0, 'PUBLIC'),
relation AS MATERIALIZED (
    SELECT c.*, CASE WHEN c.relispartition AND c.relname ~ '^audit_event_[0-9]{4}m[0-9]{2}$' AND EXISTS (
        SELECT FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
        WHERE i.inhrelid = c.oid AND p.relname = 'audit_event' AND p.relnamespace = s.oid)
        THEN c.relname::pg_catalog.text ELSE '' END AS part
    FROM pg_catalog.pg_class AS c JOIN schema AS s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')),
acl AS (
    SELECT r.part, CASE r.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || r.relname AS object, x.*
    FROM relation AS r CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(r.relacl,
        pg_catalog.acldefault(CASE r.relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, r.relowner))) AS x
    UNION ALL
    SELECT r.part, 'column ' || r.relname || '.' || a.attname, x.*
    FROM relation AS r JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND NOT a.attisdropped
    CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS x
    UNION ALL
    SELECT '', 'function ' || p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')', x.*
    FROM pg_catalog.pg_proc AS p JOIN schema AS s ON s.oid = p.pronamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS x
    UNION ALL
    SELECT '', 'type ' || t.typname, x.*
    FROM pg_catalog.pg_type AS t JOIN schema AS s ON s.oid = t.typnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))) AS x
    WHERE t.typelem = 0 AND (t.typrelid = 0 OR t.typacl IS NOT NULL)
    UNION ALL
    SELECT '', 'schema hms', x.*
    FROM schema AS s
    CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(s.nspacl, pg_catalog.acldefault('n', s.nspowner))) AS x
    UNION ALL
    SELECT '', 'default of ' || coalesce(o.label, '?') || CASE d.defaclnamespace WHEN 0 THEN '' ELSE ' in hms' END
        || ' for ' || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE d.defaclobjtype::pg_catalog.text END, x.*
    FROM pg_catalog.pg_default_acl AS d LEFT JOIN role AS o ON o.oid = d.defaclrole
    LEFT JOIN schema AS s ON s.oid = d.defaclnamespace
    CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS x
    WHERE s.oid IS NOT NULL OR (d.defaclnamespace = 0 AND d.defaclrole IN (SELECT oid FROM ours)))
`

// relations gives tables, views, sequences and composite types with what hangs on them.
const relations = `
SELECT CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
        WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' ELSE 'table' END AS kind,
    r.part, r.relname::pg_catalog.text AS name,
    pg_catalog.concat_ws('; ', 'owner ' || pg_catalog.pg_get_userbyid(r.relowner),
        'kind ' || r.relkind::pg_catalog.text, 'persistence ' || r.relpersistence::pg_catalog.text,
        'method ' || (SELECT m.amname FROM pg_catalog.pg_am AS m WHERE m.oid = r.relam),
        'row security ' || CASE WHEN r.relrowsecurity THEN 'on' ELSE 'off' END
            || CASE WHEN r.relforcerowsecurity THEN ' forced' ELSE '' END,
        'partitioned by ' || pg_catalog.pg_get_partkeydef(r.oid),
        (SELECT pg_catalog.string_agg('child of ' || n.nspname || '.' || p.relname
                || coalesce(' ' || pg_catalog.pg_get_expr(r.relpartbound, r.oid), ''), ', ' ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS p ON p.oid = i.inhparent
            JOIN pg_catalog.pg_namespace AS n ON n.oid = p.relnamespace WHERE i.inhrelid = r.oid),
        (SELECT 'columns ' || pg_catalog.string_agg(a.attname, ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped),
        CASE WHEN r.relkind IN ('v', 'm') THEN 'options '
            || coalesce(pg_catalog.array_to_string(r.reloptions, ', '), '')
            || ' as ' || pg_catalog.pg_get_viewdef(r.oid) END,
        (SELECT pg_catalog.concat_ws(' ', 'sequence', pg_catalog.format_type(q.seqtypid, NULL), q.seqstart,
            q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle)
            FROM pg_catalog.pg_sequence AS q WHERE q.seqrelid = r.oid),
        (SELECT 'of server ' || v.srvname FROM pg_catalog.pg_foreign_table AS f
            JOIN pg_catalog.pg_foreign_server AS v ON v.oid = f.ftserver WHERE f.ftrelid = r.oid)) AS definition,
    false AS host
FROM relation AS r
UNION ALL
SELECT 'child table', '', n.nspname || '.' || c.relname || ' of ' || r.relname, 'outside of the schema', false
FROM relation AS r JOIN pg_catalog.pg_inherits AS i ON i.inhparent = r.oid
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname <> 'hms'
UNION ALL
SELECT 'column', r.part, r.relname || '.' || a.attname,
    pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
        (SELECT 'collate ' || k.nspname || '.' || l.collname FROM pg_catalog.pg_collation AS l
            JOIN pg_catalog.pg_namespace AS k ON k.oid = l.collnamespace
            WHERE l.oid = a.attcollation AND l.collname <> 'default'),
        CASE WHEN a.attnotnull THEN 'not null' END,
        CASE WHEN a.attidentity <> '' THEN 'identity ' || a.attidentity::pg_catalog.text END,
        CASE WHEN d.oid IS NOT NULL THEN CASE a.attgenerated WHEN '' THEN 'default '
            ELSE 'generated ' || a.attgenerated::pg_catalog.text || ' ' END
            || pg_catalog.pg_get_expr(d.adbin, d.adrelid) END), false
FROM relation AS r
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind <> 'S'
UNION ALL
SELECT 'constraint', r.part, r.relname || '.' || k.conname,
    pg_catalog.concat_ws('; ', k.contype, pg_catalog.pg_get_constraintdef(k.oid),
        CASE WHEN k.convalidated THEN NULL ELSE 'not validated' END), false
FROM relation AS r JOIN pg_catalog.pg_constraint AS k ON k.conrelid = r.oid WHERE k.contype <> 't'
UNION ALL
SELECT 'constraint', '', n.nspname || '.' || c.relname || '.' || k.conname, 'refers to ' || r.relname, true
FROM relation AS r JOIN pg_catalog.pg_constraint AS k ON k.confrelid = r.oid AND k.contype = 'f'
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname <> 'hms'
UNION ALL
SELECT CASE WHEN x.indisunique OR x.indisexclusion OR x.indexprs IS NOT NULL OR x.indpred IS NOT NULL OR EXISTS (
        SELECT FROM pg_catalog.unnest(x.indclass) AS u (id) WHERE u.id >= 16384)
        THEN 'index' ELSE 'plain index' END, r.part, r.relname || '.' || i.relname,
    pg_catalog.concat_ws('; ', pg_catalog.pg_get_indexdef(x.indexrelid),
        CASE WHEN x.indisvalid AND x.indisready AND x.indislive THEN NULL ELSE 'not usable' END,
        CASE WHEN x.indimmediate THEN NULL ELSE 'deferred' END), false
FROM relation AS r JOIN pg_catalog.pg_index AS x ON x.indrelid = r.oid
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
UNION ALL
SELECT 'trigger', r.part, r.relname || '.' || t.tgname, 'fires ' || t.tgenabled::pg_catalog.text || '; '
    || pg_catalog.pg_get_triggerdef(t.oid), false
FROM relation AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid AND t.tgconstraint = 0
UNION ALL
SELECT CASE WHEN t.tgisinternal THEN 'constraint trigger' ELSE 'trigger' END,
    r.part, r.relname || '.' || CASE WHEN t.tgisinternal THEN k.conname || ' of ' || n.nspname || '.' || c.relname
        || ' by ' || p.proname ELSE t.tgname::pg_catalog.text END,
    'fires ' || t.tgenabled::pg_catalog.text || ' type ' || t.tgtype || ' of schema ' || (SELECT m.nspname
        FROM pg_catalog.pg_namespace AS m WHERE m.oid = p.pronamespace)
        || CASE WHEN t.tgisinternal THEN '' ELSE '; ' || pg_catalog.pg_get_triggerdef(t.oid) END,
    n.nspname <> 'hms'
FROM relation AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid
JOIN pg_catalog.pg_constraint AS k ON k.oid = t.tgconstraint
JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
UNION ALL
SELECT 'rule', r.part, r.relname || '.' || w.rulename, 'fires ' || w.ev_enabled::pg_catalog.text || '; '
    || pg_catalog.pg_get_ruledef(w.oid), false
FROM relation AS r JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid
UNION ALL
SELECT 'policy', r.part, r.relname || '.' || p.polname,
    pg_catalog.concat_ws('; ', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
        'for ' || p.polcmd::pg_catalog.text,
        'to ' || (SELECT pg_catalog.string_agg(coalesce(l.label, '?'), ', ' ORDER BY l.label COLLATE pg_catalog."C")
            FROM pg_catalog.unnest(p.polroles) AS o (id) LEFT JOIN role AS l ON l.oid = o.id),
        'using ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        'with check ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), false
FROM relation AS r JOIN pg_catalog.pg_policy AS p ON p.polrelid = r.oid
`
