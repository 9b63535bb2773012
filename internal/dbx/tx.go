package dbx

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
)

// endTimeout bounds COMMIT and ROLLBACK, which run even where the caller gave up.
const endTimeout = 5 * time.Second

// InTx runs fn in a transaction with the role and the settings of the context's actor.
//
// Unbound, it begins and commits one, and runs fn again, a bounded number of times, where
// the server ended it by 40001 or 40P01: fn must have no effect but on the database. Bound,
// it runs fn in a savepoint, so that the host may swallow the error and go on; it never
// ends the host's transaction, and gives the host its role and settings back.
//
// Unbound on the context of an operation it refuses: [hmstype.ErrOutsideTransaction].
//
// A COMMIT whose answer is lost gives [hmstype.ErrOutcomeUnknown].
func (h Handle) InTx(ctx context.Context, op string, fn func(context.Context, DB) error) error {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return err
	}
	now := h.instant()
	want, err := settingsOf(ctx, actor, op, now)
	if err != nil {
		return err
	}
	if h.IsBound() {
		return h.inSavepoint(ctx, actor, now, want, fn)
	}
	if op, _ := ctx.Value(operationKey{}).(*operation); op != nil && !h.apart {
		return hmstype.ErrOutsideTransaction
	}
	for attempt := 1; ; attempt++ {
		err = h.inOwnTx(ctx, actor, now, want, fn)
		if err == nil || attempt >= h.opts.MaxAttempts || !isRetryable(err) {
			return err
		}
		if waitErr := backoff(ctx, attempt); waitErr != nil {
			return err
		}
	}
}

// beginError marks a failure before the first statement of fn: nothing can have happened.
type beginError struct{ err error }

func (e *beginError) Error() string { return "begin: " + e.err.Error() }
func (e *beginError) Unwrap() error { return e.err }

func isRetryable(err error) bool {
	switch SQLState(err) {
	case "40001", "40P01":
		return true
	case "":
		var begin *beginError
		return errors.As(err, &begin) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	default:
		return false
	}
}

// backoff waits 5 to 10 ms after the first try, twice as long after each further one.
func backoff(ctx context.Context, attempt int) error {
	base := 5 * time.Millisecond << (attempt - 1)
	timer := time.NewTimer(base + rand.N(base)) //nolint:gosec // jitter needs no secrecy
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (h Handle) inOwnTx(
	ctx context.Context, actor hmstype.Actor, now time.Time, want settings, fn func(context.Context, DB) error,
) error {
	conn, err := h.acquire(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back to the pool; its error says only that it was broken
	owes, committed := &ledger{}, false
	defer func() {
		if !committed { // also where fn panicked
			h.settleAfter(conn.Conn, owes)
		}
	}()
	err = h.transact(ctx, conn.Conn, owes, actor, now, want, fn)
	committed = err == nil
	return err
}

// spareTimeout bounds the wait for a connection of whoever holds another one.
const spareTimeout = 3 * time.Second

// ErrNoRecorder says that within a transaction no second connection is free for what must outlive it: the record of a
// read, a sign-in. Waiting for one would be for ever where all wait. It is unavailable.
var ErrNoRecorder = fmt.Errorf("%w: no connection is free for what must outlive the transaction: "+
	"give a Config.Recorder, or a larger pool", hmstype.ErrUnavailable)

// acquire takes a connection of the pool.
func (h Handle) acquire(ctx context.Context) (bun.Conn, error) {
	if !h.spare {
		conn, err := h.bun.Conn(ctx)
		if err != nil {
			return conn, &beginError{err}
		}
		return conn, nil
	}
	pool := h.opts.Recorder
	if pool == nil {
		pool = h.bun
		if use := pool.Stats(); use.MaxOpenConnections > 0 && use.InUse >= use.MaxOpenConnections {
			return bun.Conn{}, ErrNoRecorder
		}
	}
	bounded, cancel := context.WithTimeout(ctx, spareTimeout)
	defer cancel()
	conn, err := pool.Conn(bounded)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() == nil && bounded.Err() != nil:
		return conn, ErrNoRecorder
	default:
		return conn, &beginError{err}
	}
}

// transact runs fn in one transaction on the connection.
func (h Handle) transact(
	ctx context.Context, conn *sql.Conn, owes *ledger, actor hmstype.Actor, now time.Time, want settings,
	fn func(context.Context, DB) error,
) (err error) {
	done := false
	defer func() {
		if !done { // fn panicked or failed: end the transaction before the connection goes back
			rollback(ctx, conn)
		}
		if mustGo(err) {
			discard(conn)
		}
	}()
	meterOf(ctx).add()
	if err := h.begin(ctx, conn, want); err != nil {
		return &beginError{err}
	}
	opCtx, db := h.bindOwn(conn, owes).newOperation(ctx, actor, now, want)
	err = db.run(opCtx, func(ctx context.Context, db DB) error {
		if err := fn(ctx, db); err != nil || owes == nil {
			return err
		}
		return db.settle(ctx)
	})
	if err != nil {
		return err
	}
	done = true
	meterOf(ctx).add()
	return commit(ctx, conn)
}

// fresh are the statements that leave nothing in a pooled connection of what somebody before us, or SQL that was
// slipped into his, put there for good: settings go back to those that the host connects with, temporary tables
// and held cursors, which would show his rows to the next one, go, and so do locks of the session's, for which
// others wait. The level is named, for BEGIN reads a session's
// default: a sum after a lock must see what was committed before the lock was had.
var fresh = []message{
	{text: "BEGIN ISOLATION LEVEL READ COMMITTED"},
	{text: "RESET ALL"},
	{text: "RESET ROLE"}, // which RESET ALL leaves
	{text: "DISCARD TEMP"},
	{text: "CLOSE ALL"},
	{text: "UNLISTEN *"}, // notifications would heap up in the driver
	{text: "SELECT pg_catalog.pg_advisory_unlock_all()"},
}

// begin sends BEGIN and the settings in one round trip.
func (h Handle) begin(ctx context.Context, conn *sql.Conn, want settings) error {
	messages := slices.Concat(fresh, guarded, h.statements(want))
	if h.snapshot {
		messages[0] = message{text: "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"}
	}
	return h.send(ctx, conn, messages...)
}

// mustGo tells whether a connection on which a transaction of ours failed so may be in a state that the next one
// does not mend: nothing begins on it, or BEGIN took READ ONLY from the session.
func mustGo(err error) bool {
	var begin *beginError
	return errors.As(err, &begin) || SQLState(err) == "25006"
}

// commit runs on a context that cannot be cancelled. Its failure tells of a rollback only where
// the server says so in a class that it gives before it commits; any other leaves the outcome
// unknown.
func commit(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	err := conn.Raw(func(driverConn any) error {
		pgxConn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		tags, err := pgxConn.Conn().PgConn().Exec(ctx, "COMMIT").ReadAll()
		if err == nil && len(tags) == 1 && tags[0].CommandTag.String() == "ROLLBACK" {
			return pgx.ErrTxCommitRollback
		}
		return err
	})
	if errors.Is(err, errNotPgx) {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err = commitError(err); errors.Is(err, hmstype.ErrOutcomeUnknown) {
		discard(conn)
	}
	return err
}

// rolledBackClasses are the classes of SQLSTATE in which a server that was asked to COMMIT tells
// that it did not: a deferred constraint (23), a failed transaction (25), a serialization failure
// or deadlock (40), and our own triggers (HM). Others are met after the fact as well: a
// distributed server that said XX000 had committed in four of four cases.
var rolledBackClasses = []string{"23", "25", "40", "HM"}

// commitError is what the failure of a COMMIT tells the caller.
func commitError(err error) error {
	if err == nil || errors.Is(err, pgx.ErrTxCommitRollback) {
		return err
	}
	if state := SQLState(err); len(state) == 5 && slices.Contains(rolledBackClasses, state[:2]) {
		return err
	}
	return fmt.Errorf("%w: COMMIT was not confirmed", hmstype.ErrOutcomeUnknown)
}

// rollback ends the transaction on a context that cannot be cancelled. Where that fails
// the connection is thrown away, which makes the server roll back.
func rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		discard(conn)
	}
}

func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // tells the pool to close it
}
