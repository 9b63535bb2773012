package migrate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

//go:embed sql/*.sql
var files embed.FS

//go:embed bootstrap.sql
var bootstrap string

// ErrSchema says that the database's schema is not the one that this version needs; it
// is a precondition, and its text names the migration. Use cases give it, too, where a table,
// a function or a role is missing.
var ErrSchema = dbx.ErrSchema

// Migration is one step of the schema.
type Migration struct {
	Version  int    // 1, 2, 3, ... without a gap
	Name     string // such as "core"
	SQL      string // runs as role hms_owner, in one transaction
	Checksum string // SHA-256 of SQL, hexadecimal
}

// FS gives the migrations' files, named NNNN_name.sql, for a host with its own tool. They
// must run in order, each in one transaction, after [Bootstrap], as role hms_owner.
func FS() fs.FS {
	sub, err := fs.Sub(files, "sql")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Bootstrap gives the idempotent SQL that must run first, in a transaction, as a role that may
// create roles and extensions.
func Bootstrap() string { return bootstrap }

// Migrations lists the steps in order.
func Migrations() ([]Migration, error) {
	names, err := fs.Glob(FS(), "*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]Migration, 0, len(names))
	for i, name := range names {
		body, err := fs.ReadFile(FS(), name)
		if err != nil {
			return nil, err
		}
		number, rest, _ := strings.Cut(strings.TrimSuffix(name, ".sql"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version <= 0 || (len(list) > 0 && version <= list[len(list)-1].Version) {
			return nil, fmt.Errorf("migrate: %s is not number %d", name, i+1)
		}
		list = append(list, Migration{
			Version: version, Name: rest, SQL: string(body),
			Checksum: fmt.Sprintf("%x", sha256.Sum256(body)),
		})
	}
	return list, nil
}

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

// Migrate runs the migrations that the database lacks, and makes the audit trail's
// partitions of the coming two years. Several instances may call it at once.
// The connection must be allowed to create roles, a schema and the extension btree_gist
// (only the first time), and be a member of hms_owner afterwards.
//
// An error says in our words what the server refused; errors.As finds the server's own, a
// *pgconn.PgError, which may quote a row.
func Migrate(ctx context.Context, db *bun.DB) error {
	list, err := Migrations()
	if err != nil {
		return err
	}
	if err := retryLocked(ctx, func() error { return inTx(ctx, db, runBootstrap) }); err != nil {
		return fmt.Errorf("migrate: bootstrap: %w", dbx.MapKeeping(err))
	}
	for _, m := range list {
		err := retryLocked(ctx, func() error {
			return inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error { return apply(ctx, conn, m) })
		})
		if err != nil {
			return fmt.Errorf("migrate: %04d_%s: %w", m.Version, m.Name, dbx.MapKeeping(err))
		}
	}
	err = inTx(ctx, db, func(ctx context.Context, conn *sql.Conn) error {
		return execAll(ctx, conn, `SET LOCAL ROLE hms_owner;
			SELECT hms.ensure_audit_partitions((now() - interval '1 month')::date, 25)`)
	})
	if err != nil {
		return fmt.Errorf("migrate: audit partitions: %w", dbx.MapKeeping(err))
	}
	return nil
}

func runBootstrap(ctx context.Context, conn *sql.Conn) error {
	var done bool
	err := conn.QueryRowContext(ctx, `SELECT to_regclass('hms.migration') IS NOT NULL`).Scan(&done)
	if err != nil || done {
		return err
	}
	return execAll(ctx, conn, bootstrap)
}

// apply runs one migration and records it, unless somebody did while we waited.
func apply(ctx context.Context, conn *sql.Conn, m Migration) error {
	if err := execAll(ctx, conn, "SET LOCAL ROLE hms_owner; SET LOCAL lock_timeout = '"+tableTimeout+"'"); err != nil {
		return err
	}
	var checksum string
	err := conn.QueryRowContext(ctx, fmt.Sprintf(`SELECT checksum FROM hms.migration WHERE version = %d`, m.Version)).Scan(&checksum)
	switch {
	case err == nil && checksum != m.Checksum:
		return fmt.Errorf("%w: migration %04d_%s was applied with another text", ErrSchema, m.Version, m.Name)
	case err == nil:
		return nil
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	record := fmt.Sprintf("\n;INSERT INTO hms.migration (version, name, checksum) VALUES (%d, '%s', '%s')",
		m.Version, m.Name, m.Checksum)
	return execAll(ctx, conn, m.SQL+record)
}

// inTx runs fn in a transaction that holds the migrators' lock. The lock is the
// transaction's, so a pooler or a crash cannot leave it behind.
func inTx(ctx context.Context, db *bun.DB, fn func(context.Context, *sql.Conn) error) (err error) {
	conn, err := db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	turn := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = '%s'; SELECT pg_advisory_xact_lock(%d)", turnTimeout, advisoryKey)
	if err = execAll(ctx, conn, turn); err == nil {
		err = fn(ctx, conn)
	}
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	return errors.Join(err, execAll(context.WithoutCancel(ctx), conn, end))
}

// execAll sends several statements as they stand, without preparing them.
func execAll(ctx context.Context, conn *sql.Conn, statements string) error {
	err := conn.Raw(func(driverConn any) error {
		pgxConn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		_, err := pgxConn.Conn().PgConn().Exec(ctx, statements).ReadAll()
		return err
	})
	if errors.Is(err, errNotPgx) {
		_, err = conn.ExecContext(ctx, statements)
	}
	return err
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

// Check tells whether the database has exactly this version's migrations: [ErrSchema]
// where one is missing, differs, or is newer than this version knows. It changes nothing.
func Check(ctx context.Context, db *bun.DB) error {
	list, err := Migrations()
	if err != nil {
		return err
	}
	var exists bool
	if err := db.DB.QueryRowContext(ctx, `SELECT to_regclass('hms.migration') IS NOT NULL`).Scan(&exists); err != nil {
		return checkError(err)
	}
	if !exists {
		return fmt.Errorf("%w: the database was never migrated: run Migrate", ErrSchema)
	}
	applied, err := appliedChecksums(ctx, db)
	if err != nil {
		return checkError(err)
	}
	for _, m := range list {
		checksum, ok := applied[m.Version]
		switch {
		case !ok:
			return fmt.Errorf("%w: migration %04d_%s is missing", ErrSchema, m.Version, m.Name)
		case checksum != m.Checksum:
			return fmt.Errorf("%w: migration %04d_%s was applied with another text", ErrSchema, m.Version, m.Name)
		}
	}
	if len(applied) > len(list) {
		return fmt.Errorf("%w: it was migrated by a newer version", ErrSchema)
	}
	return nil
}

// checkError is what the failure of a read of [Check] tells the host.
func checkError(err error) error {
	err = dbx.Map(err)
	if errors.Is(err, hmstype.ErrPermissionDenied) {
		return fmt.Errorf("%w: the login must be a member of hms_app and inherit its rights", err)
	}
	return err
}

func appliedChecksums(ctx context.Context, db *bun.DB) (_ map[int]string, err error) {
	rows, err := db.DB.QueryContext(ctx, `SELECT version, checksum FROM hms.migration`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	applied := map[int]string{}
	for rows.Next() {
		var version int
		var checksum string
		if err := rows.Scan(&version, &checksum); err != nil {
			return nil, err
		}
		applied[version] = checksum
	}
	return applied, rows.Err()
}
