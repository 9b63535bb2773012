package interop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	golangmigrate "github.com/golang-migrate/migrate/v4"
	golangpgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx" of goose's connections
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/chelal/hms/migrate"
)

// last is the highest step of this version.
var last = len(migrate.Steps())

// way is one way to a migrated database. Its function brings the database up to a step, from
// wherever the tool believes that it is.
type way struct {
	name  string
	to    func(ctx context.Context, dsn string, step int) error
	table string // the tool's own
	leaps bool   // it knows no single steps
}

// ways are the four ways, and the plain one twice.
func ways() []way {
	all := []way{
		{name: "Migrate", to: byMigrate, leaps: true},
		{name: "Plain", to: byPgx},
		{name: "Goose", to: byGoose, table: "goose_db_version"},
		{name: "GolangMigrate", to: byGolangMigrate, table: "schema_migrations"},
	}
	if psql() != "" {
		all = append(all, way{name: "Psql", to: byPsql})
	}
	return all
}

// steppers are the ways that can stop on the way.
func steppers() []way { return slices.DeleteFunc(ways(), func(w way) bool { return w.leaps }) }

func byMigrate(ctx context.Context, dsn string, _ int) (err error) {
	db, err := open(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return migrate.Migrate(ctx, db)
}

// pending names the plain files from the database's highest step on, up to a step.
func pending(ctx context.Context, dsn string, step int) (names []string, err error) {
	has, err := highest(ctx, dsn)
	if err != nil {
		return nil, err
	}
	names, err = fs.Glob(migrate.FS(), "*.sql")
	if err != nil || len(names) != last {
		return nil, errors.Join(err, fmt.Errorf("%d files for %d steps", len(names), last))
	}
	return names[min(has, step):step], nil
}

// highest gives the highest step of a database, also of an empty one.
func highest(ctx context.Context, dsn string) (n int, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('hms.migration') IS NOT NULL`).Scan(&there); err != nil || !there {
		return 0, err
	}
	err = conn.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM hms.migration`).Scan(&n)
	return n, err
}

// byPgx sends each file as it stands, as one message.
func byPgx(ctx context.Context, dsn string, step int) (err error) {
	names, err := pending(ctx, dsn, step)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	for _, name := range names {
		if err := send(ctx, conn, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// send sends one file as it stands.
func send(ctx context.Context, conn *pgx.Conn, name string) error {
	body, err := fs.ReadFile(migrate.FS(), name)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, string(body)).ReadAll()
	return err
}

// psql gives the client's path, on PATH or beside the server's binaries; empty where there is none.
func psql() string {
	if path, err := exec.LookPath("psql"); err == nil {
		return path
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin/psql", "/usr/pgsql-*/bin/psql", "/opt/homebrew/opt/postgresql@*/bin/psql",
	} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

// byPsql runs the files by the client, as an administrator would.
func byPsql(ctx context.Context, dsn string, step int) (err error) {
	names, err := pending(ctx, dsn, step)
	if err != nil || len(names) == 0 {
		return err
	}
	folder, err := os.MkdirTemp("", "hms-interop-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := os.CopyFS(folder, migrate.FS()); err != nil {
		return err
	}
	args := []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", dsn}
	for _, name := range names {
		args = append(args, "-f", filepath.Join(folder, name))
	}
	cmd := exec.CommandContext(ctx, psql(), args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w: %s", err, out)
	}
	return nil
}

// byGoose runs goose as its documentation shows it, with its lock.
func byGoose(ctx context.Context, dsn string, step int) (err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 2))
	if err != nil {
		return err
	}
	return gooseWith(ctx, dsn, step, goose.WithSessionLocker(locker))
}

func gooseWith(ctx context.Context, dsn string, step int, options ...goose.ProviderOption) (err error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrate.GooseFS(), options...)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, int64(step))
	return err
}

// byGolangMigrate runs golang-migrate as its documentation shows it.
func byGolangMigrate(_ context.Context, dsn string, step int) error {
	return withGolangMigrate(dsn, func(m *golangmigrate.Migrate) error {
		if err := m.Migrate(uint(step)); !errors.Is(err, golangmigrate.ErrNoChange) {
			return err
		}
		return nil
	})
}

// withGolangMigrate opens the tool, and closes it.
func withGolangMigrate(dsn string, fn func(*golangmigrate.Migrate) error) error {
	return configured(dsn, &golangpgx.Config{}, fn)
}

func configured(dsn string, config *golangpgx.Config, fn func(*golangmigrate.Migrate) error) (err error) {
	source, err := iofs.New(migrate.GolangMigrateFS(), ".")
	if err != nil {
		return err
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return errors.Join(err, source.Close())
	}
	driver, err := golangpgx.WithInstance(db, config)
	if err != nil {
		return errors.Join(err, source.Close(), db.Close())
	}
	m, err := golangmigrate.NewWithInstance("hms", source, "pgx5", driver)
	if err != nil {
		return errors.Join(err, source.Close(), driver.Close())
	}
	m.LockTimeout = 2 * time.Minute
	defer func() {
		sourceErr, driverErr := m.Close()
		err = errors.Join(err, sourceErr, driverErr)
	}()
	return fn(m)
}
