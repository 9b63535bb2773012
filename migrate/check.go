package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ErrSchema says that the database's schema is not one that this version can work with; it is a
// precondition, and its text names the step. Use cases give it, too, where a table, a function or a
// role is missing.
var ErrSchema = dbx.ErrSchema

// State is what [Check] found of a database that this version can work with.
type State struct {
	Number int      // the highest step that it has
	Newer  []string // the steps of a newer version, such as "0131_routine_billing_pay_bill"; nil for none
}

// Check tells whether this version can work with the database's schema. It changes nothing.
//
// A database that is newer passes where each of its newer steps says that this version goes on with
// it: while a release is rolled out, the instances of the old version work on beside the new ones.
// State names those steps.
//
// [ErrSchema] where the database was never migrated, a step is missing, was applied with another
// text, or is unknown and not compatible; the text names the step.
func Check(ctx context.Context, db *bun.DB) (State, error) {
	applied, err := appliedOnce(ctx, db)
	if err != nil {
		return State{}, checkError(err)
	}
	return stateOf(applied)
}

// CheckIn is [Check] in a transaction, whose statements query runs.
func CheckIn(ctx context.Context, query Query) (State, error) {
	applied, err := appliedSteps(ctx, query)
	if err != nil {
		return State{}, checkError(err)
	}
	return stateOf(applied)
}

// Query runs a statement and gives its rows.
type Query func(ctx context.Context, query string, args ...any) (*sql.Rows, error)

func stateOf(applied []Step) (State, error) {
	missing, newer, err := compare(Steps(), applied)
	switch {
	case err != nil:
		return State{}, err
	case len(applied) == 0:
		return State{}, fmt.Errorf("%w: the database was never migrated: run Migrate", ErrSchema)
	case len(missing) > 0:
		return State{}, fmt.Errorf(
			"%w: it is older: step %s is missing, and %d in all; run Migrate", ErrSchema, missing[0], len(missing),
		)
	}
	return State{Number: applied[len(applied)-1].Number, Newer: newer}, nil
}

// lacking gives the steps that the database lacks; all of them where it was never migrated.
func lacking(ctx context.Context, db *bun.DB, steps []Step) ([]Step, error) {
	applied, err := appliedOnce(ctx, db)
	if err != nil {
		return nil, err
	}
	missing, _, err := compare(steps, applied)
	return missing, err
}

// compare holds what a database has, in order of number, against the list. A step below the highest
// one is never made up for: what came later was made without it.
func compare(steps []Step, applied []Step) (missing []Step, newer []string, err error) {
	known := map[int]Step{}
	for _, step := range steps {
		known[step.Number] = step
	}
	has, highest := map[int]bool{}, 0
	for _, a := range applied {
		has[a.Number], highest = true, a.Number
		switch step, ok := known[a.Number]; {
		case ok && step.Checksum != a.Checksum:
			return nil, nil, fmt.Errorf("%w: step %s was applied with another text", ErrSchema, a)
		case !ok && a.CompatibleFrom > len(steps):
			return nil, nil, fmt.Errorf("%w: it is newer: this version cannot go on after step %s", ErrSchema, a)
		case !ok:
			newer = append(newer, a.String())
		}
	}
	for _, step := range steps {
		switch {
		case has[step.Number]:
		case step.Number < highest:
			return nil, nil, fmt.Errorf("%w: step %s is missing, although step %d was applied", ErrSchema, step, highest)
		default:
			missing = append(missing, step)
		}
	}
	return missing, newer, nil
}

// appliedOnce reads what a database has on a connection of its own.
func appliedOnce(ctx context.Context, db *bun.DB) (_ []Step, err error) {
	conn, err := db.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return appliedSteps(ctx, conn.QueryContext)
}

// checkError is what the failure of a read of [Check] tells the host.
func checkError(err error) error {
	err = dbx.Map(err)
	if errors.Is(err, hmstype.ErrPermissionDenied) {
		return fmt.Errorf("%w: the login must be a member of hms_app and inherit its rights", err)
	}
	return err
}

// appliedSteps reads what a database has, in order of number; nothing where it was never migrated,
// or where somebody made the roles by [Bootstrap] and recorded no step. Whether it was is asked of the
// catalogue's rows: to_regclass may answer from a cache that does not know yet what was committed while
// we waited for our turn.
func appliedSteps(ctx context.Context, query Query) (applied []Step, err error) {
	if known, err := isMigrated(ctx, query); err != nil || !known {
		return nil, err
	}
	rows, err := query(ctx, `SELECT version, name, checksum, compatible_from FROM hms.migration ORDER BY version`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var a Step
		if err := rows.Scan(&a.Number, &a.Name, &a.Checksum, &a.CompatibleFrom); err != nil {
			return nil, err
		}
		applied = append(applied, a)
	}
	return applied, rows.Err()
}

func isMigrated(ctx context.Context, query Query) (known bool, err error) {
	rows, err := query(ctx, `SELECT c.oid FROM pg_catalog.pg_class AS c
		JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'hms' AND c.relname = 'migration'`)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	return rows.Next(), rows.Err()
}
