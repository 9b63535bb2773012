//go:build unix

package pgserver

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// fakeEngine answers like a Docker engine that has no image and pulls as the test wants.
func fakeEngine(t *testing.T, pull http.HandlerFunc) (host string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(
		w http.ResponseWriter, r *http.Request,
	) {
		w.Header().Set("Api-Version", "1.44")
		switch {
		case strings.HasSuffix(r.URL.Path, "/_ping"):
		case strings.HasSuffix(r.URL.Path, "/images/create"):
			pull(w, r)
		default:
			http.Error(w, `{"message":"No such image"}`, http.StatusNotFound)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, server.Close()); <-done })
	return "tcp://" + listener.Addr().String()
}

func engineAt(t *testing.T, host string) *client.Client {
	t.Helper()
	engine, err := findEngine(t.Context(), []string{host})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	return engine
}

func TestImageAtHand(t *testing.T) {
	t.Parallel()
	t.Run("NoRegistry", func(t *testing.T) {
		t.Parallel()
		engine := engineAt(t, fakeEngine(t, func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"status": "Pulling"})
			_ = json.NewEncoder(w).Encode(map[string]any{
				"errorDetail": map[string]string{"message": "no such host"}, "error": "no such host",
			})
		}))
		require.ErrorContains(t, imageAtHand(t.Context(), engine, "postgres:17", time.Second), "no such host")
	})
	t.Run("HangingPullIsGivenUp", func(t *testing.T) {
		t.Parallel()
		engine := engineAt(t, fakeEngine(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		begin := time.Now()
		require.ErrorContains(t, imageAtHand(t.Context(), engine, "postgres:17", 50*time.Millisecond), "cannot pull it")
		require.Less(t, time.Since(begin), 5*time.Second)
	})
	t.Run("PullSucceeds", func(t *testing.T) {
		t.Parallel()
		engine := engineAt(t, fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.FormValue("fromImage"), "localhost:5000/hospital/postgres") || r.FormValue("tag") != "17" {
				http.Error(w, `{"message":"wrong image"}`, http.StatusBadRequest)
			}
		}))
		require.NoError(t, imageAtHand(t.Context(), engine, "localhost:5000/hospital/postgres:17", time.Second))
	})
}

func TestFindEngine_NoneAnswers(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	dead, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket) // takes connections, never answers
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dead.Close()) })
	begin := time.Now()
	_, err = findEngine(t.Context(), []string{"tcp://127.0.0.1:1", "unix:///no/such.sock", "nonsense", "unix://" + socket})
	require.ErrorIs(t, err, errNoEngine)
	require.Less(t, time.Since(begin), engineTimeout+time.Second)
	_, err = findEngine(t.Context(), nil)
	require.ErrorIs(t, err, errNoEngine)
}

func TestContextHost(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.Empty(t, contextHost(folder))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "config.json"), []byte(`{"currentContext":"colima"}`), 0o600))
	require.Empty(t, contextHost(folder))
	// The folder's name is the SHA-256 of "colima".
	meta := filepath.Join(folder, "contexts", "meta", "f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16")
	require.NoError(t, os.MkdirAll(meta, 0o700))
	require.NoError(
		t,
		os.WriteFile(
			filepath.Join(meta, "meta.json"), []byte(`{"Endpoints":{"docker":{"Host":"unix:///colima.sock"}}}`), 0o600,
		),
	)
	require.Equal(t, "unix:///colima.sock", contextHost(folder))
}

// TestStart_FallsBackInTime sets the environment, so it cannot run beside others.
func TestStart_FallsBackInTime(t *testing.T) {
	t.Setenv("HMS_POSTGRES", "")
	t.Setenv("HMS_DATABASE_URL", "")
	t.Setenv("DOCKER_HOST", fakeEngine(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	begin := time.Now()
	var steps []string
	server, err := Start(t.Context(), Options{
		Logf: func(format string, args ...any) { steps = append(steps, format); t.Logf(format, args...) },
	})
	require.NoError(t, err)
	require.Less(
		t, time.Since(begin), time.Minute, "the pull that hangs is given up; initdb takes its time on a busy machine",
	)
	require.Equal(t, KindLocal, server.Kind())
	require.Len(t, steps, 3, "url and container failed, local was taken")
	require.NoError(t, server.Stop(t.Context()))
}

func TestStart_ContainerKeepsNoData(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Kind: KindContainer, DataDir: "/nowhere"})
	require.ErrorContains(t, err, "DataDir")
}

// The tests below need a Docker engine and the image, so HMS_POSTGRES=container asks for them.
func TestContainer(t *testing.T) { //nolint:paralleltest // its parts stop containers that others would see
	if os.Getenv("HMS_POSTGRES") != string(KindContainer) {
		t.Skip("runs with HMS_POSTGRES=container")
	}
	t.Run("StartStop", func(t *testing.T) {
		server, err := Start(t.Context(), Options{Logf: t.Logf, Settings: map[string]string{"search_path": "a, b"}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
		require.Regexp(t, `^container PostgreSQL \d+\.\d+ in a container of .+`, server.String())
		for name, want := range map[string]string{
			"fsync": "off", "max_connections": "300", "search_path": "a, b", "log_error_verbosity": "terse",
		} {
			require.Equal(t, want, setting(t, server.DSN(""), name), name)
		}
		exec1(t, server.DSN(""), "CREATE EXTENSION btree_gist SCHEMA public")
		require.ErrorIs(t, server.Kill(), ErrNotLocal)
		require.NoError(t, server.Stop(t.Context()))
		require.False(t, alive(t.Context(), server.DSN("")))
		require.NoError(t, server.Stop(t.Context()))
	})
	t.Run("BadSettingFailsSoon", func(t *testing.T) {
		_, err := Start(t.Context(), Options{Settings: map[string]string{"no_such_setting": "1"}})
		require.ErrorContains(t, err, "no_such_setting")
	})
	t.Run("Shared", func(t *testing.T) { sharedByTwo(t, KindContainer) })
	t.Run("EndsWithKilledProcess", func(t *testing.T) { ownDiesWithProcess(t, KindContainer) })
}
