package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opResetSecondFactor = usecase.Command[usecase.ByID[hmstype.UserID], User]{
	Name: "identity.reset_second_factor", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[User](noPatient), RecentProof: true,
}.Declare()

// ResetSecondFactor takes a user's lost second factor away, so that he comes in by his password and enrols anew: the
// authenticator app, its recovery codes and all WebAuthn credentials. His sessions end and his devices are forgotten.
// A user who has none is left without his sessions all the same. The actor must hold what the user's roles allow, or
// [hmstype.PermIdentityEscalate]. [ErrApprovalRequired] where hms.Config.SeparationOfDuties keeps the request and
// its approval apart: [Service.RequestSecondFactorReset]. [ErrOwnSecondFactor] for an account of the actor's own,
// [ErrDeactivated] for one that is closed, [ErrProofRequired] for a person who has not proved himself just now.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) ResetSecondFactor(ctx context.Context, user hmstype.UserID) (User, error) {
	out, err := giving(ctx, s, opResetSecondFactor, usecase.ID(user), s.resetSecondFactor)
	s.sessions.clear()
	return out, err
}

func (s *Service) resetSecondFactor(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID], g granting,
) (User, error) {
	if g.mustAsk {
		return User{}, ErrApprovalRequired
	}
	row, err := dbx.Get[userRow](ctx, db, "user_account", in.ID, dbx.ForUpdate)
	if err != nil {
		return User{}, err
	}
	if err := endSecondFactor(ctx, db, row, g); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, in.ID)
}

// endSecondFactor takes every second factor of a user whose row is locked, by
// migrate/routine/identity/forget_totp.sql and migrate/routine/identity/forget_webauthn.sql.
func endSecondFactor(ctx context.Context, db dbx.DB, user userRow, g granting) error {
	switch {
	case user.PersonID == db.By().Person:
		return ErrOwnSecondFactor
	case user.Status == UserDeactivated:
		return ErrDeactivated
	}
	roles, err := rolesOf(ctx, db, user.ID)
	if err != nil {
		return err
	}
	if err := g.checkRoles(roles); err != nil { // one thing less stands between the actor and this user
		return err
	}
	for _, statement := range []string{
		`SELECT hms.forget_totp($1, $2)`, `SELECT hms.forget_webauthn($1, $2, NULL)`,
	} {
		if _, err := db.Exec(ctx, statement, db.Tenant(), user.ID); err != nil {
			return err
		}
	}
	if err := forgetRecoveryCodes(ctx, db, user.ID); err != nil {
		return err
	}
	if err := endSessions(ctx, db, user.ID, hmstype.SessionID{}, "second factor reset"); err != nil {
		return err
	}
	if err := forgetDevices(ctx, db, user.ID); err != nil {
		return err
	}
	return record(ctx, db, "second_factor_reset", user.ID)
}
