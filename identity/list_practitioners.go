package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Practitioner is what the directory tells of somebody who treats: enough to book him, and nothing that
// only who keeps accounts may know (FHIR PractitionerRole).
type Practitioner struct {
	User       hmstype.UserID `json:"user"` // whom an appointment or an encounter names
	FirstName  string         `json:"firstName"`
	LastName   string         `json:"lastName"`
	Speciality string         `json:"speciality,omitempty"` // empty for none
	Roles      []string       `json:"roles"`                // names, sorted
	Active     bool           `json:"active"`               // whether he can be booked now
}

// ListPractitionersInput selects from the directory. Empty fields select everything; set ones must all hold.
type ListPractitionersInput struct {
	// Search is words of a name or a speciality, or their beginnings, in any order and with or without
	// accents; up to 200 characters.
	Search   string       `json:"search"`
	Role     string       `json:"role"`     // the name of a role of the tenant, up to 50 characters
	Inactive bool         `json:"inactive"` // also those whose account is not active, for what they left behind
	Page     hmstype.Page `json:"page"`     // oldest account first
}

// Validate implements the rules above.
func (in ListPractitionersInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Search, "search", 0, 200)
	v.Text(in.Role, "role", 0, 50)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListPractitioners = usecase.Query[ListPractitionersInput, hmstype.List[Practitioner]]{
	Name: "identity.list_practitioners", Permission: hmstype.PermPractitionerRead,
	Shows: usecase.Nobody[hmstype.List[Practitioner]](noPatient), Quiet: noPatient,
	Sample: ListPractitionersInput{Search: "cardio", Role: RoleDoctor},
}.Declare()

// ListPractitioners searches the directory of those who treat: the users of whose roles one allows
// [hmstype.PermTreat]. Whoever books, admits or refers finds here whom to name.
// Permission: [hmstype.PermPractitionerRead].
func (s *Service) ListPractitioners(
	ctx context.Context, in ListPractitionersInput,
) (hmstype.List[Practitioner], error) {
	return opListPractitioners.Run(ctx, &s.base, in, s.practitioners)
}

// treats keeps the users with a role that treats, and with one of a name where that is asked for.
const treats = `EXISTS (SELECT 1 FROM hms.user_role AS ur
	JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
	WHERE ur.tenant_id = ? AND r.tenant_id = ? AND ur.user_id = u.id AND r.permissions @> to_jsonb(?::text))`

const hasRoleNamed = `EXISTS (SELECT 1 FROM hms.user_role AS ur
	JOIN hms.role AS r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
	WHERE ur.tenant_id = ? AND r.tenant_id = ? AND ur.user_id = u.id AND r.name_key = ?)`

func (s *Service) practitioners(
	ctx context.Context, db dbx.DB, in ListPractitionersInput,
) (hmstype.List[Practitioner], error) {
	criteria := []dbx.Apply{
		dbx.Where(treats, db.Tenant(), db.Tenant(), hmstype.PermTreat),
		dbx.When(!in.Inactive, dbx.Equal("status", UserActive)),
		dbx.When(in.Role != "", dbx.Where(hasRoleNamed, db.Tenant(), db.Tenant(), names.NameKey(in.Role))),
	}
	for _, word := range names.Words(in.Search) {
		criteria = append(criteria, dbx.Where("strpos(u.directory_key, ?) > 0", " "+word))
	}
	rows, next, err := dbx.Page[userRow](ctx, db, in.Page, dbx.Order{}, criteria...)
	if err != nil {
		return hmstype.List[Practitioner]{}, err
	}
	users, err := s.loadUsers(ctx, db, rows...)
	list := hmstype.List[Practitioner]{Next: next, Items: make([]Practitioner, len(users))}
	for i, u := range users {
		list.Items[i] = Practitioner{
			User: u.ID, FirstName: u.FirstName, LastName: u.LastName, Speciality: u.Speciality,
			Roles: u.Roles, Active: u.Status == UserActive,
		}
	}
	return list, err
}
