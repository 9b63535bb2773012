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

func refuseFuture(ctx context.Context, db dbx.DB, day hmstype.Date, path string) error {
	today, err := db.Today(ctx)
	if err == nil && day.After(today) {
		err = hmstype.Invalid(path, "must not lie in the future")
	}
	return err
}

// ListConditionsInput is the input of [Service.ListConditions]; see [OfPatient].
type ListConditionsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListConditionsInput) Validate() error { return OfPatient(in).Validate() }

var opListConditions = usecase.Query[ListConditionsInput, hmstype.List[Condition]]{
	Name: "clinical.list_conditions", Permission: hmstype.PermClinicalRead, Shows: conditions.Page(),
	Sample: ListConditionsInput{},
}.Declare()

// ListConditions lists a patient's problems, the latest recorded first; those entered in error
// are among them and say so.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListConditions(ctx context.Context, in ListConditionsInput) (hmstype.List[Condition], error) {
	return opListConditions.Run(
		ctx, &s.base, in, ofPatient[ListConditionsInput](dbx.Order{Desc: true}, conditionRow.condition),
	)
}
