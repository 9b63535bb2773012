package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// ofOne gives the services of a practice of one, which keeps no duties apart.
func ofOne(env *dbtest.Env) *identity.Service {
	base := env.Base
	base.Separation = []hmstype.SeparatedPair{}
	return env.Identity.Bind(base)
}

func roleNamed(t *testing.T, env *dbtest.Env, name string) identity.Role {
	t.Helper()
	roles, err := env.Identity.ListRoles(env.Ctx)
	require.NoError(t, err)
	for _, r := range roles {
		if r.Name == name {
			return r
		}
	}
	require.Fail(t, "no such role", name)
	return identity.Role{}
}

// askFor asks in the name of somebody that a user be made an administrator.
func askFor(t *testing.T, env *dbtest.Env, by context.Context, user hmstype.UserID) identity.AccessChange {
	t.Helper()
	asked, err := env.Identity.RequestAdministrator(by, identity.RequestAdministratorInput{
		User: user, Roles: []string{identity.RoleAdmin}, Reason: "Head of the records office",
	})
	require.NoError(t, err)
	return asked
}

func approving(asked identity.AccessChange) identity.DecideAccessChangeInput {
	return identity.DecideAccessChangeInput{ID: asked.ID, Status: identity.AccessApproved, Text: "Known to me"}
}

// What another person must approve, nobody does alone: not by whatever use case. The host's own actor may, and whoever
// manages the accounts of a practice of one.
func TestApproval_IsRequired(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	admin, _ := person(t, env, identity.RoleAdmin)
	custom, err := env.Identity.CreateRole(env.Ctx, roleOf(hmstype.PermPatientRead))
	require.NoError(t, err)
	update := func(s *identity.Service, ctx context.Context, name string, change func(*identity.RoleDetails)) error {
		role := roleNamed(t, env, name)
		change(&role.RoleDetails)
		_, err := s.UpdateRole(ctx, identity.UpdateRoleInput{
			ID: role.ID, Version: role.Version, RoleDetails: role.RoleDetails,
		})
		return err
	}
	permit := func(p hmstype.Permission) func(*identity.RoleDetails) {
		return func(d *identity.RoleDetails) { d.Permissions = append(d.Permissions, p) }
	}
	mightier := func(p hmstype.Permission) func(*identity.Service, context.Context) error {
		return func(s *identity.Service, ctx context.Context) error {
			role, err := env.Identity.CreateRole(env.Ctx, roleOf(p))
			require.NoError(t, err)
			_, err = s.CreateUser(ctx, identity.CreateUserInput{Profile: aProfile(), Roles: []string{role.Name}})
			return err
		}
	}
	for name, way := range map[string]func(*identity.Service, context.Context) error{
		"SetUserRoles": func(s *identity.Service, ctx context.Context) error {
			_, err := s.SetUserRoles(ctx, identity.SetUserRolesInput{
				ID: env.User(t, identity.RoleNurse).ID, Roles: []string{identity.RoleNurse, identity.RoleAdmin},
			})
			return err
		},
		"CreateUserManage":   mightier(hmstype.PermIdentityManage),
		"CreateUserEscalate": mightier(hmstype.PermIdentityEscalate),
		"CreateUserApprove":  mightier(hmstype.PermIdentityApprove),
		"StandardRoleMore": func(s *identity.Service, ctx context.Context) error {
			return update(s, ctx, identity.RoleCashier, permit(hmstype.PermRefundApprove))
		},
		"StandardRoleLess": func(s *identity.Service, ctx context.Context) error {
			return update(s, ctx, identity.RoleCashier, func(d *identity.RoleDetails) { d.Permissions = d.Permissions[1:] })
		},
		"AnyRoleOfAdministrators": func(s *identity.Service, ctx context.Context) error {
			role, err := env.Identity.CreateRole(env.Ctx, roleOf(hmstype.PermPatientRead))
			require.NoError(t, err)
			return update(s, ctx, role.Name, permit(hmstype.PermIdentityApprove))
		},
		"SecondFactor": func(s *identity.Service, ctx context.Context) error {
			_, err := s.ResetSecondFactor(ctx, env.User(t, identity.RoleNurse).ID)
			return err
		},
	} {
		err := way(env.Identity, admin)
		require.ErrorIs(t, err, identity.ErrApprovalRequired, name)
		require.ErrorIs(t, err, hmstype.ErrPrecondition, name)
		require.NoError(t, way(ofOne(env), admin), "%s: a practice of one", name)
		require.NoError(t, way(env.Identity, env.Ctx), "%s: the host", name)
	}
	require.NoError(t, update(env.Identity, admin, identity.RoleNurse, func(d *identity.RoleDetails) {
		d.Description = "Night and day"
	}), "what it allows stays")
	require.NoError(t, update(env.Identity, admin, custom.Name, permit(hmstype.PermRefundApprove)), "a role of their own")
	_, err = env.Identity.CreateUser(admin, identity.CreateUserInput{
		Profile: aProfile(), Roles: []string{identity.RoleNurse, custom.Name},
	})
	require.NoError(t, err, "no administrator")
}

func TestAccessChange_AnotherPersonMakesAnAdministrator(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, adminID := person(t, env, identity.RoleAdmin)
	approver, approverID := person(t, env, identity.RoleAdmin)
	user, err := s.CreateUser(admin, identity.CreateUserInput{Profile: aProfile(), Roles: []string{identity.RoleNurse}})
	require.NoError(t, err)
	asked := askFor(t, env, admin, user.ID)
	require.Equal(t, identity.AccessRequested, asked.Status)
	require.Equal(t, adminID, asked.CreatedBy.Person)
	require.Equal(t, env.Clock.Now().Add(identity.ApprovalWithin), asked.ExpiresAt)
	got, err := s.GetAccessChange(approver, asked.ID)
	require.NoError(t, err)
	require.Equal(t, asked, got)
	waiting, err := s.ListAccessChanges(approver, identity.ListAccessChangesInput{})
	require.NoError(t, err)
	require.Equal(t, []identity.AccessChange{asked}, waiting.Items)

	done, err := s.DecideAccessChange(approver, approving(asked))
	require.NoError(t, err)
	require.Equal(t, identity.AccessApproved, done.Status)
	require.Equal(t, approverID, done.DecidedBy.Person)
	user, err = s.GetUser(env.Ctx, user.ID)
	require.NoError(t, err)
	require.Equal(t, []string{identity.RoleAdmin, identity.RoleNurse}, user.Roles)
	actor := hmstype.HumanActor(env.Tenant, user.ID)
	require.NoError(t, s.Authorize(hmstype.WithActor(t.Context(), actor), actor, hmstype.PermIdentityManage))
	history, err := s.GetAccessChangeHistory(approver, asked.ID)
	require.NoError(t, err)
	require.Len(t, history.Steps, 1)
	require.Equal(t, "Known to me", history.Steps[0].Reason)
	for _, event := range []string{"identity.access_change_requested", "identity.access_change_approved"} {
		require.Equal(t, user.ID.String(), dbtest.Scalar[string](t, env, `SELECT data ->> 'user' FROM hms.outbox
			WHERE tenant_id = ? AND event_type = ?`, env.Tenant, event))
	}
	_, err = s.DecideAccessChange(approver, approving(asked))
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	other := askFor(t, env, admin, env.User(t).ID)
	rejected, err := s.DecideAccessChange(approver, identity.DecideAccessChangeInput{
		ID: other.ID, Status: identity.AccessRejected, Text: "Nobody knows him",
	})
	require.NoError(t, err)
	require.Equal(t, "Nobody knows him", rejected.DecisionText)
	user, err = s.GetUser(env.Ctx, other.User)
	require.NoError(t, err)
	require.Empty(t, user.Roles)
}

// Who may not approve, and what can be approved no more.
func TestDecideAccessChange_Refuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, adminID := person(t, env, identity.RoleAdmin)
	stranger, strangerID := person(t, env, identity.RoleAdmin)
	sock, sockID := madeBy(t, env, admin)
	small, _ := clerk(t, env, s, hmstype.PermIdentityApprove)
	subject := member(t, env, identity.RoleNurse)
	asked := askFor(t, env, admin, subject.ID)
	own := further(t, env, adminID, identity.RoleAdmin)
	actor := hmstype.HumanActor(env.Tenant, own.ID)
	actor.Person, actor.AuthenticatedAt = adminID, env.Clock.Now()
	of, err := s.CreateAPIKey(admin, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
		User: strangerID, Name: "k", Scopes: []hmstype.Permission{hmstype.PermIdentityApprove},
	}, Expiry: time.Hour})
	require.NoError(t, err)
	key, err := s.Authenticate(t.Context(), of.Token)
	require.NoError(t, err)
	nurse, _ := person(t, env, identity.RoleNurse)
	for _, tt := range []struct {
		who  string
		ctx  context.Context
		want error
	}{
		{"who asked", admin, hmstype.ErrSeparationOfDuties},
		{"another account of his", hmstype.WithActor(t.Context(), actor), hmstype.ErrSeparationOfDuties},
		{"whose account he made", sock, identity.ErrRelatedApprover},
		{"a key that he made in another's name", hmstype.WithActor(t.Context(), key), identity.ErrPersonRequired},
		{"who holds less than he gives", small, hmstype.ErrPermissionDenied},
		{"who may not approve", nurse, hmstype.ErrPermissionDenied},
		{
			"who has not proved himself", hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, strangerID)),
			identity.ErrProofRequired,
		},
	} {
		_, err = s.DecideAccessChange(tt.ctx, approving(asked))
		require.ErrorIs(t, err, tt.want, tt.who)
		_, err = ofOne(env).DecideAccessChange(tt.ctx, approving(asked))
		require.ErrorIs(t, err, tt.want, "%s, in a practice of one", tt.who)
	}
	trail, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{User: sockID, Actions: []audit.Action{audit.ActionDenied}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 2)
	require.Equal(t, asked.ID.String(), trail.Items[0].EntityID)

	mine := askFor(t, env, admin, env.User(t, identity.RoleAuditor).ID)
	_, err = s.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: mine.User, Roles: []string{identity.RoleAdmin}})
	require.NoError(t, err)
	_, err = s.DecideAccessChange(provedJustNow(t, env, mine.User), approving(mine))
	require.ErrorIs(t, err, identity.ErrOwnRoles, "whom it is about")
	_, err = s.RequestAdministrator(admin, identity.RequestAdministratorInput{
		User: own.ID, Roles: []string{identity.RoleAdmin}, Reason: "For me",
	})
	require.ErrorIs(t, err, identity.ErrOwnRoles)

	subject.Email = "elsewhere@attacker.example"
	_, err = s.UpdateUser(admin, identity.UpdateUserInput{
		ID: subject.ID, Version: subject.Version, Profile: subject.Profile,
	})
	require.NoError(t, err)
	_, err = s.DecideAccessChange(stranger, approving(asked))
	require.ErrorIs(t, err, hmstype.ErrStale, "the account is no more the one that was asked of")
	asked = askFor(t, env, admin, subject.ID)
	role := roleNamed(t, env, identity.RoleAdmin)
	role.Description = "Another"
	_, err = s.UpdateRole(env.Ctx, identity.UpdateRoleInput{
		ID: role.ID, Version: role.Version, RoleDetails: role.RoleDetails,
	})
	require.NoError(t, err)
	_, err = s.DecideAccessChange(stranger, approving(asked))
	require.ErrorIs(t, err, hmstype.ErrStale, "nor is the role")
	asked = askFor(t, env, admin, subject.ID)
	env.Clock.Advance(identity.ApprovalWithin)
	_, err = s.DecideAccessChange(provedJustNow(t, env, strangerID), approving(asked))
	require.ErrorIs(t, err, identity.ErrRequestExpired)
	user, err := s.GetUser(env.Ctx, subject.ID)
	require.NoError(t, err)
	require.Equal(t, []string{identity.RoleNurse}, user.Roles)
}

func TestAccessChange_OfARole(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, _ := person(t, env, identity.RoleAdmin)
	approver, _ := person(t, env, identity.RoleAdmin)
	role := roleNamed(t, env, identity.RoleCashier)
	in := identity.RequestRoleChangeInput{
		Role: role.ID, Version: role.Version, RoleDetails: role.RoleDetails, Reason: "Small clinic, few cashiers",
	}
	in.Permissions = append(in.Permissions, hmstype.PermRefundApprove)
	first, err := s.RequestRoleChange(admin, in)
	require.NoError(t, err)
	second, err := s.RequestRoleChange(approver, in)
	require.NoError(t, err)
	require.Equal(t, in.Permissions, first.Details.Permissions)
	require.Equal(t, role, roleNamed(t, env, identity.RoleCashier), "nothing changes yet")
	_, err = s.DecideAccessChange(approver, approving(first))
	require.NoError(t, err)
	require.Equal(t, in.Permissions, roleNamed(t, env, identity.RoleCashier).Permissions)
	_, err = s.DecideAccessChange(admin, approving(second))
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = s.RequestRoleChange(admin, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	in.Version, in.Permissions = 2, []hmstype.Permission{"radiology.read"}
	_, err = s.RequestRoleChange(admin, in)
	requireNotInCatalogue(t, err, "permissions[0]")

	all := roleNamed(t, env, identity.RoleAdmin)
	last, err := s.RequestRoleChange(admin, identity.RequestRoleChangeInput{
		Role: all.ID, Version: all.Version, Reason: "Nobody administers",
	})
	require.NoError(t, err)
	_, err = s.DecideAccessChange(approver, approving(last))
	require.ErrorIs(t, err, identity.ErrLastAdministrator)
}

func TestAccessChange_OfASecondFactor(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, adminID := person(t, env, identity.RoleAdmin)
	approver, approverID := person(t, env, identity.RoleAdmin)
	user := member(t, env, identity.RoleNurse)
	in, err := login(env, user, goodPassword, "")
	require.NoError(t, err)
	self := provedJustNow(t, env, user.ID)
	enrolment, err := s.BeginTOTP(self)
	require.NoError(t, err)
	_, err = s.ConfirmTOTP(self, code(t, env, enrolment.Secret.Reveal()))
	require.NoError(t, err)
	_, err = s.AddWebAuthnCredential(self, identity.WebAuthnCredential{WebAuthnDetails: identity.WebAuthnDetails{
		CredentialID: make([]byte, 32), PublicKey: []byte{1}, AAGUID: make([]byte, 16), Name: "Key ring",
	}})
	require.NoError(t, err)
	asking := identity.RequestSecondFactorResetInput{User: user.ID, Reason: "Lost her telephone"}
	asked, err := s.RequestSecondFactorReset(admin, asking)
	require.NoError(t, err)
	_, err = login(env, user, goodPassword, "")
	require.ErrorIs(t, err, identity.ErrSecondFactorRequired)

	_, err = s.DecideAccessChange(approver, approving(asked))
	require.NoError(t, err)
	_, err = s.Authenticate(t.Context(), in.Token)
	require.ErrorIs(t, err, identity.ErrSessionEnded)
	_, err = login(env, user, goodPassword, "")
	require.NoError(t, err)
	keys, err := s.ListWebAuthnCredentials(self)
	require.NoError(t, err)
	require.Empty(t, keys)
	require.Equal(t, 1, events(t, env, "second_factor_reset"))
	require.Zero(t, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.user_recovery_code WHERE tenant_id = ?`, env.Tenant))
	_, err = s.BeginTOTP(self)
	require.NoError(t, err, "he enrols anew")

	for _, ctx := range []context.Context{admin, approver} {
		_, err = s.RequestSecondFactorReset(ctx, identity.RequestSecondFactorResetInput{User: adminID, Reason: "Lost it"})
		if ctx == admin {
			require.ErrorIs(t, err, identity.ErrOwnSecondFactor)
			_, err = ofOne(env).ResetSecondFactor(ctx, adminID)
			require.ErrorIs(t, err, identity.ErrOwnSecondFactor)
			continue
		}
		require.NoError(t, err)
	}
	mine, err := s.RequestSecondFactorReset(admin,
		identity.RequestSecondFactorResetInput{User: approverID, Reason: "Lost it"})
	require.NoError(t, err)
	_, err = s.DecideAccessChange(approver, approving(mine))
	require.ErrorIs(t, err, identity.ErrOwnSecondFactor)
}

func TestWithdrawAccessChange(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, _ := person(t, env, identity.RoleAdmin)
	other, _ := person(t, env, identity.RoleAdmin)
	asked := askFor(t, env, admin, env.User(t).ID)
	_, err := s.WithdrawAccessChange(other, asked.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	back, err := s.WithdrawAccessChange(admin, asked.ID)
	require.NoError(t, err)
	require.Equal(t, identity.AccessWithdrawn, back.Status)
	_, err = s.DecideAccessChange(other, approving(asked))
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestAccessChange_Validate(t *testing.T) {
	t.Parallel()
	user, role := hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.RoleID]()
	id := hmstype.NewID[hmstype.AccessChangeID]()
	for _, tt := range []struct {
		in   interface{ Validate() error }
		path string
	}{
		{identity.RequestAdministratorInput{Roles: []string{"A"}, Reason: "why"}, "user"},
		{identity.RequestAdministratorInput{User: user, Reason: "why"}, "roles"},
		{identity.RequestAdministratorInput{User: user, Roles: []string{"A", "a"}, Reason: "why"}, "roles[1]"},
		{identity.RequestAdministratorInput{User: user, Roles: []string{"A"}, Reason: "no"}, "reason"},
		{identity.RequestRoleChangeInput{Version: 1, Reason: "why"}, "role"},
		{identity.RequestRoleChangeInput{Role: role, Reason: "why"}, "version"},
		{identity.RequestRoleChangeInput{Role: role, Version: 1}, "reason"},
		{identity.RequestSecondFactorResetInput{Reason: "why"}, "user"},
		{identity.RequestSecondFactorResetInput{User: user}, "reason"},
		{identity.DecideAccessChangeInput{Status: identity.AccessApproved}, "id"},
		{identity.DecideAccessChangeInput{ID: id, Status: identity.AccessWithdrawn}, "status"},
		{identity.DecideAccessChangeInput{ID: id, Status: identity.AccessRejected}, "text"},
		{identity.ListAccessChangesInput{Status: "lost"}, "status"},
	} {
		require.Equal(t, tt.path, hmstype.Fields(tt.in.Validate())[0].Path, "%#v", tt.in)
	}
	env := dbtest.New(t)
	_, err := env.Identity.RequestAdministrator(env.Ctx, identity.RequestAdministratorInput{
		User: env.User(t).ID, Roles: []string{identity.RoleNurse}, Reason: "Is none",
	})
	require.Equal(t, "roles", hmstype.Fields(err)[0].Path)
	dbtest.RequireTransitions(t, env, "access_change", identity.AccessChangeTransitions.Pairs())
}
