package identity

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RequestAdministratorInput asks for roles that make somebody an administrator.
type RequestAdministratorInput struct {
	User   hmstype.UserID `json:"user"`   // required
	Roles  []string       `json:"roles"`  // names of roles, at least one, to be given beside those that the user has
	Reason string         `json:"reason"` // why; required, 3 to 500 characters
}

// Validate implements the rules above.
func (in RequestAdministratorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	v.Required(len(in.Roles) > 0, "roles")
	validateRoles(&v, in.Roles)
	v.Text(in.Reason, "reason", 3, maxAccessReason)
	return v.Err()
}

var opRequestAdministrator = usecase.Command[RequestAdministratorInput, AccessChange]{
	Name: "identity.request_administrator", Permission: hmstype.PermIdentityManage,
	Shows:  usecase.Nobody[AccessChange](noPatient),
	Sample: RequestAdministratorInput{Roles: []string{RoleAdmin}, Reason: "Head of the records office from May on"},
}.Declare()

// RequestAdministrator asks that a user be given roles of which one makes him an administrator: it allows
// identity.manage, identity.escalate or identity.approve. Nothing is given until another person approves by
// [Service.DecideAccessChange]. Invalid where none of the roles does, for [Service.SetUserRoles] gives those.
// [ErrOwnRoles] for an account of the actor's own, [ErrDeactivated] for one that is closed.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) RequestAdministrator(ctx context.Context, in RequestAdministratorInput) (AccessChange, error) {
	return opRequestAdministrator.Run(ctx, &s.base, in, requestAdministrator)
}

func requestAdministrator(ctx context.Context, db dbx.DB, in RequestAdministratorInput) (AccessChange, error) {
	user, err := dbx.Get[userRow](ctx, db, "user_account", in.User)
	switch {
	case err != nil:
		return AccessChange{}, err
	case user.PersonID == db.By().Person:
		return AccessChange{}, ErrOwnRoles
	case user.Status == UserDeactivated:
		return AccessChange{}, ErrDeactivated
	}
	roles, err := rolesNamed(ctx, db, in.Roles)
	if err != nil {
		return AccessChange{}, err
	}
	if !slices.ContainsFunc(roles, func(r roleRow) bool { return administers(r.Permissions) }) {
		return AccessChange{}, hmstype.Invalid("roles", "must make an administrator")
	}
	row := newAccessChange(db, AccessAdministrator, in.Reason)
	row.UserID, row.UserVersion = user.ID, user.Version
	for _, r := range roles {
		row.Roles = append(row.Roles, RoleVersion{ID: r.ID, Version: r.Version})
	}
	return insertAccessChange(ctx, db, row)
}

func insertAccessChange(ctx context.Context, db dbx.DB, row accessChangeRow) (AccessChange, error) {
	if err := dbx.Insert(ctx, db, row); err != nil {
		return AccessChange{}, err
	}
	return row.change(), db.Emit(ctx, accessChangeEvent(&row))
}
