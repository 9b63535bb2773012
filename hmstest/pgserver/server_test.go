//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("HMS_TEST_CHILD"); role != "" {
		child(role)
		return
	}
	goleak.VerifyTestMain(m)
}

func exec1(t *testing.T, dsn, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func setting(t *testing.T, dsn, name string) (value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value))
	require.NoError(t, conn.Close(t.Context()))
	return value
}

// outside gives a folder that is not below t.TempDir, whose parents are closed to the
// account that runs the server.
func outside(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "hms-pgserver-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

func TestStart_Local(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{
		Kind: KindLocal, Logf: t.Logf, Settings: map[string]string{"search_path": "a, \"it's\"", "max_connections": "20"},
	})
	require.NoError(t, err)
	// t.Context is over by then: Stop works all the same
	t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
	require.Equal(t, KindLocal, server.Kind())
	require.Regexp(t, `^local PostgreSQL \d+\.\d+ from /.*`, server.String())
	require.FileExists(t, filepath.Join(server.BinDir(), "pg_ctl"))
	for name, want := range map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "TimeZone": "UTC", "server_encoding": "UTF8",
		"max_connections": "20", "search_path": "a, \"it's\"", "shared_buffers": "256MB",
		"log_min_error_statement": "panic", "log_error_verbosity": "terse", "listen_addresses": "127.0.0.1", "jit": "off",
	} {
		require.Equal(t, want, setting(t, server.DSN(""), name), name)
	}
	exec1(t, server.DSN("postgres"), "CREATE DATABASE other")
	exec1(t, server.DSN("other"), "SELECT 1")
	byTCP := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/other?sslmode=disable", server.local.port)
	exec1(t, byTCP, "SELECT 1")
}

func TestStart_KillRestart(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{Kind: KindLocal, Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
	require.Equal(t, "on", setting(t, server.DSN(""), "fsync"))
	require.Equal(t, "on", setting(t, server.DSN(""), "synchronous_commit"))
	exec1(t, server.DSN(""), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
	conn, err := pgx.Connect(t.Context(), server.DSN(""))
	require.NoError(t, err)
	backend := int(conn.PgConn().PID())

	require.NoError(t, server.Kill())
	require.False(t, running(backend), "backends die too")
	require.Error(t, conn.Ping(t.Context()))
	require.NoError(t, conn.Close(t.Context()))
	require.False(t, alive(t.Context(), server.DSN("")))
	require.NoError(t, server.Kill(), "a second Kill does nothing")
	require.NoError(t, server.Restart(t.Context()))
	exec1(t, server.DSN("postgres"), "SELECT 1 / n FROM kept")

	folder, watch := server.local.folder, server.watch.cmd.Process.Pid
	require.NoError(t, server.Kill(), "Stop cleans up after a killed server too")
	require.NoError(t, server.Stop(t.Context()))
	require.NoDirExists(t, folder)
	require.False(t, running(watch))
	require.NoError(t, server.Stop(t.Context()), "a second Stop does nothing")
	require.ErrorIs(t, server.Kill(), ErrNotLocal)
	require.ErrorIs(t, server.Restart(t.Context()), ErrNotLocal)
}

func TestStart_KeptDataDirectory(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(outside(t), "closed", "cluster") // MkdirTemp's folder is closed to others
	for _, statement := range []string{"CREATE TABLE kept (n int)", "SELECT * FROM kept"} {
		server, err := Start(t.Context(), Options{Kind: KindLocal, DataDir: folder})
		require.NoError(t, err)
		require.Contains(t, server.String(), folder)
		exec1(t, server.DSN(""), statement)
		require.NoError(t, server.Stop(t.Context()))
	}
	require.FileExists(t, filepath.Join(folder, "data", "PG_VERSION"))
}

func TestStart_RefusesFolderWithOtherThings(t *testing.T) {
	t.Parallel()
	folder := outside(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "thesis.txt"), nil, 0o600))
	_, err := Start(t.Context(), Options{Kind: KindLocal, DataDir: folder})
	require.ErrorContains(t, err, "neither empty nor a cluster's folder")
	require.FileExists(t, filepath.Join(folder, "thesis.txt"))
}

func TestStart_FailureLeavesNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(outside(t), "cluster")
	_, err := Start(t.Context(), Options{
		Kind: KindLocal, DataDir: folder, Settings: map[string]string{"no_such_setting": "1"},
	})
	require.ErrorContains(t, err, "no_such_setting", "the server's own log says why")
	c := cluster{folder: folder}
	_, err = c.postmaster()
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestStart_ListsWhatWasTried(t *testing.T) {
	t.Parallel()
	fails := func(text string) func(context.Context, plan) (*Server, error) {
		return func(context.Context, plan) (*Server, error) { return nil, errors.New(text) }
	}
	p := plan{Options: Options{Kind: KindAuto, Logf: t.Logf}}
	_, err := search(t.Context(), p, []way{{KindURL, fails("no url"), "set it"}, {
		KindLocal, fails("no\nbinaries"), "install it",
	}})
	require.EqualError(t, err, "pgserver: no PostgreSQL found; tried:\n"+
		"  - url: no url\n    to mend: set it\n"+
		"  - local: no\n      binaries\n    to mend: install it")
	p.Kind = KindLocal
	_, err = search(t.Context(), p, []way{{KindURL, fails("no url"), "set it"}, {
		KindLocal, fails("no binaries"), "install it",
	}})
	require.NotContains(t, err.Error(), "url")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = search(ctx, p, ways())
	require.ErrorIs(t, err, context.Canceled)
	_, err = Start(t.Context(), Options{Kind: "floppy"})
	require.ErrorContains(t, err, "floppy")
}

func TestStart_URL(t *testing.T) {
	t.Parallel()
	own, err := Start(t.Context(), Options{Kind: KindLocal})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, own.Stop(t.Context())) })
	exec1(t, own.DSN(""), "CREATE DATABASE clinic")
	for _, start := range []func(context.Context, Options) (*Server, error){Start, Shared} {
		server, err := start(t.Context(), Options{Kind: KindAuto, URL: own.DSN("clinic")})
		require.NoError(t, err)
		require.Equal(t, KindURL, server.Kind())
		require.Equal(t, own.DSN("clinic"), server.DSN(""))
		require.Empty(t, server.BinDir(), "who knows where it runs")
		exec1(t, server.DSN("postgres"), "SELECT 1")
		require.ErrorIs(t, server.Kill(), ErrNotLocal)
		require.NoError(t, server.Stop(t.Context()))
	}
	require.True(t, alive(t.Context(), own.DSN("")), "Stop does not end a server of others")

	begin := time.Now()
	_, err = Start(t.Context(), Options{Kind: KindURL, URL: own.DSN("nowhere")})
	require.ErrorContains(t, err, "nowhere")
	require.Less(t, time.Since(begin), urlTimeout, "waiting does not mend a missing database")
	_, err = Start(t.Context(), Options{Kind: KindURL, URL: "mysql://me:secret@x"})
	require.ErrorContains(t, err, "postgres://")
	require.NotContains(t, err.Error(), "secret")
}

func TestOptions_NamedServerIsTheOnlyWay(t *testing.T) {
	t.Parallel()
	require.Equal(t, KindURL, Options{Kind: KindAuto, URL: "postgres://x"}.withDefaults().Kind)
	require.Equal(t, KindLocal, Options{Kind: KindLocal, URL: "postgres://x"}.withDefaults().Kind)
}

func TestAlive_BusyIsNotDead(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{Kind: KindLocal, Settings: map[string]string{
		"max_connections": "1", "superuser_reserved_connections": "0", "max_wal_senders": "0",
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
	var conn *pgx.Conn
	require.Eventually(t, func() bool { // the backend of Start's own ping may still be ending
		conn, err = pgx.Connect(t.Context(), server.DSN(""))
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	_, err = pingOnce(t.Context(), server.DSN(""))
	require.Equal(t, tooManyConnections, sqlState(err))
	require.True(t, alive(t.Context(), server.DSN("")))
	require.NoError(t, conn.Close(t.Context()))
}

// fakeBinaries makes a folder that looks like PostgreSQL's.
func fakeBinaries(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		script := "#!/bin/sh\necho '" + version + "'\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	return dir
}

func TestPlaces_Find(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	nine := fakeBinaries(t, filepath.Join(root, "lib", "9", "bin"), "postgres (PostgreSQL) 9.6")
	fifteen := fakeBinaries(t, filepath.Join(root, "lib", "15", "bin"), "postgres (PostgreSQL) 15.1")
	wrapper := fakeBinaries(t, filepath.Join(root, "wrapper"), "hello")
	partial := filepath.Join(root, "partial")
	require.NoError(t, os.Mkdir(partial, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(nine, "postgres"), filepath.Join(partial, "postgres")))
	lib := []string{filepath.Join(root, "lib", "*", "bin")}
	list := string(filepath.ListSeparator)

	tt := map[string]struct {
		places places
		want   string
	}{
		"HighestVersion":       {places{patterns: lib}, fifteen},
		"PathFirst":            {places{path: nine, patterns: lib}, nine},
		"LinkIsFollowed":       {places{path: partial, patterns: lib}, nine},
		"WrapperIsPassedOver":  {places{path: wrapper + list + nine}, nine},
		"WorkingFolderIsNever": {places{path: "." + list + "" + list + fifteen}, fifteen},
		"MissingPgConfig":      {places{pgConfig: filepath.Join(root, "none"), patterns: lib}, fifteen},
	}
	for name, tc := range tt {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.places.find(t.Context())
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err = places{path: root}.find(t.Context())
	require.ErrorIs(t, err, errNoBinaries)
	_, err = places{path: wrapper}.find(t.Context())
	require.ErrorContains(t, err, "is not PostgreSQL's")
}
