package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// maxRoles bounds the roles of one user.
const maxRoles = 50

var tooManyRoles = fmt.Sprintf("must be at most %d", maxRoles)

type userRoleRow struct {
	bun.BaseModel `bun:"table:hms.user_role,alias:ur"`
	dbx.Tenanted
	UserID    hmstype.UserID `bun:"user_id,pk"`
	RoleID    hmstype.RoleID `bun:"role_id,pk"`
	GrantedAt time.Time
}

func validateRoles(v *hmstype.Validator, roles []string) {
	v.Check(len(roles) <= maxRoles, "roles", tooManyRoles)
	for i, name := range roles {
		path := fmt.Sprintf("roles[%d]", i)
		names.Check(v, names.NameKey, name, path, 50)
		v.Check(!hasRole(roles[:min(i, maxRoles)], name), path, "must not repeat another")
	}
}

// hasRole tells whether a role of this name is among the roles, in any spelling.
func hasRole(roles []string, name string) bool {
	key := names.NameKey(name)
	return slices.ContainsFunc(roles, func(role string) bool { return names.NameKey(role) == key })
}

// rolesNamed gives the tenant's roles of these names, in any spelling; not found where it
// lacks one.
func rolesNamed(ctx context.Context, db dbx.DB, roles []string) ([]roleRow, error) {
	if len(roles) == 0 {
		return nil, nil
	}
	wanted := make([]string, len(roles))
	for i, role := range roles {
		wanted[i] = names.NameKey(role)
	}
	rows, err := dbx.All[roleRow](ctx, db, dbx.OneOf("name_key", wanted))
	if err != nil {
		return nil, err
	}
	if len(rows) != len(roles) {
		return nil, &hmstype.Error{Entity: "role", Err: hmstype.ErrNotFound}
	}
	return rows, nil
}

// rolesOf gives the roles that a user has.
func rolesOf(ctx context.Context, db dbx.DB, user hmstype.UserID) ([]roleRow, error) {
	return dbx.All[roleRow](ctx, db, dbx.Where(`EXISTS (SELECT 1 FROM hms.user_role AS ur
		WHERE ur.tenant_id = ? AND ur.role_id = role.id AND ur.user_id = ?)`, db.Tenant(), user))
}

func grantRoles(ctx context.Context, db dbx.DB, user hmstype.UserID, roles []string, g granting) error {
	rows, err := rolesNamed(ctx, db, roles)
	if err != nil {
		return err
	}
	if err := g.checkRoles(rows); err != nil {
		return err
	}
	if err := g.administrate(rows); err != nil {
		return err
	}
	return insertRoles(ctx, db, user, rows)
}

func insertRoles(ctx context.Context, db dbx.DB, user hmstype.UserID, roles []roleRow) error {
	grants := make([]userRoleRow, len(roles))
	for i, r := range roles {
		grants[i] = userRoleRow{Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, UserID: user, RoleID: r.ID, GrantedAt: db.Now}
	}
	return dbx.Insert(ctx, db, grants...)
}

// SetUserRolesInput says which roles a user has from now on.
type SetUserRolesInput struct {
	ID    hmstype.UserID `json:"id"`    // required
	Roles []string       `json:"roles"` // names of roles of the tenant; none takes all permissions away
}

// Validate implements the rules above.
func (in SetUserRolesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	validateRoles(&v, in.Roles)
	return v.Err()
}

var opSetUserRoles = usecase.Command[SetUserRolesInput, User]{
	Name: "identity.set_user_roles", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[User](noPatient),
	Sample: SetUserRolesInput{Roles: []string{RoleNurse}},
}.Declare()

// SetUserRoles gives a user exactly these roles; other processes follow within a second.
// [ErrLastAdministrator] where nobody else could administer the tenant, [ErrDeactivated]
// for an account that is closed. The actor must hold what the added roles allow, or
// [hmstype.PermIdentityEscalate]; nobody changes his own, by whichever
// of his accounts: [ErrOwnRoles]. [ErrApprovalRequired] for a role that makes him an administrator:
// [Service.RequestAdministrator].
// Permission: [hmstype.PermIdentityManage].
func (s *Service) SetUserRoles(ctx context.Context, in SetUserRolesInput) (User, error) {
	user, err := giving(ctx, s, opSetUserRoles, in, s.setUserRoles)
	s.cache.forget(ctx, in.ID)
	s.sessions.clear()
	return user, err
}

func (s *Service) setUserRoles(ctx context.Context, db dbx.DB, in SetUserRolesInput, g granting) (User, error) {
	if by := db.By(); by.User == in.ID || by.Person == in.ID {
		return User{}, ErrOwnRoles
	}
	return keepAdministrator(ctx, db, func() (User, error) {
		row, err := dbx.Get[userRow](ctx, db, "user_account", in.ID, dbx.ForUpdate)
		if err != nil {
			return User{}, err
		}
		if row.PersonID == db.By().Person {
			return User{}, ErrOwnRoles
		}
		if row.Status == UserDeactivated {
			return User{}, ErrDeactivated
		}
		held, err := s.loadUser(ctx, db, in.ID)
		if err != nil {
			return User{}, err
		}
		if err := revokeRoles(ctx, db, in.ID, without(held.Roles, in.Roles)); err != nil {
			return User{}, err
		}
		if err := grantRoles(ctx, db, in.ID, without(in.Roles, held.Roles), g); err != nil {
			return User{}, err
		}
		if err := requireRotation(ctx, db, in.ID); err != nil {
			return User{}, err
		}
		return s.loadUser(ctx, db, in.ID)
	})
}

// without gives the roles that are not among the others.
func without(roles, others []string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return hasRole(others, role) })
}

// revokeRoles is migrate/routine/identity/take_roles.sql.
func revokeRoles(ctx context.Context, db dbx.DB, user hmstype.UserID, roles []string) error {
	rows, err := rolesNamed(ctx, db, roles)
	if err != nil || len(rows) == 0 {
		return err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID.String()
	}
	_, err = db.Exec(ctx, `SELECT hms.take_roles($1, $2, $3::uuid[])`, db.Tenant(), user, ids)
	return err
}
