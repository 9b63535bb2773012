package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CreateUserInput describes a new user.
type CreateUserInput struct {
	Profile
	Roles  []string `json:"roles"`  // names of roles of the tenant
	Invite bool     `json:"invite"` // the account waits until its person accepts; false: it is active at once
}

// Validate implements the rules above.
func (in CreateUserInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	validateRoles(&v, in.Roles)
	return v.Err()
}

var opCreateUser = usecase.Command[CreateUserInput, User]{
	Name: "identity.create_user", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[User](noPatient),
	Sample: CreateUserInput{Profile: sampleProfile, Roles: []string{RoleNurse}},
}.Declare()

// CreateUser adds a user with roles. [ErrUsernameTaken] also for a name that looks like
// another one's, [ErrEmailTaken]; an unknown role is not found. The actor must hold what the roles
// allow, or [hmstype.PermIdentityEscalate].
// Permission: [hmstype.PermIdentityManage].
func (s *Service) CreateUser(ctx context.Context, in CreateUserInput) (User, error) {
	return giving(ctx, s, opCreateUser, in, s.createUser)
}

func (s *Service) createUser(ctx context.Context, db dbx.DB, in CreateUserInput, g granting) (User, error) {
	row := userRow{Header: dbx.NewHeader[hmstype.UserID](db), Status: UserActive}
	if in.Invite {
		row.Status = UserInvited
	}
	row.setProfile(in.Profile)
	if err := dbx.Insert(ctx, db, row); err != nil {
		return User{}, err
	}
	if err := grantRoles(ctx, db, row.ID, in.Roles, g); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, row.ID)
}
