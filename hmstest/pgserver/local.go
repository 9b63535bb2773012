package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cluster is a PostgreSQL cluster of this machine that we run.
type cluster struct {
	bin      string // folder of initdb, postgres and pg_ctl
	folder   string // holds data, socket and log
	port     int
	settings map[string]string
	keep     bool // the folder is the caller's
	account  account
}

var errNoBinaries = errors.New("no folder with initdb, postgres and pg_ctl on PATH or in the usual places")

// binFolder finds PostgreSQL's binaries; the newest version of the usual places.
func binFolder() (string, error) {
	var folders []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		folders = append(folders, dir)
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin", "/opt/homebrew/bin",
		"/Applications/Postgres.app/Contents/Versions/latest/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err // the patterns are constants
		}
		slices.Reverse(found)
		folders = append(folders, found...)
	}
	for _, dir := range folders {
		if hasBinaries(dir) {
			return dir, nil
		}
	}
	return "", errNoBinaries
}

func hasBinaries(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

func startLocal(ctx context.Context, o Options) (*Server, error) {
	bin, err := binFolder()
	if err != nil {
		return nil, err
	}
	return startCluster(ctx, o, KindLocal, bin)
}

func startCluster(ctx context.Context, o Options, kind Kind, bin string) (_ *Server, err error) {
	c := &cluster{bin: bin, folder: o.DataDir, keep: o.DataDir != "", settings: o.settings()}
	if c.account, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := c.makeFolder(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if err := c.initialise(ctx); err != nil {
		return nil, err
	}
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	version, err := ping(ctx, c.dsn(), 10*time.Second)
	if err != nil {
		return nil, errors.Join(err, c.stop(ctx))
	}
	return &Server{kind: kind, where: "PostgreSQL " + version + " from " + bin, dsn: c.dsn(), stop: c.stop, local: c}, nil
}

// makeFolder makes the cluster's folder and gives it to the account that runs it.
func (c *cluster) makeFolder() error {
	if !c.keep {
		folder, err := os.MkdirTemp("", "hms-postgres-")
		if err != nil {
			return err
		}
		c.folder = folder
	}
	folder, err := filepath.Abs(c.folder)
	if err != nil {
		return err
	}
	c.folder = folder
	if err := os.MkdirAll(c.folder, 0o750); err != nil {
		return err
	}
	return c.account.own(c.folder)
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

func (c *cluster) initialise(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); err == nil {
		return nil // kept from an earlier run
	}
	args := []string{"--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata=" + c.data()}
	err := c.run(ctx, "initdb", append(args, "--locale=C.UTF-8")...)
	if err != nil { // not every system knows that locale
		if removeErr := os.RemoveAll(c.data()); removeErr != nil {
			return errors.Join(err, removeErr)
		}
		err = c.run(ctx, "initdb", append(args, "--locale=C")...)
	}
	return err
}

// run executes one of PostgreSQL's programs as the unprivileged account.
func (c *cluster) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...) //nolint:gosec // a program of PostgreSQL
	cmd.Dir = c.folder
	cmd.SysProcAttr = c.account.attributes()
	var output bytes.Buffer
	if program != "pg_ctl" { // the server would keep a pipe open for as long as it runs
		cmd.Stdout, cmd.Stderr = &output, &output
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s%s", program, err, strings.TrimSpace(output.String()), c.lastLog())
	}
	return nil
}

// lastLog gives the end of the server's log, which says why it did not start.
func (c *cluster) lastLog() string {
	body, err := os.ReadFile(filepath.Join(c.folder, "log"))
	if err != nil {
		return ""
	}
	return string(body[max(0, len(body)-500):])
}

func (c *cluster) start(ctx context.Context) error {
	var options []string
	for name, value := range c.settings {
		options = append(options, "-c "+name+"="+value)
	}
	slices.Sort(options)
	options = append(options, "-c listen_addresses=127.0.0.1", "-p "+strconv.Itoa(c.port), "-k '"+c.socketFolder()+"'")
	return c.run(ctx, "pg_ctl", "start", "--silent", "--wait", "--timeout=60",
		"--pgdata="+c.data(), "--log="+filepath.Join(c.folder, "log"), "--options="+strings.Join(options, " "))
}

// socketFolder is empty where the path would exceed what a unix socket may have.
func (c *cluster) socketFolder() string {
	if len(c.folder) > 85 {
		return ""
	}
	return c.folder
}

func (c *cluster) dsn() string {
	if folder := c.socketFolder(); folder != "" {
		return fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%d", url.QueryEscape(folder), c.port)
	}
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", c.port)
}

func (c *cluster) stop(ctx context.Context) error {
	mode := "--mode=immediate"
	if c.keep {
		mode = "--mode=fast"
	}
	err := c.run(ctx, "pg_ctl", "stop", "--silent", mode, "--pgdata="+c.data())
	return errors.Join(err, c.remove())
}

func (c *cluster) remove() error {
	if c.keep {
		return nil
	}
	return os.RemoveAll(c.folder)
}

// postmaster gives the process id of the running server.
func (c *cluster) postmaster() (int, error) {
	body, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(body), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// removeLocks takes away what a killed server leaves: where nobody reaps its zombie, the
// next start would believe that it still runs.
func (c *cluster) removeLocks() error {
	err := os.Remove(filepath.Join(c.data(), "postmaster.pid"))
	socket := filepath.Join(c.folder, fmt.Sprintf(".s.PGSQL.%d", c.port))
	for _, path := range []string{socket, socket + ".lock"} {
		if removeErr := os.Remove(path); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds a loopback port and lets it go
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
	return port, listener.Close()
}
