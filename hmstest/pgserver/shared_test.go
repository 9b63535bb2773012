//go:build unix

package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// child is a test binary of its own, or a program with a server of its own.
func child(role string) {
	ctx, options := context.Background(), Options{Kind: Kind(os.Getenv("HMS_TEST_KIND"))}
	if role == "own" {
		server, err := Start(ctx, options)
		fmt.Println(server, err)
		if err == nil {
			fmt.Println(server.DSN(""))
		}
		time.Sleep(time.Minute)
		return
	}
	for range 2 {
		server, err := Shared(ctx, options)
		if err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
			return
		}
		fmt.Println(server.DSN(""), server.Kill(), server.Stop(ctx))
	}
}

func sharedByTwo(t *testing.T, kind Kind) {
	t.Helper()
	// A shell plays the part of `go test`: it runs two test binaries and then ends.
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", self+" & "+self+" & wait; read line; true")
	cmd.Env = append(os.Environ(), "HMS_TEST_CHILD=shared", "HMS_TEST_KIND="+string(kind))
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	var dsns []string
	for len(dsns) < 4 && lines.Scan() {
		dsn, rest, _ := strings.Cut(lines.Text(), " ")
		require.Equal(t, ErrNotLocal.Error()+" <nil>", rest, lines.Text())
		dsns = append(dsns, dsn)
	}
	require.Len(t, dsns, 4)
	for _, dsn := range dsns {
		require.Equal(t, dsns[0], dsn)
	}
	require.True(t, alive(t.Context(), dsns[0]), "both test binaries have ended, their parent has not")
	files := filepath.Join(os.TempDir(), fmt.Sprintf("hms-postgres-%d-%d-*", os.Getuid(), cmd.Process.Pid))
	found, err := filepath.Glob(files)
	require.NoError(t, err)
	require.Len(t, found, 2)

	require.NoError(t, stdin.Close())
	require.NoError(t, cmd.Wait())
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(files)
		return err == nil && len(left) == 0 && !alive(t.Context(), dsns[0])
	}, 20*time.Second, 100*time.Millisecond, "the watchdog ends the server and removes the files")
}

func TestShared_OneServerThatEndsWithTheParent(t *testing.T) {
	t.Parallel()
	sharedByTwo(t, KindLocal)
}

func TestShared_DeadServerIsReplaced(t *testing.T) {
	t.Parallel()
	server, err := Start(t.Context(), Options{Kind: KindLocal})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(t.Context())) })
	path := filepath.Join(t.TempDir(), "info.json")
	require.NoError(t, publish(path, server))
	found, ok := findShared(t.Context(), path)
	require.True(t, ok)
	require.Equal(t, server.DSN(""), found.DSN(""))
	require.Equal(t, server.String(), found.String())

	require.NoError(t, server.Kill())
	_, ok = findShared(t.Context(), path)
	require.False(t, ok)
	require.NoError(t, os.WriteFile(path, []byte("{half"), 0o600))
	_, ok = findShared(t.Context(), path)
	require.False(t, ok)
	require.NoError(t, publish(path, server), "replaces what is there")
	require.NoError(t, os.Chmod(path, 0o666))
	_, ok = findShared(t.Context(), path)
	require.False(t, ok, "a file that others may write is not trusted")
}

func TestShared_FailureLeavesNothing(t *testing.T) {
	t.Parallel()
	o := Options{Kind: KindLocal, Settings: map[string]string{"no_such_setting": "1"}}
	_, err := Shared(t.Context(), o)
	require.ErrorContains(t, err, "no_such_setting")
	path, err := infoPath(o)
	require.NoError(t, err)
	left, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestHoldLock_OneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	var inside, most atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			file, err := holdLock(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), inside.Add(1)))
			time.Sleep(time.Millisecond)
			inside.Add(-1)
			if err := errors.Join(os.Remove(path), file.Close()); err != nil { // as after a failure
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 1, most.Load())

	file, err := holdLock(t.Context(), path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = holdLock(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, file.Close())
}

func TestInfoPath_DiffersByOptions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range []Options{
		{}, {Kind: KindLocal}, {Durable: true}, {Image: "x"}, {DataDir: "/x"}, {Settings: map[string]string{"a": "b"}},
	} {
		path, err := infoPath(o)
		require.NoError(t, err)
		require.False(t, seen[path])
		seen[path] = true
	}
}

// ownDiesWithProcess kills a program that has started a server, and waits for the server's end.
func ownDiesWithProcess(t *testing.T, kind Kind) (dsn string) {
	t.Helper()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "HMS_TEST_CHILD=own", "HMS_TEST_KIND="+string(kind))
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), string(kind)+" PostgreSQL")
	require.True(t, lines.Scan())
	dsn = lines.Text()
	require.True(t, alive(t.Context(), dsn))
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return !alive(t.Context(), dsn) }, 20*time.Second, 100*time.Millisecond)
	return dsn
}

func TestStart_EndsWithKilledProcess(t *testing.T) {
	t.Parallel()
	dsn := ownDiesWithProcess(t, KindLocal)
	_, folder, _ := strings.Cut(dsn, "hms-postgres-")
	folder, _, _ = strings.Cut(folder, "&")
	require.Eventually(t, func() bool {
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "hms-postgres-"+folder))
		return err == nil && len(left) == 0
	}, 10*time.Second, 100*time.Millisecond, "the folder goes too")
}
