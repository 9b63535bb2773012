package identity_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/usecase"
)

// harmless are the use cases by which somebody manages accounts and does not come into another's, and why.
var harmless = map[string]string{
	"identity.create_tenant":               "there is nobody yet",
	"identity.create_role":                 "gives; see TestGranting_NobodyGivesWhatHeDoesNotHold",
	"identity.update_role":                 "gives; see there",
	"identity.create_user":                 "gives; see there",
	"identity.set_user_roles":              "gives; see there",
	"identity.create_api_key":              "gives; see there",
	"identity.revoke_api_key":              "takes a way in",
	"identity.end_session":                 "takes a way in",
	"identity.end_sessions":                "takes ways in",
	"identity.end_all_sessions":            "takes ways in",
	"identity.unlink_external_identity":    "takes a way in",
	"identity.forget_devices":              "makes a device wait like a stranger's; the password is still wanted",
	"identity.unlock_password":             "the password is still wanted, and each guess is counted anew",
	"identity.set_user_status":             "what the account is entered by stays its person's",
	"identity.link_patient":                "gives the account no right",
	"identity.request_administrator":       "asks; another person decides",
	"identity.request_role_change":         "asks; another person decides",
	"identity.request_second_factor_reset": "asks; another person decides",
	"identity.withdraw_access_change":      "takes back what was asked for",
	"identity.purge_expired":               "takes away what has expired",
}

// enters are the use cases by which whoever manages accounts could get into another's.
func enters(s *identity.Service) map[string]func(context.Context, identity.User) error {
	return map[string]func(context.Context, identity.User) error{
		"identity.update_user": func(ctx context.Context, user identity.User) error {
			in := identity.UpdateUserInput{ID: user.ID, Version: user.Version, Profile: user.Profile}
			in.Email = uuid.NewString() + "@attacker.example"
			_, err := s.UpdateUser(ctx, in)
			return err
		},
		"identity.link_external_identity": func(ctx context.Context, user identity.User) error {
			_, err := s.LinkExternalIdentity(ctx, identity.LinkExternalIdentityInput{
				User:            user.ID,
				ExternalSubject: identity.ExternalSubject{Issuer: "https://attacker.example", Subject: uuid.NewString()},
			})
			return err
		},
		"identity.reset_second_factor": func(ctx context.Context, user identity.User) error {
			_, err := s.ResetSecondFactor(ctx, user.ID)
			return err
		},
	}
}

// Every use case by which accounts are managed is thought of here: either it lets nobody in, or it is attacked below.
func TestCredentials_EveryUseCaseIsThoughtOf(t *testing.T) {
	t.Parallel()
	ways := enters(nil)
	found := 0
	for _, info := range usecase.Declared() {
		if info.Permission != hmstype.PermIdentityManage || !info.Writes || !strings.HasSuffix(info.Package, "/identity") {
			continue
		}
		found++
		_, isWay := ways[info.Name]
		require.NotEqual(t, isWay, harmless[info.Name] != "",
			"%s: does it let who manages accounts into another's?", info.Name)
	}
	require.Equal(t, len(ways)+len(harmless), found)
}

// Nobody gets into an account that may do more than he: by whatever way, that would be giving it to himself.
func TestCredentials_NobodyEntersWhoHoldsMore(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := ofOne(env)
	narrow, _ := clerk(t, env, s, hmstype.PermIdentityManage, hmstype.PermIdentityRead)
	wide, _ := clerk(t, env, s, hmstype.PermIdentityManage, hmstype.PermIdentityRead, hmstype.PermIdentityEscalate)
	_, equalID := clerk(t, env, s, hmstype.PermIdentityRead)
	equal, err := s.GetUser(env.Ctx, equalID)
	require.NoError(t, err)
	for name, way := range enters(s) {
		doctor := member(t, env, identity.RoleDoctor)
		for _, more := range []identity.User{member(t, env, identity.RoleAdmin), doctor} {
			require.ErrorIs(t, way(narrow, more), hmstype.ErrPermissionDenied, name)
			again, err := s.GetUser(env.Ctx, more.ID)
			require.NoError(t, err)
			require.Equal(t, more, again)
		}
		require.NoError(t, way(wide, doctor), name)
		require.NoError(t, way(narrow, equal), "%s: of who holds no more", name)
	}
}

// The whole attack: the address of an administrator becomes the clerk's, and the link for a new password with it.
func TestCredentials_ALinkForAnotherPasswordStaysItsOwners(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin := member(t, env, identity.RoleAdmin)
	narrow, _ := clerk(t, env, s, hmstype.PermIdentityManage, hmstype.PermIdentityRead)
	in := identity.UpdateUserInput{ID: admin.ID, Version: admin.Version, Profile: admin.Profile}
	in.Email = "clerk@attacker.example"
	_, err := s.UpdateUser(narrow, in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	reset, err := s.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: admin.Username})
	require.NoError(t, err)
	require.Equal(t, admin.Email, reset.User.Email)

	in.Email, in.PhoneNumber = admin.Email, "555"
	_, err = s.UpdateUser(narrow, in)
	require.NoError(t, err, "what nobody enters by, who manages accounts may change")
}

// Where another person must approve who becomes an administrator, nobody gets into an administrator's account alone, or
// he would approve by it what he asks for. His own address he changes; the host does what it must.
func TestCredentials_NobodyEntersAnAdministratorsAccountAlone(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	one, other := member(t, env, identity.RoleAdmin), member(t, env, identity.RoleAdmin)
	admin := provedJustNow(t, env, one.ID)
	for name, way := range enters(env.Identity) {
		require.ErrorIs(t, way(admin, other), identity.ErrApprovalRequired, name)
		if name != "identity.reset_second_factor" {
			require.NoError(t, way(admin, one), "%s: his own", name)
		}
	}
	for name, way := range enters(ofOne(env)) {
		require.NoError(t, way(admin, other), "%s: a practice of one", name)
	}
	other, err := env.Identity.GetUser(env.Ctx, other.ID)
	require.NoError(t, err)
	for name, way := range enters(env.Identity) {
		require.NoError(t, way(env.Ctx, other), "%s: the host", name)
	}
}
