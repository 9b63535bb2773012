package fault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// newMember gives a user who can log in.
func newMember(t *testing.T, env *hmstest.Env, password hmstype.Secret, roles ...string) identity.User {
	t.Helper()
	user, err := env.H.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{
			Username: "member " + hmstype.NewID[hmstype.UserID]().String(), FirstName: "A", LastName: "B",
		},
		Roles: roles, Invite: true,
	})
	require.NoError(t, err)
	invitation, err := env.H.Identity.Invite(env.Ctx, user.ID)
	require.NoError(t, err)
	user, err = env.H.Identity.AcceptInvitation(env.Ctx,
		identity.AcceptInvitationInput{Token: invitation.Token, Password: password})
	require.NoError(t, err)
	return user
}

// A refusal and a failed login are on the trail even where the use case ran in a transaction of the
// host's that is rolled back: whoever is refused must not be able to wipe that out.
func TestTrail_StaysAfterTheHostsRollback(t *testing.T) {
	t.Parallel()
	for _, way := range dbtest.WaysToJoin {
		t.Run(way.Name, func(t *testing.T) {
			t.Parallel()
			requireTrailStays(t, hmstest.New(t), way)
		})
	}
}

func requireTrailStays(t *testing.T, env *hmstest.Env, way dbtest.WayToJoin) {
	t.Helper()
	const password hmstype.Secret = "seven green lanterns"
	user := newMember(t, env, password, identity.RoleDoctor)
	self := hms.WithActor(t.Context(), hms.HumanActor(env.Tenant, user.ID))
	who := env.Patient(t)
	_, err := env.H.Patient.SetRestricted(env.Ctx,
		patient.SetRestrictedInput{ID: who.ID, Version: who.Version, Restricted: true})
	require.NoError(t, err)
	stock := env.Stock(t, 100, "")
	prescriber := env.As(t, identity.RoleAdmin, identity.RoleDoctor)
	system := env.Ctx
	env.Ctx = prescriber
	rx := fixture.Prescription(t, env, stock.Item, 1, 0)
	env.Ctx = system
	login := func(p hmstype.Secret) func(h *hms.HMS) error {
		return func(h *hms.HMS) error {
			_, err := h.Identity.Login(env.Ctx, identity.LoginInput{Login: user.Username, Password: p})
			return err
		}
	}

	for name, c := range map[string]struct {
		call   func(h *hms.HMS) error
		want   error // nil: it succeeds
		action audit.Action
	}{
		"permission": {func(h *hms.HMS) error { _, err := h.Patient.Get(env.As(t), who.ID); return err },
			hms.ErrPermissionDenied, audit.ActionDenied},
		"restricted": {func(h *hms.HMS) error { _, err := h.Patient.Get(self, who.ID); return err }, patient.ErrRestricted,
			audit.ActionDenied},
		"separation of duties": {func(h *hms.HMS) error {
			_, err := h.Pharmacy.Dispense(prescriber,
				pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 1})
			return err
		}, hmstype.ErrSeparationOfDuties, audit.ActionDenied},
		"login fails": {login("not this one, no"), identity.ErrLoginFailed, "login_failed"},
		"proof fails": {func(h *hms.HMS) error { return h.Identity.Reauthenticate(self, "not this one, no") },
			identity.ErrLoginFailed, "login_failed"},
		"login": {login(password), nil, "login"},
	} {
		t.Run(name, func(t *testing.T) {
			before := countEvents(t, env, c.action)
			host := way.Begin(t, env.DB, env.DSN)
			bound := joined(t, env.H, host)
			_, err = bound.Patient.Register(env.Ctx,
				patient.RegisterInput{Details: patient.Details{LastName: "Rolled back", Gender: patient.GenderUnknown}})
			require.NoError(t, err)
			require.ErrorIs(t, c.call(bound), c.want)
			require.NoError(t, host.Rollback())
			require.Equal(t, before+1, countEvents(t, env, c.action))
		})
	}
	found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "rolled"})
	require.NoError(t, err)
	require.Empty(t, found.Items, "what the host did is gone")
}

func countEvents(t *testing.T, env *hmstest.Env, action audit.Action) int {
	t.Helper()
	var n int
	err := env.DB.NewRaw(`SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND action = ?`, env.Tenant, string(action)).Scan(t.Context(), &n)
	require.NoError(t, err)
	return n
}
