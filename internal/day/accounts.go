package day

import (
	"context"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// found makes the tenant, unless whoever made the environment did.
func (d *Day) found() {
	if d.Unfounded {
		run(d, d.Ctx, d.H.Identity.CreateTenant, identity.CreateTenantInput{})
	}
	d.Reached["identity.CreateTenant"] = true
}

func (d *Day) accounts() {
	s := d.H.Identity
	d.found()
	role := run(d, d.Ctx, s.CreateRole, identity.CreateRoleInput{
		RoleDetails: identity.RoleDetails{Permissions: hmstype.Permissions()},
	})
	run(d, d.Ctx, s.UpdateRole, identity.UpdateRoleInput{
		ID: role.ID, Version: role.Version, RoleDetails: identity.RoleDetails{Permissions: hmstype.Permissions()},
	})
	d.Role = role.Name
	perform(d, d.Ctx, s.ListRoles)
	perform(d, d.Ctx, s.ListPermissions)
	perform(d, d.Ctx, s.GetTenant)
	user := run(d, d.Ctx, s.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{Email: d.mail("identity.CreateUser.Profile.Email")}, Invite: true,
	})
	invitation := run(d, d.Ctx, s.Invite, user.ID)
	first := d.Pen.Secret("identity.AcceptInvitation.Password")
	user = run(d, d.Ctx, s.AcceptInvitation, identity.AcceptInvitationInput{Token: invitation.Token, Password: first})
	user = run(d, d.Ctx, s.SetUserRoles, identity.SetUserRolesInput{ID: user.ID, Roles: []string{d.Role}})
	d.user = run(d, d.Ctx, s.UpdateUser, identity.UpdateUserInput{
		ID: user.ID, Version: user.Version, Profile: identity.Profile{
			Email:       d.mail("identity.UpdateUser.Profile.Email"),
			PhoneNumber: d.Pen.Phone("identity.UpdateUser.Profile.PhoneNumber"),
		},
	})
	run(d, d.Ctx, s.GetUser, user.ID)
	run(d, d.Ctx, s.ListUsers, hmstype.Page{})
	run(d, d.Ctx, s.ListPractitioners, identity.ListPractitionersInput{})
	reset := run(d, d.Ctx, s.RequestPasswordReset, identity.RequestPasswordResetInput{Login: d.user.Username})
	run(d, d.Ctx, s.ResetPassword,
		identity.ResetPasswordInput{Token: reset.Token, Password: d.Pen.Secret("identity.ResetPassword.Password")})
	key := run(d, d.Ctx, s.CreateAPIKey, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{User: user.ID, Scopes: []hmstype.Permission{hmstype.PermPatientRead}},
		Expiry:        time.Hour,
	})
	run(d, d.t.Context(), s.Authenticate, key.Token)
	run(d, d.Ctx, s.ListAPIKeys, user.ID)
	run(d, d.Ctx, s.RevokeAPIKey, key.Key.ID)
	tell(d, d.Ctx, s.UnlockPassword, user.ID)
	d.other = d.Person(d.Role)
	gone := run(d, d.Ctx, s.CreateUser,
		identity.CreateUserInput{Profile: identity.Profile{Email: d.mail("identity.CreateUser.Profile.Email")}})
	run(d, d.Ctx, s.SetUserStatus, identity.SetUserStatusInput{ID: gone.ID, Status: identity.UserLocked})
	d.approvals(gone.ID)
}

// approvals asks for what makes an administrator; another person approves, refuses, or it is taken back.
func (d *Day) approvals(user hmstype.UserID) {
	s := d.H.Identity
	approver := d.Person(d.Role)
	decide := func(asked identity.AccessChange, status identity.AccessChangeStatus) {
		run(d, approver, s.DecideAccessChange, identity.DecideAccessChangeInput{ID: asked.ID, Status: status})
	}
	asked := run(d, d.other, s.RequestAdministrator,
		identity.RequestAdministratorInput{User: user, Roles: []string{d.Role}})
	run(d, approver, s.GetAccessChange, asked.ID)
	run(d, approver, s.ListAccessChanges, identity.ListAccessChangesInput{})
	decide(asked, identity.AccessApproved)
	role := run(d, d.Ctx, s.CreateRole, identity.CreateRoleInput{})
	run(d, approver, s.GetAccessChangeHistory, asked.ID)
	decide(run(d, d.other, s.RequestRoleChange, identity.RequestRoleChangeInput{
		Role: role.ID, Version: role.Version,
		RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermPatientRead}},
	}), identity.AccessRejected)
	asked = run(d, d.other, s.RequestSecondFactorReset, identity.RequestSecondFactorResetInput{User: user})
	run(d, d.other, s.WithdrawAccessChange, asked.ID)
	run(d, d.Ctx, s.ResetSecondFactor, user)
}

// logIn begins a session of the user, whose password is set anew.
func (d *Day) logIn(code hmstype.Secret) (identity.Login, hmstype.Secret) {
	s := d.H.Identity
	d.Clock.Advance(20 * time.Second) // requests are counted
	reset := run(d, d.Ctx, s.RequestPasswordReset, identity.RequestPasswordResetInput{Login: d.user.Username})
	password := d.Pen.Secret("identity.Login.Password")
	run(d, d.Ctx, s.ResetPassword, identity.ResetPasswordInput{Token: reset.Token, Password: password})
	return run(d, d.Ctx, s.Login, identity.LoginInput{
		Login: d.user.Username, Password: password, Code: code, Device: d.Pen.Secret("identity.Login.Device"),
	}), password
}

func (d *Day) actor(token hmstype.Secret) context.Context {
	return hms.WithActor(d.t.Context(), run(d, d.t.Context(), d.H.Identity.Authenticate, token))
}

// enrol gives somebody a second factor of each kind, and the source of the codes of the first.
func (d *Day) enrol(who context.Context) (code func() hmstype.Secret, credential identity.WebAuthnCredential) {
	s := d.H.Identity
	enrolment := perform(d, who, s.BeginTOTP)
	code = func() hmstype.Secret {
		d.Clock.Advance(afterwards)
		text, err := totp.GenerateCode(enrolment.Secret.Reveal(), d.Clock.Now())
		d.check(err, "the code of the second factor")
		return hmstype.Secret(text)
	}
	run(d, who, s.ConfirmTOTP, code())
	d.credentials++
	id := make([]byte, 32)
	id[0] = d.credentials
	key := identity.WebAuthnDetails{CredentialID: id, PublicKey: []byte("key"), AAGUID: make([]byte, 16)}
	return code, run(d, who, s.AddWebAuthnCredential, identity.WebAuthnCredential{WebAuthnDetails: key})
}

func (d *Day) secondFactor() {
	s := d.H.Identity
	login, _ := d.logIn("")
	code, credential := d.enrol(d.actor(login.Token))
	login, password := d.logIn(code())
	me := d.actor(login.Token)
	tell(d, me, s.Reauthenticate, password)
	tell(d, me, s.DisableTOTP, password)
	perform(d, me, s.ListWebAuthnCredentials)
	tell(d, me, s.RemoveWebAuthnCredential, credential.ID)
	tell(d, me, s.ChangePassword,
		identity.ChangePasswordInput{Old: password, New: d.Pen.Secret("identity.ChangePassword.New")})
}

func (d *Day) sessions() {
	s := d.H.Identity
	first, _ := d.logIn("")
	second := run(d, d.t.Context(), s.RotateSession, first.Token)
	me := d.actor(second.Token)
	run(d, me, s.ListMySessions, hmstype.Page{})
	tell(d, me, s.EndMySession, second.Session.ID)
	tell(d, me, s.EndMyDevice, perform(d, me, s.ListMyDevices)[0].ID)
	tell(d, d.Ctx, s.ForgetDevices, d.user.ID)
	third, _ := d.logIn("")
	run(d, d.Ctx, s.ListSessions, identity.ListSessionsInput{User: d.user.ID})
	tell(d, d.Ctx, s.EndSession, third.Session.ID)
	tell(d, d.Ctx, s.EndSessions, d.user.ID)
	run(d, d.Ctx, s.EndAllSessions, identity.EndAllSessionsInput{})
	d.external()
	last, _ := d.logIn("")
	d.me = d.actor(last.Token)
	tell(d, d.t.Context(), s.Logout, last.Token)
}

// external lets the user in by an identity provider, and ends that he may.
func (d *Day) external() {
	s := d.H.Identity
	linked := run(d, d.Ctx, s.LinkExternalIdentity, identity.LinkExternalIdentityInput{User: d.user.ID})
	run(d, d.Ctx, s.ListExternalIdentities, d.user.ID)
	run(d, d.Ctx, s.LoginExternal, identity.LoginExternalInput{
		ExternalSubject: linked.ExternalSubject, AuthenticatedAt: d.Clock.Now(),
	})
	ended := run(d, d.Ctx, s.LinkExternalIdentity, identity.LinkExternalIdentityInput{
		User: d.user.ID, ExternalSubject: identity.ExternalSubject{Issuer: "https://login.example.org", Subject: "1"},
	})
	tell(d, d.Ctx, s.UnlinkExternalIdentity, ended.ID)
	run(d, d.Ctx, s.PurgeExpired, identity.PurgeExpiredInput{AsOf: d.Clock.Now()})
}
