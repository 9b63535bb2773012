package dbx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// roleAndTenant is what a host finds in its transaction.
func roleAndTenant(t *testing.T, conn bun.IConn) string {
	t.Helper()
	var s string
	require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT concat_ws('|', current_user,
		coalesce(current_setting('hms.tenant', true), ''), coalesce(current_setting('hms.context', true), ''))`).Scan(&s))
	return s
}

// A handle of an operation is good until the operation ends: who kept it is refused, and the host's
// transaction, which goes on, stays in the host's role.
func TestHandle_InTx_TheHandleOfAnOperationThatEnded(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	before := roleAndTenant(t, tx)
	for name, end := range map[string]func() error{
		"Done":   func() error { return nil },
		"Failed": func() error { return errTest },
		"Panics": func() error { panic("ours") },
	} {
		var kept dbx.Handle
		func() {
			defer func() { _ = recover() }()
			_ = env.Base.DB.Bind(tx).InTx(env.Ctx, "test", func(_ context.Context, db dbx.DB) error {
				kept = db.Handle()
				return end()
			})
		}()
		require.Equal(t, before, roleAndTenant(t, tx), name)
		require.ErrorIs(t, kept.InTx(env.Ctx, "late", count), hmstype.ErrEnded, name)
		require.Equal(t, before, roleAndTenant(t, tx), name)
	}
	require.Equal(t, int64(0), counted(t, env))
}

// An operation does not end while another goroutine is at work with its handle: half of what that
// one does would be committed with it.
func TestHandle_InTx_EndsBeforeItsGoroutine(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	run := func(t *testing.T, h dbx.Handle) error {
		t.Helper()
		inside, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		err := h.InTx(env.Ctx, "test", func(_ context.Context, db dbx.DB) error {
			kept := db.Handle()
			go func() {
				ended <- kept.InTx(env.Ctx, "other", func(ctx context.Context, db dbx.DB) error {
					err := count(ctx, db)
					close(inside)
					<-goOn
					return err
				})
			}()
			<-inside
			return nil
		})
		close(goOn)
		<-ended
		return err
	}
	require.ErrorIs(t, run(t, env.Base.DB), hmstype.ErrConcurrentUse)
	require.Zero(t, counted(t, env), "nothing of it remains")

	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	before := roleAndTenant(t, tx)
	require.ErrorIs(t, run(t, env.Base.DB.Bind(tx)), hmstype.ErrConcurrentUse)
	require.Equal(t, before, roleAndTenant(t, tx))
	require.NoError(t, tx.Commit())
	require.Zero(t, counted(t, env), "nothing of it remains")
}
