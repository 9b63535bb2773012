package encryption_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// Who puts an erased patient's key back, out of a backup, and leaves the record of the erasure where it is, has undone
// it: that is found, and a replay erases again.
func TestService_VerifyFindsKeysThatCameBack(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	config, _ := ledgered(t)
	s, patients := encryption.New(env.Base, config), patient.New(env.Base, patient.Ports{})
	jane := register(t, env, patients, 1)[0]
	backup := dbtest.Scalar[string](t, env,
		`SELECT encode(wrapped, 'hex') FROM hms.data_key WHERE tenant_id = ? AND subject_id = ?`, env.Tenant, jane.ID)
	_, err := s.Erase(env.Ctx, eraseInput(jane))
	require.NoError(t, err)
	report, err := s.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), report)
	_, err = env.DB.ExecContext(t.Context(), `UPDATE hms.data_key SET wrapped = decode(?, 'hex')
		WHERE tenant_id = ? AND subject_id = ?`, backup, env.Tenant, jane.ID)
	require.NoError(t, err)
	got, err := patients.Get(env.Ctx, jane.ID)
	require.NoError(t, err)
	require.Equal(t, jane.Email, got.Email, "this is what it does")

	report, err = s.Verify(env.Ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, report.Revived)
	require.False(t, report.Clean())
	require.Contains(t, report.String(), "erased patients whose keys are there again")
	replayed, err := s.ReplayErasures(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.ReplayReport{Entries: 1, Replayed: 1}, replayed)
	got, err = patients.Get(env.Ctx, jane.ID)
	require.NoError(t, err)
	require.Empty(t, got.Email)
	report, err = s.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean(), report)
}
