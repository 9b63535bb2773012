package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/migrate"
)

// setupTimeout bounds finding a server and migrating the template, and dropping what was made.
const setupTimeout = 3 * time.Minute

// process is what all tests of one binary share.
var process struct {
	once   sync.Once
	err    error
	server *pgserver.Server
	dsn    string
	db     *bun.DB
	clones []cloned
	mu     sync.Mutex
}

// cloned is a database that this binary made, and where.
type cloned struct {
	server *pgserver.Server
	name   string
}

// SharedDatabase tells whether the server's own database is used as it is, because the
// server cannot clone one (HMS_TEST_DATABASE=shared).
func SharedDatabase() bool { return os.Getenv("HMS_TEST_DATABASE") == "shared" }

// open gives the binary's database, migrated.
func open(tb testing.TB) (*bun.DB, string) {
	tb.Helper()
	process.once.Do(func() { process.err = setUp(tb) })
	if process.err != nil {
		tb.Fatalf("no PostgreSQL for the tests: %v", process.err)
	}
	return process.db, process.dsn
}

func setUp(tb testing.TB) error {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	server, err := pgserver.Shared(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	process.server = server
	if err := assumeKey(); err != nil {
		return err
	}
	tb.Logf("PostgreSQL: %s", server)
	if SharedDatabase() {
		process.dsn = server.DSN("")
		if process.db, err = dbx.Open(process.dsn); err != nil {
			return err
		}
		return migrate.Migrate(ctx, process.db)
	}
	process.dsn, err = clone(ctx, server)
	if err != nil {
		return err
	}
	process.db, err = dbx.Open(process.dsn)
	return err
}

// clone makes a database of its own from the template of these migrations.
func clone(ctx context.Context, server *pgserver.Server) (string, error) {
	template, err := ensureTemplate(ctx, server)
	if err != nil {
		return "", err
	}
	name := "hms_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := maintain(ctx, server, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, template)); err != nil {
		return "", err
	}
	process.mu.Lock()
	process.clones = append(process.clones, cloned{server, name})
	process.mu.Unlock()
	return withDatabase(server, name)
}

// withDatabase gives the DSN of a database of the server, also of one given by URL.
func withDatabase(server *pgserver.Server, name string) (string, error) {
	if server.Kind() != pgserver.KindURL {
		return server.DSN(name), nil
	}
	u, err := url.Parse(server.DSN(""))
	if err != nil || u.Scheme == "" {
		return "", errors.New("HMS_DATABASE_URL must have the form postgres://user@host/database")
	}
	u.Path = "/" + name
	return u.String(), nil
}

// maintain runs one statement in the server's maintenance database.
func maintain(ctx context.Context, server *pgserver.Server, statements ...string) error {
	db, err := dbx.Open(server.DSN(""))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", strings.Fields(s)[0]+" DATABASE", err)
		}
	}
	return nil
}

// ensureTemplate migrates a template database unless one of these migrations is there.
// Test binaries take turns on an advisory lock of the maintenance database.
func ensureTemplate(ctx context.Context, server *pgserver.Server) (string, error) {
	name := templateName()
	admin, err := dbx.Open(server.DSN(""))
	if err != nil {
		return "", err
	}
	defer func() { _ = admin.Close() }()
	conn, err := admin.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext('hms template'))`); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.ExecContext(ctx, `SELECT pg_advisory_unlock(hashtext('hms template'))`) }()
	var ready bool
	err = conn.QueryRowContext(
		ctx, `SELECT count(*) > 0 FROM pg_database WHERE datname = ? AND datistemplate`, name,
	).Scan(&ready)
	if err != nil || ready {
		return name, err
	}
	for _, s := range []string{`DROP DATABASE IF EXISTS ` + name, `CREATE DATABASE ` + name} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return "", err
		}
	}
	if err := migrateTemplate(ctx, server, name); err != nil {
		return "", err
	}
	_, err = conn.ExecContext(ctx, `ALTER DATABASE `+name+` IS_TEMPLATE true`)
	return name, err
}

func migrateTemplate(ctx context.Context, server *pgserver.Server, name string) (err error) {
	dsn, err := withDatabase(server, name)
	if err != nil {
		return err
	}
	db, err := dbx.Open(dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := migrate.Migrate(ctx, db); err != nil {
		return err
	}
	// Clones come with its statistics, without which questions to the catalogue are slow until autovacuum looked.
	_, err = db.ExecContext(ctx, `DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' LOOP
			EXECUTE format('ANALYZE %s', t);
		END LOOP; END $$`)
	return err
}

func templateName() string {
	hash := sha256.New()
	for _, step := range migrate.Steps() {
		hash.Write([]byte(step.SQL + step.Checksum))
	}
	hash.Write([]byte(ContextKey().Reveal()))
	return "hms_template_" + hex.EncodeToString(hash.Sum(nil)[:6])
}

// cleanUp drops what the binary made.
func cleanUp() error {
	if process.db == nil {
		return nil
	}
	err := process.db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	for _, c := range process.clones {
		err = errors.Join(err, maintain(ctx, c.server, `DROP DATABASE IF EXISTS `+c.name+` WITH (FORCE)`))
	}
	return errors.Join(err, process.server.Stop(ctx))
}

// ContextKey is the key of hardened mode, in which the whole suite runs where HMS_TEST_CONTEXT_KEY holds one
// (hms.NewContextKey); empty for the ordinary mode.
func ContextKey() hmstype.Secret { return hmstype.Secret(os.Getenv("HMS_TEST_CONTEXT_KEY")) }

// Hardened tells whether the suite runs in hardened mode.
func Hardened() bool { return ContextKey() != "" }

// assumeKey gives every handle of this binary the key of hardened mode.
var assumeKey = sync.OnceValue(func() (err error) {
	if Hardened() {
		dbx.AssumedContextKey, err = dbx.ParseContextKey(ContextKey())
	}
	return err
})
