package clinical

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ConditionStatus is FHIR R4 condition-clinical.
type ConditionStatus string

// The clinical states of a problem.
const (
	ConditionActive     ConditionStatus = "active"
	ConditionRecurrence ConditionStatus = "recurrence" // again, after it was resolved or inactive
	ConditionRelapse    ConditionStatus = "relapse"    // again, after remission
	ConditionInactive   ConditionStatus = "inactive"
	ConditionRemission  ConditionStatus = "remission"
	ConditionResolved   ConditionStatus = "resolved"
)

// ConditionTransitions are the allowed steps between the clinical states.
var ConditionTransitions = hmstype.Transitions[ConditionStatus]{
	ConditionActive:     {ConditionInactive, ConditionRemission, ConditionResolved},
	ConditionRecurrence: {ConditionInactive, ConditionRemission, ConditionResolved},
	ConditionRelapse:    {ConditionInactive, ConditionRemission, ConditionResolved},
	ConditionInactive:   {ConditionActive, ConditionRecurrence, ConditionResolved},
	ConditionRemission:  {ConditionActive, ConditionRelapse, ConditionResolved},
	ConditionResolved:   {ConditionActive, ConditionRecurrence},
}

func (s ConditionStatus) over() bool {
	return s == ConditionInactive || s == ConditionRemission || s == ConditionResolved
}

// Verification says how sure a problem or an allergy is: FHIR R4 condition-ver-status and
// allergyintolerance-verification. Provisional and differential are of problems only.
type Verification string

// The degrees of verification.
const (
	Unconfirmed    Verification = "unconfirmed"
	Provisional    Verification = "provisional"
	Differential   Verification = "differential"
	Confirmed      Verification = "confirmed"
	Refuted        Verification = "refuted"
	EnteredInError Verification = "entered-in-error" // terminal, with a reason
)

// Condition is a problem or diagnosis of a patient (FHIR Condition).
type Condition struct {
	ID            hmstype.ConditionID
	Patient       hmstype.PatientID
	Encounter     hmstype.EncounterID // where it was found
	Code          hmstype.Code        // always with a display
	Status        ConditionStatus
	Verification  Verification
	OnsetDate     hmstype.Date // zero means unknown
	AbatementDate hmstype.Date // when it ended; zero means not, or unknown
	RecordedBy    string       // an actor, as in the audit trail
	ErrorReason   string       // why it was entered in error
	CreatedAt     time.Time    // UTC
	Version       int64        // counts changes, from 1
}

type conditionRow struct {
	bun.BaseModel `bun:"table:hms.condition,alias:c"`
	dbx.Tenanted
	ID                 hmstype.ConditionID `bun:"id,pk"`
	PatientID          hmstype.PatientID
	EncounterID        hmstype.EncounterID
	CodeSystem         string
	CodeValue          string
	CodeDisplay        string
	Status             ConditionStatus
	VerificationStatus Verification
	OnsetDate          hmstype.Date
	AbatementDate      hmstype.Date
	RecordedBy         string
	ErrorReason        string
	CreatedAt          time.Time
	Version            int64
}

// Position orders problems by when they were recorded.
func (r conditionRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r conditionRow) condition() Condition {
	return Condition{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID,
		Code:   hmstype.Code{System: r.CodeSystem, Value: r.CodeValue, Display: r.CodeDisplay},
		Status: r.Status, Verification: r.VerificationStatus, OnsetDate: r.OnsetDate, AbatementDate: r.AbatementDate,
		RecordedBy: r.RecordedBy, ErrorReason: r.ErrorReason, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// AddConditionInput describes a problem.
type AddConditionInput struct {
	Encounter      hmstype.EncounterID // required, open
	Code           hmstype.Code        // the display is required
	Verification   Verification        // empty means confirmed
	OnsetDate      hmstype.Date        // not in the future
	IdempotencyKey string
}

// Validate implements the rules above.
func (in AddConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Nested("code", in.Code.Validate())
	v.Required(in.Code.Display != "", "code.display")
	hmstype.OneOf(&v, in.Verification, "verification", "", Unconfirmed, Provisional, Differential, Confirmed, Refuted)
	return v.Err()
}

// AddCondition adds an active problem to the patient of an open encounter.
func (s *Service) AddCondition(ctx context.Context, in AddConditionInput) (Condition, error) {
	op := usecase.Op{Name: "condition.add", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, addCondition)
}

func addCondition(ctx context.Context, db dbx.DB, in AddConditionInput) (Condition, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Condition{}, err
	}
	if err := refuseFuture(ctx, db, in.OnsetDate, "onsetDate"); err != nil {
		return Condition{}, err
	}
	row := conditionRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.ConditionID](),
		PatientID: encounter.PatientID, EncounterID: encounter.ID,
		CodeSystem: in.Code.System, CodeValue: in.Code.Value, CodeDisplay: in.Code.Display,
		Status: ConditionActive, VerificationStatus: in.Verification, OnsetDate: in.OnsetDate,
		RecordedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
	}
	if row.VerificationStatus == "" {
		row.VerificationStatus = Confirmed
	}
	return row.condition(), dbx.Insert(ctx, db, row)
}

func refuseFuture(ctx context.Context, db dbx.DB, day hmstype.Date, path string) error {
	today, err := db.Today(ctx)
	if err == nil && day.After(today) {
		err = hmstype.Invalid(path, "must not lie in the future")
	}
	return err
}

// ReviseConditionInput changes what is known of a problem.
type ReviseConditionInput struct {
	ID            hmstype.ConditionID // required
	Version       int64               // the version that was read
	Status        ConditionStatus     // empty keeps it
	Verification  Verification        // empty keeps it
	AbatementDate hmstype.Date        // with a status of what is over; zero means unknown
	Reason        string              // required for entered-in-error, up to 200 characters
}

// Validate implements the rules above.
func (in ReviseConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Check(in.Status != "" || in.Verification != "", "status", "nothing is to be changed")
	hmstype.OneOf(&v, in.Status, "status", append(ConditionTransitions.States(), "")...)
	hmstype.OneOf(&v, in.Verification, "verification", "", Unconfirmed, Provisional, Differential, Confirmed, Refuted, EnteredInError)
	v.Check(in.AbatementDate.IsZero() || in.Status.over(), "abatementDate", "needs a status of what is over")
	v.Text(in.Reason, "reason", 0, 200)
	v.Check((in.Verification == EnteredInError) == (in.Reason != ""), "reason", "required for entered-in-error, and only then")
	return v.Err()
}

// ReviseCondition changes the clinical or the verification status of a problem.
// [hmstype.ErrInvalidTransition] for a step that is not in [ConditionTransitions], or of a
// problem that was entered in error; [hmstype.ErrStale] where it was changed meanwhile.
func (s *Service) ReviseCondition(ctx context.Context, in ReviseConditionInput) (Condition, error) {
	op := usecase.Op{Name: "condition.revise", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, reviseCondition)
}

func reviseCondition(ctx context.Context, db dbx.DB, in ReviseConditionInput) (Condition, error) {
	row, err := dbx.Get[conditionRow](ctx, db, "condition", in.ID, dbx.ForUpdate)
	if err != nil {
		return Condition{}, err
	}
	if row.VerificationStatus == EnteredInError {
		return Condition{}, errTerminal("condition", EnteredInError, in.Verification)
	}
	if err := refuseFuture(ctx, db, in.AbatementDate, "abatementDate"); err != nil {
		return Condition{}, err
	}
	if in.Status != "" && in.Status != row.Status {
		if err := ConditionTransitions.Check("condition", row.Status, in.Status); err != nil {
			return Condition{}, err
		}
		row.Status, row.AbatementDate = in.Status, hmstype.Date{}
	}
	if !in.AbatementDate.IsZero() {
		row.AbatementDate = in.AbatementDate
	}
	if in.Verification != "" {
		row.VerificationStatus, row.ErrorReason = in.Verification, in.Reason
	}
	err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "status", "verification_status", "abatement_date", "error_reason")
	row.Version = in.Version + 1
	return row.condition(), err
}

// errTerminal is the refusal of a step out of a state that has no way out.
func errTerminal[S ~string](entity string, from, to S) error {
	return &hmstype.TransitionError{Entity: entity, From: string(from), To: string(to)}
}

// Conditions lists a patient's problems, the latest recorded first; those entered in error
// are among them and say so.
func (s *Service) Conditions(ctx context.Context, in OfPatient) (hmstype.List[Condition], error) {
	op := usecase.Op{Name: "condition.list", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in OfPatient) (hmstype.List[Condition], error) {
		return listOf(ctx, db, in, "condition", dbx.Order{Desc: true}, conditionRow.condition)
	})
}
