package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
)

// liveOnce lives the day of the test suites, through every public method once, in a hospital of its own.
// That day takes two by its clock, encrypts its fields and signs its log, so it has a library of its own
// on the database; the keys are thrown away with the hospital.
func liveOnce(ctx context.Context, db *bun.DB) (*day.Day, error) {
	key, err := throwAwayKey()
	if err != nil {
		return nil, err
	}
	clock := &movableClock{now: time.Now().UTC().Truncate(24 * time.Hour).Add(-15 * time.Hour)} // yesterday at nine
	config := hms.Config{Now: clock.Now, KeyEncryptionKey: key}
	who := &listener{ctx: ctx}
	var lived *day.Day
	who.run(func() {
		day.WithLog(who)(&config)
		h, err := hms.New(db, config)
		if err != nil {
			who.Errorf("%w", err)
			return
		}
		tenant := hms.NewTenantID()
		lived = day.New(who, day.Hospital{
			H: h, DB: db, Tenant: tenant, Ctx: hms.WithActor(ctx, hms.SystemActor(tenant, "hospitalday")), Clock: clock,
		})
		lived.Unfounded = true
		lived.Live()
		lived.Seal()
	})
	return lived, who.err
}

// throwAwayKey gives a key for field encryption that nobody has afterwards.
func throwAwayKey() (key hmstype.KeyEncryptionKey, err error) {
	folder, err := os.MkdirTemp("", "hospitalday-key-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	return hms.OpenLocalKey(filepath.Join(folder, "key.json"))
}

// listener lives the day as a test does, and keeps what went wrong as an error.
type listener struct {
	ctx context.Context //nolint:containedctx // as a testing.T carries its context
	err error
}

// run calls fn on a goroutine of its own, which FailNow ends.
func (l *listener) run(fn func()) {
	var wg sync.WaitGroup
	wg.Go(fn)
	wg.Wait()
}

// Helper implements [day.T].
func (*listener) Helper() {}

// Context implements [day.T].
func (l *listener) Context() context.Context { return l.ctx }

// Errorf implements [day.T].
func (l *listener) Errorf(format string, args ...any) {
	l.err = errors.Join(l.err, fmt.Errorf(format, args...))
}

// FailNow implements [day.T].
func (*listener) FailNow() { runtime.Goexit() }

// movableClock stands still until the day moves it on, or back to its beginning.
type movableClock struct {
	mu  sync.Mutex
	now time.Time
}

// Now gives the clock's time.
func (c *movableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d.
func (c *movableClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// proveLived tells whether the lived day reached every use case, and whether what it left adds up.
func proveLived(lived *day.Day) ([]table.Row, bool, error) {
	missed, all := lived.Missed()
	reached := table.Row{"every use case once", verdictOf(len(missed) == 0), fmt.Sprintf("%d of %d", all-len(missed), all)}
	if len(missed) > 0 {
		reached[2] = fmt.Sprintf("%v, not %s", reached[2], strings.Join(missed, ", "))
	}
	checks, clean := append(checksOf(lived.H), check{"the log is whole", verified(lived.H.AuditLog.VerifyLog)}), 0
	for _, c := range checks {
		found, err := c.verify(lived.Ctx)
		if err != nil {
			return nil, false, err
		}
		if found.Clean() {
			clean++
		}
	}
	proved := clean == len(checks)
	left := table.Row{"what that leaves adds up", verdictOf(proved), fmt.Sprintf("%d of %d checks", clean, len(checks))}
	return []table.Row{reached, left}, proved && len(missed) == 0, nil
}
