package fingerprint

// schemaObjects gives the schema, its functions, types and all else that lies in it, and who may do what with
// them.
const schemaObjects = `
UNION ALL
SELECT 'schema', '', 'hms', 'owner ' || pg_catalog.pg_get_userbyid(s.nspowner), false FROM schema AS s
UNION ALL
SELECT 'function', '', p.proname || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
    'owner ' || pg_catalog.pg_get_userbyid(p.proowner) || '; ' || CASE p.prokind
        WHEN 'a' THEN (SELECT pg_catalog.concat_ws(' ', 'aggregate', a.aggkind, a.aggtransfn, a.aggfinalfn,
            a.aggtranstype, a.agginitval) FROM pg_catalog.pg_aggregate AS a WHERE a.aggfnoid = p.oid)
        ELSE pg_catalog.pg_get_functiondef(p.oid) END, false
FROM pg_catalog.pg_proc AS p JOIN schema AS s ON s.oid = p.pronamespace
UNION ALL
SELECT 'type', '', t.typname::pg_catalog.text,
    pg_catalog.concat_ws('; ', 'owner ' || pg_catalog.pg_get_userbyid(t.typowner),
        'kind ' || t.typtype::pg_catalog.text,
        'base ' || pg_catalog.format_type(t.typbasetype, t.typtypmod), 'default ' || t.typdefault,
        CASE WHEN t.typnotnull THEN 'not null' END,
        (SELECT pg_catalog.string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
            FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = t.oid),
        (SELECT pg_catalog.string_agg(k.conname || ' ' || pg_catalog.pg_get_constraintdef(k.oid), ', '
            ORDER BY k.conname) FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid)), false
FROM pg_catalog.pg_type AS t JOIN schema AS s ON s.oid = t.typnamespace
WHERE t.typrelid = 0 AND t.typelem = 0
UNION ALL
SELECT o.kind, '', o.name::pg_catalog.text, 'lies in the schema', false FROM schema AS s JOIN (
    SELECT 'operator' AS kind, oprname AS name, oprnamespace AS namespace FROM pg_catalog.pg_operator
    UNION ALL SELECT 'operator class', opcname, opcnamespace FROM pg_catalog.pg_opclass
    UNION ALL SELECT 'operator family', opfname, opfnamespace FROM pg_catalog.pg_opfamily
    UNION ALL SELECT 'collation', collname, collnamespace FROM pg_catalog.pg_collation
    UNION ALL SELECT 'conversion', conname, connamespace FROM pg_catalog.pg_conversion
    UNION ALL SELECT 'text search configuration', cfgname, cfgnamespace FROM pg_catalog.pg_ts_config
    UNION ALL SELECT 'text search dictionary', dictname, dictnamespace FROM pg_catalog.pg_ts_dict
    UNION ALL SELECT 'text search parser', prsname, prsnamespace FROM pg_catalog.pg_ts_parser
    UNION ALL SELECT 'text search template', tmplname, tmplnamespace FROM pg_catalog.pg_ts_template
    UNION ALL SELECT 'extension', extname, extnamespace FROM pg_catalog.pg_extension
    UNION ALL SELECT 'statistics', stxname, stxnamespace FROM pg_catalog.pg_statistic_ext) AS o ON o.namespace = s.oid
UNION ALL
SELECT 'right', a.part, a.object || ' to ' || coalesce(r.label, 'a role that is gone'),
    pg_catalog.string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN ' and to grant it' ELSE '' END, ', '
        ORDER BY a.privilege_type COLLATE pg_catalog."C", a.is_grantable), false
FROM acl AS a LEFT JOIN role AS r ON r.oid = a.grantee
GROUP BY a.part, a.object, r.label
UNION ALL
SELECT 'right', '', 'default of ' || coalesce(o.label, '?') || CASE d.defaclnamespace WHEN 0 THEN '' ELSE ' in hms' END
    || ' for ' || d.defaclobjtype::pg_catalog.text || ' to nobody', 'is set', false
FROM pg_catalog.pg_default_acl AS d LEFT JOIN role AS o ON o.oid = d.defaclrole
LEFT JOIN schema AS s ON s.oid = d.defaclnamespace
WHERE pg_catalog.cardinality(d.defaclacl) = 0
    AND (s.oid IS NOT NULL OR (d.defaclnamespace = 0 AND d.defaclrole IN (SELECT oid FROM ours)))
`

// serverObjects gives what lies around the schema: our roles, settings that reach it, and what else of a host's
// acts on it.
const serverObjects = `
UNION ALL
SELECT 'role', '', r.rolname::pg_catalog.text,
    pg_catalog.concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolinherit THEN 'inherit' END,
        CASE WHEN r.rolcreaterole THEN 'createrole' END, CASE WHEN r.rolcreatedb THEN 'createdb' END,
        CASE WHEN r.rolcanlogin THEN 'login' END, CASE WHEN r.rolreplication THEN 'replication' END,
        CASE WHEN r.rolbypassrls THEN 'bypassrls' END, 'connections ' || r.rolconnlimit,
        CASE WHEN r.rolvaliduntil IS NOT NULL THEN 'with an end' END), false
FROM pg_catalog.pg_roles AS r JOIN ours AS o ON o.oid = r.oid
UNION ALL
SELECT 'setting', '', pg_catalog.split_part(v.setting, '=', 1) || ' of ' || CASE d.setrole WHEN 0 THEN 'everybody'
        ELSE coalesce(l.label, '?') END || CASE d.setdatabase WHEN 0 THEN '' ELSE ' in the database' END,
    pg_catalog.substr(v.setting, pg_catalog.strpos(v.setting, '=') + 1),
    o.oid IS NULL AND v.setting !~ '^(session_replication_role|row_security|hms\.[^=]*)='
FROM pg_catalog.pg_db_role_setting AS d CROSS JOIN LATERAL pg_catalog.unnest(d.setconfig) AS v (setting)
LEFT JOIN role AS l ON l.oid = d.setrole LEFT JOIN ours AS o ON o.oid = d.setrole
WHERE d.setdatabase = 0
    OR d.setdatabase = (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = pg_catalog.current_database())
UNION ALL
SELECT 'setting', '', s.name || ' in force', pg_catalog.current_setting(s.name), false
FROM (VALUES ('session_replication_role'), ('row_security')) AS s (name)
UNION ALL
SELECT 'event trigger', '', e.evtname::pg_catalog.text,
    pg_catalog.concat_ws('; ', 'fires ' || e.evtenabled::pg_catalog.text,
        'on ' || e.evtevent, 'calls ' || n.nspname || '.' || p.proname,
        'for ' || pg_catalog.array_to_string(e.evttags, ', ')), n.nspname <> 'hms' AND o.oid IS NULL
FROM pg_catalog.pg_event_trigger AS e JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace LEFT JOIN ours AS o ON o.oid = e.evtowner
UNION ALL
SELECT 'publication', '', p.pubname::pg_catalog.text,
    CASE WHEN p.puballtables THEN 'of all tables' ELSE 'of ' || coalesce((SELECT pg_catalog.string_agg(r.relname, ', '
        ORDER BY r.relname) FROM pg_catalog.pg_publication_rel AS q JOIN relation AS r ON r.oid = q.prrelid
        WHERE q.prpubid = p.oid), 'nothing of the schema by name') END, true
FROM pg_catalog.pg_publication AS p
UNION ALL
SELECT 'subscription', r.part, r.relname || ' by ' || b.subname, 'rows come without triggers', false
FROM relation AS r JOIN pg_catalog.pg_subscription_rel AS q ON q.srrelid = r.oid
JOIN pg_catalog.pg_subscription AS b ON b.oid = q.srsubid
UNION ALL
SELECT 'extension', '', e.extname::pg_catalog.text, 'is there', e.extname NOT IN ('btree_gist', 'plpgsql')
FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE n.nspname <> 'hms'
UNION ALL
SELECT 'language', '', l.lanname::pg_catalog.text,
    pg_catalog.concat_ws(', ', CASE WHEN l.lanpltrusted THEN 'trusted' END,
    n.nspname || '.' || h.proname || ' ' || h.prosrc), l.lanname NOT IN ('internal', 'c', 'sql', 'plpgsql')
FROM pg_catalog.pg_language AS l LEFT JOIN pg_catalog.pg_proc AS h ON h.oid = l.lanplcallfoid
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = h.pronamespace
UNION ALL
SELECT 'cast', '', pg_catalog.format_type(c.castsource, NULL) || ' as ' || pg_catalog.format_type(c.casttarget, NULL),
    c.castcontext::pg_catalog.text || c.castmethod::pg_catalog.text, true
FROM pg_catalog.pg_cast AS c WHERE c.oid >= 16384
`

// memberships gives who belongs to whom: of our roles as members they are compared, of logins they are the host's.
// The options of a membership are those that the version knows.
const memberships = `
UNION ALL
SELECT 'membership', '', m.label || ' in ' || g.label, CASE WHEN a.admin_option THEN 'may grant it' ELSE '' END,
    a.member NOT IN (SELECT oid FROM ours)
FROM pg_catalog.pg_auth_members AS a JOIN role AS m ON m.oid = a.member JOIN role AS g ON g.oid = a.roleid
WHERE a.member IN (SELECT oid FROM ours) OR a.roleid IN (SELECT oid FROM ours)
`

// parameters gives who may set what by right, from version 15 on.
const parameters = `
UNION ALL
SELECT 'right', '', 'parameter ' || p.parname || ' to ' || r.label, x.privilege_type, false
FROM pg_catalog.pg_parameter_acl AS p CROSS JOIN LATERAL pg_catalog.aclexplode(p.paracl) AS x
JOIN role AS r ON r.oid = x.grantee WHERE x.grantee = 0 OR x.grantee IN (SELECT oid FROM ours)
`
