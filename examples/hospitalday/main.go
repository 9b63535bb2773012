// Command hospitalday runs the days of two hospitals on a real PostgreSQL, through the public
// API only. The first lives every use case once, in order: the day that the test suites live. In the
// second many work at once, reception, doctors, nurses, pharmacists, laboratory and cashiers, and get in
// each other's way on purpose. In the end it reports what a manager would read, and proves that
// every use case was reached and that nothing was lost.
//
//	go run ./examples/hospitalday
//	go run ./examples/hospitalday -patients bundles/ -workers 8
//	go run ./examples/hospitalday -database postgres://user@host/hms   # migrated by a tool of yours
//
// The first hospital's fields are encrypted under a key that the program throws away: in a database that
// is to be kept, its tenant stays unreadable. A login of your own must be a member of hms_app, and of
// hms_sealer for the use cases of the log, which are left out otherwise.
//
// It exits with 1 where a proof fails, and with 2 where it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest/pgserver"
)

type options struct {
	patients string
	count    int
	workers  int
	seed     uint64
	postgres string
	database string // migrated already
	keep     bool
}

func parseFlags() options {
	var o options
	flag.StringVar(
		&o.patients, "patients", "",
		"file or folder of FHIR R4 Patient resources (bundles, NDJSON); empty: a generated roster",
	)
	flag.IntVar(&o.count, "n", 200, "how many patients come at most")
	flag.IntVar(&o.workers, "workers", 8, "how many patients are treated at once")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the generated roster and of what happens")
	flag.StringVar(&o.postgres, "postgres", "auto", "auto, container, local, embedded, or the URL of a server")
	flag.StringVar(&o.database, "database", "",
		"URL of a database that is migrated already, which is only checked; the day adds two hospitals to it")
	flag.BoolVar(&o.keep, "keep", false, "keep the database (local and embedded servers) and say where it is")
	flag.Parse()
	return o
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	proved, err := run(ctx, parseFlags())
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "hospitalday:", err)
		os.Exit(2)
	case !proved:
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (proved bool, err error) {
	dsn := o.database
	if dsn == "" {
		server, startErr := startServer(ctx, o)
		if startErr != nil {
			return false, startErr
		}
		defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
		fmt.Println("PostgreSQL:", server)
		dsn = server.DSN("")
	}
	db, err := hms.OpenDB(dsn)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h, err := hms.New(db, hms.Config{})
	if err != nil {
		return false, err
	}
	prepare := h.Migrate
	if o.database != "" {
		prepare = h.Check
	}
	if err := prepare(ctx); err != nil {
		return false, err
	}
	return runDay(ctx, db, h, o)
}

// runDay lives every use case once, then opens a hospital, works for a day, reports and proves.
func runDay(ctx context.Context, db *bun.DB, h *hms.HMS, o options) (bool, error) {
	started := time.Now()
	lived, err := liveOnce(ctx, db)
	if err != nil {
		return false, fmt.Errorf("every use case once: %w", err)
	}
	fmt.Printf("one hospital lived its day in %.1f s\n", time.Since(started).Seconds())
	d, err := openHospital(ctx, h, o)
	if err != nil {
		return false, fmt.Errorf("set-up: %w", err)
	}
	d.lived = lived
	started = time.Now()
	if err := d.work(ctx, o); err != nil {
		return false, err
	}
	if err := d.report(ctx, time.Since(started)); err != nil {
		return false, fmt.Errorf("report: %w", err)
	}
	return d.prove(ctx)
}

// startServer finds or starts the server; the database of a kept one stays in a folder.
func startServer(ctx context.Context, o options) (*pgserver.Server, error) {
	settings := pgserver.Options{Kind: pgserver.Kind(o.postgres)}
	if strings.Contains(o.postgres, "://") {
		settings.Kind, settings.URL = pgserver.KindURL, o.postgres
	}
	if o.keep {
		folder, err := os.MkdirTemp("", "hospitalday-")
		if err != nil {
			return nil, err
		}
		settings.DataDir = folder
		fmt.Println("The database stays in", folder)
	}
	return pgserver.Start(ctx, settings)
}
