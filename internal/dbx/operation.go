package dbx

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// operation is one use case under way: who acts, at which instant, under which settings, on
// which connection. [Handle.InTx] makes it once. It travels in the context of the use case, and
// every port that the use case calls joins it instead of making another: an instant read twice
// would be two instants.
type operation struct {
	db       DB
	ctx      context.Context //nolint:containedctx // its own, for what must be recorded when it is over
	name     string
	settings settings // in force on the connection
	reads    bool     // whether it changes nothing: what it records is what it shows; see [DB.OnlyReads]

	subject    hmstype.PatientID          // whom it is about; see [DB.About]
	restricted map[hmstype.PatientID]bool // what is known already of the patients it met
	opened     map[hmstype.PatientID]bool // restricted ones whom a break-glass grant opens
}

type operationKey struct{}

// withOperation puts the operation into the context that its function gets.
func withOperation(ctx context.Context, op *operation) context.Context {
	return context.WithValue(ctx, operationKey{}, op)
}

// newOperation makes the operation whose connection is already in its settings.
func (h Handle) newOperation(
	ctx context.Context, actor hmstype.Actor, now time.Time, want settings,
) (context.Context, DB) {
	h.owned, h.at, h.guard = &want, now, &guard{outer: h.guard}
	h.depth++
	h.conn = counted(ctx, h.conn, h.guard)
	op := &operation{settings: want, name: want.op}
	op.db = DB{Actor: actor, Now: now, handle: h, op: op}
	op.ctx = withOperation(ctx, op)
	return op.ctx, op.db
}

// Join gives the DB of a port: the operation of the context, where the connection is the one that
// it runs on, and so the caller's actor, instant and settings.
//
// Any other connection carries settings that its owner made; the port then gets an operation of
// its own on it.
func (h Handle) Join(ctx context.Context, conn bun.IConn) (DB, error) {
	raw := bare(unwrap(conn))
	if op, _ := ctx.Value(operationKey{}).(*operation); op != nil && bare(op.db.handle.conn) == raw {
		return op.db, nil
	}
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return DB{}, err
	}
	now := h.Now()
	want, err := settingsOf(ctx, actor, "", now)
	if err != nil {
		return DB{}, err
	}
	opCtx, db := h.Bind(raw).newOperation(ctx, actor, now, want)
	return db.identified(opCtx)
}

// About notes which patient the operation is about, for a result that may hold no row which
// could tell: an empty list of a patient's notes is an answer about the patient, too.
func (db DB) About(patient hmstype.PatientID) { db.op.subject = patient }

// Subject gives the patient of [DB.About]; zero where nobody was named.
func (db DB) Subject() hmstype.PatientID { return db.op.subject }

// AsHost runs code of the host's inside the operation, on its connection: in the host's role and
// settings, which are given back before it and taken away after it. Where fn fails, so must the
// operation. So it does where fn, or SQL that was slipped into it, ended the transaction: what was recorded and changed
// before is then not there, which a savepoint that nobody can name tells.
func (db DB) AsHost(ctx context.Context, fn func(ctx context.Context, conn bun.IConn) error) error {
	if err := db.handle.apply(ctx, db.handle.conn, db.handle.host.leaving()); err != nil {
		return err
	}
	around := "hms_host_" + rand.Text()
	unnamed := Arguments(db.handle.bun) // a text that never comes again is not prepared by name
	if _, err := db.handle.conn.ExecContext(ctx, "SAVEPOINT "+around, unnamed...); err != nil {
		return err
	}
	hostCtx := SeesRestricted(context.WithValue(ctx, operationKey{}, (*operation)(nil)), false)
	if err := fn(hostCtx, bare(db.handle.conn)); err != nil {
		return err
	}
	if _, err := db.handle.conn.ExecContext(ctx, "RELEASE SAVEPOINT "+around, unnamed...); err != nil {
		return fmt.Errorf("the host's code ended the transaction that it was lent: %w", err)
	}
	return db.handle.apply(ctx, db.handle.conn, db.handle.entering(db.handle.host, db.op.settings))
}

// run runs fn in the operation and ends it, also where fn panics. Where another goroutine is still
// at work in it, the operation fails: half of what that one does would be kept.
func (db DB) run(ctx context.Context, fn func(context.Context, DB) error) (err error) {
	defer func() {
		if busy := db.handle.guard.end(); err == nil {
			err = busy
		}
	}()
	if db, err = db.identified(ctx); err != nil {
		return err
	}
	return fn(ctx, db)
}

// guard lets one caller at a time use a bound handle, and nobody one whose operation has ended.
type guard struct {
	state atomic.Int32
	outer *guard // of the operation around it; nil for none
}

const (
	guardFree = iota
	guardBusy
	guardEnded
)

// enter takes the guard or tells why it cannot be had. A nil guard keeps nobody out.
func (g *guard) enter() (leave func(), err error) {
	switch {
	case g == nil:
		return func() {}, nil
	case g.ended():
		return nil, hmstype.ErrEnded
	case !g.state.CompareAndSwap(guardFree, guardBusy):
		return nil, hmstype.ErrConcurrentUse
	}
	return func() { g.state.CompareAndSwap(guardBusy, guardFree) }, nil
}

// end lets nobody in any more; [hmstype.ErrConcurrentUse] where somebody is inside.
func (g *guard) end() error {
	if g.state.Swap(guardEnded) == guardBusy {
		return hmstype.ErrConcurrentUse
	}
	return nil
}

// ended tells whether the operation, or one around it, has ended.
func (g *guard) ended() bool {
	for ; g != nil; g = g.outer {
		if g.state.Load() == guardEnded {
			return true
		}
	}
	return false
}

// Meter counts what the operations under one context sent to the database.
type Meter struct{ trips atomic.Int64 }

// RoundTrips is how often a caller waited for the database's answer.
func (m *Meter) RoundTrips() int64 {
	if m == nil {
		return 0
	}
	return m.trips.Load()
}

func (m *Meter) add() {
	if m != nil {
		m.trips.Add(1)
	}
}

type meterKey struct{}

// WithMeter gives a context under which operations are counted.
func WithMeter(ctx context.Context) (context.Context, *Meter) {
	m := &Meter{}
	return context.WithValue(ctx, meterKey{}, m), m
}

func meterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

// countedConn counts the statements that go over a connection, and sends none any more for an
// operation that has ended: the connection is the host's again.
type countedConn struct {
	bun.IConn
	meter *Meter
	guard *guard
}

func counted(ctx context.Context, conn bun.IConn, guard *guard) bun.IConn {
	return countedConn{IConn: bare(conn), meter: meterOf(ctx), guard: guard}
}

// bare is the connection without its counter.
func bare(conn bun.IConn) bun.IConn {
	if c, ok := conn.(countedConn); ok {
		return c.IConn
	}
	return conn
}

// count gives the context under which a statement is sent: one that has ended where the operation has.
func (c countedConn) count(ctx context.Context) context.Context {
	c.meter.add()
	if c.guard.ended() {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return ended
	}
	return ctx
}

func (c countedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.IConn.QueryContext(c.count(ctx), query, args...)
}

func (c countedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.IConn.ExecContext(c.count(ctx), query, args...)
}

func (c countedConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.IConn.QueryRowContext(c.count(ctx), query, args...)
}
