package clinical

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
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
	Disposition    string // FHIR discharge-disposition, such as "home"; set when finished
	CreatedAt      time.Time
	Version        int64
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
	CreatedAt      time.Time
	Version        int64
}

func (r encounterRow) open() bool {
	return r.Status != EncounterFinished && r.Status != EncounterCancelled && r.Status != EncounterEnteredInError
}

func (r encounterRow) encounter() Encounter {
	return Encounter{
		ID: r.ID, Patient: r.PatientID, Practitioner: r.PractitionerID, Appointment: r.AppointmentID,
		Class: r.Class, Status: r.Status, Period: hmstype.Period{Start: r.StartedAt.UTC(), End: r.EndedAt.UTC()},
		ChiefComplaint: r.ChiefComplaint, Diagnosis: r.Diagnosis, Disposition: r.Disposition,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// OpenInput opens an encounter.
type OpenInput struct {
	Appointment    hmstype.AppointmentID // a checked-in appointment; then Patient and Practitioner are its own
	Patient        hmstype.PatientID     // required for a walk-in
	Practitioner   hmstype.UserID        // required for a walk-in
	Class          Class                 // required
	ChiefComplaint string                // up to 2000 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in OpenInput) Validate() error {
	var v hmstype.Validator
	if in.Appointment.IsZero() {
		v.Required(!in.Patient.IsZero(), "patient")
		v.Required(!in.Practitioner.IsZero(), "practitioner")
	}
	hmstype.OneOf(&v, in.Class, "class", ClassAmbulatory, ClassInpatient, ClassEmergency)
	v.Text(in.ChiefComplaint, "chiefComplaint", 0, 2000)
	return v.Err()
}

// OpenEncounter begins a visit, in progress at once. From an appointment it fulfils that.
// [ErrAlreadyInpatient] where the patient has an open inpatient encounter and this is one.
func (s *Service) OpenEncounter(ctx context.Context, in OpenInput) (Encounter, error) {
	op := service.Op{Name: "encounter.open", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, s.openEncounter)
}

func (s *Service) openEncounter(ctx context.Context, db dbx.DB, in OpenInput) (Encounter, error) {
	if !in.Appointment.IsZero() {
		appointment, err := move(ctx, db, in.Appointment, AppointmentFulfilled, "")
		if err != nil {
			return Encounter{}, err
		}
		in.Patient, in.Practitioner = appointment.PatientID, appointment.PractitionerID
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
		return Encounter{}, err
	}
	row := encounterRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.EncounterID](),
		PatientID: in.Patient, PractitionerID: in.Practitioner, AppointmentID: in.Appointment, Class: in.Class,
		Status: EncounterInProgress, StartedAt: db.Now, ChiefComplaint: in.ChiefComplaint, CreatedAt: db.Now, Version: 1,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Encounter{}, err
	}
	return row.encounter(), db.Emit(ctx, dbx.Event{Type: "encounter.opened", Entity: "encounter", ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "class": string(row.Class)}})
}

// FinishInput ends an encounter.
type FinishInput struct {
	ID             hmstype.EncounterID // required
	Diagnosis      string              // up to 2000 characters
	Disposition    string              // FHIR discharge-disposition: home, hosp, snf, aadvice, exp, oth, ...; required
	Service        string              // service code to charge for the visit; empty charges nothing
	IdempotencyKey string
}

// Validate implements the rules above.
func (in FinishInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Diagnosis, "diagnosis", 0, 2000)
	v.Text(in.Disposition, "disposition", 1, 20)
	return v.Err()
}

// FinishEncounter ends a visit and charges for it. A guard may refuse, for instance while
// the patient lies in a bed.
func (s *Service) FinishEncounter(ctx context.Context, in FinishInput) (Encounter, error) {
	op := service.Op{Name: "encounter.finish", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, s.finishEncounter)
}

func (s *Service) finishEncounter(ctx context.Context, db dbx.DB, in FinishInput) (Encounter, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID, dbx.ForUpdate)
	if err != nil {
		return Encounter{}, err
	}
	if err := EncounterTransitions.Check("encounter", row.Status, EncounterFinished); err != nil {
		return Encounter{}, err
	}
	for _, guard := range s.ports.FinishGuards {
		if err := guard.BeforeFinish(ctx, db.Conn(), in.ID); err != nil {
			return Encounter{}, err
		}
	}
	row.Status, row.EndedAt, row.Disposition, row.Diagnosis = EncounterFinished, db.Now, in.Disposition, in.Diagnosis
	err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "ended_at", "disposition", "diagnosis")
	if err != nil {
		return Encounter{}, err
	}
	row.Version++
	if in.Service == "" {
		return row.encounter(), nil
	}
	_, err = s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
		Source: charge.Source{Kind: "encounter", ID: row.ID.String()}, Patient: row.PatientID, Encounter: row.ID,
		Service: in.Service, Quantity: decimal.NewFromInt(1), At: db.Now,
	})
	return row.encounter(), err
}

// GetEncounter gives an encounter, and records that it was read.
func (s *Service) GetEncounter(ctx context.Context, id hmstype.EncounterID) (Encounter, error) {
	op := service.Op{Name: "encounter.get", Permission: hmstype.PermClinicalRead}
	return service.Read(ctx, &s.base, op, service.ByID[hmstype.EncounterID]{ID: id},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.EncounterID]) (Encounter, error) {
			row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID)
			if err != nil {
				return Encounter{}, err
			}
			return row.encounter(), db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "encounter", ID: row.ID.String(), Patient: row.PatientID})
		})
}

// EncounterPatient tells whose encounter it is and whether it is open, for a deed of the
// caller's transaction; it locks the encounter against being finished meanwhile.
func (s *Service) EncounterPatient(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (hmstype.PatientID, bool, error) {
	db, err := s.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.PatientID{}, false, err
	}
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	return row.PatientID, row.open(), err
}

// requireOpen gives the encounter that something is being added to.
func requireOpen(ctx context.Context, db dbx.DB, id hmstype.EncounterID) (encounterRow, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	if err == nil && !row.open() {
		err = ErrEncounterClosed
	}
	return row, err
}
