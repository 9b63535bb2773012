package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// DisclosureReportInput asks for the accounting of a patient's disclosures.
type DisclosureReportInput struct {
	Patient hmstype.PatientID // required
	During  hmstype.Period    // when disclosed, half-open; zero Start: six years ago, zero End: until now
	// ForStaff shows also those whose accounting is suspended and those in error: such a report
	// must not be given to the patient.
	ForStaff bool
	Page     hmstype.Page
}

// Validate implements the rules above.
func (in DisclosureReportInput) Validate() error {
	return AccessReportInput(in).Validate()
}

// DisclosureReport lists a patient's disclosures, newest first: date, recipient, what, and why
// (45 CFR 164.528(b)(2)). Reading it is recorded, and refused for a restricted record.
func (s *Service) DisclosureReport(ctx context.Context, in DisclosureReportInput) (hmstype.List[Disclosure], error) {
	op := usecase.Op{Name: "audit.disclosure_report", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in DisclosureReportInput) (hmstype.List[Disclosure], error) {
		if err := in.record(ctx, db); err != nil {
			return hmstype.List[Disclosure]{}, err
		}
		rows, next, err := dbx.Page[disclosureRow](ctx, db, in.Page, dbx.Order{At: "disclosed_at", Desc: true}, in.selection(db))
		if err != nil {
			return hmstype.List[Disclosure]{}, err
		}
		items, err := s.disclosures(ctx, db, in.Patient, rows...)
		return hmstype.List[Disclosure]{Items: items, Next: next}, err
	})
}

func (in DisclosureReportInput) record(ctx context.Context, db dbx.DB) error {
	return db.RecordAccess(ctx, dbx.Access{Action: string(ActionRead), Entity: "disclosure", Patient: in.Patient})
}

func (in DisclosureReportInput) selection(db dbx.DB) dbx.Apply {
	from := in.During.Start
	if from.IsZero() {
		from = db.Now.AddDate(-reportYears, 0, 0)
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("d.patient_id = ?", in.Patient).Where("d.disclosed_at >= ?", hmstype.Instant(from))
		if !in.During.End.IsZero() {
			q = q.Where("d.disclosed_at < ?", hmstype.Instant(in.During.End))
		}
		if !in.ForStaff {
			q = q.Where("d.status = ?", DisclosureRecorded).Where("(d.suspended_until IS NULL OR d.suspended_until <= ?)", db.Now)
		}
		return q
	}
}

// DisclosureSummary tells repeated disclosures to one recipient for one purpose on one basis
// by the first of them, their number and the last (45 CFR 164.528(b)(3)). One of a basis that
// the rule does not name, or one in error, stands for itself alone.
type DisclosureSummary struct {
	First Disclosure
	Count int64     // of the period, the first among them
	Last  time.Time // when the last was made, UTC
}

type summaryRow struct {
	bun.BaseModel `bun:"table:hms.disclosure,alias:d"`
	FirstID       hmstype.DisclosureID
	FirstAt       time.Time
	LastAt        time.Time
	Count         int64
}

const firstDisclosure = "(array_agg(d.id ORDER BY d.disclosed_at, d.id))[1]"

// DisclosureSummaries is [Service.DisclosureReport] with repeated disclosures added up, in the
// order of the first of each.
func (s *Service) DisclosureSummaries(ctx context.Context, in DisclosureReportInput) (hmstype.List[DisclosureSummary], error) {
	op := usecase.Op{Name: "audit.disclosure_summaries", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in DisclosureReportInput) (hmstype.List[DisclosureSummary], error) {
		if err := in.record(ctx, db); err != nil {
			return hmstype.List[DisclosureSummary]{}, err
		}
		rows, next, err := summaries(ctx, db, in)
		if err != nil || len(rows) == 0 {
			return hmstype.List[DisclosureSummary]{Items: []DisclosureSummary{}}, err
		}
		items, err := s.summarise(ctx, db, in.Patient, rows)
		return hmstype.List[DisclosureSummary]{Items: items, Next: next}, err
	})
}

func summaries(ctx context.Context, db dbx.DB, in DisclosureReportInput) ([]summaryRow, string, error) {
	size, err := in.Page.Size()
	if err != nil {
		return nil, "", err
	}
	after, ok, err := in.Page.Position()
	if err != nil {
		return nil, "", err
	}
	rows := []summaryRow{}
	q := db.NewSelect().Model(&rows).
		ColumnExpr(firstDisclosure+" AS first_id, min(d.disclosed_at) AS first_at, max(d.disclosed_at) AS last_at, count(*) AS count").
		Where("d.tenant_id = ?", db.Tenant()).
		GroupExpr("d.recipient_name, d.purpose, d.basis, d.status").
		GroupExpr("CASE WHEN d.status = ? AND d.basis IN (?) THEN NULL ELSE d.id END", DisclosureRecorded, bun.List(summarised))
	q = in.selection(db)(q)
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
	return rows[:size], hmstype.Position{At: last.FirstAt, ID: last.FirstID.UUID()}.Cursor(), nil
}

// summarise reads the first disclosure of each group.
func (s *Service) summarise(ctx context.Context, db dbx.DB, patient hmstype.PatientID, rows []summaryRow) ([]DisclosureSummary, error) {
	ids := make([]hmstype.DisclosureID, len(rows))
	for i, r := range rows {
		ids[i] = r.FirstID
	}
	stored, err := dbx.All[disclosureRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("d.id IN (?)", bun.List(ids)).Order("d.disclosed_at", "d.id") // as the groups are
	})
	if err != nil {
		return nil, err
	}
	firsts, err := s.disclosures(ctx, db, patient, stored...)
	if err != nil {
		return nil, err
	}
	items := make([]DisclosureSummary, len(rows))
	for i, r := range rows {
		items[i] = DisclosureSummary{First: firsts[i], Count: r.Count, Last: r.LastAt.UTC()}
	}
	return items, nil
}
