package identity

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/text/language"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Tenant is a hospital or clinic whose data are closed to every other (FHIR Organization).
type Tenant struct {
	ID hmstype.TenantID `json:"id"`
	TenantDetails
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Version   int64            `json:"version"` // counts changes, from 1
}

// TenantDetails are what a tenant says of itself.
type TenantDetails struct {
	Name string `bun:"name" json:"name"` // required, up to 200 characters
	// TimeZone is an IANA name, such as "Africa/Nairobi": "today" is this zone's day. Empty in an input means "UTC".
	TimeZone string           `bun:"time_zone" json:"timeZone"`
	Currency hmstype.Currency `bun:"currency"  json:"currency"` // the tenant's own; empty in an input means "USD"
	// Country is where the tenant is, by ISO 3166-1 alpha-2, such as "KE": a telephone number without a country is read
	// as one of it. Empty means that such numbers are compared as they are.
	Country string `bun:"country" json:"country,omitempty"`
}

func (d TenantDetails) validate(v *hmstype.Validator) {
	v.Text(d.Name, "name", 1, 200)
	_, err := time.LoadLocation(d.TimeZone)
	v.Check(err == nil && d.TimeZone != "Local", "timeZone", "must be an IANA time zone")
	v.Check(d.Currency == "" || d.Currency.Valid(), "currency", "must be an ISO 4217 code")
	region, err := language.ParseRegion(d.Country)
	v.Check(d.Country == "" || err == nil && region.IsCountry() && region.String() == d.Country, "country",
		"must be a country of ISO 3166-1 alpha-2")
}

type tenantRow struct {
	bun.BaseModel `bun:"table:hms.tenant,alias:tenant"`
	dbx.Header[hmstype.TenantID]
	TenantDetails
}

func (r tenantRow) tenant() Tenant {
	return Tenant{
		ID: r.ID, TenantDetails: r.TenantDetails,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// CreateTenantInput describes a new tenant.
type CreateTenantInput struct {
	TenantDetails
}

// Validate implements the rules above.
func (in CreateTenantInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	return v.Err()
}

var opCreateTenant = usecase.Command[CreateTenantInput, Tenant]{
	Name: "identity.create_tenant", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[Tenant](noPatient),
	Sample: CreateTenantInput{
		TenantDetails{Name: "General Hospital", TimeZone: "Africa/Nairobi", Currency: "KES", Country: "KE"},
	},
}.Declare()

// CreateTenant creates the actor's tenant with the standard roles. The actor is the
// host's own: hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "setup").
// [ErrTenantExists] where it was created before.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) CreateTenant(ctx context.Context, in CreateTenantInput) (Tenant, error) {
	return opCreateTenant.Run(ctx, &s.base, in, createTenant)
}

func createTenant(ctx context.Context, db dbx.DB, in CreateTenantInput) (Tenant, error) {
	row := tenantRow{Header: dbx.HeaderOf(db, db.Tenant()), TenantDetails: in.TenantDetails}
	if row.TimeZone == "" {
		row.TimeZone = "UTC"
	}
	if row.Currency == "" {
		row.Currency = "USD"
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Tenant{}, err
	}
	roles := make([]roleRow, 0, len(standardRoles))
	for _, r := range standardRoles {
		roles = append(roles, newRoleRow(db, r.Name, RoleDetails{Description: r.Description, Permissions: r.Permissions}))
	}
	return row.tenant(), dbx.Insert(ctx, db, roles...)
}

var opGetTenant = usecase.Query[usecase.None, Tenant]{
	Name: "identity.get_tenant", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[Tenant](noPatient), Quiet: noPatient,
}.Declare()

// GetTenant gives the actor's own tenant.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) GetTenant(ctx context.Context) (Tenant, error) {
	return opGetTenant.Run(ctx, &s.base, usecase.None{}, tenant)
}

func tenant(ctx context.Context, db dbx.DB, _ usecase.None) (Tenant, error) {
	row, err := dbx.Get[tenantRow](ctx, db, "tenant", db.Tenant())
	return row.tenant(), err
}
