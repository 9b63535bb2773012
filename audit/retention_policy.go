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

// RetentionPolicyDetails are the period of one category in one jurisdiction.
type RetentionPolicyDetails struct {
	Category     Category `bun:"category"     json:"category"`
	Jurisdiction string   `bun:"jurisdiction" json:"jurisdiction"` // ISO 3166-1 alpha-2 ("DE") or ISO 3166-2 ("US-NY")
	// KeepMonths is counted from the end of the month in which an event was recorded: from
	// [MinKeepMonths], in the US [MinKeepMonthsUS], to [MaxKeepMonths].
	KeepMonths int    `bun:"keep_months" json:"keepMonths"`
	Basis      string `bun:"basis"       json:"basis"` // the rule, as the host's lawyers cite it; 3 to 500 characters
}

func (d RetentionPolicyDetails) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, d.Category, "category", Categories()...)
	v.Check(isJurisdiction(d.Jurisdiction), "jurisdiction", "must be an ISO 3166-1 alpha-2 or ISO 3166-2 code")
	floor := MinKeepMonths
	if strings.HasPrefix(d.Jurisdiction, "US") {
		floor = MinKeepMonthsUS
	}
	v.Check(d.KeepMonths >= floor, "keepMonths", "must not lie below the least of the jurisdiction")
	v.Check(d.KeepMonths <= MaxKeepMonths, "keepMonths", "must be at most 1200")
	v.Text(d.Basis, "basis", 3, 500)
}

// RetentionPolicy says how long the tenant keeps events of one category under the law of one
// jurisdiction. Where several jurisdictions speak of a category, the longest period counts.
type RetentionPolicy struct {
	ID hmstype.RetentionPolicyID `json:"id"`
	RetentionPolicyDetails
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`          // who set it first; the trail tells who replaced it
	UpdatedAt time.Time        `json:"updatedAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

type policyRow struct {
	bun.BaseModel `bun:"table:hms.retention_policy,alias:policy"`
	dbx.Header[hmstype.RetentionPolicyID]
	RetentionPolicyDetails
	UpdatedAt time.Time
}

func (r policyRow) policy() RetentionPolicy {
	return RetentionPolicy{
		ID: r.ID, RetentionPolicyDetails: r.RetentionPolicyDetails,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, UpdatedAt: r.UpdatedAt.UTC(), Version: r.Version,
	}
}

// SetRetentionPolicyInput sets the period of one category in one jurisdiction.
type SetRetentionPolicyInput struct {
	RetentionPolicyDetails
}

// Validate implements the rules above.
func (in SetRetentionPolicyInput) Validate() error {
	var v hmstype.Validator
	in.RetentionPolicyDetails.validate(&v)
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

const rules = "rules, nobody's data"

var opSetRetentionPolicy = usecase.Command[SetRetentionPolicyInput, RetentionPolicy]{
	Name: "audit.set_retention_policy", Permission: hmstype.PermAuditRetain, Shows: usecase.Nobody[RetentionPolicy](rules),
	Sample: SetRetentionPolicyInput{
		RetentionPolicyDetails{Category: CategoryAccess, Jurisdiction: "DE", KeepMonths: 120, Basis: "a sample"},
	},
}.Declare()

// SetRetentionPolicy sets or replaces the policy of a category in a jurisdiction. What it said
// before stays on the trail. Without any policy, a category is kept for [DefaultKeepMonths].
// Permission: [hmstype.PermAuditRetain].
func (s *Service) SetRetentionPolicy(ctx context.Context, in SetRetentionPolicyInput) (RetentionPolicy, error) {
	return opSetRetentionPolicy.Run(ctx, &s.base, in, setRetentionPolicy)
}

func setRetentionPolicy(ctx context.Context, db dbx.DB, in SetRetentionPolicyInput) (RetentionPolicy, error) {
	if err := db.LockName(ctx, retentionLock); err != nil {
		return RetentionPolicy{}, err
	}
	rows, err := dbx.All[policyRow](ctx, db,
		dbx.Equal("category", in.Category), dbx.Equal("jurisdiction", in.Jurisdiction))
	if err != nil {
		return RetentionPolicy{}, err
	}
	if len(rows) == 0 {
		row := policyRow{
			Header:                 dbx.NewHeader[hmstype.RetentionPolicyID](db),
			RetentionPolicyDetails: in.RetentionPolicyDetails, UpdatedAt: db.Now,
		}
		return row.policy(), dbx.Insert(ctx, db, row)
	}
	row := rows[0]
	row.RetentionPolicyDetails, row.UpdatedAt = in.RetentionPolicyDetails, db.Now
	err = dbx.Update(ctx, db, &row, "keep_months", "basis", "updated_at")
	return row.policy(), err
}

var opListRetentionPolicies = usecase.Query[usecase.None, []RetentionPolicy]{
	Name: "audit.list_retention_policies", Permission: hmstype.PermAuditRetain,
	Shows: usecase.Nobody[[]RetentionPolicy](rules), Quiet: rules,
}.Declare()

// ListRetentionPolicies lists the tenant's policies by category and jurisdiction.
// Permission: [hmstype.PermAuditRetain].
func (s *Service) ListRetentionPolicies(ctx context.Context) ([]RetentionPolicy, error) {
	return opListRetentionPolicies.Run(ctx, &s.base, usecase.None{}, listPolicies)
}

func listPolicies(ctx context.Context, db dbx.DB, _ usecase.None) ([]RetentionPolicy, error) {
	return policies(ctx, db)
}

func policies(ctx context.Context, db dbx.DB) ([]RetentionPolicy, error) {
	rows, err := dbx.All[policyRow](ctx, db, dbx.OrderBy("policy.category", "policy.jurisdiction"))
	list := make([]RetentionPolicy, len(rows))
	for i, r := range rows {
		list[i] = r.policy()
	}
	return list, err
}

// KeepPeriod is how long the events of one category are kept, and why.
type KeepPeriod struct {
	Months int    // counted as in [RetentionPolicyDetails]
	Basis  string // the jurisdiction and its rule, or the default's
}

// keepPeriods gives the longest period of each category.
func keepPeriods(policies []RetentionPolicy) map[Category]KeepPeriod {
	longest := map[Category]KeepPeriod{}
	for _, p := range policies {
		if p.KeepMonths > longest[p.Category].Months {
			longest[p.Category] = KeepPeriod{p.KeepMonths, p.Jurisdiction + ": " + p.Basis}
		}
	}
	for _, c := range Categories() {
		if _, ok := longest[c]; !ok {
			longest[c] = KeepPeriod{DefaultKeepMonths, "the default: 45 CFR 164.316(b)(2)(i)"}
		}
	}
	return longest
}
