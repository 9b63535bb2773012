package identity

import (
	"context"
	"net/mail"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// UserStatus is the state of a user account.
type UserStatus string

// The states of a user account.
const (
	UserInvited     UserStatus = "invited"     // has not accepted yet
	UserActive      UserStatus = "active"      // may act
	UserLocked      UserStatus = "locked"      // may not act for now
	UserDeactivated UserStatus = "deactivated" // will not act again; terminal
)

// UserTransitions are the allowed steps between the states of a user account.
var UserTransitions = hmstype.Transitions[UserStatus]{
	UserInvited: {UserActive, UserDeactivated},
	UserActive:  {UserLocked, UserDeactivated},
	UserLocked:  {UserActive, UserDeactivated},
}

// User is a person, or a program, that may act in a tenant (FHIR Practitioner).
type User struct {
	ID              hmstype.UserID
	Username        string // as it was typed; unique up to case and Unicode form
	Email           string // empty or unique
	FirstName       string
	LastName        string
	PhoneNumber     string
	ProfileImage    string // a reference that the host resolves; empty means none
	Language        string // BCP 47; empty means the tenant's
	Status          UserStatus
	IsActiveSession bool      // has a session now
	LastActivity    time.Time // UTC; zero means never
	Roles           []string  // names, sorted
	CreatedAt       time.Time // UTC
	Version         int64     // counts changes, from 1
}

type userRow struct {
	bun.BaseModel `bun:"table:hms.user_account,alias:u"`
	dbx.Tenanted
	ID                 hmstype.UserID `bun:"id,pk"`
	Username           string
	UsernameNormalized string
	Email              string
	EmailNormalized    string `bun:",nullzero"`
	FirstName          string
	LastName           string
	PhoneNumber        string
	ProfileImage       string
	Language           string
	Status             UserStatus
	IsActiveSession    bool
	LastActivity       time.Time `bun:",nullzero"`
	CreatedAt          time.Time
	Version            int64
}

func (r userRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r userRow) user(roles []string) User {
	return User{
		ID: r.ID, Username: r.Username, Email: r.Email, FirstName: r.FirstName, LastName: r.LastName,
		PhoneNumber: r.PhoneNumber, ProfileImage: r.ProfileImage, Language: r.Language, Status: r.Status,
		IsActiveSession: r.IsActiveSession, LastActivity: r.LastActivity.UTC(), Roles: roles,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateUserInput describes a new user, who is active at once.
type CreateUserInput struct {
	Username     string   // required, up to 150 characters
	Email        string   // optional, an address
	FirstName    string   // required, up to 150 characters
	LastName     string   // required, up to 150 characters
	PhoneNumber  string   // optional, up to 15 characters
	ProfileImage string   // optional reference, up to 500 characters
	Language     string   // optional BCP 47 tag, up to 35 characters
	Roles        []string // names of roles of the tenant
}

// Validate implements the rules above.
func (in CreateUserInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Username, "username", 1, 150)
	v.Text(in.Email, "email", 0, 254)
	if in.Email != "" {
		_, err := mail.ParseAddress(in.Email)
		v.Check(err == nil, "email", "must be an e-mail address")
	}
	v.Text(in.FirstName, "firstName", 1, 150)
	v.Text(in.LastName, "lastName", 1, 150)
	v.Text(in.PhoneNumber, "phoneNumber", 0, 15)
	v.Text(in.ProfileImage, "profileImage", 0, 500)
	v.Text(in.Language, "language", 0, 35)
	return v.Err()
}

// normalize makes names comparable: Unicode NFKC, folded case, no outer space.
func normalize(text string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(text))))
}

// CreateUser adds a user with roles. [ErrUsernameTaken], [ErrEmailTaken]; an unknown role
// is not found.
func (s *Service) CreateUser(ctx context.Context, in CreateUserInput) (User, error) {
	op := service.Op{Name: "identity.create_user", Permission: hmstype.PermIdentityManage}
	return service.Write(ctx, &s.base, op, in, createUser)
}

func createUser(ctx context.Context, db dbx.DB, in CreateUserInput) (User, error) {
	row := userRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.UserID](),
		Username: in.Username, UsernameNormalized: normalize(in.Username),
		Email: in.Email, EmailNormalized: normalize(in.Email),
		FirstName: in.FirstName, LastName: in.LastName, PhoneNumber: in.PhoneNumber,
		ProfileImage: in.ProfileImage, Language: in.Language,
		Status: UserActive, CreatedAt: db.Now, Version: 1,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return User{}, err
	}
	if err := grantRoles(ctx, db, row.ID, in.Roles); err != nil {
		return User{}, err
	}
	return loadUser(ctx, db, row.ID)
}

type userRoleRow struct {
	bun.BaseModel `bun:"table:hms.user_role,alias:ur"`
	dbx.Tenanted
	UserID    hmstype.UserID `bun:"user_id,pk"`
	RoleID    hmstype.RoleID `bun:"role_id,pk"`
	GrantedAt time.Time
}

func grantRoles(ctx context.Context, db dbx.DB, user hmstype.UserID, names []string) error {
	for _, name := range names {
		roles, err := dbx.All[roleRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("name = ?", name) })
		if err != nil {
			return err
		}
		if len(roles) == 0 {
			return &hmstype.Error{Entity: "role", Err: hmstype.ErrNotFound}
		}
		grant := userRoleRow{Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, UserID: user, RoleID: roles[0].ID, GrantedAt: db.Now}
		if _, err := dbx.InsertIfFree(ctx, db, &grant); err != nil {
			return err
		}
	}
	return nil
}

func loadUser(ctx context.Context, db dbx.DB, id hmstype.UserID) (User, error) {
	row, err := dbx.Get[userRow](ctx, db, "user", id)
	if err != nil {
		return User{}, err
	}
	names := []string{}
	err = db.NewSelect().Model((*roleRow)(nil)).Column("name").
		Join("JOIN hms.user_role AS ur ON ur.tenant_id = role.tenant_id AND ur.role_id = role.id").
		Where("role.tenant_id = ?", db.Tenant()).Where("ur.tenant_id = ?", db.Tenant()).
		Where("ur.user_id = ?", id).Order("name").Scan(ctx, &names)
	return row.user(names), err
}

// User gives a user of the tenant.
func (s *Service) User(ctx context.Context, id hmstype.UserID) (User, error) {
	op := service.Op{Name: "identity.user", Permission: hmstype.PermIdentityRead}
	return service.Read(ctx, &s.base, op, service.ByID[hmstype.UserID]{ID: id},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.UserID]) (User, error) {
			return loadUser(ctx, db, in.ID)
		})
}

// SetUserStatusInput moves a user to another state.
type SetUserStatusInput struct {
	ID     hmstype.UserID // required
	Status UserStatus     // required
}

// Validate implements the rules above.
func (in SetUserStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", UserTransitions.States()...)
	return v.Err()
}

// SetUserStatus locks, unlocks or deactivates a user. [hmstype.ErrInvalidTransition] for
// a step that is not in [UserTransitions]; [ErrLastAdministrator] where nobody else could
// administer the tenant.
func (s *Service) SetUserStatus(ctx context.Context, in SetUserStatusInput) (User, error) {
	op := service.Op{Name: "identity.set_user_status", Permission: hmstype.PermIdentityManage}
	user, err := service.Write(ctx, &s.base, op, in, setUserStatus)
	s.cache.forget(ctx, in.ID)
	return user, err
}

func setUserStatus(ctx context.Context, db dbx.DB, in SetUserStatusInput) (User, error) {
	if err := db.LockName(ctx, "administrators"); err != nil {
		return User{}, err
	}
	row, err := dbx.Get[userRow](ctx, db, "user", in.ID, dbx.ForUpdate)
	if err != nil {
		return User{}, err
	}
	if err := UserTransitions.Check("user", row.Status, in.Status); err != nil {
		return User{}, err
	}
	version := row.Version
	row.Status = in.Status
	if err := dbx.UpdateVersioned(ctx, db, &row, version, "status"); err != nil {
		return User{}, err
	}
	user, err := loadUser(ctx, db, in.ID)
	if err != nil || in.Status == UserActive {
		return user, err
	}
	return user, requireAdministrator(ctx, db, user)
}

// requireAdministrator refuses to take the tenant's last administrator away.
func requireAdministrator(ctx context.Context, db dbx.DB, leaving User) error {
	wasAdmin := false
	for _, name := range leaving.Roles {
		wasAdmin = wasAdmin || name == RoleAdmin
	}
	if !wasAdmin {
		return nil
	}
	another, err := db.NewSelect().Model((*userRow)(nil)).
		Join("JOIN hms.user_role AS ur ON ur.tenant_id = u.tenant_id AND ur.user_id = u.id").
		Join("JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id").
		Where("u.tenant_id = ?", db.Tenant()).Where("ur.tenant_id = ?", db.Tenant()).Where("r.tenant_id = ?", db.Tenant()).
		Where("u.status = ?", UserActive).Where("r.name = ?", RoleAdmin).Exists(ctx)
	if err == nil && !another {
		err = ErrLastAdministrator
	}
	return err
}

// Users lists the tenant's users, oldest first.
func (s *Service) Users(ctx context.Context, page hmstype.Page) (hmstype.List[User], error) {
	op := service.Op{Name: "identity.users", Permission: hmstype.PermIdentityRead}
	return service.Read(ctx, &s.base, op, service.Paged{Page: page}, func(ctx context.Context, db dbx.DB, in service.Paged) (hmstype.List[User], error) {
		rows, next, err := dbx.Page[userRow](ctx, db, in.Page, dbx.Order{})
		list := hmstype.List[User]{Next: next, Items: make([]User, 0, len(rows))}
		for _, r := range rows {
			user, err := loadUser(ctx, db, r.ID)
			if err != nil {
				return list, err
			}
			list.Items = append(list.Items, user)
		}
		return list, err
	})
}
