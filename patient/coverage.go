package patient

import (
	"cmp"
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// CoverageStatus is FHIR R4 financial resource status.
type CoverageStatus string

// The states of a coverage.
const (
	CoverageActive         CoverageStatus = "active"
	CoverageCancelled      CoverageStatus = "cancelled"
	CoverageDraft          CoverageStatus = "draft"
	CoverageEnteredInError CoverageStatus = "entered-in-error"
)

// CoverageTransitions are the allowed steps between the states.
var CoverageTransitions = hmstype.Transitions[CoverageStatus]{
	CoverageDraft:  {CoverageActive, CoverageCancelled, CoverageEnteredInError},
	CoverageActive: {CoverageCancelled, CoverageEnteredInError},
}

// CoverageDetails are what is agreed with who pays.
type CoverageDetails struct {
	PayerName    string `bun:"payer_name"       json:"payerName"`             // required, up to 200 characters
	PolicyNumber string `bun:"policy_number"    json:"policyNumber"`          // required, up to 100 characters
	GroupNumber  string `bun:"group_number"     json:"groupNumber,omitempty"` // up to 100 characters
	PlanName     string `bun:"plan_name"        json:"planName,omitempty"`    // up to 200 characters
	// self (empty), spouse, child, parent or other
	Relationship string `bun:"relationship"     json:"relationship"`
	Priority     int    `bun:"priority"         json:"priority"` // 1 pays first, 9 last; zero means 1
	// of what those before it leave; 0 to 100, two places
	Percent    decimal.Decimal `bun:"coverage_percent" json:"percent"`
	ValidFrom  hmstype.Date    `bun:"valid_from"       json:"validFrom"`  // first day; required
	ValidUntil hmstype.Date    `bun:"valid_until"      json:"validUntil"` // the day after; zero means without end
}

func (d *CoverageDetails) validate(v *hmstype.Validator) {
	v.Text(d.PayerName, "payerName", 1, 200)
	v.Text(d.PolicyNumber, "policyNumber", 1, 100)
	v.Text(d.GroupNumber, "groupNumber", 0, 100)
	v.Text(d.PlanName, "planName", 0, 200)
	hmstype.OneOf(v, d.Relationship, "relationship", "", "self", "spouse", "child", "parent", "other")
	v.Check(d.Priority >= 0 && d.Priority <= 9, "priority", "must lie between 1 and 9")
	v.Check(
		!d.Percent.IsNegative() && d.Percent.LessThanOrEqual(decimal.NewFromInt(100)), "percent",
		"must lie between 0 and 100",
	)
	v.Check(d.Percent.Equal(d.Percent.Truncate(2)), "percent", "must have at most 2 decimal places")
	v.Required(!d.ValidFrom.IsZero(), "validFrom")
	v.Check(d.ValidUntil.IsZero() || d.ValidUntil.After(d.ValidFrom), "validUntil", "must be after validFrom")
}

// Coverage says who pays for a patient, for how much and how long (FHIR Coverage).
type Coverage struct {
	ID      hmstype.CoverageID `json:"id"`
	Patient hmstype.PatientID  `json:"patient"`
	Status  CoverageStatus     `json:"status"`
	CoverageDetails
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Version   int64            `json:"version"` // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type coverageRow struct {
	bun.BaseModel `bun:"table:hms.coverage,alias:c"`
	dbx.Header[hmstype.CoverageID]
	PatientID hmstype.PatientID
	Status    CoverageStatus
	CoverageDetails
}

// coverage gives the row with its texts as they are stored.
func (r coverageRow) coverage() Coverage {
	return Coverage{
		ID: r.ID, Patient: r.PatientID, Status: r.Status, CoverageDetails: r.CoverageDetails,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

func coveragesOf(rows []coverageRow) []Coverage {
	list := make([]Coverage, len(rows))
	for i, r := range rows {
		list[i] = r.coverage()
	}
	return list
}

// coverageTexts are what of a coverage is sealed wherever the host gave a key.
var coverageTexts = fieldcrypt.Table[CoverageDetails]{
	Name: "coverage", Subject: "patient_id",
	Texts: func(d *CoverageDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "policy_number", Text: &d.PolicyNumber}}
	},
}.Declare()

// coverages is what every use case that shows coverages shows of whom.
var coverages = usecase.Entity[Coverage]{
	Table:   "coverage",
	Patient: func(c *Coverage) hmstype.PatientID { return c.Patient },
	ID:      func(c *Coverage) string { return c.ID.String() },
	Texts:   func(c *Coverage) []fieldcrypt.Record { return []fieldcrypt.Record{c.texts()} },
}

func (c *Coverage) texts() fieldcrypt.Record {
	return coverageTexts.Of(c.Patient.UUID(), c.ID, &c.CoverageDetails)
}

// coverageSteps is how a coverage changes its state.
var coverageSteps = dbx.Machine[coverageRow, CoverageStatus]{
	Table: "coverage", Transitions: CoverageTransitions,
	State: func(r *coverageRow) *CoverageStatus { return &r.Status },
}

// AddCoverageInput describes a coverage that is active at once.
type AddCoverageInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	CoverageDetails
}

// Validate implements the rules above.
func (in AddCoverageInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.validate(&v)
	return v.Err()
}

var opAddCoverage = usecase.Command[AddCoverageInput, Coverage]{
	Name: "patient.add_coverage", Permission: hmstype.PermPatientWrite, Shows: coverages.One(),
	Sample: AddCoverageInput{CoverageDetails: CoverageDetails{
		PayerName: "Acme Health", PolicyNumber: "P-1", GroupNumber: "G-1", PlanName: "Basic", Relationship: "self",
		Percent: decimal.NewFromInt(80), ValidFrom: usecase.SampleDay,
	}},
}.Declare()

// AddCoverage adds a coverage. [ErrCoverageOverlap] where the patient has an active one of
// the same priority on any of its days; [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientWrite].
func (s *Service) AddCoverage(ctx context.Context, in AddCoverageInput) (Coverage, error) {
	return opAddCoverage.Run(ctx, &s.base, in, s.addCoverage)
}

func (s *Service) addCoverage(ctx context.Context, db dbx.DB, in AddCoverageInput) (Coverage, error) {
	if _, err := s.port().Require(ctx, db.Conn(), in.Patient); err != nil {
		return Coverage{}, err
	}
	if err := requireVisible(ctx, db, in.Patient); err != nil {
		return Coverage{}, err
	}
	row := coverageRow{
		Header: dbx.NewHeader[hmstype.CoverageID](db), PatientID: in.Patient, Status: CoverageActive,
		CoverageDetails: in.CoverageDetails,
	}
	row.Relationship, row.Priority = cmp.Or(row.Relationship, "self"), max(row.Priority, 1)
	if err := coverageTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.CoverageDetails); err != nil {
		return Coverage{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !done {
		err = coverageInTheWay(ctx, db, row)
	}
	return row.coverage(), err
}

// coverageInTheWay names the coverage that shares a day with the row.
func coverageInTheWay(ctx context.Context, db dbx.DB, row coverageRow) error {
	taken, err := dbx.All[coverageRow](ctx, db, dbx.Equal(
		"patient_id", row.PatientID,
	), dbx.Equal("status", CoverageActive),
		dbx.Equal("priority", row.Priority), dbx.Where("(c.valid_until IS NULL OR c.valid_until > ?)", row.ValidFrom),
		dbx.When(!row.ValidUntil.IsZero(), dbx.Where("c.valid_from < ?", row.ValidUntil)),
		dbx.OrderBy("c.valid_from"), dbx.Limit(1))
	if err != nil {
		return err
	}
	if len(taken) == 0 { // it was cancelled between the two statements
		return ErrCoverageOverlap
	}
	return &CoverageOverlapError{Coverage: taken[0].ID, ValidFrom: taken[0].ValidFrom, ValidUntil: taken[0].ValidUntil}
}

var opListCoverages = usecase.Query[usecase.ByID[hmstype.PatientID], []Coverage]{
	Name: "patient.list_coverages", Permission: hmstype.PermPatientRead, Shows: coverages.All(),
}.Declare()

// ListCoverages lists all coverages of a patient, whatever their status, in the order in which
// they pay, and records that they were read. [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientRead].
func (s *Service) ListCoverages(ctx context.Context, patient hmstype.PatientID) ([]Coverage, error) {
	return opListCoverages.Run(ctx, &s.base, usecase.ID(patient), listCoverages)
}

func listCoverages(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) ([]Coverage, error) {
	if _, err := dbx.Get[patientRow](ctx, db, "patient", in.ID); err != nil {
		return nil, err
	}
	db.About(in.ID)
	rows, err := dbx.All[coverageRow](ctx, db, dbx.Equal("patient_id", in.ID),
		dbx.OrderBy("c.priority", "c.valid_from", "c.id"))
	return coveragesOf(rows), err
}

var opCancelCoverage = usecase.Command[usecase.ByID[hmstype.CoverageID], Coverage]{
	Name: "patient.cancel_coverage", Permission: hmstype.PermPatientWrite, Shows: coverages.One(),
}.Declare()

// CancelCoverage says that a coverage never paid: it pays for nothing from now on, nor for the past. One
// that was good until a day is ended by [Service.EndCoverage].
// [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientWrite].
func (s *Service) CancelCoverage(ctx context.Context, id hmstype.CoverageID) (Coverage, error) {
	return opCancelCoverage.Run(ctx, &s.base, usecase.ID(id), cancelCoverage)
}

func cancelCoverage(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.CoverageID]) (Coverage, error) {
	row, err := dbx.Get[coverageRow](ctx, db, "coverage", in.ID, dbx.ForUpdate)
	if err != nil {
		return Coverage{}, err
	}
	if err := requireVisible(ctx, db, row.PatientID); err != nil {
		return Coverage{}, err
	}
	err = dbx.Move(ctx, db, coverageSteps, &row, dbx.Change[coverageRow, CoverageStatus]{To: CoverageCancelled})
	return row.coverage(), err
}

// EndCoverageInput ends a coverage at a day.
type EndCoverageInput struct {
	ID         hmstype.CoverageID `json:"id"`         // required
	Version    int64              `json:"version"`    // the version that the caller read; required
	ValidUntil hmstype.Date       `json:"validUntil"` // the day after its last, of past or future; required
}

// Validate implements the rules above.
func (in EndCoverageInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	v.Required(!in.ValidUntil.IsZero(), "validUntil")
	return v.Err()
}

var opEndCoverage = usecase.Command[EndCoverageInput, Coverage]{
	Name: "patient.end_coverage", Permission: hmstype.PermPatientWrite, Shows: coverages.One(),
	Sample: EndCoverageInput{Version: 1, ValidUntil: usecase.SampleDay},
}.Declare()

// EndCoverage ends a coverage at a day: it goes on to pay for what was done before that day, also on a bill
// that is made later. The day must lie within the coverage, after its first: one that never paid is taken
// back by [Service.CancelCoverage], one that goes on for longer is a coverage of its own.
// [ErrCoverageNotActive] where it is cancelled or in error, [hmstype.ErrStale] where somebody else was
// faster, [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientWrite].
func (s *Service) EndCoverage(ctx context.Context, in EndCoverageInput) (Coverage, error) {
	return opEndCoverage.Run(ctx, &s.base, in, endCoverage)
}

func endCoverage(ctx context.Context, db dbx.DB, in EndCoverageInput) (Coverage, error) {
	row, err := dbx.Get[coverageRow](ctx, db, "coverage", in.ID, dbx.ForUpdate)
	if err != nil {
		return Coverage{}, err
	}
	if err := requireVisible(ctx, db, row.PatientID); err != nil {
		return Coverage{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Coverage{}, err
	}
	if row.Status != CoverageActive {
		return Coverage{}, ErrCoverageNotActive
	}
	if !in.ValidUntil.After(row.ValidFrom) || !row.ValidUntil.IsZero() && in.ValidUntil.After(row.ValidUntil) {
		return Coverage{}, hmstype.Invalid("validUntil", "must lie within the coverage, after its first day")
	}
	row.ValidUntil = in.ValidUntil
	return row.coverage(), dbx.Update(ctx, db, &row, "valid_until")
}
