package patient

import (
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

// Coverage says who pays for a patient, for how much and how long (FHIR Coverage).
type Coverage struct {
	ID           hmstype.CoverageID
	Patient      hmstype.PatientID
	Status       CoverageStatus
	PayerName    string
	PolicyNumber string
	GroupNumber  string
	PlanName     string
	Relationship string          // of the patient to the subscriber: self, spouse, child, parent, other
	Priority     int             // 1 pays first, 9 last
	Percent      decimal.Decimal // the payer's share of what those before it leave, 0 to 100, two places
	ValidFrom    hmstype.Date    // first day
	ValidUntil   hmstype.Date    // the day after the last; zero means without end
	CreatedAt    time.Time       // UTC
	Version      int64
}

type coverageRow struct {
	bun.BaseModel `bun:"table:hms.coverage,alias:c"`
	dbx.Tenanted
	ID              hmstype.CoverageID `bun:"id,pk"`
	PatientID       hmstype.PatientID
	Status          CoverageStatus
	PayerName       string
	PolicyNumber    string
	GroupNumber     string
	PlanName        string
	Relationship    string
	Priority        int
	CoveragePercent decimal.Decimal
	ValidFrom       hmstype.Date
	ValidUntil      hmstype.Date
	CreatedAt       time.Time
	Version         int64
}

func (r coverageRow) coverage(keys fieldcrypt.Keys) (Coverage, error) {
	policy, err := keys.Open(r.PatientID.UUID(), fieldPolicy, r.ID, r.PolicyNumber)
	return Coverage{
		ID: r.ID, Patient: r.PatientID, Status: r.Status, PayerName: r.PayerName, PolicyNumber: policy,
		GroupNumber: r.GroupNumber, PlanName: r.PlanName, Relationship: r.Relationship, Priority: r.Priority,
		Percent: r.CoveragePercent, ValidFrom: r.ValidFrom, ValidUntil: r.ValidUntil,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}, err
}

// AddCoverageInput describes a coverage that is active at once.
type AddCoverageInput struct {
	Patient      hmstype.PatientID // required
	PayerName    string            // required, up to 200 characters
	PolicyNumber string            // required, up to 100 characters
	GroupNumber  string            // up to 100 characters
	PlanName     string            // up to 200 characters
	Relationship string            // empty means self
	Priority     int               // 1 to 9; zero means 1
	Percent      decimal.Decimal   // 0 to 100, at most two places
	ValidFrom    hmstype.Date      // required
	ValidUntil   hmstype.Date      // the day after the last; zero means without end
}

// Validate implements the rules above.
func (in AddCoverageInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Text(in.PayerName, "payerName", 1, 200)
	v.Text(in.PolicyNumber, "policyNumber", 1, 100)
	v.Text(in.GroupNumber, "groupNumber", 0, 100)
	v.Text(in.PlanName, "planName", 0, 200)
	hmstype.OneOf(&v, in.Relationship, "relationship", "", "self", "spouse", "child", "parent", "other")
	v.Check(in.Priority >= 0 && in.Priority <= 9, "priority", "must lie between 1 and 9")
	v.Check(!in.Percent.IsNegative() && in.Percent.LessThanOrEqual(decimal.NewFromInt(100)), "percent", "must lie between 0 and 100")
	v.Check(in.Percent.Equal(in.Percent.Truncate(2)), "percent", "must have at most 2 decimal places")
	v.Required(!in.ValidFrom.IsZero(), "validFrom")
	v.Check(in.ValidUntil.IsZero() || in.ValidUntil.After(in.ValidFrom), "validUntil", "must be after validFrom")
	return v.Err()
}

// AddCoverage adds a coverage. [ErrCoverageOverlap] where the patient has an active one of
// the same priority on any of its days.
func (s *Service) AddCoverage(ctx context.Context, in AddCoverageInput) (Coverage, error) {
	op := usecase.Op{Name: "patient.add_coverage", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, in, s.addCoverage)
}

func (s *Service) addCoverage(ctx context.Context, db dbx.DB, in AddCoverageInput) (Coverage, error) {
	if _, err := s.port().Require(ctx, db.Conn(), in.Patient); err != nil {
		return Coverage{}, err
	}
	id := hmstype.NewID[hmstype.CoverageID]()
	if err := recordCoverageRead(ctx, db, in.Patient); err != nil {
		return Coverage{}, err
	}
	keys, err := s.base.Crypt.Ensure(ctx, db, in.Patient.UUID())
	if err != nil {
		return Coverage{}, err
	}
	policy, err := keys.Seal(in.Patient.UUID(), fieldPolicy, id, in.PolicyNumber)
	if err != nil {
		return Coverage{}, err
	}
	row := coverageRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: id, PatientID: in.Patient,
		Status: CoverageActive, PayerName: in.PayerName, PolicyNumber: policy, GroupNumber: in.GroupNumber,
		PlanName: in.PlanName, Relationship: in.Relationship, Priority: max(in.Priority, 1), CoveragePercent: in.Percent,
		ValidFrom: in.ValidFrom, ValidUntil: in.ValidUntil, CreatedAt: db.Now, Version: 1,
	}
	if row.Relationship == "" {
		row.Relationship = "self"
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !done {
		err = coverageInTheWay(ctx, db, row)
	}
	if err != nil {
		return Coverage{}, err
	}
	return row.coverage(keys)
}

// recordCoverageRead records that who pays for a patient was shown, which the database
// refuses for a restricted one.
func recordCoverageRead(ctx context.Context, db dbx.DB, patient hmstype.PatientID) error {
	return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "coverage", ID: patient.String(), Patient: patient})
}

// coverageInTheWay names the coverage that shares a day with the row.
func coverageInTheWay(ctx context.Context, db dbx.DB, row coverageRow) error {
	taken, err := dbx.All[coverageRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("c.patient_id = ?", row.PatientID).Where("c.status = ?", CoverageActive).Where("c.priority = ?", row.Priority).
			Where("(c.valid_until IS NULL OR c.valid_until > ?)", row.ValidFrom)
		if !row.ValidUntil.IsZero() {
			q = q.Where("c.valid_from < ?", row.ValidUntil)
		}
		return q.Order("c.valid_from").Limit(1)
	})
	if err != nil {
		return err
	}
	if len(taken) == 0 { // it was cancelled between the two statements
		return ErrCoverageOverlap
	}
	return &CoverageOverlapError{Coverage: taken[0].ID, ValidFrom: taken[0].ValidFrom, ValidUntil: taken[0].ValidUntil}
}

// Coverages lists all coverages of a patient, whatever their status, in the order in which
// they pay, and records that they were read. [ErrRestricted] as for [Service.Get].
func (s *Service) Coverages(ctx context.Context, patient hmstype.PatientID) ([]Coverage, error) {
	op := usecase.Op{Name: "patient.coverages", Permission: hmstype.PermPatientRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.PatientID]{ID: patient},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) ([]Coverage, error) {
			if _, err := dbx.Get[patientRow](ctx, db, "patient", in.ID); err != nil {
				return nil, err
			}
			if err := recordCoverageRead(ctx, db, in.ID); err != nil {
				return nil, err
			}
			rows, err := dbx.All[coverageRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("c.patient_id = ?", in.ID).Order("c.priority", "c.valid_from", "c.id")
			})
			if err != nil {
				return nil, err
			}
			return coverages(ctx, s.base.Crypt, db, in.ID, rows)
		})
}

// coverages opens the coverages of one patient.
func coverages(
	ctx context.Context, crypt *fieldcrypt.Cipher, db dbx.DB, patient hmstype.PatientID, rows []coverageRow,
) ([]Coverage, error) {
	keys, err := crypt.Load(ctx, db, patient.UUID())
	if err != nil {
		return nil, err
	}
	list := make([]Coverage, len(rows))
	for i, r := range rows {
		if list[i], err = r.coverage(keys); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CancelCoverage ends a coverage: it pays for nothing from now on, nor for the past.
func (s *Service) CancelCoverage(ctx context.Context, id hmstype.CoverageID) (Coverage, error) {
	op := usecase.Op{Name: "patient.cancel_coverage", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.CoverageID]{ID: id}, s.cancelCoverage)
}

func (s *Service) cancelCoverage(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.CoverageID]) (Coverage, error) {
	row, err := dbx.Get[coverageRow](ctx, db, "coverage", in.ID, dbx.ForUpdate)
	if err != nil {
		return Coverage{}, err
	}
	if err := recordCoverageRead(ctx, db, row.PatientID); err != nil {
		return Coverage{}, err
	}
	if err := CoverageTransitions.Check("coverage", row.Status, CoverageCancelled); err != nil {
		return Coverage{}, err
	}
	row.Status = CoverageCancelled
	if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status"); err != nil {
		return Coverage{}, err
	}
	row.Version++
	list, err := coverages(ctx, s.base.Crypt, db, row.PatientID, []coverageRow{row})
	if err != nil {
		return Coverage{}, err
	}
	return list[0], nil
}
