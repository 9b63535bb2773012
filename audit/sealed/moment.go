package sealed

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// moment is what one step knows of the server's transactions, those of other databases and prepared ones included.
type moment struct {
	own     uint64   // the step's own transaction: those with a greater id began after begun
	xmax    uint64   // none from it on has ended; some may have begun
	running []uint64 // below xmax, ascending; own is not among them
	begun   time.Time
	at      time.Time // now; both UTC, of the database's clock
	came    time.Time // when the tenant was taken in from another database; zero where it was not
}

// takeMoment looks when the tenant's sealers stand in turn, so that each moment is later than that of the step before.
// The transaction's id is younger than now(), which is the time of its BEGIN.
func takeMoment(ctx context.Context, db dbx.DB) (m moment, err error) {
	var own, text string
	var came sql.NullTime
	err = db.QueryRow(ctx, `SELECT pg_current_xact_id()::text, pg_current_snapshot()::text, now(), clock_timestamp(),
			(SELECT max(r.recorded_at) FROM hms.tenant_record AS r WHERE r.tenant_id = $1 AND r.kind = 'moved-in')`,
		db.Tenant()).Scan(&own, &text, &m.begun, &m.at, &came)
	m.came = came.Time
	if err != nil {
		return m, err
	}
	if m.own, err = strconv.ParseUint(own, 10, 64); err != nil {
		return m, err
	}
	seen, err := parseExtent(text)
	m.xmax, m.running = seen.below, seen.except
	m.begun, m.at = hmstype.Instant(m.begun), hmstype.Instant(m.at)
	return m, err
}

// ended gives the transactions that have ended, as far as their ids lie below a number; not the step's own.
func (m moment) ended(bound uint64) extent {
	e := extent{below: min(m.xmax, bound), except: slices.Clone(m.running)}
	e.except = append(e.except, m.own)
	slices.Sort(e.except)
	return e.upTo(e.below)
}

// oldest gives the first transaction that may have begun before the step's and has not ended; ok is false for none.
// From xmax on the snapshot names nobody, but all below own have begun.
func (m moment) oldest() (id uint64, ok bool) {
	switch {
	case len(m.running) > 0 && m.running[0] < m.own:
		return m.running[0], true
	case m.xmax < m.own:
		return m.xmax, true
	default:
		return 0, false
	}
}

// extent is a set of transactions: all below a number but some. The zero one is empty.
type extent struct {
	below  uint64
	except []uint64 // ascending, below it
}

// parseExtent reads a pg_snapshot, "xmin:xmax:xip,xip".
func parseExtent(text string) (e extent, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return e, fmt.Errorf("snapshot %q", text)
	}
	if e.below, err = strconv.ParseUint(parts[1], 10, 64); err != nil || parts[2] == "" {
		return e, err
	}
	for id := range strings.SplitSeq(parts[2], ",") {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return e, err
		}
		e.except = append(e.except, n)
	}
	return e, nil
}

// String writes it as PostgreSQL writes a pg_snapshot.
func (e extent) String() string {
	oldest := max(e.below, 1)
	if len(e.except) > 0 {
		oldest = e.except[0]
	}
	return fmt.Sprintf("%d:%d:%s", oldest, max(e.below, 1), strings.Join(texts(e.except), ","))
}

// upTo cuts it off at a transaction.
func (e extent) upTo(id uint64) extent {
	n, _ := slices.BinarySearch(e.except, id)
	return extent{below: id, except: e.except[:n:n]}
}

// newly gives those of its exceptions that are in a later extent.
func (e extent) newly(later extent) []uint64 {
	var list []uint64
	for _, id := range e.except {
		if _, still := slices.BinarySearch(later.except, id); !still && id < later.below {
			list = append(list, id)
		}
	}
	return list
}

func texts(ids []uint64) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatUint(id, 10)
	}
	return list
}

// idClock remembers when transaction ids had not been given out yet, for all tenants: a transaction whose id is
// greater than that of a step began after the step did. What it has forgotten, or never knew because the process is
// young, only makes [proof.Checkpoint.Through] earlier than it could be.
type idClock struct {
	mu       sync.Mutex
	readings [256]reading // a ring
	next     int
}

type reading struct {
	id uint64
	at time.Time
}

// read notes a step, but not one of a tenant that follows another's too closely.
func (c *idClock) read(m moment, apart time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.readings[(c.next+len(c.readings)-1)%len(c.readings)]
	if d := m.begun.Sub(last.at); d >= 0 && d < apart {
		return
	}
	c.readings[c.next] = reading{m.own, m.begun}
	c.next = (c.next + 1) % len(c.readings)
}

// notBefore gives an instant after which a transaction began; zero where none is known.
func (c *idClock) notBefore(id uint64) (at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.readings {
		if !r.at.IsZero() && r.id < id && r.at.After(at) {
			at = r.at
		}
	}
	return at
}

// through gives the instant such that whatever was recorded before it, and will ever be seen, can be seen now: all
// that has not ended began later, and what records an event takes its transaction's id before it looks at the clock
// (hms.audit_event.recorded_at). Where the clock was set back, no earlier one.
func (s *Service) through(h head, now moment) time.Time {
	through := now.begun
	if oldest, held := now.oldest(); held {
		through = s.ids.notBefore(oldest)
	}
	switch {
	case through.Before(h.Through):
		return h.Through
	case through.After(now.at):
		return now.at
	default:
		return through
	}
}
