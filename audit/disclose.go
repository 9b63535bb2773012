package audit

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RecordDisclosureInput describes a disclosure.
type RecordDisclosureInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	DisclosureDetails
	Suspension     Suspension `json:"suspension"` // zero: the patient may be told
	IdempotencyKey string     `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RecordDisclosureInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.DisclosureDetails.validate(&v)
	in.Suspension.validate(&v)
	return v.Err()
}

// sampleSuspension is the suspension of the declarations' samples.
var sampleSuspension = Suspension{
	Until: usecase.SampleAt.Add(24 * time.Hour), At: usecase.SampleAt.Add(-time.Hour),
	Agency: "State Police", Statement: "would impede an inquiry",
}

var opRecordDisclosure = usecase.Command[RecordDisclosureInput, Disclosure]{
	Name: "audit.record_disclosure", Permission: hmstype.PermDisclose, Shows: disclosures.One(),
	Key:   func(in RecordDisclosureInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(d Disclosure) hmstype.DisclosureID { return d.ID }, getDisclosure),
	Sample: RecordDisclosureInput{
		DisclosureDetails: DisclosureDetails{
			DisclosedAt: usecase.SampleAt.Add(-time.Hour),
			Recipient:   Recipient{Name: "County Health Office", Address: "1 Main Street"}, Description: "a positive test",
			Purpose: "mandatory notification", Basis: BasisLawEnforcement, AuthorizedBy: "the ward's head",
		},
		Suspension: sampleSuspension,
	},
}.Declare()

// RecordDisclosure notes that a patient's data left the hospital. The record is on the trail,
// and so in the signed log, and stays for ever. [ErrNotSuspendable] for a suspension of what
// went neither to health oversight nor to law enforcement.
// Permission: [hmstype.PermDisclose].
func (s *Service) RecordDisclosure(ctx context.Context, in RecordDisclosureInput) (Disclosure, error) {
	return opRecordDisclosure.Run(ctx, &s.base, in, s.recordDisclosure)
}

func (s *Service) recordDisclosure(ctx context.Context, db dbx.DB, in RecordDisclosureInput) (Disclosure, error) {
	if in.DisclosedAt.After(db.Now) {
		return Disclosure{}, hmstype.Invalid("disclosedAt", "must not lie in the future")
	}
	row := disclosureRow{
		Header: dbx.NewHeader[hmstype.DisclosureID](db), PatientID: in.Patient,
		Status: DisclosureRecorded, DisclosureDetails: in.DisclosureDetails.stored(),
	}
	if err := row.suspend(in.Suspension, db.Now); err != nil {
		return Disclosure{}, err
	}
	err := disclosureTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.DisclosureDetails)
	if err != nil {
		return Disclosure{}, err
	}
	return row.disclosure(), dbx.Insert(ctx, db, row)
}

func getDisclosure(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.DisclosureID]) (Disclosure, error) {
	row, err := dbx.Get[disclosureRow](ctx, db, "disclosure", in.ID)
	return row.disclosure(), err
}

// SuspendDisclosureInput replaces the suspension of a disclosure.
type SuspendDisclosureInput struct {
	ID         hmstype.DisclosureID `json:"id"`         // required
	Version    int64                `json:"version"`    // the version that the caller read; required
	Suspension Suspension           `json:"suspension"` // zero lifts it
}

// Validate implements the rules above.
func (in SuspendDisclosureInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.Suspension.validate(&v)
	return v.Err()
}

var opSuspendDisclosure = usecase.Command[SuspendDisclosureInput, Disclosure]{
	Name: "audit.suspend_disclosure", Permission: hmstype.PermDisclose, Shows: disclosures.One(),
	Sample: SuspendDisclosureInput{Version: 1, Suspension: sampleSuspension},
}.Declare()

// SuspendDisclosure keeps a disclosure from the patient for a time, extends that time when the
// agency confirms in writing what it said, or ends it. What was before stays on the trail.
// [ErrNotSuspendable], [ErrDisclosureInError], [hmstype.ErrStale].
// Permission: [hmstype.PermDisclose].
func (s *Service) SuspendDisclosure(ctx context.Context, in SuspendDisclosureInput) (Disclosure, error) {
	return opSuspendDisclosure.Run(ctx, &s.base, in, suspendDisclosure)
}

func suspendDisclosure(ctx context.Context, db dbx.DB, in SuspendDisclosureInput) (Disclosure, error) {
	row, err := dbx.Get[disclosureRow](ctx, db, "disclosure", in.ID, dbx.ForUpdate)
	if err != nil {
		return Disclosure{}, err
	}
	if row.Status == DisclosureInError {
		return Disclosure{}, ErrDisclosureInError
	}
	if err := row.suspend(in.Suspension, db.Now); err != nil {
		return Disclosure{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Disclosure{}, err
	}
	err = dbx.Update(ctx, db, &row,
		"suspension_until", "suspension_agency", "suspension_statement", "suspension_oral", "suspension_at")
	return row.disclosure(), err
}

// EnterDisclosureInErrorInput says which record is wrong, and why.
type EnterDisclosureInErrorInput struct {
	ID      hmstype.DisclosureID `json:"id"`      // required
	Version int64                `json:"version"` // the version that the caller read; required
	Reason  string               `json:"reason"`  // required, 3 to 500 characters
}

// Validate implements the rules above.
func (in EnterDisclosureInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	v.Text(in.Reason, "reason", 3, 500)
	return v.Err()
}

var opEnterDisclosureInError = usecase.Command[EnterDisclosureInErrorInput, Disclosure]{
	Name: "audit.enter_disclosure_in_error", Permission: hmstype.PermDisclose, Shows: disclosures.One(),
	Sample: EnterDisclosureInErrorInput{Version: 1, Reason: "another patient's"},
}.Declare()

// EnterDisclosureInError takes a record out of the accounting; it stays readable for staff. A
// correction is this and a new record. [hmstype.ErrInvalidTransition] for one that is in error
// already, [hmstype.ErrStale].
// Permission: [hmstype.PermDisclose].
func (s *Service) EnterDisclosureInError(ctx context.Context, in EnterDisclosureInErrorInput) (Disclosure, error) {
	return opEnterDisclosureInError.Run(ctx, &s.base, in, markDisclosureInError)
}

func markDisclosureInError(ctx context.Context, db dbx.DB, in EnterDisclosureInErrorInput) (Disclosure, error) {
	row, err := dbx.Step(ctx, db, disclosureSteps, in.ID, dbx.Change[disclosureRow, DisclosureStatus]{
		To: DisclosureInError, Reason: in.Reason,
		Apply: func(row *disclosureRow) error {
			row.ErrorReason, row.ErrorAt, row.ErrorBy = in.Reason, db.Now, db.By()
			return dbx.CheckVersion(row, in.Version)
		},
	})
	return row.disclosure(), err
}

var opGetDisclosureHistory = usecase.Query[usecase.ByID[hmstype.DisclosureID], hmstype.History]{
	Name: "audit.get_disclosure_history", Permission: hmstype.PermAuditRead, Shows: usecase.Histories("disclosure").One(),
}.Declare()

// GetDisclosureHistory tells by whom, when and why a disclosure's record was marked as an error.
// Suspensions are no states; the trail has them ([Service.ListEventsOfObject]).
// Permission: [hmstype.PermAuditRead].
func (s *Service) GetDisclosureHistory(ctx context.Context, id hmstype.DisclosureID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.DisclosureID]("disclosure", disclosureRow.subject)
	return opGetDisclosureHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r disclosureRow) subject() hmstype.PatientID { return r.PatientID }
