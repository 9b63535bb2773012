package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/internal/dbx"
)

// owner is the role that owns the schema.
const owner = "hms_owner"

// Lock waits: how long a migration waits for its turn and for a table that others use
// before it gives up, and how often it tries again. A longer wait for a table would queue
// every writer behind it.
const (
	turnTimeout  = "120s"
	tableTimeout = "2s"
	maxAttempts  = 15
)

// advisoryKey is the lock under which migrations take turns: "hms" and "migr" in ASCII.
const advisoryKey = 0x686d736d696772

// Migrate runs the steps that the database lacks, and makes the audit trail's partitions of the
// coming two years. Several instances may call it at once. The connection must be allowed to create
// roles, a schema and the extension btree_gist (only the first time), and be a member of hms_owner
// afterwards. Where the database has a step that this version does not know, or not as it knows it,
// it changes nothing: see [Check] for the errors. A newer database with which this version goes on
// is left as it is.
//
// An error says in our words what the server refused; errors.As finds the server's own, a
// *pgconn.PgError, which may quote a row.
func Migrate(ctx context.Context, db *bun.DB) error {
	steps := Steps()
	missing, err := lacking(ctx, db, steps)
	if err != nil {
		return fmt.Errorf("migrate: %w", dbx.MapKeeping(err))
	}
	for _, step := range missing {
		err := retryLocked(ctx, func() error {
			return inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error { return apply(ctx, conn, steps, step) })
		})
		if err != nil {
			return fmt.Errorf("migrate: %s: %w", step, dbx.MapKeeping(err))
		}
	}
	if len(missing) > 0 {
		if err := keepHardened(ctx, db); err != nil {
			return fmt.Errorf("migrate: hardened mode: %w", dbx.MapKeeping(err))
		}
		if key := dbx.AssumedContextKey; key != nil {
			if err := harden(ctx, db, key); err != nil {
				return err
			}
		}
	}
	return EnsurePartitions(ctx, db)
}

// EnsurePartitions makes the audit trail's partitions of the past month and the coming two years.
// [Migrate] does so, too; a host whose server runs for longer calls it once a month from its
// scheduler. Events of a month without a partition lie in the default one: nothing fails for want of
// it. The connection must be a member of hms_owner.
func EnsurePartitions(ctx context.Context, db *bun.DB) error {
	body, err := files.ReadFile("partition.sql")
	if err != nil {
		return err
	}
	err = inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
		return execAll(ctx, conn, append(slices.Clone(settings[:1]), statements(string(body))...))
	})
	if err != nil {
		return fmt.Errorf("migrate: audit partitions: %w", dbx.MapKeeping(err))
	}
	return nil
}

// apply runs one step and records it, unless somebody did while we waited.
func apply(ctx context.Context, conn *sql.Conn, steps []Step, step Step) error {
	applied, err := appliedSteps(ctx, conn.QueryContext)
	if err != nil {
		return err
	}
	missing, _, err := compare(steps, applied)
	if err != nil || len(missing) == 0 || missing[0].Number > step.Number {
		return err
	}
	var list []string
	if step.Kind != KindBootstrap {
		list = append(list, settings...)
	}
	list = append(append(list, step.Statements()...), recordOf(step)...)
	return execAll(ctx, conn, list)
}

// inTx runs fn in a transaction that holds the migrators' lock. The lock is the
// transaction's, so a pooler or a crash cannot leave it behind.
func inTx(ctx context.Context, db *bun.DB, fn func(context.Context, *sql.Conn) error) (err error) {
	conn, err := db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err = execAll(ctx, conn, append([]string{"BEGIN"}, turn()...)); err == nil {
		err = fn(ctx, conn)
	}
	end := []string{"COMMIT"}
	if err != nil {
		end = []string{"ROLLBACK"}
	}
	return errors.Join(err, execAll(context.WithoutCancel(ctx), conn, end))
}

// execAll sends statements as they stand, without preparing them, each as a message of its own: a
// distributed server takes several in one message for one command, and refuses.
func execAll(ctx context.Context, conn *sql.Conn, list []string) error {
	for _, statement := range list {
		err := conn.Raw(func(driverConn any) error {
			pgxConn, ok := driverConn.(*stdlib.Conn)
			if !ok {
				return errNotPgx
			}
			_, err := pgxConn.Conn().PgConn().Exec(ctx, statement).ReadAll()
			return err
		})
		if errors.Is(err, errNotPgx) {
			_, err = conn.ExecContext(ctx, statement)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNotPgx = errors.New("migrate: the driver is not pgx")

// retryLocked tries again where a table was in use (55P03) or where two databases of one
// server changed the same role (XX000, "tuple concurrently updated").
func retryLocked(ctx context.Context, fn func() error) error {
	for attempt := 1; ; attempt++ {
		err := fn()
		state := dbx.SQLState(err)
		if err == nil || attempt == maxAttempts || (state != "55P03" && state != "XX000" && state != "40P01") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(attempt) * 50 * time.Millisecond):
		}
	}
}
