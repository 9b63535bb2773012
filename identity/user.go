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
	ID hmstype.UserID `json:"id"`
	Profile
	// Person is whose account it is, as the id of his first account; its own id for that one.
	Person hmstype.UserID `json:"person"`
	Status UserStatus     `json:"status"`
	// has a session now that has neither ended nor run out
	IsActiveSession bool             `json:"isActiveSession"`
	LastActivity    time.Time        `json:"lastActivity,omitzero"` // UTC, to the minute; zero means never
	Roles           []string         `json:"roles"`                 // names, sorted
	CreatedAt       time.Time        `json:"createdAt,omitzero"`    // UTC
	CreatedBy       hmstype.ActorRef `json:"createdBy"`
	Version         int64            `json:"version"` // counts changes, from 1
}

type userRow struct {
	bun.BaseModel `bun:"table:hms.user_account,alias:u"`
	dbx.Header[hmstype.UserID]
	Profile
	UsernameKey string // normal form of Username
	EmailKey    string `bun:",nullzero"` // normal form of Email
	// DirectoryKey has the words of the names and the speciality, each after a blank, as names.Words gives them.
	DirectoryKey string
	PersonID     hmstype.UserID // never changes
	Status       UserStatus
	PatientID    hmstype.PatientID // as whom the person is known here; see [Service.LinkPatient]
}

func (r userRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r userRow) user() User {
	return User{
		ID: r.ID, Profile: r.Profile, Person: r.PersonID, Status: r.Status,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// Profile is what a user account says of its person.
type Profile struct {
	// Username is unique in the tenant up to case and Unicode form, looks like no other one, and is kept as
	// it was typed; required, up to 150 characters. Letters, digits, space and plain punctuation of one
	// script, or of Latin and one other that does not look like it (UTS #39, moderately restrictive).
	Username string `bun:"username" json:"username"`
	// Email is an address that nobody else of the tenant has, nor one that looks like it; empty for none.
	Email string `bun:"email"         json:"email,omitempty"`
	// FirstName and LastName are as the person writes them, up to 150 characters each. Many people
	// have the same; who has one name only has one of the two.
	FirstName string `bun:"first_name"    json:"firstName"`
	LastName  string `bun:"last_name"     json:"lastName"`
	// PhoneNumber is as people write it, such as "+34 600 123 456", up to 30 characters; empty for none.
	PhoneNumber string `bun:"phone_number"  json:"phoneNumber,omitempty"`
	// ProfileImage is a reference that the host resolves, up to 500 characters; empty for none.
	ProfileImage string `bun:"profile_image" json:"profileImage,omitempty"`
	// Language is a BCP 47 tag, up to 35 characters; empty for the tenant's.
	Language string `bun:"language" json:"language,omitempty"`
	// Speciality is what a practitioner is trained in, such as "Cardiology", up to 100 characters; empty
	// for none. The directory is searched by it.
	Speciality string `bun:"speciality" json:"speciality,omitempty"`
}

func (p Profile) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, p.Username, "username", 150)
	v.Check(
		!strings.ContainsRune(names.NameKey(p.Username), '@') || p.Username == p.Email, "username",
		"must not look like an e-mail address other than the user's own",
	)
	names.CheckOptional(v, names.CodeKey, p.Email, "email", 254)
	if p.Email != "" {
		address, err := mail.ParseAddress(p.Email)
		v.Check(err == nil && address.Address == p.Email, "email", "must be an e-mail address")
	}
	checkLooks(v, p)
	v.Text(p.FirstName, "firstName", 0, 150)
	v.Text(p.LastName, "lastName", 0, 150)
	v.Required(strings.TrimSpace(p.FirstName+p.LastName) != "", "lastName")
	v.Text(p.PhoneNumber, "phoneNumber", 0, 30)
	v.Text(p.ProfileImage, "profileImage", 0, 500)
	v.Text(p.Speciality, "speciality", 0, 100)
	v.Text(p.Language, "language", 0, 35)
	if p.Language != "" {
		_, err := language.Parse(p.Language)
		v.Check(err == nil, "language", "must be a BCP 47 language tag")
	}
}

func (r *userRow) setProfile(p Profile) {
	r.Profile, r.UsernameKey, r.EmailKey = p, names.NameKey(p.Username), names.CodeKey(p.Email)
	r.DirectoryKey = " " + strings.Join(names.Words(p.FirstName, p.LastName, p.Speciality), " ")
}

// noPatient says of use cases that show accounts, roles and the like why they show nothing of a patient.
const noPatient = "accounts, no patient's data"

// sampleProfile is what the samples of declarations say of a person.
var sampleProfile = Profile{
	Username: "a.odhiambo", Email: "a.odhiambo@example.org", FirstName: "Achieng", LastName: "Odhiambo",
	PhoneNumber: "+254700000001", ProfileImage: "portraits/1", Language: "en-KE", Speciality: "Cardiology",
}

// loadUser gives a user with the names of his roles and what his sessions tell.
func (s *Service) loadUser(ctx context.Context, db dbx.DB, id hmstype.UserID) (User, error) {
	row, err := dbx.Get[userRow](ctx, db, "user_account", id)
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
	CROSS JOIN LATERAL (SELECT max(s.last_seen_at) AS last, bool_or(s.ended_at IS NULL AND s.expires_at > $3
	AND s.last_seen_at > $4) AS live
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

var opGetUser = usecase.Query[usecase.ByID[hmstype.UserID], User]{
	Name: "identity.get_user", Permission: hmstype.PermIdentityRead, Shows: usecase.Nobody[User](noPatient),
	Quiet: noPatient,
}.Declare()

// GetUser gives a user of the tenant.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) GetUser(ctx context.Context, id hmstype.UserID) (User, error) {
	return opGetUser.Run(ctx, &s.base, usecase.ID(id), s.user)
}

func (s *Service) user(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) (User, error) {
	return s.loadUser(ctx, db, in.ID)
}

var opListUsers = usecase.Query[usecase.Paged, hmstype.List[User]]{
	Name: "identity.list_users", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[hmstype.List[User]](noPatient), Quiet: noPatient,
}.Declare()

// ListUsers lists the tenant's users, oldest first.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListUsers(ctx context.Context, page hmstype.Page) (hmstype.List[User], error) {
	return opListUsers.Run(ctx, &s.base, usecase.Paged{Page: page}, s.users)
}

func (s *Service) users(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[User], error) {
	rows, next, err := dbx.Page[userRow](ctx, db, in.Page, dbx.Order{})
	if err != nil {
		return hmstype.List[User]{}, err
	}
	users, err := s.loadUsers(ctx, db, rows...)
	return hmstype.List[User]{Next: next, Items: users}, err
}
