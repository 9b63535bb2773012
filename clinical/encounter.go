package clinical

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// EncounterStatus is FHIR R4 encounter-status.
type EncounterStatus string

// The states of an encounter.
const (
	EncounterPlanned        EncounterStatus = "planned"
	EncounterArrived        EncounterStatus = "arrived"
	EncounterTriaged        EncounterStatus = "triaged"
	EncounterInProgress     EncounterStatus = "in-progress"
	EncounterOnLeave        EncounterStatus = "onleave"
	EncounterFinished       EncounterStatus = "finished"
	EncounterCancelled      EncounterStatus = "cancelled"
	EncounterEnteredInError EncounterStatus = "entered-in-error"
)

// EncounterTransitions are the allowed steps between the states.
var EncounterTransitions = hmstype.Transitions[EncounterStatus]{
	EncounterPlanned:    {EncounterArrived, EncounterInProgress, EncounterCancelled, EncounterEnteredInError},
	EncounterArrived:    {EncounterTriaged, EncounterInProgress, EncounterCancelled, EncounterEnteredInError},
	EncounterTriaged:    {EncounterInProgress, EncounterEnteredInError},
	EncounterInProgress: {EncounterOnLeave, EncounterFinished, EncounterEnteredInError},
	EncounterOnLeave:    {EncounterInProgress, EncounterEnteredInError},
	EncounterFinished:   {EncounterEnteredInError},
	EncounterCancelled:  {EncounterEnteredInError},
}

// Class is HL7 v3 ActCode of the encounter's kind.
type Class string

// The classes of an encounter.
const (
	ClassAmbulatory Class = "AMB"
	ClassInpatient  Class = "IMP"
	ClassEmergency  Class = "EMER"
)

// EncounterDetails are what is said of an encounter when it begins.
type EncounterDetails struct {
	ChiefComplaint string `bun:"chief_complaint" json:"chiefComplaint,omitempty"` // up to 2000 characters
	// Service is the code of what is charged when the encounter is finished; empty charges nothing.
	// Where an encounter is opened, empty means Ports.ConsultationService; up to 50 characters.
	Service string `bun:"service_code" json:"service,omitempty"`
}

func (d EncounterDetails) validate(v *hmstype.Validator) {
	v.Text(d.ChiefComplaint, "chiefComplaint", 0, 2000)
	names.CheckOptional(v, names.CodeKey, d.Service, "service", 50)
}

// EncounterOutcome is what is said of an encounter when it ends.
type EncounterOutcome struct {
	Diagnosis string `bun:"diagnosis" json:"diagnosis,omitempty"` // up to 2000 characters
	// Disposition is FHIR discharge-disposition: home, hosp, snf, aadvice, exp, oth, ...; up to 20 characters.
	Disposition string `bun:"disposition" json:"disposition,omitempty"`
}

func (o EncounterOutcome) validate(v *hmstype.Validator) {
	v.Text(o.Diagnosis, "diagnosis", 0, 2000)
	v.Text(o.Disposition, "disposition", 1, 20)
}

// Encounter is a visit or a stay (FHIR Encounter).
type Encounter struct {
	ID           hmstype.EncounterID   `json:"id"`
	Patient      hmstype.PatientID     `json:"patient"`
	Practitioner hmstype.UserID        `json:"practitioner"`
	Appointment  hmstype.AppointmentID `json:"appointment"` // zero for a walk-in
	Class        Class                 `json:"class"`
	Status       EncounterStatus       `json:"status"`
	Period       hmstype.Period        `json:"period"` // open until it is finished
	EncounterDetails
	EncounterOutcome                  // empty until it is finished
	CreatedBy        hmstype.ActorRef `json:"createdBy"`
	CreatedAt        time.Time        `json:"createdAt,omitzero"` // UTC
	Version          int64            `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type encounterRow struct {
	bun.BaseModel `bun:"table:hms.encounter,alias:e"`
	dbx.Header[hmstype.EncounterID]
	PatientID      hmstype.PatientID
	PractitionerID hmstype.UserID
	AppointmentID  hmstype.AppointmentID
	Class          Class
	Status         EncounterStatus
	StartedAt      time.Time
	EndedAt        time.Time `bun:",nullzero"`
	EncounterDetails
	EncounterOutcome
}

// Position orders encounters by their start.
func (r encounterRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartedAt, ID: r.ID.UUID()}
}

func (r encounterRow) open() bool {
	return r.Status != EncounterFinished && r.Status != EncounterCancelled && r.Status != EncounterEnteredInError
}

func (r encounterRow) encounter() Encounter {
	return Encounter{
		ID: r.ID, Patient: r.PatientID, Practitioner: r.PractitionerID, Appointment: r.AppointmentID,
		Class: r.Class, Status: r.Status, Period: hmstype.Period{Start: r.StartedAt.UTC(), End: r.EndedAt.UTC()},
		EncounterDetails: r.EncounterDetails, EncounterOutcome: r.EncounterOutcome,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// encounterSteps is how an encounter changes its state.
var encounterSteps = dbx.Machine[encounterRow, EncounterStatus]{
	Table: "encounter", Transitions: EncounterTransitions,
	State:   func(r *encounterRow) *EncounterStatus { return &r.Status },
	Columns: []string{"started_at", "ended_at", "diagnosis", "disposition", "service_code"},
	Event: func(r *encounterRow, from EncounterStatus) dbx.Event {
		kind := encounterEvents[r.Status]
		if from == EncounterOnLeave && r.Status == EncounterInProgress {
			kind = eventEncounterResumed
		}
		return dbx.Event{
			Type: kind, ID: r.ID,
			Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
		}
	},
}

// What of an encounter is sealed: as it begins, and as it ends.
var (
	encounterTexts = fieldcrypt.Table[EncounterDetails]{
		Name: "encounter", Subject: "patient_id", Narrative: true,
		Texts: func(d *EncounterDetails) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "chief_complaint", Text: &d.ChiefComplaint}}
		},
	}.Declare()
	outcomeTexts = fieldcrypt.Table[EncounterOutcome]{
		Name: "encounter", Subject: "patient_id", Narrative: true,
		Texts: func(o *EncounterOutcome) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "diagnosis", Text: &o.Diagnosis}}
		},
	}.Declare()
)

// encounters is what every use case that shows encounters shows of whom.
var encounters = usecase.Entity[Encounter]{
	Table:   "encounter",
	Patient: func(e *Encounter) hmstype.PatientID { return e.Patient },
	ID:      func(e *Encounter) string { return e.ID.String() },
	Texts: func(e *Encounter) []fieldcrypt.Record {
		return []fieldcrypt.Record{
			encounterTexts.Of(e.Patient.UUID(), e.ID, &e.EncounterDetails),
			outcomeTexts.Of(e.Patient.UUID(), e.ID, &e.EncounterOutcome),
		}
	},
}

// requireOpen gives the encounter that something is being added to.
func requireOpen(ctx context.Context, db dbx.DB, id hmstype.EncounterID) (encounterRow, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	if err == nil && !row.open() {
		err = ErrEncounterClosed
	}
	return row, err
}
