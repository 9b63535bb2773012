package dbx

import (
	"context"
	"database/sql"
	"slices"
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
)

// ledger is what a transaction of ours owes the trail: what was shown in it, which must be on record also where the
// transaction, or a savepoint in it, is undone, and what was refused, which was undone by its own refusal. A nil ledger
// takes nothing: in a transaction of the host's, whose end we do not see, both are recorded apart.
type ledger struct {
	mu      sync.Mutex
	entries []entry
}

// entry is one thing owed.
type entry struct {
	ctx      context.Context //nolint:containedctx // of the operation, whose actor it keeps
	op       string
	at       time.Time // the operation's instant
	accesses []Access  // or
	write    func(context.Context, DB) error
	onTrail  bool // whether the transaction holds what records it
}

// record writes the entry.
func (e entry) record(ctx context.Context, db DB) error {
	if e.write != nil {
		return e.write(ctx, db)
	}
	return db.writeAccess(ctx, e.accesses)
}

func (l *ledger) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

// mark tells where a savepoint begins.
func (l *ledger) mark() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// undone notes that what was written since the mark is no more.
func (l *ledger) undone(mark int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries[mark:] {
		l.entries[mark+i].onTrail = false
	}
}

// owed gives what the transaction does not hold, in order; neighbours of one operation's kind as one.
func (l *ledger) owed() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []entry
	for _, e := range l.entries {
		if e.onTrail {
			continue
		}
		if n := len(list); n > 0 && list[n-1].takes(e) {
			list[n-1].accesses = slices.Concat(list[n-1].accesses, e.accesses)
			continue
		}
		list = append(list, e)
	}
	return list
}

// takes tells whether another entry differs by what was shown only. Contexts of one actor's request are alike.
func (e entry) takes(other entry) bool {
	if e.write != nil || other.write != nil || e.op != other.op || !e.at.Equal(other.at) {
		return false
	}
	one, err := settingsOf(e.ctx, actorOf(e.ctx), e.op, e.at)
	two, otherErr := settingsOf(other.ctx, actorOf(other.ctx), other.op, other.at)
	return err == nil && otherErr == nil && one == two
}

func actorOf(ctx context.Context) hmstype.Actor {
	actor, _ := hmstype.ActorFrom(ctx) // an operation had one; the zero one equals no other's
	return actor
}

// Owe has a record written that must outlive the rollback of its use case, on the transaction of ours that is around
// it: at its end, or after it where it is undone. It tells whether there is one.
func (h Handle) Owe(ctx context.Context, op string, write func(context.Context, DB) error) bool {
	if h.ledger == nil {
		return false
	}
	h.ledger.add(entry{ctx: outliving(ctx), op: op, at: h.at, write: write})
	return true
}

// outliving is the context of what is recorded after the operation, and whoever waited for it, may have ended.
func outliving(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), operationKey{}, (*operation)(nil))
}

// handOver notes in the ledger what was shown. onTrail says whether the transaction records it.
func (db DB) handOver(accesses []Access, onTrail bool) {
	if db.handle.ledger != nil && len(accesses) > 0 {
		ctx := shownAlready(hmstype.WithActor(outliving(db.op.ctx), db.Actor))
		db.handle.ledger.add(entry{ctx: ctx, op: db.op.name, at: db.Now, accesses: accesses, onTrail: onTrail})
	}
}

// settle writes what is owed inside the transaction, as its last act: what a savepoint took back, and what was refused.
func (db DB) settle(ctx context.Context) error {
	for _, e := range db.handle.ledger.owed() {
		within, cancel := context.WithCancel(e.ctx)
		stop := context.AfterFunc(ctx, cancel)
		err := db.handle.InTx(within, e.op, e.record)
		stop()
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// settleAfter writes all that is owed once the transaction was undone: on its connection, which is free now, or on
// another one where that is broken.
func (h Handle) settleAfter(conn *sql.Conn, l *ledger) {
	l.undone(0)
	for _, e := range l.owed() {
		ctx, cancel := context.WithTimeout(e.ctx, spareTimeout)
		err := h.recordOn(ctx, conn, e)
		if err != nil {
			other := h.Unbound()
			other.at = e.at
			err = other.InTx(ctx, e.op, e.record)
		}
		if err != nil && h.opts.Unrecorded != nil {
			h.opts.Unrecorded(e.op, Map(err))
		}
		cancel()
	}
}

func (h Handle) recordOn(ctx context.Context, conn *sql.Conn, e entry) error {
	actor := actorOf(ctx)
	want, err := settingsOf(ctx, actor, e.op, e.at)
	if err != nil {
		return err
	}
	return h.transact(ctx, conn, nil, actor, e.at, want, e.record)
}
