package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// attackGuards tries to build in the schema, and to change what the policies lean on.
func (s *siege) attackGuards() error {
	body := `RETURNS uuid LANGUAGE sql AS 'SELECT ''` + s.victim + `''::uuid'`
	for what, statement := range map[string]string{
		"creates a table in the schema":    "CREATE TABLE hms.isolation_probe (a int)",
		"creates a view in the schema":     "CREATE VIEW hms.isolation_probe AS SELECT 1 AS a",
		"creates a function in the schema": "CREATE FUNCTION hms.isolation_probe() " + body,
		"creates a sequence in the schema": "CREATE SEQUENCE hms.isolation_probe",
		"replaces the tenant's function":   "CREATE OR REPLACE FUNCTION hms.current_tenant() " + body,
		"alters the tenant's function":     "ALTER FUNCTION hms.current_tenant() SECURITY DEFINER",
		"changes default privileges": "ALTER DEFAULT PRIVILEGES FOR ROLE hms_owner IN SCHEMA hms " +
			"GRANT SELECT ON TABLES TO PUBLIC",
		"drops the schema":                          "DROP SCHEMA hms CASCADE",
		"takes the schema":                          "ALTER SCHEMA hms OWNER TO hms_app",
		"creates a role":                            "CREATE ROLE hms_isolation_probe",
		"makes itself immune to row-level security": "ALTER ROLE hms_app BYPASSRLS",
		"joins the owner":                           "GRANT hms_owner TO hms_app",
		"joins the backup":                          "GRANT hms_backup TO hms_app",
		"switches triggers and foreign keys off":    "SET LOCAL session_replication_role = replica",
		"reads files":                               "SELECT pg_read_file('PG_VERSION')",
		"runs programs":                             "COPY (SELECT 1) TO PROGRAM 'true'",
		"reads the heads of other roles' tables":    "SELECT 1 FROM pg_statistic",
	} {
		if err := s.as(app, s.hostile,
			func() error { return s.refused("the schema", "the application's role "+what, statement) }); err != nil {
			return err
		}
	}
	err := s.as(app, s.hostile, func() error {
		return s.nothing("the schema", "the application's role reads what the planner knows of all tenants' rows",
			"SELECT 1 FROM pg_stats WHERE schemaname = 'hms' AND tablename NOT IN ('migration', 'context_key')")
	})
	if err != nil {
		return err
	}
	return s.attackSequences()
}

// attackSequences draws from each sequence of the schema, of which there should be none.
func (s *siege) attackSequences() error {
	names, err := s.asks(s.hostile, `SELECT c.oid::regclass::text FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE n.nspname = 'hms' AND c.relkind = 'S'`)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := s.as(app, s.hostile, func() error {
			if err := s.refused(name, "the application's role draws from it", "SELECT nextval("+quote(name)+")"); err != nil {
				return err
			}
			return s.refused(name, "the application's role reads it", "SELECT last_value FROM "+name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// attackRoles tries to become somebody else. A superuser's connection first becomes the
// application's role for good, since what may be switched to goes by the session's user; for
// another connection the catalogue's rules must do.
func (s *siege) attackRoles() error {
	super, err := s.asks(s.hostile, `SELECT rolsuper::text FROM pg_roles WHERE rolname = session_user`)
	if err != nil || super[0] != "true" {
		return err
	}
	roles, err := s.asks(s.hostile, `SELECT quote_ident(rolname) FROM pg_roles WHERE rolname <> 'hms_app'`)
	if err != nil {
		return err
	}
	for _, role := range roles {
		begin := []string{"BEGIN", "SET LOCAL SESSION AUTHORIZATION hms_app", "SAVEPOINT attempt"}
		err := s.inTx(begin, func() error {
			return s.refused(app, "becomes "+role, "SET LOCAL ROLE "+role)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// attackSettings looks for a tenant that outlived what it was set for.
func (s *siege) attackSettings() error {
	set := "SET LOCAL ROLE hms_app; " + s.enter(s.victim)
	for _, c := range []struct{ after, statements string }{
		{"a commit", "BEGIN; " + set + "; COMMIT"},
		{"a rollback", "BEGIN; " + set + "; ROLLBACK"},
		{"an error", "BEGIN; " + set + "; SELECT 1/0"},
		{"an error that was rolled back", "BEGIN; " + set + "; SAVEPOINT a; SELECT 1/0"},
		{"the end of a savepoint and its transaction", "BEGIN; SAVEPOINT a; " + set + "; RELEASE a; COMMIT"},
		{"the rollback to a savepoint", "BEGIN; SAVEPOINT a; " + set + "; ROLLBACK TO a"},
		{"a lone statement", set},
	} {
		_, err := s.conn.PgConn().Exec(s.ctx, c.statements).ReadAll()
		if _, err = refusalOf(err); err != nil {
			return err
		}
		if c.after != "the rollback to a savepoint" {
			if _, err := s.conn.PgConn().Exec(s.ctx, "ROLLBACK").ReadAll(); err != nil {
				return err
			}
		}
		if err := s.settingIsGone(c.after); err != nil {
			return err
		}
		if _, err := s.conn.PgConn().Exec(s.ctx, "ROLLBACK").ReadAll(); err != nil {
			return err
		}
	}
	return s.neverSet()
}

// settingIsGone checks that no tenant is set, neither in the setting nor for the policies.
func (s *siege) settingIsGone(after string) error {
	results, err := s.conn.PgConn().Exec(s.ctx,
		`SELECT coalesce(current_setting('hms.tenant', true), '') || coalesce(current_setting('hms.context', true), ''),
			coalesce(hms.current_tenant()::text, '')`).ReadAll()
	if err != nil {
		return err
	}
	row := results[0].Rows[0]
	s.check(string(row[0]) == "" && string(row[1]) == "", "the setting", "the tenant is still set after %s", after)
	return nil
}

// neverSet reads every table on a new connection, where the setting was never heard of.
func (s *siege) neverSet() (err error) {
	if s.dsn == "" {
		return nil // the host did not say; an empty setting was tried
	}
	conn, err := pgx.Connect(s.ctx, s.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(s.ctx))) }()
	for _, t := range s.tables {
		results, err := conn.PgConn().Exec(s.ctx,
			fmt.Sprintf("BEGIN; SET LOCAL ROLE hms_app; SELECT 1 FROM %s LIMIT 1", t.Name)).ReadAll()
		a, err := refusalOf(err)
		if err != nil {
			return err
		}
		s.check(a.refused() || len(results[len(results)-1].Rows) == 0, t.Name, "shows rows to whoever never set a tenant")
		if _, err := conn.PgConn().Exec(s.ctx, "ROLLBACK").ReadAll(); err != nil {
			return err
		}
	}
	return nil
}
