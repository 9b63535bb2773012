package identity

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AcceptInvitationInput is the input of [Service.AcceptInvitation]; see [ResetPasswordInput].
type AcceptInvitationInput ResetPasswordInput

// Validate implements the rules of [ResetPasswordInput].
func (in AcceptInvitationInput) Validate() error { return ResetPasswordInput(in).Validate() }

var opAcceptInvitation = usecase.Command[AcceptInvitationInput, User]{
	Name: "identity.accept_invitation", Permission: hmstype.PermAuthenticate, Shows: usecase.Nobody[User](noPatient),
	Sample: AcceptInvitationInput(sampleNewPassword),
}.Declare()

// AcceptInvitation makes an invited user active, with the password that he chose.
// [ErrTokenInvalid] as for [Service.ResetPassword].
// Permission: [hmstype.PermAuthenticate].
func (s *Service) AcceptInvitation(ctx context.Context, in AcceptInvitationInput) (User, error) {
	user, err := opAcceptInvitation.Run(ctx, &s.base, in, s.acceptInvitation)
	s.sessions.clear()
	return user, err
}

func (s *Service) acceptInvitation(ctx context.Context, db dbx.DB, in AcceptInvitationInput) (User, error) {
	user, err := s.setByToken(ctx, db, ResetPasswordInput(in), purposeInvitation)
	if err != nil {
		return User{}, err
	}
	if user.Status != UserInvited {
		return User{}, ErrTokenInvalid
	}
	row, err := dbx.Get[userRow](ctx, db, "user_account", user.ID, dbx.ForUpdate)
	if err != nil {
		return User{}, err
	}
	if err := dbx.Move(ctx, db, userSteps, &row, dbx.Change[userRow, UserStatus]{To: UserActive}); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, user.ID)
}

// Invitation is what the host needs to write to an invited user.
type Invitation struct {
	Token     hmstype.Secret `json:"token"` // good once, until ExpiresAt
	User      User           `json:"user"`
	ExpiresAt time.Time      `json:"expiresAt,omitzero"` // UTC
}

var opInvite = usecase.Command[usecase.ByID[hmstype.UserID], Invitation]{
	Name: "identity.invite", Permission: hmstype.PermAuthenticate, Shows: usecase.Nobody[Invitation](noPatient),
	HostOnly: true, // the token makes whoever has it this user
}.Declare()

// Invite makes a token by which an invited user accepts; an earlier one is void.
// [hmstype.ErrInvalidTransition] for a user who is not invited. The host sends it to the address of the account.
// The actor is the host's own, and nobody else may be: [hmstype.ErrPermissionDenied]. So whoever created the account
// has not what its person first proves himself by, and one person does not make another of himself.
// Permission: [hmstype.PermAuthenticate].
func (s *Service) Invite(ctx context.Context, id hmstype.UserID) (Invitation, error) {
	return opInvite.Run(ctx, &s.base, usecase.ID(id), s.invite)
}

func (s *Service) invite(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (Invitation, error) {
	user, err := s.loadUser(ctx, db, in.ID)
	if err != nil {
		return Invitation{}, err
	}
	if user.Status != UserInvited {
		return Invitation{}, UserTransitions.Check(userSteps.Table, user.Status, UserInvited)
	}
	if err := endTokens(ctx, db, in.ID, purposeInvitation); err != nil {
		return Invitation{}, err
	}
	out := Invitation{User: user, ExpiresAt: db.Now.Add(invitationWithin)}
	if out.Token, err = newUserToken(ctx, db, in.ID, purposeInvitation, out.ExpiresAt); err != nil {
		return Invitation{}, err
	}
	return out, record(ctx, db, "invited", in.ID)
}
