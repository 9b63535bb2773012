package fault_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/migrate"
)

const password = "correct-horse"

// doors is the server's pg_hba.conf: who is let in, and how.
const doors = `local all all trust
host all postgres 127.0.0.1/32 trust
host all ghost    127.0.0.1/32 trust
host all sleeper  127.0.0.1/32 trust
host all barred   127.0.0.1/32 reject
host all all      127.0.0.1/32 scram-sha-256
`

// start is a server of the test's own, with doors, to which programs with all kinds of DSN come.
type start struct{ server *pgserver.Server }

func newStart(t *testing.T) start {
	t.Helper()
	folder, err := os.MkdirTemp("", "hms-doors-") // not t.TempDir: closed to the server's account
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	hba := filepath.Join(folder, "pg_hba.conf")
	require.NoError(t, os.WriteFile(hba, []byte(doors), 0o600))
	require.NoError(t, os.Chmod(folder, 0o755)) // the server reads it as another account
	require.NoError(t, os.Chmod(hba, 0o644))
	s := start{localServer(t, map[string]string{"hba_file": hba})}
	s.exec(t, "", "CREATE ROLE clerk LOGIN PASSWORD '"+password+"'", "CREATE ROLE sleeper NOLOGIN",
		"CREATE ROLE barred LOGIN", "CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
	return s
}

// exec runs statements as superuser.
func (s start) exec(t *testing.T, database string, statements ...string) {
	t.Helper()
	db, err := hms.OpenDB(s.server.DSN(database))
	require.NoError(t, err)
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
	require.NoError(t, db.Close())
}

// dsn gives that of a login by TCP, with further parameters.
func (s start) dsn(t *testing.T, user *url.Userinfo, database, parameters string) string {
	t.Helper()
	u, err := url.Parse(s.server.DSN(""))
	require.NoError(t, err)
	port := u.Query().Get("port")
	if port == "" {
		port = u.Port()
	}
	return (&url.URL{
		Scheme: "postgres", User: user, Host: net.JoinHostPort("127.0.0.1", port),
		Path: "/" + database, RawQuery: "sslmode=disable" + parameters,
	}).String()
}

func open(t *testing.T, dsn string) (*hms.HMS, *bun.DB) {
	t.Helper()
	db, err := hms.OpenDB(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	h, err := hms.New(db, hms.Config{})
	require.NoError(t, err)
	return h, db
}

// createTenant is a use case.
func createTenant(ctx context.Context, h *hms.HMS) error {
	ctx = hms.WithActor(ctx, hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "test"))
	_, err := h.Identity.CreateTenant(ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "General Hospital"},
	})
	return err
}

// ways are the three in which a host meets a database first.
func ways(t *testing.T, h *hms.HMS) map[string]error {
	t.Helper()
	ctx := t.Context()
	return map[string]error{"check": h.Check(ctx), "use case": createTenant(ctx, h), "migrate": h.Migrate(ctx)}
}

// requireSays holds that an error tells its class and nothing of the DSN or of a row.
func requireSays(t *testing.T, err error, kind hmstype.Kind, says string) {
	t.Helper()
	require.ErrorContains(t, err, says)
	require.Equal(t, kind, hmstype.KindOf(err), err.Error())
	secret := password + "|wrong-horse|postgres://|127.0.0.1|db.invalid|General Hospital|user=|answered"
	require.NotRegexp(t, secret, err.Error())
}

func TestStartUp_NoConnection(t *testing.T) {
	t.Parallel()
	s := newStart(t)
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, silent.Close()) })
	refused, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, refused.Close())
	login := func(name string) *url.Userinfo { return url.UserPassword(name, password) }
	clerk, mistaken := login("clerk"), url.UserPassword("clerk", "wrong-horse")
	for name, tt := range map[string]struct{ dsn, says, state string }{
		"nobody listens": {"postgres://clerk:" + password + "@" + refused.Addr().String() + "/hms", "nobody listens", ""},
		"no socket":      {"host=/nonexistent user=clerk dbname=hms password=" + password, "nobody listens", ""},
		"unknown name":   {"postgres://clerk:" + password + "@db.invalid/hms", "name of the database's host", ""},
		"no answer": {
			"postgres://clerk:" + password + "@" + silent.Addr().String() + "/hms?sslmode=disable&connect_timeout=1",
			"does not answer in time", "",
		},
		"no TLS":         {s.dsn(t, clerk, "postgres", "&sslmode=require"), "check sslmode", ""},
		"wrong password": {s.dsn(t, mistaken, "postgres", ""), "refused the password", "28P01"},
		"wrong password with TLS": {
			s.dsn(t, mistaken, "postgres", "&sslmode=prefer"), "refused the password", "28P01",
		},
		"unknown role":      {s.dsn(t, login("ghost"), "postgres", ""), "role does not exist or may not log in", "28000"},
		"role of no login":  {s.dsn(t, login("sleeper"), "postgres", ""), "role does not exist or may not log in", "28000"},
		"refused by pg_hba": {s.dsn(t, login("barred"), "postgres", ""), "pg_hba.conf", "28000"},
		"unknown database":  {s.dsn(t, clerk, "nowhere", ""), "database that the DSN names does not exist", "3D000"},
		"closed database":   {s.dsn(t, clerk, "closed", ""), "GRANT CONNECT", "42501"},
		"bad time zone":     {s.dsn(t, clerk, "postgres", "&TimeZone=Mars/Olympus"), "parameter of the DSN", "22023"},
		"unknown parameter": {s.dsn(t, clerk, "postgres", "&no_such=1"), "parameter of the DSN", "42704"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := open(t, tt.dsn)
			for way, err := range ways(t, h) {
				t.Logf("%s: %v", way, err)
				requireSays(t, err, hmstype.KindUnavailable, tt.says)
				require.NotErrorAs(t, err, new(*pgconn.ConnectError), "its configuration holds the password")
				if tt.state != "" {
					require.ErrorContains(t, err, "("+tt.state+")")
				}
				var pg *pgconn.PgError
				require.Equal(t, way == "migrate" && tt.state != "", errors.As(err, &pg), "%s keeps the server's own", way)
			}
		})
	}
}

func TestStartUp_WhereSchemaIsMissing(t *testing.T) {
	t.Parallel()
	s := newStart(t)
	h, _ := open(t, s.server.DSN(""))
	ctx := t.Context()
	create := func(h *hms.HMS) error { return createTenant(ctx, h) }
	in := func(db *bun.DB) error { // in a transaction of the host's
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		defer func() { require.NoError(t, tx.Rollback()) }()
		return create(h.WithTx(tx))
	}
	requireNever := func(err error, says string) {
		t.Helper()
		requireSays(t, err, hmstype.KindPrecondition, says)
		require.ErrorIs(t, err, migrate.ErrSchema)
	}
	requireNever(h.Check(ctx), "the database was never migrated: run Migrate")
	requireNever(create(h), "the server has no role hms_app: run Migrate")
	_, db := open(t, s.server.DSN(""))
	requireNever(in(db), "the server has no role hms_app: run Migrate")

	s.exec(t, "", "CREATE DATABASE migrated")
	migrated, _ := open(t, s.server.DSN("migrated"))
	require.NoError(t, migrated.Migrate(ctx)) // the server knows the roles from now on
	requireNever(h.Check(ctx), "never migrated")
	requireNever(create(h), "run Migrate")
	s.exec(t, "migrated", "ALTER TABLE hms.tenant RENAME TO lost")
	requireNever(create(migrated), "or the database was never migrated: run Migrate (42P01)")
	s.exec(t, "migrated", "ALTER TABLE hms.lost RENAME TO tenant")
	require.NoError(t, create(migrated))

	clerk, _ := open(t, s.dsn(t, url.UserPassword("clerk", password), "migrated", ""))
	requireSays(t, create(clerk), hmstype.KindUnavailable, "GRANT hms_app to it (42501)")
	requireSays(t, clerk.Check(ctx), hmstype.KindPermissionDenied,
		"the login must be a member of hms_app and inherit its rights")
	err := clerk.Migrate(ctx)
	requireSays(t, err, hmstype.KindPermissionDenied, "(42501)")
}

func TestStartUp_ReadOnly(t *testing.T) {
	t.Parallel()
	s := newStart(t)
	s.exec(t, "", "CREATE DATABASE hospital")
	h, _ := open(t, s.server.DSN("hospital"))
	ctx := t.Context()
	s.exec(t, "", "ALTER DATABASE hospital SET default_transaction_read_only = on")
	err := h.Migrate(ctx)
	requireSays(t, err, hmstype.KindPrecondition, "the database is read-only")
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "25006", pg.Code)
	s.exec(t, "", "ALTER DATABASE hospital RESET default_transaction_read_only")
	h, _ = open(t, s.server.DSN("hospital"))
	require.NoError(t, h.Migrate(ctx))
	s.exec(t, "", "ALTER DATABASE hospital SET default_transaction_read_only = on")
	h, _ = open(t, s.server.DSN("hospital"))
	require.NoError(t, h.Check(ctx), "it only reads")
	requireSays(t, ways(t, h)["use case"], hmstype.KindPrecondition, "the database is read-only")
}
