package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Kind is a way to a server.
type Kind string

// The ways, in the order in which they are tried.
const (
	KindAuto      Kind = "auto"      // all of them, in this order
	KindURL       Kind = "url"       // a server that runs already
	KindContainer Kind = "container" // a container of a Docker engine
	KindLocal     Kind = "local"     // binaries of this machine
	KindEmbedded  Kind = "embedded"  // downloaded binaries
)

// DefaultImage is the container image where neither Options nor HMS_POSTGRES_IMAGE names one.
const DefaultImage = "postgres:17-alpine"

// Options say which server is wanted. The zero value searches in the package's order.
type Options struct {
	Kind     Kind              // empty: HMS_POSTGRES, then KindAuto
	URL      string            // for KindURL; empty: HMS_DATABASE_URL
	Image    string            // for KindContainer; empty: HMS_POSTGRES_IMAGE, then DefaultImage
	DataDir  string            // where a local cluster lives and stays; empty: a temporary folder that goes with Stop
	Settings map[string]string // further lines of postgresql.conf
	// Durable keeps fsync and synchronous commit on, for tests of crashes. Off by default:
	// a throw-away server is faster without.
	Durable bool
	// Logf gets one line per step; nil is silent.
	Logf func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	if o.Kind == "" {
		o.Kind = Kind(os.Getenv("HMS_POSTGRES"))
	}
	if o.Kind == "" {
		o.Kind = KindAuto
	}
	if o.URL == "" {
		o.URL = os.Getenv("HMS_DATABASE_URL")
	}
	if o.Image == "" {
		o.Image = os.Getenv("HMS_POSTGRES_IMAGE")
	}
	if o.Image == "" {
		o.Image = DefaultImage
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// settings gives the server's configuration: the caller's over ours.
func (o Options) settings() map[string]string {
	merged := map[string]string{
		"max_connections": "300", "shared_buffers": "256MB", "timezone": "UTC",
		"log_min_error_statement": "panic", "log_error_verbosity": "terse", // a failed statement holds a patient's data
	}
	if !o.Durable {
		merged["fsync"], merged["synchronous_commit"], merged["full_page_writes"] = "off", "off", "off"
	}
	for name, value := range o.Settings {
		merged[name] = value
	}
	return merged
}

// Server is a PostgreSQL that answers.
type Server struct {
	kind   Kind
	where  string // for people
	dsn    string // of the maintenance database, as superuser
	stop   func(context.Context) error
	local  *cluster // nil where the server is not a local cluster
	handle string   // container id, for the watchdog
}

// ErrNotLocal: only a local cluster can be killed and restarted.
var ErrNotLocal = errors.New("pgserver: not a local cluster")

// Kind tells which way was taken.
func (s *Server) Kind() Kind { return s.kind }

// String tells a person which server this is.
func (s *Server) String() string { return string(s.kind) + " " + s.where }

// DSN gives the superuser's DSN of a database; empty names the maintenance database, or
// for KindURL the URL's own.
func (s *Server) DSN(database string) string {
	if database == "" {
		return s.dsn
	}
	u, err := url.Parse(s.dsn)
	if err != nil {
		return s.dsn // Start has parsed it before
	}
	u.Path = "/" + database
	return u.String()
}

// Stop ends the server and removes what belongs to it. It does nothing for a server that
// others use too: one given by URL, or a shared one.
func (s *Server) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	stop := s.stop
	s.stop = nil
	return stop(ctx)
}

// Kill ends the server as a crash would: SIGKILL to the postmaster and every backend.
func (s *Server) Kill() error {
	if s.local == nil {
		return ErrNotLocal
	}
	return s.local.kill()
}

// Restart starts a killed server again on its data.
func (s *Server) Restart(ctx context.Context) error {
	if s.local == nil {
		return ErrNotLocal
	}
	return s.local.start(ctx)
}

// way is one entry of the search.
type way struct {
	kind  Kind
	start func(context.Context, Options) (*Server, error)
	mend  string
}

func ways() []way {
	return []way{
		{KindURL, startURL, "set HMS_DATABASE_URL to postgres://user@host/database of a server on which the user may create roles and databases"},
		{KindContainer, startContainer, "start a Docker engine and let it pull the image, or name one that it has in HMS_POSTGRES_IMAGE"},
		{KindLocal, startLocal, "install PostgreSQL's server (Debian: apt-get install postgresql), or put its bin folder on PATH"},
		{KindEmbedded, startEmbedded, "connect this machine to the internet once, so that the binaries can be downloaded"},
	}
}

// Start gives a server of the caller's own; Stop it in the end.
func Start(ctx context.Context, options Options) (*Server, error) {
	return start(ctx, options.withDefaults(), ways())
}

func start(ctx context.Context, options Options, ways []way) (*Server, error) {
	var tried []string
	known := options.Kind == KindAuto
	for _, w := range ways {
		if options.Kind != KindAuto && options.Kind != w.kind {
			continue
		}
		known = true
		server, err := w.start(ctx, options)
		if err == nil {
			options.Logf("PostgreSQL: %s", server)
			return server, nil
		}
		options.Logf("no PostgreSQL by way of %s: %v", w.kind, err)
		tried = append(tried, fmt.Sprintf("  - %s: %v\n    to mend: %s", w.kind, err, w.mend))
	}
	if !known {
		return nil, fmt.Errorf("pgserver: %q is no way to a PostgreSQL (auto, url, container, local, embedded)", options.Kind)
	}
	return nil, errors.New("no PostgreSQL found; tried:\n" + strings.Join(tried, "\n"))
}

// errNoURL: the first way is simply not asked for.
var errNoURL = errors.New("HMS_DATABASE_URL is not set")

func startURL(ctx context.Context, o Options) (*Server, error) {
	if o.URL == "" {
		return nil, errNoURL
	}
	if u, err := url.Parse(o.URL); err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("HMS_DATABASE_URL is not of the form postgres://user@host/database")
	}
	version, err := ping(ctx, o.URL, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Server{kind: KindURL, where: "PostgreSQL " + version, dsn: o.URL}, nil
}

// ping connects until it succeeds or the time is over, and gives the server's version.
func ping(ctx context.Context, dsn string, patience time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		version, err := pingOnce(ctx, dsn)
		if err == nil {
			return version, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no answer within %v: %w", patience, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func pingOnce(ctx context.Context, dsn string) (version string, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return version, err
}
