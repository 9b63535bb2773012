package identity_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// trips keeps how many statements each use case took.
type trips struct {
	mu   sync.Mutex
	seen map[string][]int64
}

func (w *trips) Begin(ctx context.Context, of hmstype.UseCase) (context.Context, func(hmstype.Outcome)) {
	return ctx, func(o hmstype.Outcome) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[of.Operation] = append(w.seen[of.Operation], o.RoundTrips)
	}
}

func ask(t *testing.T, env *dbtest.Env, name, source string) identity.PasswordReset {
	t.Helper()
	reset, err := env.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: name,
		Source: source})
	require.NoError(t, err)
	return reset
}

// Who has an account is told neither by what comes back nor by the work, nor by the rows that it leaves.
func TestService_RequestPasswordResetTellsNobody(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, locked := member(t, env), member(t, env)
	_, err := env.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{ID: locked.ID,
		Status: identity.UserLocked})
	require.NoError(t, err)
	watch := &trips{seen: map[string][]int64{}}
	env.Base.Observers = []hmstype.Observer{watch}
	env.Identity = identity.New(env.Base, identity.Config{})
	rows := func() int {
		return dbtest.Scalar[int](t, env, `SELECT (SELECT count(*) FROM hms.user_token WHERE tenant_id = ?0)
			+ (SELECT count(*) FROM hms.login_source WHERE tenant_id = ?0)`, env.Tenant)
	}
	before := rows()
	for i, name := range []string{user.Username, user.Email, locked.Email, "nobody", "nobody@example.org"} {
		reset := ask(t, env, name, "")
		require.Equal(t, i < 2, reset.Found, name)
		if !reset.Found {
			require.Equal(t, identity.PasswordReset{}, reset)
		}
		env.Clock.Advance(time.Second)
	}
	counts := watch.seen["identity.request_password_reset"]
	require.Equal(t, []int64{counts[0], counts[0] - 1, counts[0], counts[0], counts[0]}, counts,
		"the second of one account finds its row of counting")
	require.Equal(t, before+9, rows(), "a token each, and a count per account or name")
	require.Equal(t, 3, events(t, env, "password_reset_refused"))
}

// Requests are counted per account and per source, by whatever name; the links that went out stay good.
func TestService_RequestPasswordResetIsCounted(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	var links []hmstype.Secret
	for i := range 40 {
		name := user.Username
		if i%2 == 0 {
			name = user.Email
		}
		if reset := ask(t, env, name, ""); reset.Found {
			links = append(links, reset.Token)
		}
	}
	require.Len(t, links, 5)
	for range 60 {
		ask(t, env, "nobody "+hmstype.NewID[hmstype.UserID]().String(), "192.0.2.7")
	}
	other := member(t, env)
	require.False(t, ask(t, env, other.Username, "192.0.2.7").Found, "from there nobody gets a link for now")
	require.True(t, ask(t, env, other.Username, "192.0.2.8").Found)
	env.Clock.Advance(time.Second)
	require.True(t, ask(t, env, user.Username, "").Found)

	_, err := env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: links[0],
		Password: "another long password"})
	require.NoError(t, err, "the first link is as good as the last")
	for _, link := range links {
		_, err := env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: link,
			Password: "yet another password"})
		require.ErrorIs(t, err, identity.ErrTokenInvalid, "one that was used ends all")
	}
}

// Of several links at once one serves.
func TestService_ResetPasswordByOneOfManyLinks_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	links := make([]hmstype.Secret, 4)
	for i := range links {
		links[i] = ask(t, env, user.Username, "").Token
	}
	var wg sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = env.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
				Token: links[i%len(links)], Password: hmstype.Secret(fmt.Sprint("another long password ", i)),
			})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, identity.ErrTokenInvalid)
	}
	require.Equal(t, 1, won)
}

// What strangers leave behind is bounded without anybody's doing, and gone after a purge.
func TestService_PurgeExpired(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	count := func(table string) int {
		return dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.`+table+` WHERE tenant_id = ?`, env.Tenant)
	}
	storm := func(n int) {
		for i := range n {
			name := fmt.Sprint("nobody ", i, env.Clock.Now().Unix())
			_, err := env.Identity.Login(env.Ctx, identity.LoginInput{Login: name, Password: "x", Source: name})
			require.ErrorIs(t, err, identity.ErrLoginFailed)
			ask(t, env, name, name)
		}
	}
	storm(40)
	require.Equal(t, 160, count("login_source"), "two of a login, two of a request")
	env.Clock.Advance(time.Hour)
	storm(20)
	require.Equal(t, 80, count("login_source"), "each new row takes the place of two")
	require.LessOrEqual(t, count("user_token"), 21)
	_, err = env.Identity.PurgeExpired(env.Ctx, identity.PurgeExpiredInput{AsOf: env.Clock.Now().Add(time.Second)})
	require.Equal(t, "asOf", hmstype.Fields(err)[0].Path)
	gone, err := env.Identity.PurgeExpired(env.Ctx, identity.PurgeExpiredInput{AsOf: env.Clock.Now()})
	require.NoError(t, err)
	require.Zero(t, gone.Sources, "what still counts stays")

	env.Clock.Advance(identity.DeviceTrust)
	gone, err = env.Identity.PurgeExpired(env.Ctx, identity.PurgeExpiredInput{AsOf: env.Clock.Now()})
	require.NoError(t, err)
	require.Equal(t, int64(80), gone.Sources)
	require.Positive(t, gone.Tokens)
	require.Equal(t, int64(1), gone.Devices)
	for _, table := range []string{"login_source", "user_token", "user_device"} {
		require.Zero(t, count(table), table)
	}
	gone, err = env.Identity.PurgeExpired(env.Ctx, identity.PurgeExpiredInput{AsOf: env.Clock.Now()})
	require.NoError(t, err)
	require.Zero(t, gone)
	require.EqualError(t, identity.PurgeExpiredInput{}.Validate(), "invalid input: asOf: required")
	_, err = env.Identity.PurgeExpired(env.As(t, identity.RoleNurse), identity.PurgeExpiredInput{AsOf: env.Clock.Now()})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.NotEmpty(t, in.Device)
}

// Sessions that are long over go, but for the newest of a user: it tells when he was last here.
func TestService_PurgeExpired_Sessions(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	begin := func() {
		_, err := login(env, user, goodPassword, "")
		require.NoError(t, err)
		env.Clock.Advance(time.Hour)
	}
	purge := func() int64 {
		gone, err := env.Identity.PurgeExpired(env.Ctx, identity.PurgeExpiredInput{AsOf: env.Clock.Now()})
		require.NoError(t, err)
		return gone.Sessions
	}
	begin()
	require.NoError(t, env.Identity.EndSessions(env.Ctx, user.ID))
	begin()
	require.Zero(t, purge(), "they can be listed for a while")
	env.Clock.Advance(identity.SessionsKept + 30*24*time.Hour)
	require.EqualValues(t, 1, purge())
	require.Zero(t, purge())
	last, err := env.Identity.GetUser(env.Ctx, user.ID)
	require.NoError(t, err)
	require.False(t, last.LastActivity.IsZero())
	begin()
	require.EqualValues(t, 1, purge(), "a newer one takes its place")
}

// The work of a hash grows with what it is given, so that has a bound wherever a password comes in.
func TestService_PasswordsHaveABound(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	me := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	huge := hmstype.Secret(make([]byte, 64<<20))
	for path, err := range map[string]error{
		"old": env.Identity.ChangePassword(me, identity.ChangePasswordInput{Old: huge,
			New: "some other password"}),
		"new":      env.Identity.ChangePassword(me, identity.ChangePasswordInput{Old: goodPassword, New: huge}),
		"password": env.Identity.Reauthenticate(me, huge),
	} {
		require.Equal(t, []hmstype.FieldError{{Path: path, Rule: "is too long"}}, hmstype.Fields(err))
	}
	require.ErrorIs(t, env.Identity.DisableTOTP(me, huge), hmstype.ErrInvalid)
	_, err := login(env, user, huge, "")
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT failures FROM hms.user_password WHERE tenant_id = ?`,
		env.Tenant))
}

// Who may log people in for the host, an administrator say, cannot make himself anybody by a link for a new
// password.
func TestService_RequestPasswordResetIsTheHosts(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := member(t, env)
	in := identity.RequestPasswordResetInput{Login: user.Username}
	reset, err := env.Identity.RequestPasswordReset(env.As(t, identity.RoleAdmin), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.Empty(t, reset.Token)
	require.Equal(t, 1, events(t, env, "denied"))
	require.Zero(t, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_token
		WHERE tenant_id = ? AND used_at IS NULL`, env.Tenant))
}
