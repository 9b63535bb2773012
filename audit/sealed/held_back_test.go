package sealed_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// held gives a tenant on a server of its own, whose log calls a transaction long that lasts two seconds.
func held(t *testing.T, settings map[string]string) *logBundle {
	t.Helper()
	b := newLog(t, dbtest.NewServer(t, settings))
	b.config.LongestTransaction = 2 * time.Second
	b.s = newService(b.Base, b.config)
	b.record(t, 5)
	b.seal(t)
	require.Empty(t, b.verify(t).Findings)
	return b
}

// session connects to a database of the test's server as somebody.
func session(t *testing.T, b *logBundle, user, database string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(b.DSN)
	require.NoError(t, err)
	u.User, u.Path = url.User(user), "/"+database
	conn, err := pgx.Connect(t.Context(), u.String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

// untilHeldBack records and seals until the log says that it is held back, and proves that nothing waits meanwhile.
func (b *logBundle) untilHeldBack(t *testing.T) sealed.SealReport {
	t.Helper()
	begun := dbtest.Scalar[time.Time](t, b.Env, `SELECT min(sealed_at) FROM hms.audit_checkpoint`)
	for {
		b.record(t, 1)
		report, err := b.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		require.Zero(t, dbtest.Scalar[int64](t, b.Env, `SELECT count(*) FROM hms.audit_event AS e
			WHERE NOT EXISTS (SELECT FROM hms.audit_leaf AS l WHERE l.event_id = e.id)`), "whatever has ended is sealed")
		since := report.Checkpoint.Through // before the first checkpoint nothing is late
		if since.Before(begun) {
			since = begun
		}
		if report.Checkpoint.Time.Sub(since) > b.config.LongestTransaction {
			return report
		}
		require.NoError(t, t.Context().Err())
	}
}

// requireHeldBack says what a verification finds while one transaction is open for too long.
func (b *logBundle) requireHeldBack(t *testing.T, by string) {
	t.Helper()
	report := b.verify(t)
	require.Equal(t, []sealed.FindingKind{sealed.FindingHeldBack}, kinds(report), "no event is one")
	require.Contains(t, report.Findings[0].Detail, by)
	require.Len(t, report.Delays, 1)
}

// requireReleased says what it finds when that one has ended: history.
func (b *logBundle) requireReleased(t *testing.T) {
	t.Helper()
	before := b.verify(t).Delays[0]
	report := b.seal(t)
	require.Empty(t, report.HeldBack)
	require.Less(t, report.Checkpoint.Time.Sub(report.Checkpoint.Through), b.config.LongestTransaction)
	b.record(t, 3)
	b.seal(t)
	verified := b.verify(t)
	require.Empty(t, verified.Findings, "no honest event is a finding for ever")
	require.Equal(t, []sealed.Delay{before}, verified.Delays)
	require.GreaterOrEqual(t, before.To.Sub(before.Since), b.config.LongestTransaction)
	require.Contains(t, verified.String(), "1 times sealing was held back")
}

// A transaction of another database that stays open keeps nothing of ours from being sealed, and is named.
func TestService_SealWhileAForeignTransactionIsOpen(t *testing.T) {
	t.Parallel()
	b := held(t, nil)
	b.sql(t, `CREATE ROLE nightly LOGIN; CREATE ROLE clerk LOGIN; GRANT hms_app, hms_sealer TO clerk`)
	batch := session(t, b, "nightly", "other")
	_, err := batch.Exec(t.Context(), `BEGIN; SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	name := fmt.Sprintf("session %d of nightly in other", batch.PgConn().PID())
	heldBack := b.untilHeldBack(t)
	require.Contains(t, heldBack.HeldBack, name+" state idle in transaction since 2")
	b.requireHeldBack(t, name+" state idle in transaction since 2")

	u, err := url.Parse(b.DSN)
	require.NoError(t, err)
	u.User = url.User("clerk")
	db, err := dbx.Open(u.String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	base := b.Base
	base.DB = dbx.NewHandle(db, dbx.Options{Now: b.Clock.Now})
	asClerk := &logBundle{Env: b.Env, config: b.config, s: newService(base, b.config)}
	asClerk.requireHeldBack(t, name)
	b.sql(t, `REVOKE SELECT ON pg_catalog.pg_locks FROM PUBLIC`)
	asClerk.requireHeldBack(t, "by an unknown session")

	_, err = batch.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	b.requireHeldBack(t, "a transaction that has ended")
	b.requireReleased(t)

	b.sql(t, `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM hms.audit_event WHERE (recorded_at, id) =
		(SELECT recorded_at, event_id FROM hms.audit_leaf WHERE leaf_index = `+
		fmt.Sprint(heldBack.Checkpoint.Size-1)+`); COMMIT`)
	require.Equal(t, []sealed.FindingKind{sealed.FindingRemoved}, kinds(b.verify(t)), "sealed while it was open")
}

// So does one of ours that was prepared and forgotten; its events are sealed when it commits.
func TestService_SealWhileATransactionIsPrepared(t *testing.T) {
	t.Parallel()
	b := held(t, map[string]string{"max_prepared_transactions": "2"})
	b.sql(t, `BEGIN; INSERT INTO hms.audit_event
		(tenant_id, actor, action, entity, entity_id, operation, request_id, purpose)
		VALUES ('`+b.Tenant.String()+`', 'human:late', 'read', 'test', 'late', '', '', ''); PREPARE TRANSACTION 'order 17'`)
	name := `the prepared transaction "order 17" of postgres in postgres since 2`
	require.Contains(t, b.untilHeldBack(t).HeldBack, name)
	b.requireHeldBack(t, name)
	b.sql(t, `COMMIT PREPARED 'order 17'`)
	b.requireReleased(t)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_leaf AS l
		JOIN hms.audit_event AS e ON e.id = l.event_id WHERE e.actor = 'human:late'`))
}

// While one of our own transactions is open, no checkpoint says that what it recorded is in the log.
func TestService_SealWaitsForALateCommitAlone(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 5)
	b.seal(t)
	var recorded time.Time
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		if err := db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "test", ID: "late"}); err != nil {
			return err
		}
		err := db.QueryRow(ctx, `SELECT recorded_at FROM hms.audit_event WHERE entity_id = 'late' AND tenant_id = $1`,
			db.Tenant()).Scan(&recorded)
		if err != nil {
			return err
		}
		for i := range 10 {
			b.record(t, 3)
			report := b.sealBy(t, sealed.SealInput{Limit: 1 + i, Sweep: i == 7})
			require.True(t, report.Checkpoint.Through.Before(recorded.UTC()))
		}
		return nil
	}))
	b.seal(t)
	report := b.verify(t)
	require.Empty(t, report.Findings)
	require.Zero(t, report.Unsealed)
}
