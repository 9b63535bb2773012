package hospital_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/pharmacy"
)

// Whoever wrote a prescription does not dispense it, though he may hold both permissions;
// a practice of one can say that it keeps nothing apart.
func TestDuties_PrescribeAndDispense(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		pairs []hmstype.SeparatedPair
		want  error
	}{
		"Standard":      {nil, hmstype.ErrSeparationOfDuties},
		"PracticeOfOne": {[]hmstype.SeparatedPair{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := hmstest.New(t, func(c *hms.Config) { c.SeparationOfDuties = tt.pairs })
			env.Service(t, "TAB", "0.25")
			stock := env.Stock(t, 100, "TAB")
			one, other := env.As(t, identity.RoleDoctor, identity.RolePharmacist), env.As(t, identity.RolePharmacist)
			system := env.Ctx
			env.Ctx = one // who prescribes
			rx := fixture.Prescription(t, env, stock.Item, 20, 1)
			env.Ctx = system
			in := pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 5}
			_, err := env.H.Pharmacy.Dispense(one, in)
			require.ErrorIs(t, err, tt.want)
			_, err = env.H.Pharmacy.Dispense(ownProgram(t, env, one), in)
			require.ErrorIs(t, err, tt.want, "a program of his own is no other person")
			_, err = env.H.Pharmacy.Dispense(other, in)
			require.NoError(t, err)
		})
	}
}

// ownProgram is a program, such as an API key of the actor's, for which the same person answers.
func ownProgram(t *testing.T, env *hmstest.Env, owner context.Context) context.Context {
	t.Helper()
	person, err := hmstype.ActorFrom(owner)
	require.NoError(t, err)
	account, err := hmstype.ActorFrom(env.As(t, identity.RoleAdmin))
	require.NoError(t, err)
	return hmstype.WithActor(t.Context(), hmstype.Actor{
		Tenant: person.Tenant, Kind: hmstype.ActorService, User: account.User, Person: person.User,
	})
}
