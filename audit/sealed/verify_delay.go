package sealed

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// Delay is a time at which a transaction was open for longer than [Config.LongestTransaction]. What it recorded, and
// nothing else, may have been in the trail and not in the log.
type Delay struct {
	From  int64     `json:"from"`           // the number of the first checkpoint that it held back
	Until int64     `json:"until"`          // of the last
	Since time.Time `json:"since,omitzero"` // it began later; UTC
	To    time.Time `json:"to,omitzero"`    // of the last checkpoint, UTC
}

// delay notes what a checkpoint says of those that were open. Before the first checkpoint nothing is late.
func (c *logCheck) delay(number int64, p proof.Checkpoint) {
	if c.begun.IsZero() {
		c.begun = p.Time
	}
	if p.Through.Before(c.begun) {
		p.Through = c.begun
	}
	if !c.s.config.isHeldBack(p) {
		return
	}
	delays := c.report.Delays
	if last := len(delays) - 1; last >= 0 && delays[last].Until == number-1 {
		delays[last].Until, delays[last].To = number, p.Time
		return
	}
	c.report.Delays = append(delays, Delay{From: number, Until: number, Since: p.Through, To: p.Time})
	if len(c.report.Delays) > MaxFindings {
		c.report.Delays = c.report.Delays[1:]
	}
}

// checkHeldBack asks whether the newest checkpoint is late, and who keeps it.
func (c *logCheck) checkHeldBack() error {
	last := len(c.report.Delays) - 1
	if last < 0 || c.report.Delays[last].Until != c.number {
		return nil
	}
	holder, err := oldestSession(c.ctx, c.db, c.until.xid)
	c.report.addf(FindingHeldBack, "since "+c.report.Delays[last].Since.Format(time.RFC3339)+" by "+holder)
	return err
}

// sessionQuery looks for the oldest transaction that runs. A prepared one has no session. What a session does is never
// asked: a query may hold a patient's data.
const sessionQuery = `SELECT x.id::text, p.gid, coalesce(p.database, a.datname)::text,
	coalesce(p.owner, a.usename)::text, a.pid, a.state, coalesce(p.prepared, a.xact_start)
	FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS id) AS x
	LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON p.transaction = x.id::pg_catalog.xid
	LEFT JOIN pg_catalog.pg_locks AS l ON l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
		AND l.transactionid = x.id::pg_catalog.xid
	LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
	LIMIT 1`

const unknownSession = "an unknown session"

// oldestSession names the oldest transaction that runs, by the rights of the login, where it is older than the one
// that sealed last; else nobody's.
func oldestSession(ctx context.Context, db dbx.DB, sealedBy uint64) (name string, err error) {
	var id string
	var gid, database, user, state *string
	var pid *int
	var since *time.Time
	err = db.Savepoint(ctx, func(ctx context.Context, db dbx.DB) error {
		return db.AsHost(ctx, func(ctx context.Context, conn bun.IConn) error {
			return conn.QueryRowContext(ctx, sessionQuery).Scan(&id, &gid, &database, &user, &pid, &state, &since)
		})
	})
	if dbx.SQLState(err) == "42501" {
		return unknownSession, nil
	}
	if err != nil {
		return unknownSession, err
	}
	oldest, err := strconv.ParseUint(id, 10, 64)
	switch {
	case err != nil:
		return unknownSession, err
	case oldest >= sealedBy:
		return "a transaction that has ended; the next checkpoint goes on", nil
	case gid != nil:
		name = fmt.Sprintf("the prepared transaction %q", *gid)
	case pid != nil:
		name = fmt.Sprintf("session %d", *pid)
	default:
		return unknownSession, nil
	}
	var more strings.Builder
	for _, part := range []struct {
		what  string
		value *string
	}{{"of", user}, {"in", database}, {"state", state}} {
		if part.value != nil {
			fmt.Fprintf(&more, " %s %s", part.what, *part.value)
		}
	}
	if since != nil {
		fmt.Fprintf(&more, " since %s", since.UTC().Format(time.RFC3339))
	}
	return name + more.String(), nil
}
