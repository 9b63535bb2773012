//go:build unix

package pgserver

import (
	"archive/zip"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeRepository serves an archive of the form that embedded-postgres expects, whose
// programs call those of this machine.
func fakeRepository(t *testing.T) (address string, downloads func() int) {
	t.Helper()
	bin, err := usualPlaces().find(t.Context())
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "bin"), 0o755))
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		script := "#!/bin/sh\nexec " + filepath.Join(bin, name) + " \"$@\"\n"
		require.NoError(t, os.WriteFile(filepath.Join(folder, "bin", name), []byte(script), 0o755))
	}
	packed, err := exec.CommandContext(t.Context(), "tar", "-C", folder, "-cJf", "-", "bin").Output()
	require.NoError(t, err)
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	entry, err := archive.Create("postgres.txz")
	require.NoError(t, err)
	_, err = entry.Write(packed)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	count := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		count++
		_, _ = w.Write(jar.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int { return count }
}

func TestEmbedded_DownloadsOnce(t *testing.T) {
	t.Parallel()
	repository, downloads := fakeRepository(t)
	folder := outside(t)
	require.NoError(t, os.Chmod(folder, 0o755))
	for range 2 {
		bin, err := embeddedBinaries(t.Context(), folder, repository)
		require.NoError(t, err)
		server, err := startCluster(
			t.Context(), plan{Options: Options{}.withDefaults(), owner: os.Getpid()}, KindEmbedded, bin,
		)
		require.NoError(t, err)
		require.Regexp(t, "^embedded PostgreSQL ", server.String())
		exec1(t, server.DSN(""), "SELECT 1")
		require.NoError(t, server.Stop(t.Context()))
	}
	require.Equal(t, 1, downloads())
}

func TestEmbedded_DownloadIsBounded(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	hangs := httptest.NewServer(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); close(ended) }),
	)
	t.Cleanup(hangs.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := embeddedBinaries(ctx, outside(t), hangs.URL)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begin), 5*time.Second)
	<-ended

	_, err = embeddedBinaries(t.Context(), outside(t), "http://127.0.0.1:1")
	require.ErrorContains(t, err, "could not be downloaded from http://127.0.0.1:1")
	require.ErrorContains(t, err, "refused", "it says why")
}
