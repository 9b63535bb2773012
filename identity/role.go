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

// The names of the six standard roles.
const (
	RoleAdmin         = "Admin"
	RoleDoctor        = "Doctor"
	RoleNurse         = "Nurse"
	RoleReceptionist  = "Receptionist"
	RolePharmacist    = "Pharmacist"
	RoleLabTechnician = "Lab Technician"
)

// Role is a named set of permissions of a tenant.
type Role struct {
	ID          hmstype.RoleID
	Name        string // 1 to 50 characters, unique in the tenant up to case, runs of space and kind of dash
	Description string // up to 1000 characters
	Permissions []hmstype.Permission
	CreatedAt   time.Time // UTC
	Version     int64     // counts changes, from 1
}

type roleRow struct {
	bun.BaseModel `bun:"table:hms.role,alias:role"`
	dbx.Tenanted
	ID          hmstype.RoleID `bun:"id,pk"`
	Name        string
	NameKey     string // twin of Name
	Description string
	Permissions []hmstype.Permission `bun:"type:jsonb"`
	CreatedAt   time.Time
	Version     int64
}

func newRoleRow(db dbx.DB, name, description string, permissions []hmstype.Permission) roleRow {
	return roleRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.RoleID](),
		Name: name, NameKey: names.NameKey(name), Description: description, Permissions: permissions, CreatedAt: db.Now, Version: 1,
	}
}

func (r roleRow) role() Role {
	return Role{
		ID: r.ID, Name: r.Name, Description: r.Description, Permissions: r.Permissions,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// standardRoles are those of the original request, with what each profession needs.
// Nobody but the administrator holds everything; prescribing and dispensing lie with
// different professions.
var standardRoles = withInbox([]Role{
	{Name: RoleAdmin, Description: "Full system access", Permissions: hmstype.Permissions()},
	{Name: RoleDoctor, Description: "Medical records, prescriptions, appointments", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermBreakGlass, hmstype.PermAppointmentRead, hmstype.PermAppointmentWrite,
		hmstype.PermClinicalRead, hmstype.PermClinicalWrite, hmstype.PermVitalsWrite,
		hmstype.PermPrescribe, hmstype.PermPrescriptionRead, hmstype.PermPharmacyRead,
		hmstype.PermLabRead, hmstype.PermLabOrder, hmstype.PermLabReview,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermCharge,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleNurse, Description: "Patient care, vitals, basic records", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermBreakGlass, hmstype.PermAppointmentRead, hmstype.PermClinicalRead, hmstype.PermVitalsWrite,
		hmstype.PermPrescriptionRead, hmstype.PermLabRead, hmstype.PermLabResult,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermHousekeeping,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleReceptionist, Description: "Appointments, patient registration", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermAppointmentRead, hmstype.PermAppointmentWrite,
		hmstype.PermFacilityRead, hmstype.PermBillingRead, hmstype.PermBillWrite, hmstype.PermPayment, hmstype.PermRefundRequest,
	}},
	{Name: RolePharmacist, Description: "Pharmacy operations, dispensing", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPrescriptionRead, hmstype.PermPharmacyRead, hmstype.PermPharmacyManage,
		hmstype.PermStockWrite, hmstype.PermDispense, hmstype.PermPharmacyReverse,
		hmstype.PermNotify,
	}},
	{Name: RoleLabTechnician, Description: "Lab orders and results", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermLabRead, hmstype.PermLabOrder, hmstype.PermLabResult, hmstype.PermLabManage,
		hmstype.PermNotify,
	}},
})

// withInbox adds what every profession needs to see and do what waits for it. The administrator
// holds it already.
func withInbox(roles []Role) []Role {
	for i := range roles {
		if roles[i].Name != RoleAdmin {
			roles[i].Permissions = append(roles[i].Permissions, hmstype.PermInboxRead,
				hmstype.PermTaskRead, hmstype.PermTaskWrite, hmstype.PermMessageRead, hmstype.PermMessageWrite)
		}
	}
	return roles
}

// CreateRoleInput describes a role of the tenant's own.
type CreateRoleInput struct {
	Name        string               // required, up to 50 characters
	Description string               // up to 1000 characters
	Permissions []hmstype.Permission // of the catalogue hmstype.Permissions
}

// Validate implements the rules above.
func (in CreateRoleInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, in.Name, "name", 50)
	v.Text(in.Description, "description", 0, 1000)
	validatePermissions(&v, in.Permissions)
	return v.Err()
}

func validatePermissions(v *hmstype.Validator, permissions []hmstype.Permission) {
	catalogue := hmstype.Permissions()
	for i, p := range permissions {
		v.Check(slices.Contains(catalogue, p), fmt.Sprintf("permissions[%d]", i), "must be in the catalogue")
	}
}

// CreateRole adds a role; [ErrRoleNameTaken] where the tenant has one of that name.
func (s *Service) CreateRole(ctx context.Context, in CreateRoleInput) (Role, error) {
	op := usecase.Op{Name: "identity.create_role", Permission: hmstype.PermIdentityManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CreateRoleInput) (Role, error) {
		row := newRoleRow(db, in.Name, in.Description, in.Permissions)
		if row.Permissions == nil {
			row.Permissions = []hmstype.Permission{}
		}
		return row.role(), dbx.Insert(ctx, db, row)
	})
}

// Roles lists the tenant's roles by name.
func (s *Service) Roles(ctx context.Context) ([]Role, error) {
	op := usecase.Op{Name: "identity.roles", Permission: hmstype.PermIdentityRead}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) ([]Role, error) {
		rows, err := dbx.All[roleRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("name") })
		roles := make([]Role, len(rows))
		for i, r := range rows {
			roles[i] = r.role()
		}
		return roles, err
	})
}

// UpdateRoleInput replaces a role's description and permissions. Its name stays: users and
// tasks are assigned by it.
type UpdateRoleInput struct {
	ID          hmstype.RoleID       // required
	Version     int64                // the version that the caller read; required
	Description string               // up to 1000 characters
	Permissions []hmstype.Permission // of the catalogue hmstype.Permissions
}

// Validate implements the rules above.
func (in UpdateRoleInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	v.Text(in.Description, "description", 0, 1000)
	validatePermissions(&v, in.Permissions)
	return v.Err()
}

// UpdateRole changes what a role allows, a standard one's too; every process follows within a
// second. [ErrLastAdministrator] where nobody could administer the tenant any more,
// [hmstype.ErrStale] where somebody else was faster.
func (s *Service) UpdateRole(ctx context.Context, in UpdateRoleInput) (Role, error) {
	op := usecase.Op{Name: "identity.update_role", Permission: hmstype.PermIdentityManage}
	role, err := usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in UpdateRoleInput) (Role, error) {
		return keepAdministrator(ctx, db, func() (Role, error) { return updateRole(ctx, db, in) })
	})
	s.cache.clear()
	return role, err
}

func updateRole(ctx context.Context, db dbx.DB, in UpdateRoleInput) (Role, error) {
	row, err := dbx.Get[roleRow](ctx, db, "role", in.ID, dbx.ForUpdate)
	if err != nil {
		return Role{}, err
	}
	row.Description, row.Permissions = in.Description, in.Permissions
	if row.Permissions == nil {
		row.Permissions = []hmstype.Permission{}
	}
	err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "description", "permissions")
	row.Version = in.Version + 1
	return row.role(), err
}
