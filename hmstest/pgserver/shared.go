package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// sharedInfo is what the first test binary leaves for the others of the same `go test`.
type sharedInfo struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where"`
	DSN   string `json:"dsn"`
}

// Shared gives the one server of this `go test` run: the first test binary starts it, the
// others find it through a file that is named after their common parent process. It ends
// when that parent ends, also by Ctrl-C or SIGKILL, because a small watchdog waits for it.
func Shared(ctx context.Context, options Options) (*Server, error) {
	o := options.withDefaults()
	if o.URL != "" && (o.Kind == KindAuto || o.Kind == KindURL) {
		return Start(ctx, o)
	}
	path := infoPath(o)
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the name is ours
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // gives the lock back
	if err := lockFile(lock); err != nil {
		return nil, err
	}
	if server, ok := findShared(ctx, path); ok {
		return server, nil
	}
	server, err := Start(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := publish(path, server); err != nil {
		return nil, errors.Join(err, server.Stop(ctx))
	}
	server.stop = nil // the watchdog's from now on
	return server, nil
}

// infoPath differs by user, parent process and options.
func infoPath(o Options) string {
	wanted := sha256.Sum256(fmt.Append(nil, o.Kind, o.Image, o.Settings, o.Durable))
	return filepath.Join(os.TempDir(), fmt.Sprintf("hms-postgres-%d-%d-%x.json", os.Getuid(), os.Getppid(), wanted[:4]))
}

func findShared(ctx context.Context, path string) (*Server, bool) {
	body, err := os.ReadFile(path) //nolint:gosec // the name is ours
	if err != nil {
		return nil, false
	}
	var info sharedInfo
	if json.Unmarshal(body, &info) != nil {
		return nil, false
	}
	if _, err := ping(ctx, info.DSN, 3*time.Second); err != nil {
		return nil, false // of an earlier process with the same number
	}
	return &Server{kind: info.Kind, where: info.Where, dsn: info.DSN}, true
}

func publish(path string, s *Server) error {
	body, err := json.Marshal(sharedInfo{Kind: s.kind, Where: s.where, DSN: s.dsn})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		return err
	}
	return watch(path, s)
}

// watch starts the watchdog. SIGQUIT is PostgreSQL's immediate shutdown.
func watch(path string, s *Server) error {
	end := "docker rm --force --volumes " + s.handle
	folder := ""
	if s.local != nil {
		pid, err := s.local.postmaster()
		if err != nil {
			return err
		}
		end = fmt.Sprintf("kill -QUIT %d; for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 %d 2>/dev/null || break; sleep 0.2; done", pid, pid)
		folder = s.local.folder
	}
	script := `while kill -0 "$1" 2>/dev/null; do sleep 0.5; done; ` + end + `; rm -f "$2" "$2.lock"; [ -z "$3" ] || rm -rf "$3"`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", fmt.Sprint(os.Getppid()), path, folder) //nolint:gosec,noctx // outlives us on purpose
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}
