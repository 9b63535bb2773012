package encryption_test

import (
	"cmp"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// SQL of somebody's own under the application's role destroys no keys and overwrites none: not by itself, and not by
// the function of the erasure where no erasure is on record.
func TestKeys_AreNotShredded(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "A", Gender: patient.GenderUnknown, PhoneNumber: "5551234"},
	})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		statement string
		kind      hmstype.Kind
		operation string // empty: "test"
	}{
		"Destroy":    {`UPDATE hms.data_key SET wrapped = '' WHERE tenant_id = ?0`, hmstype.KindPermissionDenied, ""},
		"Overwrite":  {`UPDATE hms.tenant_keyset SET data_keyset = 'x'`, hmstype.KindPermissionDenied, ""},
		"ByFunction": {`SELECT hms.destroy_keys(?0, ?1, 1, now())`, hmstype.KindPermissionDenied, ""},
		"KeyByName":  {`SELECT hms.change_keyset(?0, 1, 'x', 'x', now())`, hmstype.KindPermissionDenied, ""},
		"NamedErase": {
			`SELECT hms.destroy_keys(?0, ?1, 1, now())`, hmstype.KindPrecondition, "encryption.erase",
		},
		"NamedRotate": {
			`SELECT hms.change_keyset(?0, 7, 'x', 'x', now())`, hmstype.KindPrecondition, "encryption.rotate",
		},
		"Marker": {`INSERT INTO hms.data_key (tenant_id, subject_id, epoch, wrapped, created_at)
			VALUES (?0, gen_random_uuid(), 1, '', now())`, hmstype.KindPrecondition, ""},
	} {
		err := env.InOperation(t, env.Ctx, cmp.Or(tt.operation, "test"), func(ctx context.Context, db dbx.DB) error {
			_, err := db.NewRaw(tt.statement, env.Tenant, p.ID).Exec(ctx)
			return err
		})
		require.Equal(t, tt.kind, hmstype.KindOf(err), "%s: %v", name, err)
	}
	_, err = env.DB.NewRaw(`UPDATE hms.data_key SET wrapped = '' WHERE tenant_id = ?`, env.Tenant).Exec(t.Context())
	require.ErrorContains(t, err, "HM301", "nor does a superuser")
}
