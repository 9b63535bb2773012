package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/migrate"
)

// empty opens a database that was just created and holds nothing.
func empty(tb testing.TB, env *hmstest.Env) (*bun.DB, error) {
	name := "hms_example_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := env.DB.ExecContext(env.Ctx, "CREATE DATABASE "+name); err != nil {
		return nil, err
	}
	where, err := url.Parse(env.DSN)
	if err != nil {
		return nil, err
	}
	where.Path = "/" + name
	db, err := hms.OpenDB(where.String())
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() {
		_, err := env.DB.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		if err := errors.Join(db.Close(), err); err != nil {
			tb.Error(err)
		}
	})
	return db, nil
}

// A host migrates at its start. It may do so at each start, and many instances at once.
func ExampleMigrate() {
	hmstest.ExampleOwn(func(tb testing.TB, env *hmstest.Env) error {
		db, err := empty(tb, env)
		if err != nil {
			return err
		}
		for range 2 {
			if err := migrate.Migrate(env.Ctx, db); err != nil {
				return err
			}
		}
		var wards int
		err = db.NewRaw(`SELECT count(*) FROM hms.ward`).Scan(env.Ctx, &wards)
		fmt.Println("a hospital without a ward:", wards == 0)
		return err
	})
	// Output: a hospital without a ward: true
}

// Where a tool of the host's migrates, the host only checks at its start.
func ExampleCheck() {
	hmstest.ExampleOwn(func(tb testing.TB, env *hmstest.Env) error {
		db, err := empty(tb, env)
		if err != nil {
			return err
		}
		_, err = migrate.Check(env.Ctx, db)
		fmt.Println("before:", errors.Is(err, migrate.ErrSchema), hms.KindOf(err))

		if err := migrate.Migrate(env.Ctx, db); err != nil {
			return err
		}
		state, err := migrate.Check(env.Ctx, db)
		fmt.Println("after:", state.Number == len(migrate.Steps()), "newer than this version:", state.Newer)
		return err
	})
	// Output:
	// before: true precondition
	// after: true newer than this version: []
}

// The files as they stand, in the order of their names, for psql or for any tool that sends a file.
func ExampleFS() {
	hmstest.ExampleOwn(func(tb testing.TB, env *hmstest.Env) error {
		db, err := empty(tb, env)
		if err != nil {
			return err
		}
		files, err := fs.Glob(migrate.FS(), "*.sql")
		if err != nil {
			return err
		}
		for _, file := range files {
			body, err := fs.ReadFile(migrate.FS(), file)
			if err != nil {
				return err
			}
			if _, err := db.DB.ExecContext(env.Ctx, string(body)); err != nil { // not Bun's, which reads ? as a parameter
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		_, err = migrate.Check(env.Ctx, db)
		fmt.Println(files[0], "and all that follow:", err)
		return nil
	})
	// Output: 0001_bootstrap.sql and all that follow: <nil>
}

// Once a month the scheduler makes the audit trail's partitions ahead; to do so too often does no harm.
func ExampleEnsurePartitions() {
	hmstest.ExampleOwn(func(_ testing.TB, env *hmstest.Env) error {
		fmt.Println(migrate.EnsurePartitions(env.Ctx, env.DB))
		return nil
	})
	// Output: <nil>
}

// A review reads the schema step by step.
func ExampleSteps() {
	for _, step := range migrate.Steps()[:1] {
		fmt.Println(step, "is of kind", step.Kind)
	}
	// Output: 0001_bootstrap is of kind bootstrap
}
