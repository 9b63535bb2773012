package migrate

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/internal/dbx"
)

// Weakness is something of a server or a login that leaves open more than it must.
type Weakness struct {
	Rule   string // what is open, in a sentence
	Object string // the schema, the setting or the role that it is about
	Mend   string // what closes it
	// UndoesHardening says that hardened mode is worth nothing where this is so.
	UndoesHardening bool
}

// weaknesses asks the catalogue; each row is one. What is asked of a role is asked of hms_app, in which all
// our statements run, and of the login where that could leave the role.
const weaknesses = `
	SELECT 'hms_app may create objects in a schema', n.nspname::text,
		'REVOKE CREATE ON SCHEMA ' || quote_ident(n.nspname) || ' FROM PUBLIC, hms_app', false
	FROM pg_catalog.pg_namespace AS n
	WHERE n.nspname !~ '^pg_(temp|toast)' AND pg_catalog.has_schema_privilege('hms_app', n.oid, 'CREATE')
	UNION ALL
	SELECT 'hms_app may ' || r.says || ' in the database', d.datname::text,
		'REVOKE ' || r.name || ' ON DATABASE ' || quote_ident(d.datname) || ' FROM PUBLIC, hms_app', false
	FROM pg_catalog.pg_database AS d,
		(VALUES ('CREATE', 'create schemas'), ('TEMPORARY', 'create temporary tables and functions')) AS r (name, says)
	WHERE d.datname = pg_catalog.current_database()
		AND pg_catalog.has_database_privilege('hms_app', d.oid, r.name)
	UNION ALL
	SELECT 'hms_app may create large objects, which every tenant reads', 'lo_creat, lo_create, lo_from_bytea',
		'REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC', false
	WHERE pg_catalog.has_function_privilege('hms_app', 'pg_catalog.lo_creat(integer)', 'EXECUTE')
		OR pg_catalog.has_function_privilege('hms_app', 'pg_catalog.lo_create(oid)', 'EXECUTE')
		OR pg_catalog.has_function_privilege('hms_app', 'pg_catalog.lo_from_bytea(oid, bytea)', 'EXECUTE')
	UNION ALL
	SELECT 'the server''s log may hold statements, and with them patients'' data', s.name,
		'set ' || s.name || ' to ' || w.wanted || '; see SECURITY.md', false
	FROM pg_catalog.pg_settings AS s JOIN (VALUES ('log_min_error_statement', '^(panic|fatal|log)$', 'panic'),
		('log_error_verbosity', '^terse$', 'terse'), ('log_statement', '^none$', 'none'),
		('log_min_duration_statement', '^-1$', '-1'), ('log_min_duration_sample', '^-1$', '-1'),
		('log_transaction_sample_rate', '^0$', '0')) AS w (name, suits, wanted)
		ON w.name = s.name AND s.setting !~ w.suits
	UNION ALL
	SELECT 'a role of the library''s may log in: its name and a password that it gave itself are enough', r.rolname::text,
		'ALTER ROLE ' || quote_ident(r.rolname) || ' NOLOGIN', false
	FROM pg_catalog.pg_roles AS r
	WHERE r.rolname IN ('hms_owner', 'hms_app', 'hms_sealer', 'hms_scheduler', 'hms_backup') AND r.rolcanlogin
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') -- where workers let them in
	UNION ALL
	SELECT 'the login ' || w.says, r.rolname::text, w.mend, true
	FROM pg_catalog.pg_roles AS r, LATERAL (
		SELECT 'is a superuser, whom no rule of the database binds', 'connect as a role without SUPERUSER'
		WHERE r.rolsuper
		UNION ALL
		SELECT 'sees every tenant (BYPASSRLS)', 'connect as a role without BYPASSRLS' WHERE r.rolbypassrls
		UNION ALL
		SELECT 'may make itself a member of any role (CREATEROLE)', 'connect as a role without CREATEROLE'
		WHERE NOT r.rolsuper AND r.rolcreaterole
		UNION ALL
		SELECT 'may become ' || q.rolname, 'migrate, archive and dump with another login, and REVOKE '
			|| quote_ident(q.rolname) || ' from this one'
		FROM pg_catalog.pg_roles AS q
		WHERE NOT r.rolsuper AND q.oid <> r.oid AND pg_catalog.pg_has_role(r.oid, q.oid, 'MEMBER')
			AND (q.rolsuper OR q.rolbypassrls OR q.rolcreaterole OR q.rolname IN ('hms_owner', 'hms_backup',
				'pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
				'pg_execute_server_program'))) AS w (says, mend)
	WHERE r.rolname = session_user
	ORDER BY 1, 2`

// Weaknesses gives what of the server's and the login's set-up leaves open more than it must; an empty
// list where nothing does. It changes nothing, and needs a database that was migrated.
func Weaknesses(ctx context.Context, db *bun.DB) ([]Weakness, error) {
	rows, err := db.DB.QueryContext(ctx, weaknesses)
	if err != nil {
		return nil, checkError(err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var found []Weakness
	for rows.Next() {
		var w Weakness
		if err := rows.Scan(&w.Rule, &w.Object, &w.Mend, &w.UndoesHardening); err != nil {
			return nil, checkError(err)
		}
		found = append(found, w)
	}
	return found, dbx.Map(rows.Err())
}

// CheckHardened tells whether the database is in hardened mode, as this version makes it, on a server for which
// that is. [ErrNotHardened] and [ErrDistributed] where it is not.
func CheckHardened(ctx context.Context, db *bun.DB) error {
	var distributed bool
	var verified, tenant string
	err := db.DB.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus'),
		(SELECT p.prosrc FROM pg_catalog.pg_proc AS p WHERE p.oid = to_regprocedure('hms.verified_context()')),
		(SELECT p.prosrc FROM pg_catalog.pg_proc AS p WHERE p.oid = to_regprocedure('hms.current_tenant()'))`).
		Scan(&distributed, &verified, &tenant)
	switch {
	case err != nil:
		return checkError(err)
	case distributed:
		return ErrDistributed
	case !isHardened("verified_context", verified) || !isHardened("current_tenant", tenant):
		return ErrNotHardened
	}
	return nil
}
