package dbx_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

var testNumbers = dbx.DeclareSeries("test")

var errTest = errors.New("the act failed")

// count adds one to a counter, the smallest use case there is.
func count(ctx context.Context, db dbx.DB) error {
	_, err := db.NextNumber(ctx, testNumbers, 0)
	return err
}

func counted(t *testing.T, env *dbtest.Env) int64 {
	t.Helper()
	return dbtest.Scalar[int64](
		t, env, `SELECT coalesce((SELECT value FROM hms.counter WHERE tenant_id = ? AND name = 'test'), 0)`, env.Tenant,
	)
}

func TestHandle_InTx(t *testing.T) {
	t.Parallel()

	t.Run("CommitsAndSetsRoleAndSettings", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		var role, tenant, actor, operation string
		require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			return db.QueryRow(
				ctx,
				`SELECT current_user, hms.current_tenant(), hms.context(1), hms.context(5)`,
			).
				Scan(&role, &tenant, &actor, &operation)
		}))
		require.Equal(t, []string{"hms_app", env.Tenant.String(), "system:test", "test"}, []string{
			role, tenant, actor, operation,
		})
		require.Equal(t, int64(1), counted(t, env))
	})

	t.Run("RollsBackOnError", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		require.ErrorIs(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			return errTest
		}), errTest)
		require.Zero(t, counted(t, env))
	})

	t.Run("RollsBackOnPanicAndPanicsOn", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		require.PanicsWithValue(t, "boom", func() {
			_ = env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
				require.NoError(t, count(ctx, db))
				panic("boom")
			})
		})
		require.Zero(t, counted(t, env))
		require.NoError(t, env.InTx(t, env.Ctx, count), "the pool goes on")
	})
}

func TestHandle_InTx_More(t *testing.T) {
	t.Parallel()

	t.Run("CancelledMidwayLeavesNothing", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		ctx, cancel := context.WithCancel(env.Ctx)
		err := env.InTx(t, ctx, func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			cancel()
			return count(ctx, db)
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, counted(t, env))
	})

	t.Run("CancelledBeforeCommitStillCommits", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		ctx, cancel := context.WithCancel(env.Ctx)
		require.NoError(t, env.InTx(t, ctx, func(ctx context.Context, db dbx.DB) error {
			defer cancel()
			return count(ctx, db)
		}))
		require.Equal(t, int64(1), counted(t, env))
	})

	t.Run("NoActor", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		require.ErrorIs(t, env.InTx(t, t.Context(), count), hmstype.ErrUnauthenticated)
	})

	t.Run("SwallowedStatementErrorIsAnError", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			require.NoError(t, count(ctx, db))
			_, _ = db.Exec(ctx, `SELECT 1 / 0`)
			return nil
		})
		require.Error(t, err)
		require.Equal(t, hmstype.KindInternal, hmstype.KindOf(err))
		require.Zero(t, counted(t, env))
	})
}

func TestHandle_InTx_LostCommit(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		require.NoError(t, count(ctx, db))
		var pid int
		require.NoError(t, db.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid))
		// The backend dies between the last statement and COMMIT: its answer never comes.
		_, err := env.DB.NewRaw(`SELECT pg_terminate_backend(?, 5000)`, pid).Exec(context.WithoutCancel(ctx))
		return err
	})
	require.ErrorIs(t, err, hmstype.ErrOutcomeUnknown)
	require.Equal(t, hmstype.KindUnavailable, hmstype.KindOf(err))
	require.NoError(t, env.InTx(t, env.Ctx, count), "the pool goes on")
	require.Equal(t, int64(1), counted(t, env))
}

func TestHandle_InTx_RetriesDeadlockConcurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	var bothHoldOne sync.WaitGroup
	bothHoldOne.Add(2)
	tries := [2]int{}
	errs := make(chan error, 2)
	for i, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		go func() {
			errs <- env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
				tries[i]++
				if err := db.LockName(ctx, order[0]); err != nil {
					return err
				}
				if tries[i] == 1 {
					bothHoldOne.Done()
					bothHoldOne.Wait()
				}
				if err := db.LockName(ctx, order[1]); err != nil {
					return err
				}
				return count(ctx, db)
			})
		}()
	}
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.GreaterOrEqual(t, tries[0]+tries[1], 3, "one was tried again, or more often where it overtook")
	require.Equal(t, int64(2), counted(t, env))
}

func TestOnce(t *testing.T) {
	t.Parallel()
	type input struct{ Text string }
	again := dbx.Again[int64]{
		ID: func(n int64) uuid.UUID { return uuid.UUID{15: byte(n)} },
		Read: func(_ context.Context, _ dbx.DB, id uuid.UUID) (int64, error) {
			return int64(id[15]), nil
		},
	}
	run := func(env *dbtest.Env, ctx context.Context, key string, in input) (int64, error) {
		var out int64
		err := env.InTx(t, ctx, func(ctx context.Context, db dbx.DB) error {
			var err error
			out, _, err = dbx.Once(ctx, db, "test", key, in, again,
				func(ctx context.Context, db dbx.DB, _ input) (int64, error) {
					return db.NextNumber(ctx, testNumbers, 0)
				})
			return err
		})
		return out, err
	}

	t.Run("SameKeyGivesTheFirstResult", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		for range 3 {
			n, err := run(env, env.Ctx, "k", input{"a"})
			require.NoError(t, err)
			require.Equal(t, int64(1), n)
		}
		_, err := run(env, env.Ctx, "k", input{"b"})
		require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
		n, err := run(env, env.As(t), "k", input{"b"})
		require.NoError(t, err, "another user's key is another key")
		require.Equal(t, int64(2), n)
	})

	t.Run("ExpiredKeyIsFree", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		_, err := run(env, env.Ctx, "k", input{"a"})
		require.NoError(t, err)
		env.Clock.Advance(73 * time.Hour)
		n, err := run(env, env.Ctx, "k", input{"b"})
		require.NoError(t, err)
		require.Equal(t, int64(2), n)
	})

	t.Run("ConcurrentCallersShareOneEffect", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				n, err := run(env, env.Ctx, "k", input{"a"})
				if err != nil || n != 1 {
					t.Errorf("got %d, %v", n, err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, int64(1), counted(t, env))
	})
}

func TestDB_NextNumber_ConcurrentIsGapless(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			var n int64
			err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
				if n, err = db.NextNumber(ctx, testNumbers, 0); err == nil && i%4 == 0 {
					err = errTest // a failed use case gives its number back
				}
				return err
			})
			if err == nil {
				mu.Lock()
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, 48)
	for n := int64(1); n <= 48; n++ {
		require.True(t, seen[n], "number %d is missing", n)
	}
}
