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
	"strconv"
	"strings"
	"time"
)

const (
	startTimeout = 60 * time.Second // of pg_ctl start, which recovers a killed cluster first
	portTries    = 5                // another process may take the free port before we do
	socketLimit  = 85               // bytes of the folder, so that the socket's path stays below 100
)

// cluster is a PostgreSQL cluster of this machine that we run.
type cluster struct {
	bin       string // folder of initdb, postgres and pg_ctl
	folder    string // holds data, socket and log
	port      int
	arguments []string
	keep      bool // the folder is the caller's
	account   account
}

func startLocal(ctx context.Context, p plan) (*Server, error) {
	bin, err := usualPlaces().find(ctx)
	if err != nil {
		return nil, err
	}
	return startCluster(ctx, p, KindLocal, bin)
}

func startCluster(ctx context.Context, p plan, kind Kind, bin string) (_ *Server, err error) {
	c := &cluster{bin: bin, folder: p.DataDir, keep: p.DataDir != "", arguments: p.arguments()}
	if c.account, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := c.makeFolder(); err != nil {
		return nil, err
	}
	// From here on something is there to be left behind, so the watchdog comes first.
	watch, err := startWatchdog(p, c, "")
	if err != nil {
		return nil, errors.Join(err, c.remove())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove(), watch.end())
		}
	}()
	if err := c.initialise(ctx); err != nil {
		return nil, err
	}
	if err := c.startOnFreePort(ctx); err != nil {
		return nil, err
	}
	version, err := ping(ctx, c.dsn(), bootTimeout)
	if err != nil {
		return nil, errors.Join(err, c.kill())
	}
	where := "PostgreSQL " + version + " from " + bin
	if c.keep {
		where += " in " + c.folder
	}
	return &Server{kind: kind, where: where, dsn: c.dsn(), bin: bin, stop: c.stop, local: c, watch: watch}, nil
}

// makeFolder makes the cluster's folder and gives it to the account that runs it.
func (c *cluster) makeFolder() error {
	if !c.keep {
		parent, err := c.account.tempDir()
		if err != nil {
			return err
		}
		if c.folder, err = os.MkdirTemp(parent, "hms-postgres-"); err != nil {
			return err
		}
		return c.account.own(c.folder)
	}
	folder, err := filepath.Abs(c.folder)
	if err != nil {
		return err
	}
	c.folder = folder
	if err := c.checkKept(); err != nil {
		return err
	}
	if err := c.account.makeReachable(filepath.Dir(folder)); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	return c.account.own(folder)
}

// checkKept refuses a folder with something else in it: we would give it to another account.
func (c *cluster) checkKept() error {
	entries, err := os.ReadDir(c.folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) == 0 || c.initialised() {
		return nil
	}
	return fmt.Errorf("%s is neither empty nor a cluster's folder", c.folder)
}

func (c *cluster) data() string { return filepath.Join(c.folder, "data") }

func (c *cluster) initialised() bool {
	_, err := os.Stat(filepath.Join(c.data(), "PG_VERSION"))
	return err == nil
}

func (c *cluster) initialise(ctx context.Context) error {
	if c.initialised() {
		return nil // kept from an earlier run
	}
	args := []string{"--no-sync", "-A", "trust", "-U", "postgres", "--encoding=UTF8", "--pgdata=" + c.data()}
	err := c.run(ctx, "initdb", append(args, "--locale=C.UTF-8")...)
	if err != nil && ctx.Err() == nil { // not every system knows that locale
		if removeErr := os.RemoveAll(c.data()); removeErr != nil {
			return errors.Join(err, removeErr)
		}
		err = c.run(ctx, "initdb", append(args, "--locale=C")...)
	}
	return err
}

// run executes one of PostgreSQL's programs as the unprivileged account.
func (c *cluster) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...)
	cmd.Dir = c.folder
	cmd.Env = environment()
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

// environment is ours without what would lead PostgreSQL's programs elsewhere (PGDATA,
// PGPORT, PGOPTIONS), and with messages in English.
func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "PG") && !strings.HasPrefix(entry, "LC_") {
			env = append(env, entry)
		}
	}
	return env
}

// lastLog gives the end of the server's log, which says why it did not start.
func (c *cluster) lastLog() string {
	body, err := os.ReadFile(filepath.Join(c.folder, "log"))
	if err != nil {
		return ""
	}
	return string(body[max(0, len(body)-500):])
}

func (c *cluster) startOnFreePort(ctx context.Context) (err error) {
	for range portTries {
		if c.port, err = freePort(); err != nil {
			return err
		}
		if err = c.start(ctx); err == nil || !strings.Contains(err.Error(), "could not bind") {
			return err
		}
	}
	return err
}

// start does not obey ctx once it has begun: a pg_ctl that is killed half-way leaves a
// server of which nobody knows.
func (c *cluster) start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	args := append(
		[]string{"-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(c.port), "-k", c.socketFolder()}, c.arguments...,
	)
	for i, arg := range args { // pg_ctl hands them to a shell
		args[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout+5*time.Second)
	defer cancel()
	err := c.run(bounded, "pg_ctl", "start", "--silent", "--wait", fmt.Sprintf("--timeout=%.0f", startTimeout.Seconds()),
		"--pgdata="+c.data(), "--log="+filepath.Join(c.folder, "log"), "--options="+strings.Join(args, " "))
	if err != nil && bounded.Err() != nil {
		return errors.Join(err, c.kill())
	}
	return err
}

// socketFolder is empty where the path would exceed what a unix socket may have.
func (c *cluster) socketFolder() string {
	if len(c.folder) > socketLimit {
		return ""
	}
	return c.folder
}

func (c *cluster) dsn() string {
	query := url.Values{"sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres"}
	if folder := c.socketFolder(); folder != "" {
		query.Set("host", folder)
		query.Set("port", strconv.Itoa(c.port))
	} else {
		u.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port))
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (c *cluster) stop(ctx context.Context) error {
	if _, err := c.postmaster(); errors.Is(err, os.ErrNotExist) {
		return c.remove() // killed before
	}
	mode := "--mode=immediate"
	if c.keep {
		mode = "--mode=fast"
	}
	err := c.run(ctx, "pg_ctl", "stop", "--silent", "--wait", mode, "--pgdata="+c.data())
	if err != nil {
		err = errors.Join(err, c.kill())
	}
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
func (c *cluster) removeLocks() (err error) {
	socket := filepath.Join(c.folder, fmt.Sprintf(".s.PGSQL.%d", c.port))
	for _, path := range []string{filepath.Join(c.data(), "postmaster.pid"), socket, socket + ".lock"} {
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
