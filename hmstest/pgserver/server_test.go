package pgserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv("HMS_TEST_CHILD") != "" {
		child()
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

func TestStart_LocalKillRestart(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{Kind: KindLocal, Durable: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop(context.Background())) }()
	require.Equal(t, KindLocal, server.Kind())
	require.Contains(t, server.String(), "PostgreSQL")
	exec1(t, server.DSN(""), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")

	require.NoError(t, server.Kill())
	_, err = pingOnce(t.Context(), server.DSN(""))
	require.Error(t, err)
	require.NoError(t, server.Restart(t.Context()))
	exec1(t, server.DSN("postgres"), "SELECT 1 / n FROM kept")

	folder := server.local.folder
	require.NoError(t, server.Stop(t.Context()))
	require.NoDirExists(t, folder)
	require.NoError(t, server.Stop(t.Context()), "a second Stop does nothing")
}

func TestStart_KeptDataDirectory(t *testing.T) {
	t.Parallel()
	// Not t.TempDir: its parents are closed to the account that runs the server.
	folder, err := os.MkdirTemp("", "hms-kept-")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(folder)) }()
	for _, statement := range []string{"CREATE TABLE kept (n int)", "SELECT * FROM kept"} {
		server, err := Start(t.Context(), Options{Kind: KindLocal, DataDir: folder})
		require.NoError(t, err)
		exec1(t, server.DSN(""), statement)
		require.NoError(t, server.Stop(t.Context()))
	}
}

func TestStart_ListsWhatWasTried(t *testing.T) {
	t.Parallel()
	fails := func(text string) func(context.Context, Options) (*Server, error) {
		return func(context.Context, Options) (*Server, error) { return nil, errors.New(text) }
	}
	_, err := start(t.Context(), Options{Kind: KindAuto, Logf: t.Logf}, []way{
		{KindURL, fails("no url"), "set it"}, {KindLocal, fails("no binaries"), "install it"},
	})
	for _, part := range []string{"url: no url", "to mend: set it", "local: no binaries", "to mend: install it"} {
		require.ErrorContains(t, err, part)
	}
	_, err = start(t.Context(), Options{Kind: "floppy", Logf: t.Logf}, ways())
	require.ErrorContains(t, err, "floppy")
	_, err = Start(t.Context(), Options{Kind: KindURL, URL: "mysql://x"})
	require.ErrorContains(t, err, "postgres://")
}

// fakeEngine answers like a Docker engine that has no image and cannot pull one.
func fakeEngine(t *testing.T, pull http.HandlerFunc) engine {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_ping", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) })
	mux.HandleFunc("POST /images/create", pull)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return engine{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, base: "http://" + listener.Addr().String()}
}

func TestImageAtHand(t *testing.T) {
	t.Parallel()
	t.Run("NoRegistry", func(t *testing.T) {
		t.Parallel()
		e := fakeEngine(t, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"status": "Pulling"})
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "no such host"})
		})
		err := e.imageAtHand(t.Context(), "postgres:17", time.Second)
		require.ErrorContains(t, err, "no such host")
	})
	t.Run("HangingPullIsGivenUp", func(t *testing.T) {
		t.Parallel()
		e := fakeEngine(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		require.ErrorIs(t, e.imageAtHand(t.Context(), "postgres:17", 50*time.Millisecond), context.DeadlineExceeded)
	})
	t.Run("PullSucceeds", func(t *testing.T) {
		t.Parallel()
		e := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("fromImage") != "postgres" || r.FormValue("tag") != "17" {
				http.Error(w, "wrong image", http.StatusBadRequest)
			}
		})
		require.NoError(t, e.imageAtHand(t.Context(), "postgres:17", time.Second))
	})
	t.Run("NoEngine", func(t *testing.T) {
		t.Parallel()
		e := engine{client: &http.Client{}, base: "http://127.0.0.1:1"}
		require.ErrorContains(t, e.imageAtHand(t.Context(), "postgres:17", time.Second), "no Docker engine answers")
	})
}

// child is a test binary of its own: it says where the shared server is.
func child() {
	for range 2 {
		server, err := Shared(context.Background(), Options{Kind: KindLocal})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(server.DSN(""))
	}
}

func TestShared_OneServerThatEndsWithTheParent(t *testing.T) {
	t.Parallel()
	// A shell plays the part of `go test`: it runs two test binaries and then ends.
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", self+" & "+self+" & wait; read line; true")
	cmd.Env = append(os.Environ(), "HMS_TEST_CHILD=1")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	var dsns []string
	for len(dsns) < 4 && lines.Scan() {
		dsns = append(dsns, lines.Text())
	}
	require.Len(t, dsns, 4)
	for _, dsn := range dsns {
		require.Equal(t, dsns[0], dsn)
		require.True(t, strings.HasPrefix(dsn, "postgres://"), dsn)
	}
	_, err = pingOnce(t.Context(), dsns[0])
	require.NoError(t, err)
	require.NoError(t, stdin.Close())
	require.NoError(t, cmd.Wait())
	require.Eventually(t, func() bool {
		_, err := pingOnce(t.Context(), dsns[0])
		return err != nil
	}, 20*time.Second, 100*time.Millisecond, "the watchdog ends the server")
}
