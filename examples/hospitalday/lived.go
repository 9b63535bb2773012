package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
)

// onceLived is a hospital after its one day.
type onceLived struct {
	*day.Day
	sealed bool // its log, by night; a login outside of hms_sealer may not
}

// liveOnce lives the day of the test suites, through every public method once, in a hospital of its own.
// That day takes two by its clock, encrypts its fields and signs its log, so it has a library of its own
// on the database; the keys are thrown away with the hospital.
func liveOnce(ctx context.Context, db *bun.DB) (*onceLived, error) {
	var maySeal bool
	err := db.NewRaw(`SELECT pg_has_role(current_user, 'hms_sealer', 'USAGE')`).Scan(ctx, &maySeal)
	if err != nil {
		return nil, err
	}
	key, err := throwAwayKey()
	if err != nil {
		return nil, err
	}
	clock := &movableClock{now: time.Now().UTC().Truncate(24 * time.Hour).Add(-15 * time.Hour)} // yesterday at nine
	config := hms.Config{Now: clock.Now, KeyEncryptionKey: key}
	who := &listener{ctx: ctx}
	lived := &onceLived{sealed: maySeal}
	who.run(func() {
		day.WithLog(who)(&config)
		h, err := hms.New(db, config)
		if err != nil {
			who.Errorf("%w", err)
			return
		}
		tenant := hms.NewTenantID()
		lived.Day = day.New(who, day.Hospital{
			H: h, DB: db, Tenant: tenant, Ctx: hms.WithActor(ctx, hms.SystemActor(tenant, "hospitalday")), Clock: clock,
		})
		lived.Unfounded = true
		lived.Live()
		if maySeal {
			lived.Seal()
		}
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

// prove tells whether the lived day reached every use case, and whether what it left adds up.
func (l *onceLived) prove() ([]table.Row, bool, error) {
	missed, all := l.Missed()
	reached := table.Row{"every use case once", verdictOf(len(missed) == 0), fmt.Sprintf("%d of %d", all-len(missed), all)}
	proved, checks := len(missed) == 0, checksOf(l.H)
	switch {
	case l.sealed:
		checks = append(checks, check{"the log is whole", verified(l.H.AuditLog.VerifyLog)})
	case isSealing(missed):
		proved, reached[1] = true, "in part"
		reached[2] = fmt.Sprintf("%v: the login is no member of hms_sealer", reached[2])
	}
	clean := 0
	for _, c := range checks {
		found, err := c.verify(l.Ctx)
		if err != nil {
			return nil, false, err
		}
		if found.Clean() {
			clean++
		}
	}
	left := table.Row{
		"what that leaves adds up", verdictOf(clean == len(checks)), fmt.Sprintf("%d of %d checks", clean, len(checks)),
	}
	return []table.Row{reached, left}, proved && clean == len(checks), nil
}

// sealing are the methods that [day.Day.Seal] calls.
var sealing = []string{
	"audit.ListEvents", "audit.ListEventsOfPatient", "audit.ProveEvent", "audit.ProvePatient", "audit.Seal",
	"audit.Verify", "audit.VerifyLog",
}

// isSealing tells whether all methods are those of the log, by night.
func isSealing(methods []string) bool {
	return !slices.ContainsFunc(methods, func(name string) bool { return !slices.Contains(sealing, name) })
}
