package sealed_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
)

// interleaving is a game of transactions that begin, record, and end in any order, and of steps of sealing in between.
type interleaving struct {
	b       *logBundle
	open    []bun.Conn
	pending [][]time.Time // by transaction: what it has recorded; nil where it has not begun
	through time.Time     // the newest that was signed
}

func (g *interleaving) exec(t *rapid.T, i int, statement string) {
	_, err := g.open[i].ExecContext(g.b.Ctx, statement)
	require.NoError(t, err)
}

// turn lets a transaction do the next thing.
func (g *interleaving) turn(t *rapid.T) {
	i := rapid.IntRange(0, len(g.open)-1).Draw(t, "transaction")
	if g.pending[i] == nil {
		g.exec(t, i, `BEGIN`)
		g.pending[i] = []time.Time{}
		return
	}
	switch rapid.SampledFrom([]string{"write", "write", "write", "part", "undone", "commit", "commit", "rollback"}).
		Draw(t, "does") {
	case "write":
		g.write(t, i)
	case "part":
		g.exec(t, i, `SAVEPOINT part`)
		g.write(t, i)
		g.exec(t, i, `RELEASE SAVEPOINT part`)
	case "undone":
		before := len(g.pending[i])
		g.exec(t, i, `SAVEPOINT part`)
		g.write(t, i)
		g.exec(t, i, `ROLLBACK TO SAVEPOINT part`)
		g.pending[i] = g.pending[i][:before]
	case "commit":
		for _, at := range g.pending[i] {
			require.False(t, at.Before(g.through), "recorded before an instant that a checkpoint vouched for")
		}
		g.exec(t, i, `COMMIT`)
		g.pending[i] = nil
	case "rollback":
		g.exec(t, i, `ROLLBACK`)
		g.pending[i] = nil
	}
}

func (g *interleaving) write(t *rapid.T, i int) {
	for range rapid.IntRange(1, 4).Draw(t, "events") {
		var at time.Time
		require.NoError(t, g.open[i].QueryRowContext(g.b.Ctx, `INSERT INTO hms.audit_event (tenant_id, actor, action,
			entity, entity_id, operation, request_id, purpose)
			VALUES ('`+g.b.Tenant.String()+`', 'human:x', 'read', 'test', '', '', '', '') RETURNING recorded_at`).Scan(&at))
		g.pending[i] = append(g.pending[i], at.UTC())
	}
}

// seal takes a step. One that left nothing has sealed whatever was committed before it.
func (g *interleaving) seal(t *rapid.T) {
	report, err := g.b.s.Seal(g.b.Ctx, sealed.SealInput{
		Limit: rapid.IntRange(1, 12).Draw(t, "limit"), Sweep: rapid.IntRange(0, 4).Draw(t, "sweep") == 0,
	})
	require.NoError(t, err)
	require.False(t, report.Checkpoint.Through.Before(g.through))
	g.through = report.Checkpoint.Through
	if !report.More {
		g.requireSealed(t)
	}
}

func (g *interleaving) requireSealed(t require.TestingT) {
	var waiting int
	require.NoError(t, g.b.DB.NewRaw(`SELECT count(*) FROM hms.audit_event AS e WHERE e.tenant_id = ?
		AND NOT EXISTS (SELECT FROM hms.audit_leaf AS l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.id)`, g.b.Tenant).
		Scan(g.b.Ctx, &waiting))
	require.Zero(t, waiting)
}

// Whatever order transactions and steps come in: what is committed is sealed by the next step, once, whoever else is
// open; and nothing appears that is older than what a checkpoint vouched for.
func TestService_SealUnderAnyInterleaving(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.config.Witnesses, b.config.Refresh = nil, time.Nanosecond
	b.s = newService(b.Base, b.config)
	b.seal(t)
	rapid.Check(t, func(rt *rapid.T) {
		g := &interleaving{b: b, open: make([]bun.Conn, 4), pending: make([][]time.Time, 4)}
		for i := range g.open {
			var err error
			g.open[i], err = b.DB.Conn(b.Ctx)
			require.NoError(rt, err)
			defer func() {
				_, _ = g.open[i].ExecContext(context.WithoutCancel(b.Ctx), `ROLLBACK`) // it may be open where a check failed
				_ = g.open[i].Close()
			}()
		}
		rt.Repeat(map[string]func(*rapid.T){
			"Turn": g.turn, "Another": g.turn, "Third": g.turn, "Seal": g.seal,
		})
	})
	b.config.Refresh = 0
	b.s = newService(b.Base, b.config)
	b.seal(t)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Greater(t, report.Size, int64(100))
}

// After a restore into a server whose ids are lower, old events bear ids that are given out again.
func TestService_SealWhereIDsBeginAnew(t *testing.T) {
	t.Parallel()
	b := attacked(t)
	b.sql(t, `INSERT INTO hms.audit_event
		(tenant_id, actor, action, entity, entity_id, operation, request_id, purpose, xid)
		SELECT '`+b.Tenant.String()+`', 'human:x', 'read', 'restored', i::text, '', '', '', (txid_current() + i)::text::xid8
		FROM generate_series(2, 60) AS i`)
	b.sql(t, `UPDATE hms.audit_checkpoint SET xid = '4000000000000', sealed = '3999999999000:3999999999999:3999999999000'`)
	b.sealBy(t, sealed.SealInput{Limit: 11})
	for range 4 {
		b.record(t, 20)
		b.sealBy(t, sealed.SealInput{Limit: 11})
	}
	require.Empty(t, b.found(t))
}
