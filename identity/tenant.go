package identity

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Tenant is a hospital or clinic whose data are closed to every other (FHIR Organization).
type Tenant struct {
	ID        hmstype.TenantID
	Name      string           // 1 to 200 characters
	TimeZone  string           // IANA name, such as "Africa/Nairobi": "today" is this zone's day
	Currency  hmstype.Currency // the tenant's own currency
	CreatedAt time.Time        // UTC
	Version   int64            // counts changes, from 1
}

type tenantRow struct {
	bun.BaseModel `bun:"table:hms.tenant,alias:tenant"`
	dbx.Tenanted
	ID        hmstype.TenantID
	Name      string
	TimeZone  string
	Currency  hmstype.Currency
	CreatedAt time.Time
	Version   int64
}

func (r tenantRow) tenant() Tenant {
	return Tenant{
		ID: r.ID, Name: r.Name, TimeZone: r.TimeZone, Currency: r.Currency,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateTenantInput describes a new tenant.
type CreateTenantInput struct {
	Name     string           // required, up to 200 characters
	TimeZone string           // IANA name; empty means "UTC"
	Currency hmstype.Currency // empty means "USD"
}

// Validate implements the rules above.
func (in CreateTenantInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Name, "name", 1, 200)
	_, err := time.LoadLocation(in.TimeZone)
	v.Check(err == nil && in.TimeZone != "Local", "timeZone", "must be an IANA time zone")
	v.Check(in.Currency == "" || in.Currency.Valid(), "currency", "must be an ISO 4217 code")
	return v.Err()
}

// CreateTenant creates the actor's tenant with the six standard roles. The actor is the
// host's own: hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "setup").
// [ErrTenantExists] where it was created before.
func (s *Service) CreateTenant(ctx context.Context, in CreateTenantInput) (Tenant, error) {
	op := usecase.Op{Name: "identity.create_tenant", Permission: hmstype.PermIdentityManage}
	return usecase.Write(ctx, &s.base, op, in, createTenant)
}

func createTenant(ctx context.Context, db dbx.DB, in CreateTenantInput) (Tenant, error) {
	row := tenantRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: db.Tenant(), Name: in.Name,
		TimeZone: in.TimeZone, Currency: in.Currency, CreatedAt: db.Now, Version: 1,
	}
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
		roles = append(roles, newRoleRow(db, r.Name, r.Description, r.Permissions))
	}
	return row.tenant(), dbx.Insert(ctx, db, roles...)
}

// Tenant gives the actor's own tenant.
func (s *Service) Tenant(ctx context.Context) (Tenant, error) {
	op := usecase.Op{Name: "identity.tenant", Permission: hmstype.PermIdentityRead}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) (Tenant, error) {
		row, err := dbx.Get[tenantRow](ctx, db, "tenant", db.Tenant())
		return row.tenant(), err
	})
}
