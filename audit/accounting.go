package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// ListDisclosuresInput asks for the accounting of a patient's disclosures.
type ListDisclosuresInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	// when disclosed, half-open; zero Start: six years ago, zero End: until now
	During hmstype.Period `json:"during"`
	// ForStaff shows also those whose accounting is suspended and those in error: such a report
	// must not be given to the patient.
	ForStaff bool         `json:"forStaff"`
	Page     hmstype.Page `json:"page"`
}

// Validate implements the rules above.
func (in ListDisclosuresInput) Validate() error {
	return ListAccessesInput(in).Validate()
}

// ListDisclosureSummariesInput is the input of [Service.ListDisclosureSummaries]; see [ListDisclosuresInput].
type ListDisclosureSummariesInput ListDisclosuresInput

// Validate implements the rules of [ListDisclosuresInput].
func (in ListDisclosureSummariesInput) Validate() error { return ListDisclosuresInput(in).Validate() }

var opListDisclosures = usecase.Query[ListDisclosuresInput, hmstype.List[Disclosure]]{
	Name: "audit.list_disclosures", Permission: hmstype.PermAuditRead, Shows: disclosures.Page(),
	Sample: ListDisclosuresInput{ForStaff: true, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListDisclosures lists a patient's disclosures, newest first: date, recipient, what, and why
// (45 CFR 164.528(b)(2)). Reading it is recorded, and refused for a restricted record.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListDisclosures(ctx context.Context, in ListDisclosuresInput) (hmstype.List[Disclosure], error) {
	return opListDisclosures.Run(ctx, &s.base, in, disclosureReport)
}

func disclosureReport(ctx context.Context, db dbx.DB, in ListDisclosuresInput) (hmstype.List[Disclosure], error) {
	db.About(in.Patient)
	order := dbx.Order{At: "disclosed_at", Desc: true}
	return dbx.List(ctx, db, in.Page, order, disclosureRow.disclosure, in.selection(db)...)
}

func (in ListDisclosuresInput) selection(db dbx.DB) []dbx.Apply {
	from, until := in.During.Start, in.During.End
	if from.IsZero() {
		from = db.Now.AddDate(-reportYears, 0, 0)
	}
	return []dbx.Apply{
		dbx.Equal("patient_id", in.Patient),
		dbx.Where("d.disclosed_at >= ?", hmstype.Instant(from)),
		dbx.When(!until.IsZero(), dbx.Where("d.disclosed_at < ?", hmstype.Instant(until))),
		dbx.When(!in.ForStaff, dbx.Equal("status", DisclosureRecorded),
			dbx.Where("(d.suspension_until IS NULL OR d.suspension_until <= ?)", db.Now)),
	}
}

// DisclosureSummary tells repeated disclosures to one recipient for one purpose on one basis
// by the first of them, their number and the last (45 CFR 164.528(b)(3)). One of a basis that
// the rule does not name, or one in error, stands for itself alone.
type DisclosureSummary struct {
	First    Disclosure `json:"first"`
	Count    int64      `json:"count"`              // of the period, the first among them
	Last     time.Time  `json:"last,omitzero"`      // when the last was made, UTC
	Withheld bool       `json:"withheld,omitempty"` // never: the accounting of a restricted record is refused
}

// disclosureSummaries is what the summaries show of whom.
var disclosureSummaries = usecase.Entity[DisclosureSummary]{
	Table:   "disclosure",
	Patient: func(d *DisclosureSummary) hmstype.PatientID { return d.First.Patient },
	ID:      func(d *DisclosureSummary) string { return d.First.ID.String() },
	Texts:   func(d *DisclosureSummary) []fieldcrypt.Record { return disclosures.Texts(&d.First) },
}

type summaryRow struct {
	bun.BaseModel `bun:"table:hms.disclosure,alias:d"`
	FirstID       hmstype.DisclosureID
	FirstAt       time.Time
	LastAt        time.Time
	Count         int64
}

const firstDisclosure = "(array_agg(d.id ORDER BY d.disclosed_at, d.id))[1]"

var opListDisclosureSummaries = usecase.Query[ListDisclosureSummariesInput, hmstype.List[DisclosureSummary]]{
	Name: "audit.list_disclosure_summaries", Permission: hmstype.PermAuditRead, Shows: disclosureSummaries.Page(),
	Sample: ListDisclosureSummariesInput{ForStaff: true, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListDisclosureSummaries is [Service.ListDisclosures] with repeated disclosures added up, in the
// order of the first of each.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListDisclosureSummaries(
	ctx context.Context, in ListDisclosureSummariesInput,
) (hmstype.List[DisclosureSummary], error) {
	return opListDisclosureSummaries.Run(ctx, &s.base, in, summarise)
}

func summarise(
	ctx context.Context, db dbx.DB, in ListDisclosureSummariesInput,
) (hmstype.List[DisclosureSummary], error) {
	db.About(in.Patient)
	rows, next, err := summaries(ctx, db, ListDisclosuresInput(in))
	if err != nil || len(rows) == 0 {
		return hmstype.List[DisclosureSummary]{Items: []DisclosureSummary{}}, err
	}
	ids := make([]hmstype.DisclosureID, len(rows))
	for i, r := range rows {
		ids[i] = r.FirstID
	}
	// as the groups are
	firsts, err := dbx.All[disclosureRow](ctx, db, dbx.OneOf("id", ids), dbx.OrderBy("d.disclosed_at", "d.id"))
	if err != nil {
		return hmstype.List[DisclosureSummary]{}, err
	}
	list := hmstype.List[DisclosureSummary]{Items: make([]DisclosureSummary, len(rows)), Next: next}
	for i, r := range rows {
		list.Items[i] = DisclosureSummary{First: firsts[i].disclosure(), Count: r.Count, Last: r.LastAt.UTC()}
	}
	return list, nil
}

func summaries(ctx context.Context, db dbx.DB, in ListDisclosuresInput) ([]summaryRow, string, error) {
	size, err := in.Page.Size()
	if err != nil {
		return nil, "", err
	}
	after, ok, err := in.Page.Position("accounting")
	if err != nil {
		return nil, "", err
	}
	rows := []summaryRow{}
	q := db.NewSelect().Model(&rows).
		ColumnExpr(firstDisclosure+" AS first_id").
		ColumnExpr("min(d.disclosed_at) AS first_at, max(d.disclosed_at) AS last_at, count(*) AS count").
		Where("d.tenant_id = ?", db.Tenant()).
		GroupExpr("d.recipient_name, d.purpose, d.basis, d.status").
		GroupExpr("CASE WHEN d.status = ? AND d.basis = ANY(?) THEN NULL ELSE d.id END", DisclosureRecorded,
			dbx.Array(summarised))
	for _, apply := range in.selection(db) {
		q = apply(q)
	}
	if ok {
		q = q.Having("(min(d.disclosed_at), "+firstDisclosure+") > (?, ?)", after.At, after.ID)
	}
	if err := q.OrderExpr("first_at, first_id").Limit(int64(size) + 1).Scan(ctx); err != nil {
		return nil, "", err
	}
	if len(rows) <= size {
		return rows, "", nil
	}
	last := rows[size-1]
	return rows[:size], hmstype.Position{At: last.FirstAt, ID: last.FirstID.UUID()}.Cursor("accounting"), nil
}
