package clinical

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// VitalsStatus is FHIR R4 observation-status, as far as vital signs need it.
type VitalsStatus string

// The states of a set of vital signs.
const (
	VitalsFinal          VitalsStatus = "final"
	VitalsEnteredInError VitalsStatus = "entered-in-error"
)

// VitalsTransitions are the allowed steps between the states.
var VitalsTransitions = hmstype.Transitions[VitalsStatus]{VitalsFinal: {VitalsEnteredInError}}

// Vitals is one set of vital signs of a patient, taken together.
type Vitals struct {
	ID        hmstype.VitalsID    `json:"id"`
	Encounter hmstype.EncounterID `json:"encounter"`
	Patient   hmstype.PatientID   `json:"patient"`
	Status    VitalsStatus        `json:"status"`
	TakenAt   time.Time           `json:"takenAt,omitzero"` // UTC; CreatedAt says when it was recorded
	Measurements
	BodyMassIndex *decimal.Decimal `json:"bodyMassIndex,omitempty"` // derived from height and weight of this set
	Warnings      []Warning        `json:"warnings,omitempty"`      // possible values that are unusual at any age
	ErrorReason   string           `json:"errorReason,omitempty"`   // why it was entered in error
	CreatedBy     hmstype.ActorRef `json:"createdBy"`               // who recorded it
	CreatedAt     time.Time        `json:"createdAt,omitzero"`      // UTC
	Version       int64            `json:"version"`                 // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type vitalsRow struct {
	bun.BaseModel `bun:"table:hms.vitals,alias:v"`
	dbx.Header[hmstype.VitalsID]
	PatientID   hmstype.PatientID
	EncounterID hmstype.EncounterID
	Status      VitalsStatus
	TakenAt     time.Time
	Measurements
	Bmi         *decimal.Decimal
	ErrorReason string
}

// Position orders vital signs by when they were taken.
func (r vitalsRow) Position() hmstype.Position {
	return hmstype.Position{At: r.TakenAt, ID: r.ID.UUID()}
}

func (r vitalsRow) vitals() Vitals {
	return Vitals{
		ID: r.ID, Encounter: r.EncounterID, Patient: r.PatientID, Status: r.Status, TakenAt: r.TakenAt.UTC(),
		Measurements: r.Measurements, BodyMassIndex: r.Bmi, Warnings: r.Unusual(), ErrorReason: r.ErrorReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// vitalSigns is what every use case that shows vital signs shows of whom.
var vitalSigns = usecase.Entity[Vitals]{
	Table:   "vitals",
	Patient: func(v *Vitals) hmstype.PatientID { return v.Patient },
	ID:      func(v *Vitals) string { return v.ID.String() },
}

// vitalsSteps is how a set of vital signs changes its state.
var vitalsSteps = dbx.Machine[vitalsRow, VitalsStatus]{
	Table: "vitals", Transitions: VitalsTransitions,
	State:   func(r *vitalsRow) *VitalsStatus { return &r.Status },
	Columns: []string{"error_reason"},
}

// ListVitalsInput is the input of [Service.ListVitals]; see [OfPatient].
type ListVitalsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListVitalsInput) Validate() error { return OfPatient(in).Validate() }

var opListVitals = usecase.Query[ListVitalsInput, hmstype.List[Vitals]]{
	Name: "clinical.list_vitals", Permission: hmstype.PermClinicalRead, Shows: vitalSigns.Page(),
	Sample: ListVitalsInput{},
}.Declare()

// ListVitals lists a patient's vital signs, the latest taken first; those entered in error are
// among them and say so.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListVitals(ctx context.Context, in ListVitalsInput) (hmstype.List[Vitals], error) {
	return opListVitals.Run(
		ctx, &s.base, in, ofPatient[ListVitalsInput](dbx.Order{At: "taken_at", Desc: true}, vitalsRow.vitals),
	)
}

var opListEncounterVitals = usecase.Query[usecase.ByID[hmstype.EncounterID], []Vitals]{
	Name: "clinical.list_encounter_vitals", Permission: hmstype.PermClinicalRead, Shows: vitalSigns.All(),
}.Declare()

// ListEncounterVitals gives the vital signs of an encounter in the order of their recording.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListEncounterVitals(ctx context.Context, id hmstype.EncounterID) ([]Vitals, error) {
	return opListEncounterVitals.Run(ctx, &s.base, usecase.ID(id), inEncounter(vitalsRow.vitals))
}
