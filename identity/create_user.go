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
	// Person is another account of the same person, who has one already, as a clinician who administers as well;
	// zero for a person's first account. It never changes: duties are kept apart by it.
	Person hmstype.UserID `json:"person"`
	Roles  []string       `json:"roles"`  // names of roles of the tenant
	Invite bool           `json:"invite"` // the account waits until its person accepts; false: it is active at once
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

// CreateUser adds a user with roles. [ErrUsernameTaken] and [ErrEmailTaken] also for what
// looks like another one's, without saying whose; an unknown role is not found, as is an unknown Person. The actor
// must hold what the roles allow, or [hmstype.PermIdentityEscalate]; nobody gives roles to a further account of his
// own: [ErrOwnRoles]. [ErrApprovalRequired] for a role that makes an administrator: the account is made without it,
// and [Service.RequestAdministrator] asks for it. He does not get what its person first proves himself by: that is
// the host's to send, by [Service.Invite] or [Service.RequestPasswordReset].
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
	var err error
	if row.PersonID, err = personOfNew(ctx, db, row.ID, in); err != nil {
		return User{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return User{}, err
	}
	if err := storeLooks(ctx, db, &row); err != nil {
		return User{}, err
	}
	if err := grantRoles(ctx, db, row.ID, in.Roles, g); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, row.ID)
}

// personOfNew gives whose the new account is: the person of the account that the input names, or its own.
func personOfNew(
	ctx context.Context, db dbx.DB, id hmstype.UserID, in CreateUserInput,
) (person hmstype.UserID, err error) {
	if in.Person.IsZero() {
		return id, nil
	}
	other, err := dbx.Get[userRow](ctx, db, "user_account", in.Person)
	if err == nil && other.PersonID == db.By().Person && len(in.Roles) > 0 {
		err = ErrOwnRoles
	}
	return other.PersonID, err
}
