package audit

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/text/language"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RetentionPolicy says how long the tenant keeps events of one category under the law of one
// jurisdiction. Where several jurisdictions speak of a category, the longest period counts.
type RetentionPolicy struct {
	ID           hmstype.RetentionPolicyID
	Category     Category
	Jurisdiction string    // ISO 3166-1 alpha-2 ("DE") or ISO 3166-2 ("US-NY")
	KeepMonths   int       // counted from the end of the month in which an event was recorded
	Basis        string    // the rule, as the host's lawyers cite it
	CreatedAt    time.Time // UTC
	UpdatedAt    time.Time // UTC
	Version      int64     // counts changes, from 1
}

type policyRow struct {
	bun.BaseModel `bun:"table:hms.retention_policy,alias:policy"`
	dbx.Tenanted
	ID           hmstype.RetentionPolicyID `bun:"id,pk"`
	Category     Category
	Jurisdiction string
	KeepMonths   int
	Basis        string
	CreatedAt    time.Time
	UpdatedAt    time.Time
	Version      int64
}

func (r policyRow) policy() RetentionPolicy {
	return RetentionPolicy{
		ID: r.ID, Category: r.Category, Jurisdiction: r.Jurisdiction, KeepMonths: r.KeepMonths, Basis: r.Basis,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Version: r.Version,
	}
}

// SetRetentionPolicyInput sets the period of one category in one jurisdiction.
type SetRetentionPolicyInput struct {
	Category     Category // required
	Jurisdiction string   // required, ISO 3166-1 alpha-2 or ISO 3166-2
	KeepMonths   int      // from [MinKeepMonths], in the US [MinKeepMonthsUS], to [MaxKeepMonths]
	Basis        string   // required, 3 to 500 characters
}

// Validate implements the rules above.
func (in SetRetentionPolicyInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Category, "category", Categories()...)
	v.Check(isJurisdiction(in.Jurisdiction), "jurisdiction", "must be an ISO 3166-1 alpha-2 or ISO 3166-2 code")
	floor := MinKeepMonths
	if strings.HasPrefix(in.Jurisdiction, "US") {
		floor = MinKeepMonthsUS
	}
	v.Check(in.KeepMonths >= floor, "keepMonths", "must not lie below the least of the jurisdiction")
	v.Check(in.KeepMonths <= MaxKeepMonths, "keepMonths", "must be at most 1200")
	v.Text(in.Basis, "basis", 3, 500)
	return v.Err()
}

// isJurisdiction knows the countries, and of their parts the form.
func isJurisdiction(code string) bool {
	country, part, parted := strings.Cut(code, "-")
	region, err := language.ParseRegion(country)
	if err != nil || len(country) != 2 || region.Canonicalize().String() != country || !region.IsCountry() {
		return false
	}
	return !parted || len(part) >= 1 && len(part) <= 3 && strings.Trim(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// retentionLock makes a purge take turns with what may forbid it.
const retentionLock = "audit.retention"

// SetRetentionPolicy sets or replaces the policy of a category in a jurisdiction. What it said
// before stays on the trail. Without any policy, a category is kept for [DefaultKeepMonths].
func (s *Service) SetRetentionPolicy(ctx context.Context, in SetRetentionPolicyInput) (RetentionPolicy, error) {
	op := usecase.Op{Name: "audit.set_retention_policy", Permission: hmstype.PermAuditRetain}
	return usecase.Write(ctx, &s.base, op, in, setRetentionPolicy)
}

func setRetentionPolicy(ctx context.Context, db dbx.DB, in SetRetentionPolicyInput) (RetentionPolicy, error) {
	if err := db.LockName(ctx, retentionLock); err != nil {
		return RetentionPolicy{}, err
	}
	rows, err := dbx.All[policyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("policy.category = ?", in.Category).Where("policy.jurisdiction = ?", in.Jurisdiction)
	})
	if err != nil {
		return RetentionPolicy{}, err
	}
	if len(rows) == 0 {
		row := policyRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.RetentionPolicyID](),
			Category: in.Category, Jurisdiction: in.Jurisdiction, KeepMonths: in.KeepMonths, Basis: in.Basis,
			CreatedAt: db.Now, UpdatedAt: db.Now, Version: 1,
		}
		return row.policy(), dbx.Insert(ctx, db, row)
	}
	row := rows[0]
	row.KeepMonths, row.Basis, row.UpdatedAt = in.KeepMonths, in.Basis, db.Now
	err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "keep_months", "basis", "updated_at")
	row.Version++
	return row.policy(), err
}

// RetentionPolicies lists the tenant's policies by category and jurisdiction.
func (s *Service) RetentionPolicies(ctx context.Context) ([]RetentionPolicy, error) {
	op := usecase.Op{Name: "audit.retention_policies", Permission: hmstype.PermAuditRetain}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) ([]RetentionPolicy, error) {
		return policies(ctx, db)
	})
}

func policies(ctx context.Context, db dbx.DB) ([]RetentionPolicy, error) {
	rows, err := dbx.All[policyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Order("policy.category", "policy.jurisdiction")
	})
	list := make([]RetentionPolicy, len(rows))
	for i, r := range rows {
		list[i] = r.policy()
	}
	return list, err
}

// period is how long one category is kept, and why.
type period struct {
	months int
	basis  string
}

// periods gives the longest period of each category.
func periods(policies []RetentionPolicy) map[Category]period {
	longest := map[Category]period{}
	for _, p := range policies {
		if p.KeepMonths > longest[p.Category].months {
			longest[p.Category] = period{p.KeepMonths, p.Jurisdiction + ": " + p.Basis}
		}
	}
	for _, c := range Categories() {
		if _, ok := longest[c]; !ok {
			longest[c] = period{DefaultKeepMonths, "the default: 45 CFR 164.316(b)(2)(i)"}
		}
	}
	return longest
}
