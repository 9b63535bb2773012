package interop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	gomigrate "github.com/golang-migrate/migrate/v4"
	pgxdriver "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/chelal/hms"
	"github.com/chelal/hms/migrate"
)

// goose, with its lock, so that several instances may start at once.
func Example_goose() {
	ctx := context.Background()
	dsn, drop := exampleDatabase()
	defer drop()

	db, err := sql.Open("pgx", dsn)
	must(err)
	defer func() { must(db.Close()) }()
	locker, err := lock.NewPostgresSessionLocker()
	must(err)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrate.GooseFS(), goose.WithSessionLocker(locker))
	must(err)
	_, err = provider.Up(ctx)
	must(err)

	fmt.Println("checked:", checked(ctx, dsn))
	// Output: checked: true
}

// golang-migrate, over pgx.
func Example_golangMigrate() {
	ctx := context.Background()
	dsn, drop := exampleDatabase()
	defer drop()

	db, err := sql.Open("pgx", dsn)
	must(err)
	source, err := iofs.New(migrate.GolangMigrateFS(), ".")
	must(err)
	driver, err := pgxdriver.WithInstance(db, &pgxdriver.Config{})
	must(err)
	m, err := gomigrate.NewWithInstance("hms", source, "pgx5", driver)
	must(err)
	defer func() { must(errors.Join(m.Close())) }() // the database, too
	err = m.Up()
	if !errors.Is(err, gomigrate.ErrNoChange) {
		must(err)
	}

	fmt.Println("checked:", checked(ctx, dsn))
	// Output: checked: true
}

// After a crash golang-migrate calls the version dirty, and does not know whether it is there. The
// step is wholly done or wholly undone, and hms.migration tells which.
func Example_golangMigrateAfterACrash() {
	ctx := context.Background()
	dsn, drop := exampleDatabase()
	defer drop()
	must(byGolangMigrate(ctx, dsn, 10))
	must(markDirty(ctx, dsn, 11))

	must(withGolangMigrate(dsn, func(m *gomigrate.Migrate) error {
		fmt.Println(m.Up())
		has := -1
		db, err := sql.Open("pgx", dsn)
		must(err)
		defer func() { must(db.Close()) }()
		// Where the crash came before the first step, there is no table yet, and -1 is right.
		err = db.QueryRowContext(ctx, `SELECT max(version) FROM hms.migration`).Scan(&has)
		must(err)
		err = m.Force(has)
		must(err)
		return m.Up()
	}))

	fmt.Println("checked:", checked(ctx, dsn))
	// Output:
	// Dirty database version 11. Fix and force version.
	// checked: true
}

// Plain files, for psql or a tool that sends a file as it stands.
func Example_plain() {
	folder, err := os.MkdirTemp("", "hms-interop-")
	must(err)
	defer func() { must(os.RemoveAll(folder)) }()

	err = os.CopyFS(folder, migrate.FS())
	must(err)

	files, err := os.ReadDir(folder)
	must(err)
	fmt.Println(files[0].Name(), len(files) == len(migrate.Steps()))
	// Output: 0001_bootstrap.sql true
}

// checked is what a host asks at start-up.
func checked(ctx context.Context, dsn string) bool {
	db, err := hms.OpenDB(dsn)
	must(err)
	defer func() { must(db.Close()) }()
	state, err := migrate.Check(ctx, db)
	must(err)
	return state.Number == len(migrate.Steps())
}

// exampleDatabase gives an empty database, and what drops it.
func exampleDatabase() (dsn string, drop func()) {
	dsn, dropIt, err := makeDatabase(context.Background())
	must(err)
	return dsn, func() { must(dropIt()) }
}

func markDirty(ctx context.Context, dsn string, version int) (err error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `UPDATE public.schema_migrations SET version = $1, dirty = true`, version)
	return err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
