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

// Role is a named set of permissions of a tenant.
type Role struct {
	ID   hmstype.RoleID `json:"id"`
	Name string         `json:"name"` // 1 to 50 characters, unique in the tenant
	RoleDetails
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Version   int64            `json:"version"` // counts changes, from 1
}

// RoleDetails are what may change of a role.
type RoleDetails struct {
	Description string `bun:"description" json:"description,omitempty"` // up to 1000 characters
	// Permissions are of the catalogue hmstype.Permissions, or of hms.Config.Permissions, the host's own.
	Permissions []hmstype.Permission `bun:"permissions,type:jsonb" json:"permissions"`
}

func (d RoleDetails) validate(v *hmstype.Validator) {
	v.Text(d.Description, "description", 0, 1000)
	validatePermissions(v, d.Permissions)
}

type roleRow struct {
	bun.BaseModel `bun:"table:hms.role,alias:role"`
	dbx.Header[hmstype.RoleID]
	Name    string
	NameKey string // normal form of Name
	RoleDetails
}

func newRoleRow(db dbx.DB, name string, details RoleDetails) roleRow {
	row := roleRow{Header: dbx.NewHeader[hmstype.RoleID](db), Name: name, NameKey: names.NameKey(name)}
	row.setDetails(details)
	return row
}

func (r *roleRow) setDetails(d RoleDetails) {
	if d.Permissions == nil {
		d.Permissions = []hmstype.Permission{} // the database wants a list
	}
	r.RoleDetails = d
}

func (r roleRow) role() Role {
	return Role{
		ID: r.ID, Name: r.Name, RoleDetails: r.RoleDetails,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// CreateRoleInput describes a role of the tenant's own.
type CreateRoleInput struct {
	Name string `json:"name"` // required, up to 50 characters
	RoleDetails
}

// Validate implements the rules above.
func (in CreateRoleInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, in.Name, "name", 50)
	in.validate(&v)
	return v.Err()
}

// validatePermissions holds names of permissions to their form; whether the host has declared one of its own,
// [granting.define] knows.
func validatePermissions(v *hmstype.Validator, permissions []hmstype.Permission) {
	catalogue := hmstype.Permissions()
	for i, p := range permissions {
		v.Check(slices.Contains(catalogue, p) || p.IsHostForm(), permissionPath(i), notInCatalogue)
	}
}

const notInCatalogue = "must be in the catalogue"

func permissionPath(i int) string { return fmt.Sprintf("permissions[%d]", i) }

// sampleRole is what the samples of declarations say of a role.
var sampleRole = RoleDetails{
	Description: "Reads what others write", Permissions: []hmstype.Permission{hmstype.PermPatientRead},
}

var opCreateRole = usecase.Command[CreateRoleInput, Role]{
	Name: "identity.create_role", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[Role](noPatient),
	Sample: CreateRoleInput{Name: "Reader", RoleDetails: sampleRole},
}.Declare()

// CreateRole adds a role; [ErrRoleNameTaken] where the tenant has one of that name. The actor must
// hold what it allows, or [hmstype.PermIdentityEscalate].
// Permission: [hmstype.PermIdentityManage].
func (s *Service) CreateRole(ctx context.Context, in CreateRoleInput) (Role, error) {
	return giving(ctx, s, opCreateRole, in, createRole)
}

func createRole(ctx context.Context, db dbx.DB, in CreateRoleInput, g granting) (Role, error) {
	if err := g.define(in.Permissions, nil); err != nil {
		return Role{}, err
	}
	row := newRoleRow(db, in.Name, in.RoleDetails)
	return row.role(), dbx.Insert(ctx, db, row)
}

var opListRoles = usecase.Query[usecase.None, []Role]{
	Name: "identity.list_roles", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[[]Role](noPatient), Quiet: noPatient,
}.Declare()

// ListRoles lists the tenant's roles by name.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListRoles(ctx context.Context) ([]Role, error) {
	return opListRoles.Run(ctx, &s.base, usecase.None{}, roles)
}

func roles(ctx context.Context, db dbx.DB, _ usecase.None) ([]Role, error) {
	rows, err := dbx.All[roleRow](ctx, db, dbx.OrderBy("name"))
	list := make([]Role, len(rows))
	for i, r := range rows {
		list[i] = r.role()
	}
	return list, err
}

// UpdateRoleInput replaces a role's description and permissions. Its name stays: users and
// tasks are assigned by it.
type UpdateRoleInput struct {
	ID      hmstype.RoleID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the caller read; required
	RoleDetails
}

// Validate implements the rules above.
func (in UpdateRoleInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.validate(&v)
	return v.Err()
}

var opUpdateRole = usecase.Command[UpdateRoleInput, Role]{
	Name: "identity.update_role", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[Role](noPatient),
	Sample: UpdateRoleInput{Version: 1, RoleDetails: sampleRole},
}.Declare()

// UpdateRole changes what a role allows, a standard one's too; every process follows within a
// second. The actor must hold what he adds, or [hmstype.PermIdentityEscalate].
// [ErrApprovalRequired] where a standard role would allow another thing, or any role would make administrators of
// who has it: [Service.RequestRoleChange].
// [ErrLastAdministrator] where nobody could administer the tenant any more,
// [hmstype.ErrStale] where somebody else was faster.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) UpdateRole(ctx context.Context, in UpdateRoleInput) (Role, error) {
	role, err := giving(ctx, s, opUpdateRole, in, updateRole)
	s.cache.clear()
	return role, err
}

func updateRole(ctx context.Context, db dbx.DB, in UpdateRoleInput, g granting) (Role, error) {
	return keepAdministrator(ctx, db, func() (Role, error) {
		row, err := dbx.Get[roleRow](ctx, db, "role", in.ID, dbx.ForUpdate)
		if err != nil {
			return Role{}, err
		}
		if err := dbx.CheckVersion(&row, in.Version); err != nil {
			return Role{}, err
		}
		if err := g.define(in.Permissions, row.Permissions); err != nil {
			return Role{}, err
		}
		if err := g.redefine(row, in.Permissions); err != nil {
			return Role{}, err
		}
		row.setDetails(in.RoleDetails)
		err = dbx.Update(ctx, db, &row, "description", "permissions")
		return row.role(), err
	})
}
