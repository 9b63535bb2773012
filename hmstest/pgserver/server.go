package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// stopTimeout bounds Stop where the caller's context is already over, as that of a test is
// when its clean-up runs.
const stopTimeout = 30 * time.Second

// ErrNotLocal is returned by Kill and Restart: only a local cluster of the caller's own can
// be killed and restarted.
var ErrNotLocal = errors.New("pgserver: not a local cluster of one's own")

// Server is a PostgreSQL that answers. Its methods may be called concurrently.
type Server struct {
	kind  Kind
	where string // for people
	dsn   string // of the maintenance database, as superuser
	bin   string // folder of its programs; empty where they are not this machine's

	mu    sync.Mutex // guards what follows
	stop  func(context.Context) error
	local *cluster  // nil where the server is not a local cluster of the caller's own
	watch *watchdog // nil where there is nothing to end
}

// Kind tells which way was taken.
func (s *Server) Kind() Kind { return s.kind }

// String tells a person which server this is: the way, the version and where it comes from.
func (s *Server) String() string { return string(s.kind) + " " + s.where }

// DSN gives the superuser's DSN of a database in the form postgres://; empty names the
// maintenance database "postgres", or for KindURL the URL's own.
func (s *Server) DSN(database string) string {
	if database == "" {
		return s.dsn
	}
	u, err := url.Parse(s.dsn)
	if err != nil {
		return s.dsn // cannot be: Start has parsed it
	}
	u.Path = "/" + database
	return u.String()
}

// BinDir gives the folder on this machine from which the server runs, where pg_dump and psql of
// its version lie, too, if the installation has them. It is empty for a container and for KindURL.
func (s *Server) BinDir() string { return s.bin }

// Stop ends the server and removes what belongs to it. It does nothing the second time, nor
// for a server that others use too: one given by URL, or a shared one. It works also where
// ctx is over, and takes at most half a minute.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.stop(ctx)
	s.stop, s.local = nil, nil
	return errors.Join(err, s.watch.end())
}

// Kill ends the server as a crash would: SIGKILL to the postmaster and every backend. It
// returns when all of them are gone, and ErrNotLocal where the server is not a local
// cluster of the caller's own.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.local == nil {
		return ErrNotLocal
	}
	return s.local.kill()
}

// Restart starts a killed server again, on the same data and the same port.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.local == nil {
		return ErrNotLocal
	}
	if err := s.local.start(ctx); err != nil {
		return err
	}
	_, err := ping(ctx, s.dsn, bootTimeout)
	return err
}

// plan is what the ways need to know: the options, and who the server must not outlive.
type plan struct {
	Options
	owner int      // process id that the watchdog watches
	files []string // further files that the watchdog removes in the end
}

// way is one entry of the search.
type way struct {
	kind  Kind
	start func(context.Context, plan) (*Server, error)
	mend  string
}

func ways() []way {
	return []way{
		{
			KindURL, startURL,
			"set HMS_DATABASE_URL to postgres://user@host/database of a server that runs " +
				"and on which the user may create roles and databases",
		},
		{
			KindContainer, startContainer,
			"start a Docker engine and let it pull the image, or name one that it has in HMS_POSTGRES_IMAGE",
		},
		{
			KindLocal, startLocal,
			"install PostgreSQL's server (Debian: apt-get install postgresql; macOS: brew install postgresql@17), " +
				"or put its bin folder on PATH",
		},
		{KindEmbedded, startEmbedded, "connect this machine to the internet once, so that the binaries can be downloaded"},
	}
}

// search tries the ways in their order.
func search(ctx context.Context, p plan, ways []way) (*Server, error) {
	var tried []string
	known := p.Kind == KindAuto
	for _, w := range ways {
		if p.Kind != KindAuto && p.Kind != w.kind {
			continue
		}
		known = true
		server, err := w.start(ctx, p)
		if err == nil {
			p.Logf("PostgreSQL: %s", server)
			return server, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("pgserver: given up during %s: %w", w.kind, errors.Join(ctx.Err(), err))
		}
		p.Logf("no PostgreSQL by way of %s: %v", w.kind, err)
		tried = append(tried, fmt.Sprintf("  - %s: %s\n    to mend: %s", w.kind, indent(err), w.mend))
	}
	if !known {
		return nil, fmt.Errorf("pgserver: %q is no way to a PostgreSQL (auto, url, container, local, embedded)", p.Kind)
	}
	return nil, errors.New("pgserver: no PostgreSQL found; tried:\n" + strings.Join(tried, "\n"))
}

// indent keeps an error of several lines readable within the list.
func indent(err error) string {
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n      ")
}

func startURL(ctx context.Context, p plan) (*Server, error) {
	if p.URL == "" {
		return nil, errors.New("HMS_DATABASE_URL is not set")
	}
	u, err := url.Parse(p.URL)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") { // the error would repeat the password
		return nil, errors.New("HMS_DATABASE_URL is not of the form postgres://user@host/database")
	}
	version, err := ping(ctx, p.URL, urlTimeout)
	if err != nil {
		return nil, err
	}
	return &Server{kind: KindURL, where: "PostgreSQL " + version + " at " + u.Host + u.Path, dsn: p.URL}, nil
}
