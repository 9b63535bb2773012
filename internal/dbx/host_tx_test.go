package dbx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// inEachHostTx runs test in a transaction of each kind that a host may begin.
func inEachHostTx(t *testing.T, test func(t *testing.T, env *dbtest.Env, host dbtest.HostTx)) {
	t.Helper()
	for _, way := range dbtest.WaysToJoin {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			test(t, env, way.Begin(t, env.DB, env.DSN))
		})
	}
}

func TestHandle_InTx_Bound(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		bound := host.Bind(env.Base.DB)
		require.True(t, bound.IsBound())
		require.False(t, bound.Unbound().IsBound())
		before := hostState(t, host)

		require.NoError(t, bound.InTx(env.Ctx, "test", count))
		require.Equal(t, before, hostState(t, host), "role and settings are the host's again")

		require.ErrorIs(t, bound.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			_, _ = db.Exec(ctx, `SELECT 1 / 0`)
			return errTest
		}), errTest)
		require.Equal(t, before, hostState(t, host), "also after a failure, in a usable transaction")

		require.NoError(t, bound.InTx(env.Ctx, "outer", func(ctx context.Context, db dbx.DB) error {
			require.ErrorIs(t, db.Handle().InTx(ctx, "inner", func(ctx context.Context, db dbx.DB) error {
				require.NoError(t, count(ctx, db))
				return errTest
			}), errTest)
			return db.Savepoint(ctx, count)
		}))
		require.Equal(t, before, hostState(t, host))
		require.NoError(t, host.Commit())
		require.Equal(t, int64(2), counted(t, env))
	})
}

func TestHandle_InTx_BoundPanics(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		bound := host.Bind(env.Base.DB)
		before := hostState(t, host)
		require.PanicsWithValue(t, "boom", func() {
			_ = bound.InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
				require.NoError(t, count(ctx, db))
				panic("boom")
			})
		})
		require.Equal(t, before, hostState(t, host))
		require.NoError(t, bound.InTx(env.Ctx, "test", count), "the host recovered and goes on")
		require.NoError(t, host.Commit())
		require.Equal(t, int64(1), counted(t, env))
	})
}

func TestHandle_InTx_BoundGivesBackTheHostsOwnRole(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		defer func() { require.NoError(t, host.Rollback()) }()
		for _, s := range []string{
			`SET LOCAL ROLE hms_sealer`, `SET LOCAL search_path = hms, public`, `SET LOCAL hms.tenant = 'the host''s own'`,
		} {
			require.NoError(t, host.Exec(t.Context(), s))
		}
		before := hostState(t, host)
		require.Equal(t, "hms_sealer", before[0])
		bound := host.Bind(env.Base.DB)
		require.NoError(t, bound.InTx(env.Ctx, "test", count))
		require.Equal(t, before, hostState(t, host))
		require.ErrorIs(t, bound.InTx(env.Ctx, "test", func(context.Context, dbx.DB) error { return errTest }), errTest)
		require.Equal(t, before, hostState(t, host))
		require.Panics(t, func() {
			_ = bound.InTx(env.Ctx, "test", func(context.Context, dbx.DB) error { panic("boom") })
		})
		require.Equal(t, before, hostState(t, host))
	})
}

func TestHandle_InTx_BoundCancelledLeavesNoGhostRow(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		ctx, cancel := context.WithCancel(env.Ctx)
		err := host.Bind(env.Base.DB).InTx(ctx, "test", func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			cancel()
			require.ErrorIs(t, count(ctx, db), context.Canceled)
			return errTest
		})
		require.ErrorIs(t, err, errTest)
		require.NoError(t, host.Commit(), "the host swallows the error and goes on")
		require.Zero(t, counted(t, env), "what was told to have failed is not there")
	})
}

func TestHandle_InTx_BoundInASavepointOfTheHosts(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		before := hostState(t, host)
		require.NoError(t, host.Bind(env.Base.DB).InTx(env.Ctx, "test", count))
		require.NoError(t, host.Within(t.Context(), func(nested dbtest.HostTx) error {
			require.Equal(t, before, hostState(t, nested))
			return nested.Bind(env.Base.DB).InTx(env.Ctx, "test", count)
		}))
		require.Equal(t, before, hostState(t, host))
		require.NoError(t, host.Commit())
		require.Equal(t, int64(1), counted(t, env), "what the host rolled back to is gone, what was before is not")
	})
}

func TestHandle_InTx_BoundToATransactionThatEnded(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		bound := host.Bind(env.Base.DB)
		require.NoError(t, bound.InTx(env.Ctx, "test", count))
		require.NoError(t, host.Rollback())
		require.Error(t, bound.InTx(env.Ctx, "test", count), "it is refused, not done in no transaction")
		require.Zero(t, counted(t, env))
	})
}

func TestHandle_InTx_BoundMapsErrors(t *testing.T) {
	t.Parallel()
	inEachHostTx(t, func(t *testing.T, env *dbtest.Env, host dbtest.HostTx) {
		defer func() { require.NoError(t, host.Rollback()) }()
		require.NoError(t, host.Bind(env.Base.DB).InTx(env.Ctx, "test", func(ctx context.Context, db dbx.DB) error {
			require.ErrorIs(t, dbx.Map(db.Savepoint(ctx, func(ctx context.Context, db dbx.DB) error {
				_, err := db.Exec(ctx, `INSERT INTO hms.counter (tenant_id, name, value)
					VALUES ($1, 'x', 1), ($1, 'x', 1)`, db.Tenant())
				require.Equal(t, "23505", dbx.SQLState(err))
				require.Equal(t, "counter_pkey", dbx.Constraint(err))
				return err
			})), hmstype.ErrAlreadyExists)
			var none string
			err := db.QueryRow(ctx, `SELECT name FROM hms.counter WHERE tenant_id = $1 AND name = $2`, db.Tenant(), "none").
				Scan(&none)
			require.ErrorIs(t, dbx.Map(err), hmstype.ErrNotFound)
			return nil
		}))
	})
}

func hostState(t *testing.T, host dbtest.HostTx) [5]string {
	t.Helper()
	var s [5]string
	require.NoError(t, host.Scan(context.Background(), `SELECT current_user::text, current_setting('search_path'),
		coalesce(current_setting('hms.tenant', true), ''), coalesce(current_setting('hms.context', true), ''),
		current_setting('standard_conforming_strings')`, &s[0], &s[1], &s[2], &s[3], &s[4]))
	return s
}
