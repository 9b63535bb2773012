package fault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
)

// held is what of ours a connection still holds: nothing, after a transaction.
const held = `concat_ws(' ', nullif(current_setting('hms.tenant', true), ''),
	nullif(current_setting('hms.context', true), ''), nullif(current_setting('role'), 'none'))`

// Whatever way a call ends, the connection goes back to the pool without the tenant, the
// actor or the role that it had.
func TestHMS_LeavesNoTenantOnItsConnection(t *testing.T) {
	t.Parallel()
	first := hmstest.New(t)
	recorder, err := hms.OpenDB(first.DSN)
	require.NoError(t, err)
	defer func() { require.NoError(t, recorder.Close()) }()
	env := pooled(t, first, first.DSN, hms.Config{Recorder: recorder})
	who := env.Patient(t)
	h, db := env.H, env.DB
	db.SetMaxOpenConns(1) // the next statement gets the very connection
	errOurs := errors.New("ours")

	for end, call := range map[string]func() error{
		"success": func() error { _, err := h.Patient.Get(env.Ctx, who.ID); return err },
		"failure": func() error {
			_, err := h.Patient.Get(env.Ctx, hmstype.NewID[hmstype.PatientID]())
			require.ErrorIs(t, err, hms.ErrNotFound)
			return nil
		},
		"error": func() error {
			require.ErrorIs(t, h.InTx(env.Ctx, func(context.Context, *hms.HMS) error { return errOurs }), errOurs)
			return nil
		},
		"panic": func() error {
			require.PanicsWithValue(t, "ours",
				func() { _ = h.InTx(env.Ctx, func(context.Context, *hms.HMS) error { panic("ours") }) })
			return nil
		},
		"cancel": func() error {
			ctx, cancel := context.WithCancel(env.Ctx)
			require.Error(t, h.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
				cancel()
				_, err := tx.Patient.Get(ctx, who.ID)
				return err
			}))
			return nil
		},
		"savepoint": func() error {
			return h.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
				_ = tx.InTx(ctx, func(context.Context, *hms.HMS) error { return errOurs })
				_, err := tx.Patient.Get(ctx, who.ID)
				return err
			})
		},
		"host's transaction": func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = h.WithTx(tx).Patient.Get(env.Ctx, who.ID)
			require.NoError(t, err)
			return tx.Commit()
		},
	} {
		require.NoError(t, call(), end)
		var left string
		require.NoError(t, db.NewRaw(`SELECT `+held).Scan(t.Context(), &left), end)
		require.Empty(t, left, "after %s", end)
	}
}
