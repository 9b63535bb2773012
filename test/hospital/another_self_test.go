package hospital_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
)

// Nobody makes another of himself: a key that somebody makes for a colleague's account is still his, and what
// he entered he does not verify by it.
func TestDuties_AKeyIsWhoMadeIt(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	w := &work{T: t, Env: env, doctor: env.User(t, identity.RoleDoctor), who: env.Patient(t).ID}
	admin := proved(env, env.As(t, identity.RoleAdmin))
	entered := w.entered(admin, w.ordered(w.potassium()), "4.2")
	made, err := env.H.Identity.CreateAPIKey(admin, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: env.User(t, identity.RoleLabTechnician), Name: "of a colleague",
			Scopes: []hmstype.Permission{
				hmstype.PermLabRead, hmstype.PermLabVerify, hmstype.PermLabRelease, hmstype.PermIdentityManage,
			},
		},
		Expiry: time.Hour,
	})
	require.NoError(t, err)
	actor, err := env.H.Identity.Authenticate(t.Context(), made.Token)
	require.NoError(t, err)
	maker, err := hmstype.ActorFrom(admin)
	require.NoError(t, err)
	require.Equal(t, maker.User, actor.Person, "who made it answers")
	key := hms.WithActor(t.Context(), actor)
	_, err = env.H.Lab.VerifyResult(key, lab.VerifyResultInput{ItemRef: at(entered.Item), Release: true})
	require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
}

// A key makes no key: it would outlive its own end.
func TestKeys_MakeNoKeys(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	admin := env.User(t, identity.RoleAdmin)
	in := identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: admin, Name: "one minute", Scopes: []hmstype.Permission{hmstype.PermIdentityManage},
		},
		Expiry: time.Minute,
	}
	made, err := env.H.Identity.CreateAPIKey(env.Ctx, in)
	require.NoError(t, err)
	actor, err := env.H.Identity.Authenticate(t.Context(), made.Token)
	require.NoError(t, err)
	in.Expiry = 366 * 24 * time.Hour
	_, err = env.H.Identity.CreateAPIKey(hms.WithActor(t.Context(), actor), in)
	require.ErrorIs(t, err, identity.ErrPersonRequired)
}

// A link to an account that waits for its person is the host's alone: whoever planted one would be that person once
// the account has its roles.
func TestExternalIdentity_OfAnInvitedAccountIsTheHosts(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	invited, err := env.H.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "new", LastName: "New"}, Invite: true,
	})
	require.NoError(t, err)
	in := identity.LinkExternalIdentityInput{
		User: invited.ID, ExternalSubject: identity.ExternalSubject{Issuer: "https://login.example.org", Subject: "1"},
	}
	_, err = env.H.Identity.LinkExternalIdentity(proved(env, env.As(t, identity.RoleAdmin)), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = env.H.Identity.LinkExternalIdentity(env.Ctx, in)
	require.NoError(t, err)
}

// Whoever saw a record under break-glass cannot undo that he asked for it, in whatever transaction of the host's.
func TestBreakGlass_StaysAfterTheHostsRollback(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	vip := does(&work{T: t, Env: env}, env.Ctx, env.H.Patient.Register, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderUnknown}, Restricted: true,
	})
	doctor := proved(env, env.As(t, identity.RoleDoctor))
	undone := errors.New("undone")
	for range identity.MaxOpenBreakGlass {
		err := env.H.InTx(doctor, func(ctx context.Context, tx *hms.HMS) error {
			_, err := tx.Identity.BreakTheGlass(ctx, identity.BreakTheGlassInput{
				Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{
					Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
				},
			})
			require.NoError(t, err)
			_, err = tx.Patient.Get(ctx, vip.ID)
			require.NoError(t, err)
			return undone
		})
		require.ErrorIs(t, err, undone)
	}
	grants, err := env.H.Identity.ListBreakGlassGrants(env.Ctx, identity.ListBreakGlassGrantsInput{Unreviewed: true})
	require.NoError(t, err)
	require.Len(t, grants.Items, identity.MaxOpenBreakGlass)
	_, err = env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
		Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	})
	require.ErrorIs(t, err, identity.ErrTooManyOpenGrants)
}
