package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/mail"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"go.mau.fi/util/confusable"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
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
	Username        string // as it was typed; unique up to case, runs of space, kind of dash and Unicode form
	Email           string // empty or unique
	FirstName       string
	LastName        string
	PhoneNumber     string
	ProfileImage    string // a reference that the host resolves; empty means none
	Language        string // BCP 47; empty means the tenant's
	Status          UserStatus
	IsActiveSession bool      // has a session now that has neither ended nor run out
	LastActivity    time.Time // UTC, to the minute; zero means never
	Roles           []string  // names, sorted
	CreatedAt       time.Time // UTC
	Version         int64     // counts changes, from 1
}

type userRow struct {
	bun.BaseModel `bun:"table:hms.user_account,alias:u"`
	dbx.Tenanted
	ID               hmstype.UserID `bun:"id,pk"`
	Username         string
	UsernameKey      string // twin of Username
	UsernameSkeleton string `bun:",nullzero"`
	Email            string
	EmailKey         string `bun:",nullzero"` // twin of Email
	FirstName        string
	LastName         string
	PhoneNumber      string
	ProfileImage     string
	Language         string
	Status           UserStatus
	CreatedAt        time.Time
	Version          int64
}

func (r userRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r userRow) user() User {
	return User{
		ID: r.ID, Username: r.Username, Email: r.Email, FirstName: r.FirstName, LastName: r.LastName,
		PhoneNumber: r.PhoneNumber, ProfileImage: r.ProfileImage, Language: r.Language, Status: r.Status,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// Profile is what a user account says of its person.
type Profile struct {
	Username     string // required, up to 150 characters
	Email        string // optional, an address
	FirstName    string // required, up to 150 characters
	LastName     string // required, up to 150 characters
	PhoneNumber  string // optional, up to 15 characters
	ProfileImage string // optional reference, up to 500 characters
	Language     string // optional BCP 47 tag, up to 35 characters
}

func (p Profile) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, p.Username, "username", 150)
	v.Check(!strings.ContainsRune(names.NameKey(p.Username), '@') || p.Username == p.Email, "username", "must not look like an e-mail address other than the user's own")
	v.Text(p.Email, "email", 0, 254)
	if p.Email != "" {
		address, err := mail.ParseAddress(p.Email)
		v.Check(err == nil && address.Address == p.Email, "email", "must be an e-mail address")
	}
	v.Text(p.FirstName, "firstName", 1, 150)
	v.Text(p.LastName, "lastName", 1, 150)
	v.Text(p.PhoneNumber, "phoneNumber", 0, 15)
	v.Text(p.ProfileImage, "profileImage", 0, 500)
	v.Text(p.Language, "language", 0, 35)
	if p.Language != "" {
		_, err := language.Parse(p.Language)
		v.Check(err == nil, "language", "must be a BCP 47 language tag")
	}
}

func (r *userRow) setProfile(p Profile) {
	r.Username, r.UsernameKey, r.UsernameSkeleton = p.Username, names.NameKey(p.Username), skeleton(p.Username)
	r.Email, r.EmailKey = p.Email, names.CodeKey(p.Email)
	r.FirstName, r.LastName, r.PhoneNumber = p.FirstName, p.LastName, p.PhoneNumber
	r.ProfileImage, r.Language = p.ProfileImage, p.Language
}

// CreateUserInput describes a new user.
type CreateUserInput struct {
	Profile
	Roles  []string // names of roles of the tenant
	Invite bool     // the account waits until its person accepts; false: it is active at once
}

// Validate implements the rules above.
func (in CreateUserInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	validateRoles(&v, in.Roles)
	return v.Err()
}

// skeleton gives what a name looks like (Unicode UTS #39): names of equal skeletons are
// taken for one another, such as "admin" and "аdmin" with a Cyrillic first letter.
func skeleton(name string) string {
	return cases.Fold().String(confusable.Skeleton(names.NameKey(name)))
}

// CreateUser adds a user with roles. [ErrUsernameTaken] also for a name that looks like
// another one's, [ErrEmailTaken]; an unknown role is not found.
func (s *Service) CreateUser(ctx context.Context, in CreateUserInput) (User, error) {
	op := usecase.Op{Name: "identity.create_user", Permission: hmstype.PermIdentityManage}
	return usecase.Write(ctx, &s.base, op, in, s.createUser)
}

func (s *Service) createUser(ctx context.Context, db dbx.DB, in CreateUserInput) (User, error) {
	row := userRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.UserID](),
		Status: UserActive, CreatedAt: db.Now, Version: 1,
	}
	if in.Invite {
		row.Status = UserInvited
	}
	row.setProfile(in.Profile)
	if err := dbx.Insert(ctx, db, row); err != nil {
		return User{}, err
	}
	if err := grantRoles(ctx, db, row.ID, in.Roles); err != nil {
		return User{}, err
	}
	return s.loadUser(ctx, db, row.ID)
}

// loadUser gives a user with the names of his roles and what his sessions tell.
func (s *Service) loadUser(ctx context.Context, db dbx.DB, id hmstype.UserID) (User, error) {
	row, err := dbx.Get[userRow](ctx, db, "user", id)
	if err != nil {
		return User{}, err
	}
	users, err := s.loadUsers(ctx, db, row)
	if err != nil {
		return User{}, err
	}
	return users[0], nil
}

const userDetails = `SELECT u.id,
		(SELECT coalesce(jsonb_agg(r.name ORDER BY r.name), '[]') FROM hms.user_role AS ur
			JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
			WHERE ur.tenant_id = $1 AND r.tenant_id = $1 AND ur.user_id = u.id),
		seen.last, coalesce(seen.live, false)
	FROM hms.user_account AS u
	CROSS JOIN LATERAL (SELECT max(s.last_seen_at) AS last, bool_or(s.ended_at IS NULL AND s.expires_at > $3 AND s.last_seen_at > $4) AS live
		FROM hms.user_session AS s WHERE s.tenant_id = $1 AND s.user_id = u.id) AS seen
	WHERE u.tenant_id = $1 AND u.id = ANY ($2::uuid[])`

// loadUsers gives the users of some rows, in their order, by one query.
func (s *Service) loadUsers(ctx context.Context, db dbx.DB, accounts ...userRow) (_ []User, err error) {
	users, ids, place := make([]User, len(accounts)), make([]string, len(accounts)), map[hmstype.UserID]int{}
	for i, r := range accounts {
		users[i], ids[i], place[r.ID] = r.user(), r.ID.String(), i
	}
	rows, err := db.Query(ctx, userDetails, db.Tenant(), ids, db.Now, db.Now.Add(-s.config.IdleTimeout))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id hmstype.UserID
		var roles []byte
		var seen sql.NullTime
		var live bool
		if err := rows.Scan(&id, &roles, &seen, &live); err != nil {
			return nil, err
		}
		user := &users[place[id]]
		user.IsActiveSession = live
		if seen.Valid {
			user.LastActivity = seen.Time.UTC()
		}
		if err := json.Unmarshal(roles, &user.Roles); err != nil {
			return nil, err
		}
	}
	return users, rows.Err()
}

// User gives a user of the tenant.
func (s *Service) User(ctx context.Context, id hmstype.UserID) (User, error) {
	op := usecase.Op{Name: "identity.user", Permission: hmstype.PermIdentityRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.UserID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (User, error) {
			return s.loadUser(ctx, db, in.ID)
		})
}

// UpdateUserInput replaces what an account says of its person.
type UpdateUserInput struct {
	ID      hmstype.UserID // required
	Version int64          // the version that the caller read; required
	Profile
}

// Validate implements the rules above.
func (in UpdateUserInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.validate(&v)
	return v.Err()
}

// UpdateUser changes a user's profile. Errors as for [Service.CreateUser];
// [hmstype.ErrStale] where somebody else was faster, [ErrDeactivated] for an account that is closed.
func (s *Service) UpdateUser(ctx context.Context, in UpdateUserInput) (User, error) {
	op := usecase.Op{Name: "identity.update_user", Permission: hmstype.PermIdentityManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in UpdateUserInput) (User, error) {
		row, err := dbx.Get[userRow](ctx, db, "user", in.ID, dbx.ForUpdate)
		if err != nil {
			return User{}, err
		}
		if row.Status == UserDeactivated {
			return User{}, ErrDeactivated
		}
		row.setProfile(in.Profile)
		err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "username", "username_key", "username_skeleton", "email", "email_key",
			"first_name", "last_name", "phone_number", "profile_image", "language")
		if err != nil {
			return User{}, err
		}
		return s.loadUser(ctx, db, in.ID)
	})
}

// Users lists the tenant's users, oldest first.
func (s *Service) Users(ctx context.Context, page hmstype.Page) (hmstype.List[User], error) {
	op := usecase.Op{Name: "identity.users", Permission: hmstype.PermIdentityRead}
	return usecase.Read(ctx, &s.base, op, usecase.Paged{Page: page}, func(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[User], error) {
		rows, next, err := dbx.Page[userRow](ctx, db, in.Page, dbx.Order{})
		if err != nil {
			return hmstype.List[User]{}, err
		}
		users, err := s.loadUsers(ctx, db, rows...)
		return hmstype.List[User]{Next: next, Items: users}, err
	})
}
