// Package catalogue reads a migrated database's schema as text that a review can read: what a dump
// holds, and what a dump leaves out. It owns the queries, not the golden text, migrate/schema.sql.
// Nothing outside tests imports it.
package catalogue

import (
	"context"
	"strings"

	"github.com/uptrace/bun"
)

// The queries below give a schema as SQL that a review can read: sorted by names, so that the order
// in which things were made, which is the order of releases, does not show. What depends on the day
// of the migration, the trail's partitions, is left out, and so are the ACLs' grantors.

// catalogueTables gives the tables with their columns, constraints, indexes, triggers, policies and
// grants.
const catalogueTables = `
WITH relation AS (
    SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relacl,
    pg_get_userbyid(c.relowner) AS owner
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = 'hms'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND c.relname !~ '^audit_event_[0-9]'),
part AS (
    SELECT r.oid, 1 AS section, a.attname::text AS key,
    format('    %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
        CASE WHEN d.oid IS NULL THEN '' WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin,
        d.adrelid) || ') STORED'
            ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END) AS line
    FROM relation AS r JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT r.oid, 2, k.conname, format('    CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
    FROM relation AS r JOIN pg_catalog.pg_constraint AS k ON k.conrelid = r.oid AND k.contype <> 't'
    UNION ALL
    SELECT r.oid, 3, i.relname, pg_get_indexdef(x.indexrelid) || ';'
    FROM relation AS r JOIN pg_catalog.pg_index AS x ON x.indrelid = r.oid
    JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conindid = x.indexrelid
    AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT r.oid, 4, '', CASE WHEN r.relrowsecurity THEN format('ALTER TABLE hms.%I ENABLE%s ROW LEVEL SECURITY;',
    r.relname,
        CASE WHEN r.relforcerowsecurity THEN ' AND FORCE' ELSE '' END) ELSE format('-- hms.%I: no row-level security',
        r.relname) END
    FROM relation AS r WHERE r.relkind IN ('r', 'p')
    UNION ALL
    SELECT r.oid, 5, p.polname, format('CREATE POLICY %I ON hms.%I FOR %s TO %s USING (%s) WITH CHECK (%s);', p.polname,
    r.relname,
        CASE p.polcmd WHEN '*' THEN 'ALL' ELSE p.polcmd::text END,
        (SELECT string_agg(CASE WHEN o.id = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(o.id)::text END, ', ')
        FROM unnest(p.polroles) AS o (id)),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation AS r JOIN pg_catalog.pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.oid, 6, t.tgname,
    pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN ';' ELSE '; -- ' || t.tgenabled::text END
    FROM relation AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT r.oid, 7, g.grantee, format('GRANT %s ON hms.%I TO %s;', g.privileges, r.relname, g.grantee)
    FROM relation AS r CROSS JOIN LATERAL (
        SELECT CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END AS grantee,
               string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type) AS privileges
        FROM aclexplode(r.relacl) AS x WHERE x.grantee <> 'hms_owner'::regrole GROUP BY 1) AS g)
SELECT format('CREATE %s hms.%I ( -- %s', CASE r.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
r.relname, r.owner)
    || E'\n' || coalesce((SELECT string_agg(line, E',\n' ORDER BY section, key COLLATE "C") FROM part
    WHERE part.oid = r.oid AND section <= 2), '')
    || E'\n)' || CASE r.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(r.oid) ELSE '' END
    || coalesce((SELECT format(' -- partition of %s %s', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
        FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid WHERE i.inhrelid = r.oid),
        '') || E';\n'
    || coalesce((SELECT string_agg(line, E'\n' ORDER BY section, key COLLATE "C") FROM part WHERE part.oid = r.oid
    AND section > 2) || E'\n', '')
FROM relation AS r ORDER BY r.relname COLLATE "C"`

// catalogueFunctions gives the functions with their owner and who may call them.
const catalogueFunctions = `
SELECT pg_get_functiondef(p.oid) || format('; -- %s', pg_get_userbyid(p.proowner)) || E'\n'
    || coalesce((SELECT string_agg(format('GRANT EXECUTE ON FUNCTION hms.%I(%s) TO %s;', p.proname,
    pg_get_function_identity_arguments(p.oid),
            CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END), E'\n'
            ORDER BY x.grantee::regrole::text)
        FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS x
        WHERE x.grantee <> 'hms_owner'::regrole) || E'\n', '')
FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'hms'::regnamespace
ORDER BY p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"`

// catalogueSchema gives the schema's grants, the default privileges and the extensions.
const catalogueSchema = `
SELECT format('GRANT %s ON SCHEMA hms TO %s;', string_agg(x.privilege_type, ', ' ORDER BY x.privilege_type),
x.grantee::regrole) || E'\n'
FROM pg_catalog.pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS x
WHERE n.nspname = 'hms' AND x.grantee <> 'hms_owner'::regrole GROUP BY x.grantee
UNION ALL
SELECT format('-- default privileges of %s%s for %s: %s', d.defaclrole::regrole,
    coalesce(' in ' || nullif(d.defaclnamespace, 0)::regnamespace::text, ''), d.defaclobjtype,
    (SELECT string_agg(format('%s %s', CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END,
    x.privilege_type), ', '
        ORDER BY x.grantee::regrole::text, x.privilege_type) FROM aclexplode(d.defaclacl) AS x)) || E'\n'
FROM pg_catalog.pg_default_acl AS d WHERE d.defaclrole = 'hms_owner'::regrole
UNION ALL
SELECT format('CREATE EXTENSION %I;', e.extname) || E'\n' FROM pg_catalog.pg_extension AS e
ORDER BY 1`

// Major is the major version of PostgreSQL that wrote the golden text: others word expressions in
// other ways.
const Major = "15"

// IsGolden tells whether the database's server is of the version that wrote the golden text.
func IsGolden(ctx context.Context, db *bun.DB) (bool, error) {
	var version string
	err := db.NewRaw(`SHOW server_version_num`).Scan(ctx, &version)
	return strings.HasPrefix(version, Major), err
}

// Read gives the schema of a migrated database as text. It holds what a dump holds, and what a
// dump leaves out: row-level security's owner, and who may call what.
func Read(ctx context.Context, db *bun.DB) (string, error) {
	var b strings.Builder
	b.WriteString("-- What the migrations make, read from the catalogue and sorted by name; never applied.\n" +
		"-- Written by: go test ./migrate -run TestSchema -update\n\n")
	for _, query := range []string{catalogueSchema, catalogueFunctions, catalogueTables} {
		var parts []string
		if err := db.NewRaw(query).Scan(ctx, &parts); err != nil {
			return "", err
		}
		for _, part := range parts {
			b.WriteString(part + "\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// Diff gives the lines that only one of two texts has; empty where both have the same.
func Diff(want, got string) string { return onlyIn("\n- ", want, got) + onlyIn("\n+ ", got, want) }

// onlyIn gives the lines of one text that another lacks.
func onlyIn(mark, text, other string) string {
	has := map[string]bool{}
	for line := range strings.Lines(other) {
		has[line] = true
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !has[line] {
			b.WriteString(mark + strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String()
}
