package hostile_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// SQL that was slipped into a hook and ends the transaction that the hook was lent, also where it begins another, takes
// what was recorded with it: nothing is given then, and the use case fails.
func TestHook_ThatEndsTheTransactionFailsTheUseCase(t *testing.T) {
	t.Parallel()
	for _, slipped := range []string{"ROLLBACK", "ROLLBACK; BEGIN", "COMMIT; BEGIN", "ROLLBACK AND CHAIN"} {
		t.Run(slipped, func(t *testing.T) {
			t.Parallel()
			var evil atomic.Bool
			e := hmstest.NewOwn(t, func(c *hms.Config) {
				c.Hooks = []hmstype.Hook{{After: func(ctx context.Context, call hmstype.HookCall) error {
					if !evil.Load() {
						return nil
					}
					_, err := call.Conn.ExecContext(ctx, slipped)
					return err
				}}}
			})
			who := e.Patient(t)
			evil.Store(true)
			got, err := e.H.Patient.Get(e.Ctx, who.ID)
			require.Error(t, err)
			require.Zero(t, got)
			_, err = e.H.Patient.Register(e.Ctx, patient.RegisterInput{
				Details: patient.Details{LastName: "Gone", Gender: patient.GenderUnknown},
			})
			require.Error(t, err)
			evil.Store(false)
			_, err = e.H.Patient.Get(e.Ctx, who.ID)
			require.NoError(t, err)
		})
	}
}

// Two hosts whose connections name different time zones write one trail.
func TestTrail_DoesNotDependOnASessionsTimeZone(t *testing.T) {
	t.Parallel()
	key := dbtest.New(t).Key
	e := hmstest.NewOwn(t, func(c *hms.Config) { c.KeyEncryptionKey = key })
	e.Patient(t)
	super(t, e, `ALTER ROLE CURRENT_USER IN DATABASE `+database(t, e)+` SET TimeZone = 'Asia/Tokyo'`)
	db, err := hms.OpenDB(e.DSN)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	h, err := hms.New(db, hms.Config{Now: e.Now, KeyEncryptionKey: key})
	require.NoError(t, err)
	_, err = h.Patient.Register(e.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Tokyo", Gender: patient.GenderUnknown},
	})
	require.NoError(t, err)
	for _, host := range []*hms.HMS{e.H, h} {
		report, err := host.AuditLog.Verify(e.Ctx)
		require.NoError(t, err)
		require.True(t, report.Clean(), report.String())
	}
}

func database(t *testing.T, e *hmstest.Env) (name string) {
	t.Helper()
	require.NoError(t, e.DB.NewRaw(`SELECT quote_ident(current_database())`).Scan(t.Context(), &name))
	return name
}
