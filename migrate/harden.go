package migrate

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

//go:embed hardened
var hardenedFiles embed.FS

// plainRoutines are the routines of the ordinary mode that hardened ones stand in place of.
var plainRoutines = []string{"routine/core/verified_context.sql", "routine/core/current_tenant.sql"}

// Harden brings the database into hardened mode, or gives it other keys there: from then on row-level
// security, defaults and triggers believe a context (who acts, for which tenant, in which use case) only where one
// of the keys signed it, for the very transaction. keys are those of the hosts' Config.ContextKey, one, or two
// while they are exchanged: Harden with both, restart the hosts with the new one, Harden with it alone.
//
// The connection must be a member of hms_owner. A wrong number of keys, or what is no key, is invalid; a
// distributed server is a precondition that fails, for its workers would not have the context.
func Harden(ctx context.Context, db *bun.DB, keys ...hmstype.Secret) error {
	if len(keys) < 1 || len(keys) > 2 {
		return hmstype.Invalid("keys", "must be one or two")
	}
	parsed := make([]*dbx.ContextKey, len(keys))
	for i, k := range keys {
		var err error
		if parsed[i], err = dbx.ParseContextKey(k); err != nil {
			return err
		}
	}
	return harden(ctx, db, parsed...)
}

func harden(ctx context.Context, db *bun.DB, keys ...*dbx.ContextKey) error {
	const insert = `INSERT INTO hms.context_key (id, inner_pad, outer_pad) VALUES ($1, $2, $3)`
	err := inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
		if err := refuseDistributed(ctx, conn); err != nil {
			return err
		}
		if err := execAll(ctx, conn, settings); err != nil {
			return err
		}
		if err := replaceRoutines(ctx, conn, hardenedFiles, hardenedNames()); err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, `DELETE FROM hms.context_key`); err != nil {
			return err
		}
		for _, key := range keys {
			inner, outer := key.Pads()
			if _, err := conn.ExecContext(ctx, insert, dbx.Arguments(db, key.ID(), inner, outer)...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("migrate: harden: %w", dbx.MapKeeping(err))
	}
	return nil
}

// Soften brings the database back into its ordinary mode and forgets the keys. It does nothing to one
// that is in it. The connection must be a member of hms_owner.
func Soften(ctx context.Context, db *bun.DB) error {
	err := inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
		if err := execAll(ctx, conn, settings); err != nil {
			return err
		}
		if err := replaceRoutines(ctx, conn, files, plainRoutines); err != nil {
			return err
		}
		return execAll(ctx, conn, []string{
			"DROP FUNCTION IF EXISTS hms.enter(text)", "DROP FUNCTION IF EXISTS hms.context_mac(text, text)",
			"DROP TABLE IF EXISTS hms.context_key",
		})
	})
	if err != nil {
		return fmt.Errorf("migrate: soften: %w", dbx.MapKeeping(err))
	}
	return nil
}

// keepHardened makes the hardened routines again where a step may have put the ordinary ones in their
// place.
func keepHardened(ctx context.Context, db *bun.DB) error {
	return inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
		var is bool
		err := conn.QueryRowContext(ctx, `SELECT to_regclass('hms.context_key') IS NOT NULL`).Scan(&is)
		if err != nil || !is {
			return err
		}
		if err := execAll(ctx, conn, settings); err != nil {
			return err
		}
		return replaceRoutines(ctx, conn, hardenedFiles, hardenedNames())
	})
}

// ErrDistributed says that hardened mode is not for a distributed server: the signed context is bound to
// one session, and its workers have others.
var ErrDistributed = fmt.Errorf("%w: hardened mode needs a plain PostgreSQL", hmstype.ErrPrecondition)

// ErrNotHardened says that a host has a Config.ContextKey and the database does not ask for it, or that a
// step which another tool applied put the ordinary routines back: run Harden.
var ErrNotHardened = fmt.Errorf("%w: the database is not in hardened mode: run Harden", hmstype.ErrPrecondition)

// isHardened tells whether a function's body is that of hardened mode.
func isHardened(name, body string) bool {
	for _, file := range hardenedNames() {
		text, err := fs.ReadFile(hardenedFiles, file)
		if err == nil && strings.HasSuffix(file, "_"+name+".sql") {
			return body != "" && strings.Contains(string(text), body)
		}
	}
	return false
}

func refuseDistributed(ctx context.Context, conn *sql.Conn) error {
	var is bool
	err := conn.QueryRowContext(ctx,
		`SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')`).Scan(&is)
	if err == nil && is {
		err = ErrDistributed
	}
	return err
}

// hardenedNames gives the files of hardened mode in their order.
func hardenedNames() []string {
	names, err := fs.Glob(hardenedFiles, "hardened/*.sql")
	if err != nil {
		panic(err) // the pattern is ours
	}
	return names
}

func replaceRoutines(ctx context.Context, conn *sql.Conn, source fs.FS, names []string) error {
	for _, name := range names {
		body, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		if err := execAll(ctx, conn, statements(string(body))); err != nil {
			return err
		}
	}
	return nil
}
