package encryption_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// A tenant in clear is switched on. Until it finished sealing it reads both; from then on clear text is refused: of
// whoever writes SQL, of a process that has no key yet, and where it got into a row all the same, of the reader.
func TestService_Reencrypt_EndsClearText(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	clear := env.Base
	clear.Crypt = fieldcrypt.New(nil)
	clear.DB = dbx.NewHandle(env.DB, dbx.Options{Now: env.Clock.Now})
	late := patient.New(clear, patient.Ports{})
	known := register(t, env, late, 3)
	s, patients := encryption.New(env.Base, encryption.Config{}), patient.New(env.Base, patient.Ports{})

	report, err := s.Verify(env.Ctx)
	require.NoError(t, err)
	require.True(t, report.Clean())
	require.Equal(t, int64(12), report.Earlier, "telephone, mail, address and identifier of three")
	got, err := patients.Get(env.Ctx, known[0].ID)
	require.NoError(t, err)
	require.Equal(t, known[0].Email, got.Email, "not finished: both are read")
	finish(t, env, s)
	report, err = s.Verify(env.Ctx)
	require.NoError(t, err)
	require.Zero(t, report.Earlier)
	require.Equal(t, report.Columns, report.Finished)

	by := func(statement string) error {
		return env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.NewRaw(statement, env.Tenant, known[0].ID).Exec(ctx)
			return err
		})
	}
	require.ErrorIs(t, by(`UPDATE hms.patient SET email = 'x@example.org' WHERE tenant_id = ?0 AND id = ?1`),
		encryption.ErrMustSeal)
	in := registerInput(7)
	_, err = late.Register(env.Ctx, in)
	require.ErrorIs(t, err, encryption.ErrMustSeal, "a process without the key, which found the tenant in clear before")

	for _, statement := range []string{
		`UPDATE hms.tenant_keyset SET sealed_fields = '{}', closed_fields = '{}' WHERE tenant_id = ?0`,
		`DELETE FROM hms.tenant_keyset WHERE tenant_id = ?0`,
	} {
		require.Equal(t, hmstype.KindPermissionDenied, hmstype.KindOf(by(statement)), statement)
		_, err = env.DB.NewRaw(statement, env.Tenant).Exec(t.Context())
		require.ErrorContains(t, err, "HM", "nor does a superuser: %s", statement)
	}

	_, err = env.DB.NewRaw(`SET LOCAL session_replication_role = replica; UPDATE hms.patient SET email = 'x@example.org'
		WHERE id = ?`, known[0].ID).Exec(t.Context())
	require.NoError(t, err)
	_, err = patients.Get(env.Ctx, known[0].ID)
	require.ErrorIs(t, err, encryption.ErrReplaced)
	require.NotContains(t, err.Error(), "example.org")
	report, err = s.Verify(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, encryption.Report{
		Columns: report.Columns, Finished: report.Columns, Replaced: 1, In: []string{"patient.email"},
	}, report)
	_, err = patients.Get(env.Ctx, known[1].ID)
	require.NoError(t, err, "the others are read as before")
}

// Without encryption there is nothing to verify.
func TestService_Verify_WithoutEncryption(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Base.Crypt = nil
	_, err := encryption.New(env.Base, encryption.Config{}).Verify(env.Ctx)
	require.ErrorIs(t, err, encryption.ErrOff)
}
