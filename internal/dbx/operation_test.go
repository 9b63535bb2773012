package dbx_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// A port joins the operation of its caller: the same actor and the same instant, though the clock
// has moved on.
func TestHandle_Join_GivesTheOperationOfTheContext(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Clock.Tick(time.Second)
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		joined, err := env.Base.DB.Join(ctx, db.Conn())
		require.NoError(t, err)
		require.Equal(t, db.Actor, joined.Actor)
		require.Equal(t, db.Now, joined.Now)

		// A savepoint of the joined handle goes on with the same operation.
		require.ErrorIs(t, joined.Savepoint(ctx, func(ctx context.Context, inner dbx.DB) error {
			require.Equal(t, db.Now, inner.Now)
			require.NoError(t, count(ctx, inner))
			return errTest
		}), errTest)
		return count(ctx, joined)
	}))
	require.Equal(t, int64(1), counted(t, env), "what the savepoint did is undone, the rest stands")
}

// A port that is called on another connection than its context's operation makes one of its own,
// whose savepoints work as well.
func TestHandle_Join_OnAnotherConnection(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	require.NoError(t, env.InTx(t, env.Ctx, func(_ context.Context, db dbx.DB) error {
		joined, err := env.Base.DB.Join(env.Ctx, db.Conn()) // a context that knows of no operation
		require.NoError(t, err)
		_, err = env.Base.DB.Join(context.Background(), db.Conn())
		require.ErrorIs(t, err, hmstype.ErrUnauthenticated)
		return joined.Savepoint(env.Ctx, count)
	}))
	require.Equal(t, int64(1), counted(t, env))
}

// All of what one transaction of ours does has one instant, whichever use cases it takes.
func TestHandle_InTx_OneInstant(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Clock.Tick(time.Second)
	var instants []time.Time
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		instants = append(instants, db.Now)
		return db.Handle().InTx(ctx, "inner", func(_ context.Context, db dbx.DB) error {
			instants = append(instants, db.Now)
			return nil
		})
	}))
	require.Equal(t, instants[0], instants[1])
}

// A bound handle serves one goroutine: whoever comes while it is in use is told so, and the host's
// transaction is unharmed, in the host's role.
func TestHandle_InTx_ConcurrentUseOfABoundHandle(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var before, after string
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT current_user`).Scan(&before))
	bound := env.Base.DB.Bind(tx)
	const others = 8
	var wg sync.WaitGroup
	errs := make([]error, others)
	require.NoError(t, bound.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
		for i := range others {
			wg.Go(func() { errs[i] = bound.InTx(env.Ctx, "test", count) })
		}
		wg.Wait()
		return count(ctx, db)
	}))
	for _, err := range errs {
		require.ErrorIs(t, err, hmstype.ErrConcurrentUse)
	}
	require.NoError(t, bound.InTx(env.Ctx, "test", count), "it is free again")
	require.Panics(t, func() {
		_ = bound.InTx(env.Ctx, "test", func(context.Context, dbx.DB) error { panic("in a use case") })
	})
	require.NoError(t, bound.InTx(env.Ctx, "test", count), "also after a panic")
	require.NoError(t, tx.QueryRowContext(t.Context(), `SELECT current_user`).Scan(&after))
	require.Equal(t, before, after)
	require.NoError(t, tx.Commit())
	require.Equal(t, int64(3), counted(t, env))
}

// Code of the host's runs in the host's role and settings, in our transaction as in his own.
func TestDB_AsHost(t *testing.T) {
	t.Parallel()
	const state = `SELECT current_user, coalesce(nullif(current_setting('hms.tenant', true), ''),
			split_part(coalesce(current_setting('hms.context', true), ''), E'\x1f', 8)),
		split_part(coalesce(current_setting('hms.context', true), ''), E'\x1f', 1)`
	look := func(t *testing.T, ctx context.Context, conn bun.IConn) []string {
		t.Helper()
		var user, tenant, actor string
		require.NoError(t, conn.QueryRowContext(ctx, state).Scan(&user, &tenant, &actor))
		return []string{user, tenant, actor}
	}
	for name, run := range map[string]func(*testing.T, *dbtest.Env, func(context.Context, dbx.DB) error) ([]string, error){
		"InOurTransaction": func(t *testing.T, env *dbtest.Env, fn func(context.Context, dbx.DB) error) ([]string, error) {
			t.Helper()
			return []string{"postgres", "", ""}, env.Base.DB.InTx(env.Ctx, "test", fn)
		},
		"InTheHosts": func(t *testing.T, env *dbtest.Env, fn func(context.Context, dbx.DB) error) ([]string, error) {
			t.Helper()
			tx, err := env.DB.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback()) }()
			_, err = tx.ExecContext(t.Context(), `SET LOCAL ROLE hms_owner; SET LOCAL hms.context = 'the host''s'`)
			require.NoError(t, err)
			return []string{"hms_owner", "", "the host's"}, env.Base.DB.Bind(tx).InTx(env.Ctx, "test", fn)
		},
		"Nested": func(t *testing.T, env *dbtest.Env, fn func(context.Context, dbx.DB) error) ([]string, error) {
			t.Helper()
			return []string{"postgres", "", ""}, env.Base.DB.InTx(env.Ctx, "outer", func(ctx context.Context, db dbx.DB) error {
				return db.Handle().InTx(ctx, "inner", fn)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			var inHost, before, after []string
			want, err := run(t, env, func(ctx context.Context, db dbx.DB) error {
				before = look(t, ctx, db.Conn())
				err := db.AsHost(ctx, func(ctx context.Context, conn bun.IConn) error {
					inHost = look(t, ctx, conn)
					return nil
				})
				after = look(t, ctx, db.Conn())
				require.ErrorIs(t, db.AsHost(ctx, func(context.Context, bun.IConn) error { return errTest }), errTest)
				return err
			})
			require.NoError(t, err)
			require.Equal(t, want, inHost)
			require.Equal(t, []string{"hms_app", env.Tenant.String(), "system:test"}, before)
			require.Equal(t, before, after)
		})
	}
}

func TestMeter_CountsRoundTrips(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	ctx, meter := dbx.WithMeter(env.Ctx)
	require.NoError(t, env.Base.DB.InTx(ctx, "test", func(ctx context.Context, db dbx.DB) error {
		require.Equal(t, int64(1), meter.RoundTrips(), "BEGIN and the settings are one")
		_, err := dbx.Exists[struct {
			bun.BaseModel `bun:"table:hms.counter,alias:c"`
		}](ctx, db)
		require.NoError(t, err)
		return count(ctx, db)
	}))
	require.Equal(t, int64(4), meter.RoundTrips(), "begin, two statements, COMMIT")
}

// Only where the server says that it rolled back does a failed COMMIT tell of a rollback.
func TestCommitError(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err     error
		unknown bool
	}{
		"DeferredForeignKey":   {&pgconn.PgError{Code: "23503"}, false},
		"ExclusionConstraint":  {&pgconn.PgError{Code: "23P01"}, false},
		"FailedTransaction":    {&pgconn.PgError{Code: "25P02"}, false},
		"SerializationFailure": {&pgconn.PgError{Code: "40001"}, false},
		"Deadlock":             {&pgconn.PgError{Code: "40P01"}, false},
		"OurOwnTrigger":        {&pgconn.PgError{Code: "HM004"}, false},
		"RolledBackTag":        {pgx.ErrTxCommitRollback, false},

		"DistributedServer": {&pgconn.PgError{Code: "XX000"}, true},
		"AdminShutdown":     {&pgconn.PgError{Code: "57P01"}, true},
		"CrashShutdown":     {&pgconn.PgError{Code: "57P02"}, true},
		"ConnectionFailure": {&pgconn.PgError{Code: "08006"}, true},
		"StatementUnknown":  {&pgconn.PgError{Code: "08007"}, true},
		"DiskFull":          {&pgconn.PgError{Code: "53100"}, true},
		"NoCode":            {&pgconn.PgError{}, true},
		"BrokenConnection":  {errors.New("unexpected EOF"), true},
		"TimedOut":          {context.DeadlineExceeded, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := dbx.CommitError(tt.err)
			require.Equal(t, tt.unknown, errors.Is(err, hmstype.ErrOutcomeUnknown))
			if !tt.unknown {
				require.ErrorIs(t, err, tt.err)
			}
		})
	}
	require.NoError(t, dbx.CommitError(nil))
}
