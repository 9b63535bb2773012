package clinical

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
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

// Encounter is a visit or a stay (FHIR Encounter).
type Encounter struct {
	ID             hmstype.EncounterID
	Patient        hmstype.PatientID
	Practitioner   hmstype.UserID
	Appointment    hmstype.AppointmentID // zero for a walk-in
	Class          Class
	Status         EncounterStatus
	Period         hmstype.Period // open until it is finished
	ChiefComplaint string
	Diagnosis      string
	Disposition    string    // FHIR discharge-disposition, such as "home"; set when finished
	Service        string    // service code that is charged when it is finished; empty charges nothing
	CreatedAt      time.Time // UTC
	Version        int64     // counts changes, from 1
}

type encounterRow struct {
	bun.BaseModel `bun:"table:hms.encounter,alias:e"`
	dbx.Tenanted
	ID             hmstype.EncounterID `bun:"id,pk"`
	PatientID      hmstype.PatientID
	PractitionerID hmstype.UserID
	AppointmentID  hmstype.AppointmentID
	Class          Class
	Status         EncounterStatus
	StartedAt      time.Time
	EndedAt        time.Time `bun:",nullzero"`
	ChiefComplaint string
	Diagnosis      string
	Disposition    string
	ServiceCode    string
	CreatedAt      time.Time
	Version        int64
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
		ChiefComplaint: r.ChiefComplaint, Diagnosis: r.Diagnosis, Disposition: r.Disposition, Service: r.ServiceCode,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}
