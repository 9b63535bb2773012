package leak_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// What an actor may see of restricted patients is asked for each use case anew. A hook of his use
// case that calls the library as somebody else does not lend that one the permission.
func TestRestrictedPatient_AHookLendsNobodyThePermission(t *testing.T) {
	t.Parallel()
	var ask func(ctx context.Context) error
	env := hmstest.New(t, func(c *hms.Config) {
		c.Hooks = []hmstype.Hook{{Before: func(ctx context.Context, call hmstype.HookCall) error {
			if ask == nil || call.Operation != "clinical.list_allergies" {
				return nil
			}
			return ask(ctx)
		}}}
	})
	p := env.Patient(t)
	closed := patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true}
	_, err := env.H.Patient.SetRestricted(env.Ctx, closed)
	require.NoError(t, err)
	doctor, err := hmstype.ActorFrom(env.As(t, identity.RoleDoctor))
	require.NoError(t, err)
	var seen error
	ask = func(ctx context.Context) error {
		_, seen = env.H.Patient.Get(hms.WithActor(ctx, doctor), p.ID)
		return nil
	}
	_, err = env.H.Clinical.ListAllergies(env.As(t, identity.RoleAdmin), p.ID)
	require.NoError(t, err)
	require.ErrorIs(t, seen, patient.ErrRestricted)
}
