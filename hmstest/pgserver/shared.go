package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sharedInfo is what the first test binary leaves for the others of the same `go test`.
type sharedInfo struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where"`
	DSN   string `json:"dsn"`
	Bin   string `json:"bin"`
}

// Start gives a server of the caller's own; Stop it in the end. Where the process ends
// without that, the watchdog does it. At least until Start returns, ctx must live; ending
// it later does no harm.
func Start(ctx context.Context, options Options) (*Server, error) {
	return search(ctx, plan{Options: options.withDefaults(), owner: os.Getpid()}, ways())
}

// Shared gives the one server of this `go test` run: the first test binary starts it, the
// others find it through a file that is named after their common parent process and the
// options. It ends when that parent ends, also by Ctrl-C or SIGKILL; Stop does nothing, and
// Kill and Restart give ErrNotLocal. Binaries that run side by side wait for the first.
func Shared(ctx context.Context, options Options) (*Server, error) {
	o := options.withDefaults()
	if o.Kind == KindURL {
		return Start(ctx, o) // nothing to start, and nothing to share
	}
	path, err := infoPath(o)
	if err != nil {
		return nil, err
	}
	lock, err := holdLock(ctx, path+".lock")
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // nothing was written; gives the lock back
	if server, ok := findShared(ctx, path); ok {
		o.Logf("PostgreSQL: %s (shared)", server)
		return server, nil
	}
	server, err := search(ctx, plan{Options: o, owner: os.Getppid(), files: []string{path, path + ".lock"}}, ways())
	if err != nil {
		return nil, errors.Join(err, os.Remove(lock.Name())) // there is no watchdog to do it
	}
	if err := publish(path, server); err != nil {
		return nil, errors.Join(err, server.Stop(ctx))
	}
	if err := server.watch.release(); err != nil {
		return nil, err
	}
	server.stop, server.local, server.watch = nil, nil, nil // the watchdog's from now on
	return server, nil
}

// infoPath differs by user, parent process and options.
func infoPath(o Options) (string, error) {
	wanted, err := json.Marshal([]any{o.Kind, o.Image, o.DataDir, o.Settings, o.Durable})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(wanted)
	return filepath.Join(os.TempDir(), fmt.Sprintf("hms-postgres-%d-%d-%x.json", os.Getuid(), os.Getppid(), sum[:4])), nil
}

// holdLock waits for the file's lock. Whoever held it before may have removed the file: then
// the lock is one of a file that nobody else finds, and the next file's is wanted.
func holdLock(ctx context.Context, path string) (*os.File, error) {
	for {
		file, err := openOwn(path)
		if err != nil {
			return nil, err
		}
		if err := lockFile(ctx, file); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		mine, err := file.Stat()
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		if there, err := os.Stat(path); err == nil && os.SameFile(mine, there) {
			return file, nil
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
}

// openOwn opens or makes a file in the temporary folder, where others may write too.
func openOwn(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !ownedByUs(info) {
		err = fmt.Errorf("%s belongs to somebody else", path)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// findShared gives the server that the file names, unless it is of an earlier process with
// the same number, or dead.
func findShared(ctx context.Context, path string) (*Server, bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || !ownedByUs(info) {
		return nil, false
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	var shared sharedInfo
	if json.Unmarshal(body, &shared) != nil || !alive(ctx, shared.DSN) {
		return nil, false
	}
	return &Server{kind: shared.Kind, where: shared.Where, dsn: shared.DSN, bin: shared.Bin}, true
}

// publish replaces the file in one step, for a reader must never see half of it.
func publish(path string, s *Server) (err error) {
	body, err := json.Marshal(sharedInfo{Kind: s.kind, Where: s.where, DSN: s.dsn, Bin: s.bin})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600: it holds a DSN
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(body)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
