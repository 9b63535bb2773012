package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/usecase"
)

// provedJustNow gives the context of a person who has proved at this moment who he is.
func provedJustNow(t *testing.T, env *dbtest.Env, user hmstype.UserID) context.Context {
	t.Helper()
	actor := hmstype.HumanActor(env.Tenant, user)
	actor.AuthenticatedAt = env.Clock.Now()
	return hmstype.WithActor(t.Context(), actor)
}

// Whoever has a stolen session, and no more, changes nothing by which the account is entered.
func TestRecentProof(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	user := member(t, env, identity.RoleAdmin)
	fresh := provedJustNow(t, env, user.ID)
	credential := identity.WebAuthnCredential{WebAuthnDetails: identity.WebAuthnDetails{
		CredentialID: make([]byte, 32), PublicKey: []byte{1}, AAGUID: make([]byte, 16), Name: "Key ring",
	}}
	added, err := s.AddWebAuthnCredential(fresh, credential)
	require.NoError(t, err)
	credential.CredentialID = make([]byte, 33)
	profile := user.Profile
	profile.Email = "elsewhere@example.org"
	vip := restrictedPatient(t, env)
	doctor := member(t, env, identity.RoleDoctor)
	colleague, _ := person(t, env, identity.RoleAdmin)
	asked := askFor(t, env, colleague, env.User(t).ID)

	ways := map[string]func(ctx context.Context) error{
		"identity.begin_totp":   func(ctx context.Context) error { _, err := s.BeginTOTP(ctx); return err },
		"identity.disable_totp": func(ctx context.Context) error { return s.DisableTOTP(ctx, goodPassword) },
		"identity.add_webauthn_credential": func(ctx context.Context) error {
			_, err := s.AddWebAuthnCredential(ctx,
				credential)
			return err
		},
		"identity.remove_webauthn_credential": func(ctx context.Context) error {
			return s.RemoveWebAuthnCredential(ctx, added.ID)
		},
		"identity.create_api_key": func(ctx context.Context) error {
			_, err := s.CreateAPIKey(ctx, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
				User: user.ID, Name: "k", Scopes: []hmstype.Permission{hmstype.PermIdentityRead},
			}, Expiry: time.Hour})
			return err
		},
		"identity.link_external_identity": func(ctx context.Context) error {
			_, err := s.LinkExternalIdentity(ctx, identity.LinkExternalIdentityInput{
				User: user.ID, ExternalSubject: identity.ExternalSubject{Issuer: "https://idp", Subject: "1"},
			})
			return err
		},
		"identity.break_the_glass": func(ctx context.Context) error {
			actor, err := hmstype.ActorFrom(ctx)
			require.NoError(t, err)
			actor.User = doctor.ID
			_, err = s.BreakTheGlass(hmstype.WithActor(ctx, actor), glass(vip))
			return err
		},
		"identity.reset_second_factor": func(ctx context.Context) error {
			_, err := ofOne(env).ResetSecondFactor(ctx, doctor.ID)
			return err
		},
		"identity.decide_access_change": func(ctx context.Context) error {
			_, err := s.DecideAccessChange(ctx, approving(asked))
			return err
		},
		"identity.update_user": func(ctx context.Context) error {
			_, err := s.UpdateUser(ctx, identity.UpdateUserInput{ID: user.ID, Version: user.Version, Profile: profile})
			return err
		},
	}
	for _, info := range usecase.Declared() {
		if info.RecentProof {
			require.Contains(t, ways, info.Name, "each that asks for a recent proof is tried here")
		}
	}
	for name, act := range ways {
		for _, at := range []time.Time{{}, env.Clock.Now().Add(-identity.RecentProof - time.Microsecond),
			env.Clock.Now().Add(time.Second)} {
			actor := hmstype.HumanActor(env.Tenant, user.ID)
			actor.AuthenticatedAt = at
			err := act(hmstype.WithActor(t.Context(), actor))
			require.ErrorIs(t, err, identity.ErrProofRequired, name)
			require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err), "a host does not end the session over it")
		}
	}
	for name, act := range ways {
		require.NoError(t, act(fresh), name)
	}
}

// What leaves the address as it is needs no proof; links that went to the old one end with it.
func TestService_UpdateUserChangesTheAddress(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, admin := member(t, env), env.As(t, identity.RoleAdmin)
	profile := user.Profile
	profile.PhoneNumber = "+34 600 123 456"
	user, err := env.Identity.UpdateUser(admin, identity.UpdateUserInput{ID: user.ID, Version: user.Version,
		Profile: profile})
	require.NoError(t, err)
	link := ask(t, env, user.Username, "")
	profile.Email = "new@example.org"
	_, err = env.Identity.UpdateUser(admin, identity.UpdateUserInput{ID: user.ID, Version: user.Version,
		Profile: profile})
	require.ErrorIs(t, err, identity.ErrProofRequired)
	proved := provedJustNow(t, env, env.User(t, identity.RoleAdmin).ID)
	_, err = env.Identity.UpdateUser(proved, identity.UpdateUserInput{ID: user.ID, Version: user.Version,
		Profile: profile})
	require.NoError(t, err)
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: link.Token,
		Password: "another long password"})
	require.ErrorIs(t, err, identity.ErrTokenInvalid)
}

// Codes are guessed no faster at the confirmation than at a login, and end the session they come from.
func TestService_ConfirmTOTPIsCounted(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	actor, err := env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	me := hmstype.WithActor(t.Context(), actor)
	enrolment, err := env.Identity.BeginTOTP(me)
	require.NoError(t, err)
	secret := enrolment.Secret.Reveal()
	for range 5 {
		_, err := env.Identity.ConfirmTOTP(me, "000000")
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
	_, err = env.Identity.ConfirmTOTP(me, code(t, env, secret))
	require.ErrorIs(t, err, identity.ErrLoginFailed, "even the right one waits")
	require.Equal(t, 6, events(t, env, "login_failed"))
	env.Clock.Advance(time.Second)
	_, err = env.Identity.ConfirmTOTP(me, code(t, env, secret))
	require.NoError(t, err)
	for range 20 {
		env.Clock.Advance(5 * time.Minute)
		_, err := env.Identity.ConfirmTOTP(me, "000000")
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
	require.Equal(t, "too many failures", dbtest.Scalar[string](t, env,
		`SELECT end_reason FROM hms.user_session WHERE tenant_id = ? AND id = ?`, env.Tenant, in.Session.ID))
	_, err = env.Identity.ConfirmTOTP(me, hmstype.Secret(make([]byte, 1000)))
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
