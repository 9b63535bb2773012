package identity_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

const goodPassword hmstype.Secret = "seven green lanterns"

// member creates a user who has set his password by an invitation.
func member(t *testing.T, env *dbtest.Env, roles ...string) identity.User {
	t.Helper()
	name := "user " + hmstype.NewID[hmstype.UserID]().String()
	user, err := env.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{
			Username: name, Email: strings.ReplaceAll(name, " ", "-") + "@example.org", FirstName: "A", LastName: "B",
		},
		Roles: roles, Invite: true,
	})
	require.NoError(t, err)
	require.Equal(t, identity.UserInvited, user.Status)
	invitation, err := env.Identity.Invite(env.Ctx, user.ID)
	require.NoError(t, err)
	user, err = env.Identity.AcceptInvitation(env.Ctx, identity.AcceptInvitationInput{
		Token: invitation.Token, Password: goodPassword,
	})
	require.NoError(t, err)
	require.Equal(t, identity.UserActive, user.Status)
	return user
}

func login(env *dbtest.Env, user identity.User, password, code hmstype.Secret) (identity.Login, error) {
	return env.Identity.Login(env.Ctx, identity.LoginInput{
		Login: user.Username, Password: password, Code: code, UserAgent: "test",
	})
}

func events(t *testing.T, env *dbtest.Env, action string) int {
	t.Helper()
	return dbtest.Scalar[int](
		t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ? AND action = ?`, env.Tenant, action,
	)
}

func TestService_Login(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env, identity.RoleNurse)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	require.True(t, in.User.IsActiveSession)
	require.Equal(t, env.Clock.Now(), in.User.LastActivity)
	byMail, err := env.Identity.Login(env.Ctx, identity.LoginInput{
		Login: strings.ToUpper(user.Email), Password: goodPassword,
	})
	require.NoError(t, err)
	require.Equal(t, user.ID, byMail.User.ID)
	require.Equal(t, 2, events(t, env, "login"))

	actor, err := env.Identity.Authenticate(t.Context(), in.Token)
	require.NoError(t, err)
	require.Equal(t,
		hmstype.Actor{Tenant: env.Tenant, User: user.ID, Kind: hmstype.ActorHuman, Purpose: hmstype.PurposeTreatment,
			Person: user.ID, Session: in.Session.ID, AuthenticatedAt: env.Clock.Now()}, actor)
	require.NoError(t, env.Identity.Authorize(hmstype.WithActor(t.Context(), actor), actor, hmstype.PermVitalsWrite))
	tenant, err := identity.TokenTenant(in.Token)
	require.NoError(t, err)
	require.Equal(t, env.Tenant, tenant)

	require.NoError(t, env.Identity.Logout(t.Context(), in.Token))
	_, err = env.Identity.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	require.NoError(t, env.Identity.Logout(t.Context(), in.Token), "twice is no error")
	require.Equal(t, 1, events(t, env, "logout"))
	_, err = env.Identity.Login(env.As(t), identity.LoginInput{Login: user.Username, Password: goodPassword})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "only the host logs people in")
}

// Whatever is wrong, the answer is the same, and it is on the trail though nothing else happens.
func TestService_LoginFails(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	locked, gone := member(t, env), member(t, env)
	for u, status := range map[hmstype.UserID]identity.UserStatus{
		locked.ID: identity.UserLocked, gone.ID: identity.UserDeactivated,
	} {
		_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: u, Status: status})
		require.NoError(t, err)
	}
	texts := map[string]bool{}
	for _, tt := range []struct {
		user     string
		password hmstype.Secret
	}{
		{user.Username, "seven red lanterns"}, {"nobody at all", goodPassword}, {locked.Username, goodPassword},
		{gone.Username, goodPassword}, {env.User(t).Username, goodPassword},
	} {
		_, err := env.Identity.Login(env.Ctx, identity.LoginInput{Login: tt.user, Password: tt.password})
		require.ErrorIs(t, err, identity.ErrLoginFailed, tt.user)
		require.NotContains(t, err.Error(), tt.user)
		texts[err.Error()] = true
	}
	require.Len(t, texts, 1)
	require.Equal(t, 5, events(t, env, "login_failed"))
	require.Zero(
		t,
		dbtest.Scalar[int](
			t, env,
			`SELECT count(*) FROM hms.audit_event AS e WHERE tenant_id = ?
				AND (e::text LIKE '%nobody at all%' OR e::text LIKE '%lantern%')`,
			env.Tenant,
		),
	)
}

// Two hundred guesses at once get no more looks than the rule allows.
func TestService_LoginThrottlesGuesses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, err := login(env, user, hmstype.Secret(fmt.Sprintf("wrong guess number %d", i)), "")
			if hmstype.KindOf(err) != hmstype.KindUnauthenticated {
				t.Errorf("guess: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 5, dbtest.Scalar[int](
		t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ? AND user_id = ?`, env.Tenant, user.ID,
	),
		"from the fifth on the account waits")
	_, err := login(env, user, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrLoginFailed, "even the right password waits")
	env.Clock.Advance(time.Second)
	_, err = login(env, user, goodPassword, "")
	require.NoError(t, err)

	for range 120 { // a patient guesser, who waits each time
		_, err := login(env, user, "wrong", "")
		require.ErrorIs(t, err, identity.ErrLoginFailed)
		env.Clock.Advance(5 * time.Minute)
	}
	require.Equal(
		t, 100,
		dbtest.Scalar[int](
			t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ? AND user_id = ?`, env.Tenant, user.ID,
		),
	)
	_, err = login(env, user, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrLoginFailed, "locked")
	require.Equal(t, 1, events(t, env, "locked"))
	require.NoError(t, env.Identity.UnlockPassword(env.Ctx, user.ID))
	_, err = login(env, user, goodPassword, "")
	require.NoError(t, err)
}

func TestService_LoginThrottlesSources(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	for i := range 60 { // one source, many names
		_, err := env.Identity.Login(env.Ctx, identity.LoginInput{
			Login: fmt.Sprint("name ", i), Password: "x", Source: "192.0.2.9",
		})
		require.ErrorIs(t, err, identity.ErrLoginFailed)
	}
	in := identity.LoginInput{Login: user.Username, Password: goodPassword, Source: "192.0.2.9"}
	_, err := env.Identity.Login(env.Ctx, in)
	require.ErrorIs(t, err, identity.ErrLoginFailed, "from there nobody gets in for now")
	in.Source = "192.0.2.10"
	_, err = env.Identity.Login(env.Ctx, in)
	require.NoError(t, err)
	require.Zero(
		t,
		dbtest.Scalar[int](
			t, env, `SELECT count(*) FROM hms.login_source AS s WHERE tenant_id = ? AND s::text LIKE '%192.0.2%'`, env.Tenant,
		),
	)
}

func TestService_LoginRehashes(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	stored := func() string {
		return dbtest.Scalar[string](
			t, env, `SELECT hash FROM hms.user_password WHERE tenant_id = ? AND user_id = ?`, env.Tenant, user.ID,
		)
	}
	require.Contains(t, stored(), "$argon2id$v=19$m=64,t=1,p=1$")
	stronger := identity.New(env.Base, identity.Config{Argon2: identity.Argon2{MemoryKiB: 128, Passes: 2, Lanes: 1}})
	_, err := stronger.Login(env.Ctx, identity.LoginInput{Login: user.Username, Password: goodPassword})
	require.NoError(t, err)
	require.Contains(t, stored(), "$argon2id$v=19$m=128,t=2,p=1$")
	_, err = login(env, user, goodPassword, "")
	require.NoError(t, err)
}

func TestService_PasswordRules(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	blocking := identity.New(env.Base, identity.Config{
		Argon2: identity.Argon2{MemoryKiB: 64, Passes: 1, Lanes: 1}, Blocklist: blocklist{},
	})
	user := member(t, env)
	ctx := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	for rule, password := range map[string]hmstype.Secret{
		"is too short":                     "fourteen chars",
		"must have at most 128 characters": hmstype.Secret(strings.Repeat("long and ", 15)),
		"is too easy to guess":             "qwertyuiopasdfgh",
		"is known to attackers":            "on a list somewhere",
	} {
		err := blocking.ChangePassword(ctx, identity.ChangePasswordInput{Old: goodPassword, New: password})
		require.ErrorIs(t, err, hmstype.ErrInvalid, rule)
		require.Equal(t, rule, hmstype.Fields(err)[0].Rule)
		require.NotContains(t, err.Error(), password.Reveal())
	}
	for _, password := range []hmstype.Secret{"aaaaaaaaaaaaaaaaaaaa", hmstype.Secret("my own " + user.Username)} {
		err := env.Identity.ChangePassword(ctx, identity.ChangePasswordInput{Old: goodPassword, New: password})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	}
	require.ErrorIs(
		t, env.Identity.ChangePassword(ctx, identity.ChangePasswordInput{Old: "wrong", New: "fifteen characters are enough"}),
		identity.ErrLoginFailed,
	)
	require.NoError(
		t,
		env.Identity.ChangePassword(ctx, identity.ChangePasswordInput{
			Old: goodPassword, New: "fünfzehn Zeichen, kein Zwang",
		}),
	)
	_, err := login(env, user, "fünfzehn Zeichen, kein Zwang", "")
	require.NoError(t, err, "the other Unicode form is the same password")
}

type blocklist struct{}

func (blocklist) Contains(_ context.Context, password hmstype.Secret) (bool, error) {
	return password.Reveal() == "on a list somewhere", nil
}

func TestSecret_IsNeverShown(t *testing.T) {
	t.Parallel()
	in := identity.LoginInput{Login: "ann", Password: "canary"}
	asJSON, err := json.Marshal(in)
	require.NoError(t, err)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "in", in, "password", in.Password)
	for _, shown := range []string{
		string(asJSON), fmt.Sprint(in), fmt.Sprintf("%+v %#v %q %x", in, in, in.Password, in.Password), logged.String(),
	} {
		require.NotContains(t, shown, "canary")
		require.NotContains(t, shown, "63616e617279")
	}
	var back identity.LoginInput
	require.NoError(t, json.Unmarshal([]byte(`{"Password":"from a form"}`), &back))
	require.Equal(t, "from a form", back.Password.Reveal())
}

func TestService_ResetPassword(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	session, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	nobody, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: "nobody"})
	require.NoError(t, err)
	require.False(t, nobody.Found)
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Email})
	require.NoError(t, err)
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: reset.Token, Password: "short"})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "and the token is still good")
	_, err = env.Identity.AcceptInvitation(env.Ctx, identity.AcceptInvitationInput{
		Token: reset.Token, Password: "another long password",
	})
	require.ErrorIs(t, err, identity.ErrTokenInvalid, "of another purpose")

	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
				Token: reset.Token, Password: hmstype.Secret(fmt.Sprintf("another long password %d", i)),
			})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			require.ErrorIs(t, err, identity.ErrTokenInvalid)
		}
	}
	require.Equal(t, 1, won, "single use")
	_, err = env.Identity.Authenticate(t.Context(), session.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)

	late, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	env.Clock.Advance(30 * time.Minute)
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
		Token: late.Token, Password: "another long password",
	})
	require.ErrorIs(t, err, identity.ErrTokenInvalid, "expired")
}

// enrol gives a member with a second factor, his secret and recovery codes.
func enrol(t *testing.T, env *dbtest.Env) (identity.User, string, []hmstype.Secret) {
	t.Helper()
	user := member(t, env)
	ctx := provedJustNow(t, env, user.ID)
	enrolment, err := env.Identity.BeginTOTP(ctx)
	require.NoError(t, err)
	secret := enrolment.Secret.Reveal()
	_, err = env.Identity.ConfirmTOTP(ctx, "000000")
	require.ErrorIs(t, err, identity.ErrLoginFailed)
	codes, err := env.Identity.ConfirmTOTP(ctx, code(t, env, secret))
	require.NoError(t, err)
	require.Len(t, codes, 10)
	require.Zero(
		t,
		dbtest.Scalar[int](
			t, env, `SELECT count(*) FROM hms.user_totp AS u WHERE tenant_id = ? AND u::text LIKE ?`, env.Tenant, "%"+secret+"%",
		),
		"sealed",
	)
	env.Clock.Advance(30 * time.Second)
	return user, secret, codes
}

func code(t *testing.T, env *dbtest.Env, secret string) hmstype.Secret {
	t.Helper()
	text, err := totp.GenerateCode(secret, env.Clock.Now())
	require.NoError(t, err)
	return hmstype.Secret(text)
}

func TestService_LoginWithSecondFactor(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, secret, codes := enrol(t, env)
	_, err := login(env, user, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrSecondFactorRequired)
	_, err = login(env, user, "wrong", "")
	require.ErrorIs(t, err, identity.ErrLoginFailed, "who does not know the password learns nothing of it")
	_, err = login(env, user, goodPassword, "123456")
	require.ErrorIs(t, err, identity.ErrLoginFailed)

	var won sync.Map
	var wg sync.WaitGroup
	right := code(t, env, secret)
	for i := range 30 { // the same code, many times at once
		wg.Go(func() {
			in, err := env.Identity.Login(env.Ctx, identity.LoginInput{
				Login: user.Username, Password: goodPassword, Code: right,
			})
			if err == nil {
				won.Store(i, in.Session.ID)
			}
		})
	}
	wg.Wait()
	count := 0
	won.Range(func(any, any) bool { count++; return true })
	require.Equal(t, 1, count, "a code serves once")

	env.Clock.Advance(5 * time.Minute)
	_, err = login(env, user, goodPassword, hmstype.Secret(strings.ToLower(codes[0].Reveal())))
	require.NoError(t, err)
	_, err = login(env, user, goodPassword, codes[0])
	require.ErrorIs(t, err, identity.ErrLoginFailed, "a recovery code serves once")
	_, err = login(env, user, goodPassword, codes[1])
	require.NoError(t, err)

	ctx := provedJustNow(t, env, user.ID)
	_, err = env.Identity.BeginTOTP(ctx)
	require.ErrorIs(t, err, identity.ErrAlreadyEnrolled)
	require.NoError(t, env.Identity.DisableTOTP(ctx, goodPassword))
	_, err = login(env, user, goodPassword, "")
	require.NoError(t, err)
}

func TestDump_HoldsNoUsableSecret(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, secret, codes := enrol(t, env)
	in, err := login(env, user, goodPassword, codes[0])
	require.NoError(t, err)
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	for _, table := range []string{
		"user_password", "user_session", "user_token", "user_device", "user_totp", "user_recovery_code", "audit_event",
		"outbox", "idempotency_key",
	} {
		for _, text := range []string{
			secret, codes[1].Reveal(), strings.ReplaceAll(codes[1].Reveal(), "-", ""), in.Token.Reveal(), in.Device.Reveal(),
			reset.Token.Reveal(), "lanterns",
		} {
			require.Zero(
				t,
				dbtest.Scalar[int](
					t, env, `SELECT count(*) FROM hms.`+table+` AS x WHERE tenant_id = ? AND x::text LIKE ?`, env.Tenant, "%"+text+"%",
				),
				table,
			)
		}
	}
}

// Somebody who knows the old password and logs in while it is being reset gets no session.
func TestService_LoginWhileThePasswordIsReset(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	slow := identity.New(env.Base, identity.Config{
		Argon2: identity.Argon2{MemoryKiB: 64, Passes: 1, Lanes: 1}, ParallelHashes: 1,
	})
	release, err := slow.HoldHashes(t.Context())
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		_, err := slow.Login(env.Ctx, identity.LoginInput{Login: user.Username, Password: goodPassword})
		done <- err
	}()
	for dbtest.Scalar[int](
		t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ? AND user_id = ?`, env.Tenant, user.ID,
	) == 0 {
		require.NoError(t, t.Context().Err())
	}
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	_, err = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
		Token: reset.Token, Password: "another long password",
	})
	require.NoError(t, err)
	release()
	require.ErrorIs(t, <-done, identity.ErrLoginFailed)
	found, err := env.Identity.GetUser(env.Ctx, user.ID)
	require.NoError(t, err)
	require.False(t, found.IsActiveSession)
}
