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

// ConditionDetails are what people say of a problem.
type ConditionDetails struct {
	Code         hmstype.Code `bun:"embed:code_"         json:"code"` // always with a display
	Verification Verification `bun:"verification_status" json:"verification"`
	OnsetDate    hmstype.Date `bun:"onset_date"          json:"onsetDate"` // not in the future; zero means unknown
}

func (d ConditionDetails) validate(v *hmstype.Validator) {
	v.Nested("code", d.Code.Validate())
	v.Required(d.Code.Display != "", "code.display")
	hmstype.OneOf(v, d.Verification, "verification", "", Unconfirmed, Provisional, Differential, Confirmed, Refuted)
}

// Condition is a problem or diagnosis of a patient (FHIR Condition).
type Condition struct {
	ID        hmstype.ConditionID `json:"id"`
	Patient   hmstype.PatientID   `json:"patient"`
	Encounter hmstype.EncounterID `json:"encounter"` // where it was found
	Status    ConditionStatus     `json:"status"`
	ConditionDetails
	AbatementDate hmstype.Date     `json:"abatementDate"`         // when it ended; zero means not, or unknown
	ErrorReason   string           `json:"errorReason,omitempty"` // why it was entered in error
	CreatedBy     hmstype.ActorRef `json:"createdBy"`             // who recorded it
	CreatedAt     time.Time        `json:"createdAt,omitzero"`    // UTC
	Version       int64            `json:"version"`               // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type conditionRow struct {
	bun.BaseModel `bun:"table:hms.condition,alias:c"`
	dbx.Header[hmstype.ConditionID]
	PatientID   hmstype.PatientID
	EncounterID hmstype.EncounterID
	Status      ConditionStatus
	ConditionDetails
	AbatementDate hmstype.Date
	ErrorReason   string
}

// Position orders problems by when they were recorded.
func (r conditionRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r conditionRow) condition() Condition {
	return Condition{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Status: r.Status, ConditionDetails: r.ConditionDetails,
		AbatementDate: r.AbatementDate, ErrorReason: r.ErrorReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// conditions is what every use case that shows problems shows of whom.
var conditions = usecase.Entity[Condition]{
	Table:   "condition",
	Patient: func(c *Condition) hmstype.PatientID { return c.Patient },
	ID:      func(c *Condition) string { return c.ID.String() },
}

// conditionSteps is how a problem changes its clinical state.
var conditionSteps = dbx.Machine[conditionRow, ConditionStatus]{
	Table: "condition", Transitions: ConditionTransitions,
	State:   func(r *conditionRow) *ConditionStatus { return &r.Status },
	Columns: []string{"verification_status", "abatement_date", "error_reason"},
}

// AddConditionInput describes a problem.
type AddConditionInput struct {
	Encounter        hmstype.EncounterID `json:"encounter"` // required, open
	ConditionDetails                     // an empty verification means confirmed
	IdempotencyKey   string              `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AddConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.ConditionDetails.validate(&v)
	return v.Err()
}

var opAddCondition = usecase.Command[AddConditionInput, Condition]{
	Name: "clinical.add_condition", Permission: hmstype.PermClinicalWrite, Shows: conditions.One(),
	Key: func(in AddConditionInput) string { return in.IdempotencyKey },
	Sample: AddConditionInput{ConditionDetails: ConditionDetails{
		Code: hmstype.Code{System: hmstype.SystemICD10, Value: "J45", Display: "Asthma"}, OnsetDate: usecase.SampleDay,
	}},
}.Declare()

// AddCondition adds an active problem to the patient of an open encounter.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) AddCondition(ctx context.Context, in AddConditionInput) (Condition, error) {
	return opAddCondition.Run(ctx, &s.base, in, addCondition)
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
		Header:    dbx.NewHeader[hmstype.ConditionID](db),
		PatientID: encounter.PatientID, EncounterID: encounter.ID,
		Status: ConditionActive, ConditionDetails: in.ConditionDetails,
	}
	if row.Verification == "" {
		row.Verification = Confirmed
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
	ID            hmstype.ConditionID `json:"id"`            // required
	Version       int64               `json:"version"`       // the version that was read
	Status        ConditionStatus     `json:"status"`        // empty keeps it
	Verification  Verification        `json:"verification"`  // empty keeps it
	AbatementDate hmstype.Date        `json:"abatementDate"` // with a status of what is over; zero means unknown
	Reason        string              `json:"reason"`        // required for entered-in-error, up to 200 characters
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

var opReviseCondition = usecase.Command[ReviseConditionInput, Condition]{
	Name: "clinical.revise_condition", Permission: hmstype.PermClinicalWrite, Shows: conditions.One(),
	Sample: ReviseConditionInput{Version: 1, Status: ConditionResolved, AbatementDate: usecase.SampleDay},
}.Declare()

// ReviseCondition changes the clinical or the verification status of a problem.
// [hmstype.ErrInvalidTransition] for a step that is not in [ConditionTransitions], or of a
// problem that was entered in error; [hmstype.ErrStale] where it was changed meanwhile.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) ReviseCondition(ctx context.Context, in ReviseConditionInput) (Condition, error) {
	return opReviseCondition.Run(ctx, &s.base, in, reviseCondition)
}

func reviseCondition(ctx context.Context, db dbx.DB, in ReviseConditionInput) (Condition, error) {
	row, err := dbx.Get[conditionRow](ctx, db, "condition", in.ID, dbx.ForUpdate)
	if err != nil {
		return Condition{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Condition{}, err
	}
	if row.Verification == EnteredInError {
		return Condition{}, errTerminal("condition", EnteredInError, in.Verification)
	}
	if err := refuseFuture(ctx, db, in.AbatementDate, "abatementDate"); err != nil {
		return Condition{}, err
	}
	isStep := in.Status != "" && in.Status != row.Status
	if isStep || !in.AbatementDate.IsZero() {
		row.AbatementDate = in.AbatementDate // another state has no end of the state before
	}
	if in.Verification != "" {
		row.Verification, row.ErrorReason = in.Verification, in.Reason
	}
	if isStep {
		step := dbx.Change[conditionRow, ConditionStatus]{To: in.Status, Reason: in.Reason}
		err = dbx.Move(ctx, db, conditionSteps, &row, step)
	} else {
		err = dbx.Update(ctx, db, &row, conditionSteps.Columns...)
	}
	return row.condition(), err
}

// errTerminal is the refusal of a step out of a state that has no way out.
func errTerminal[S ~string](entity string, from, to S) error {
	return &hmstype.TransitionError{Entity: entity, From: string(from), To: string(to)}
}

var opListConditions = usecase.Query[ListConditionsInput, hmstype.List[Condition]]{
	Name: "clinical.list_conditions", Permission: hmstype.PermClinicalRead, Shows: conditions.Page(),
	Sample: ListConditionsInput{},
}.Declare()

// ListConditions lists a patient's problems, the latest recorded first; those entered in error
// are among them and say so.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListConditions(ctx context.Context, in ListConditionsInput) (hmstype.List[Condition], error) {
	return opListConditions.Run(ctx, &s.base, in, ofPatient[ListConditionsInput](dbx.Order{Desc: true}, conditionRow.condition))
}
