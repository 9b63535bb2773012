package clinical

import (
	"cmp"
	"context"
	"slices"

	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// OpenEncounterInput opens an encounter.
type OpenEncounterInput struct {
	Appointment hmstype.AppointmentID `json:"appointment"` // an appointment whose patient is here; zero for a walk-in
	// required for a walk-in; otherwise zero or the appointment's
	Patient hmstype.PatientID `json:"patient"`
	// required for a walk-in; otherwise zero keeps the appointment's
	Practitioner hmstype.UserID  `json:"practitioner"`
	Class        Class           `json:"class"`  // required
	Status       EncounterStatus `json:"status"` // planned, arrived, triaged or in-progress, which empty means
	EncounterDetails
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in OpenEncounterInput) Validate() error {
	var v hmstype.Validator
	if in.Appointment.IsZero() {
		v.Required(!in.Patient.IsZero(), "patient")
		v.Required(!in.Practitioner.IsZero(), "practitioner")
	} else {
		v.Check(in.Status != EncounterPlanned, "status", "must not be planned where the patient is here")
	}
	hmstype.OneOf(&v, in.Class, "class", ClassAmbulatory, ClassInpatient, ClassEmergency)
	hmstype.OneOf(&v, in.Status, "status", "", EncounterPlanned, EncounterArrived, EncounterTriaged, EncounterInProgress)
	in.EncounterDetails.validate(&v)
	return v.Err()
}

var opOpenEncounter = usecase.Command[OpenEncounterInput, Encounter]{
	Name: "clinical.open_encounter", Permission: hmstype.PermEncounterWrite, Shows: encounters.One(),
	Key:          func(in OpenEncounterInput) string { return in.IdempotencyKey },
	Again:        usecase.ReadAgain(func(e Encounter) hmstype.EncounterID { return e.ID }, getEncounter),
	Practitioner: func(in OpenEncounterInput, _ hmstype.Actor) hmstype.UserID { return in.Practitioner },
	Sample: OpenEncounterInput{
		Class: ClassAmbulatory, Status: EncounterArrived,
		EncounterDetails: EncounterDetails{ChiefComplaint: "cough", Service: "CONS"},
	},
}.Declare()

// OpenEncounter begins a visit or a stay. From a checked-in appointment it fulfils that; one whose
// encounter was entered in error is free for another, of two at once for one ([scheduling.ErrAppointmentUsed]).
// [ErrAlreadyInpatient] (an *AlreadyInpatientError) where the patient has an open inpatient
// encounter and this is one; [hmstype.ErrNotPractitioner] where the practitioner does not treat;
// [patient.ErrDeceased], [patient.ErrMerged] or [patient.ErrInactive] where nothing new begins for the patient.
// Permission: [hmstype.PermEncounterWrite].
func (s *Service) OpenEncounter(ctx context.Context, in OpenEncounterInput) (Encounter, error) {
	// Whether the practitioner treats is asked before the transaction, and in it the patient is locked first.
	if !in.Appointment.IsZero() && (in.Practitioner.IsZero() || in.Patient.IsZero()) {
		meeting, err := s.ports.Appointments.MeetingOf(ctx, in.Appointment)
		if err != nil {
			return Encounter{}, &hmstype.Error{Op: opOpenEncounter.Name, Err: err}
		}
		in.Practitioner = cmp.Or(in.Practitioner, meeting.Practitioner)
		in.Patient = cmp.Or(in.Patient, meeting.Patient)
	}
	return opOpenEncounter.Run(ctx, &s.base, in, s.openEncounter)
}

func (s *Service) openEncounter(ctx context.Context, db dbx.DB, in OpenEncounterInput) (Encounter, error) {
	if in.Patient.IsZero() {
		return Encounter{}, hmstype.NotFound("appointment", in.Appointment)
	}
	if _, err := s.ports.Patients.LockForCare(ctx, db.Conn(), in.Patient); err != nil {
		return Encounter{}, err
	}
	if !in.Appointment.IsZero() {
		again, err := onlyInError(ctx, db, in.Appointment)
		if err != nil {
			return Encounter{}, err
		}
		if err := s.ports.Appointments.Fulfil(ctx, db.Conn(), in.Appointment, in.Patient, again); err != nil {
			return Encounter{}, err
		}
	}
	row := encounterRow{
		Header:    dbx.NewHeader[hmstype.EncounterID](db),
		PatientID: in.Patient, PractitionerID: in.Practitioner, AppointmentID: in.Appointment,
		Class: in.Class, Status: in.Status, StartedAt: db.Now, EncounterDetails: in.EncounterDetails,
	}
	if row.Status == "" {
		row.Status = EncounterInProgress
	}
	if row.Service == "" {
		row.Service = s.ports.ConsultationService
	}
	if err := encounterTexts.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.EncounterDetails); err != nil {
		return Encounter{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Encounter{}, err
	}
	if !done {
		return Encounter{}, openInTheWay(ctx, db, row)
	}
	return row.encounter(), db.Emit(ctx, dbx.Event{Type: eventEncounterOpened, ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "class": string(row.Class), "status": string(row.Status)}})
}

// onlyInError tells whether encounters came of an appointment, and all of them were entered in error.
func onlyInError(ctx context.Context, db dbx.DB, id hmstype.AppointmentID) (bool, error) {
	rows, err := dbx.All[encounterRow](ctx, db, dbx.Equal("appointment_id", id))
	return len(rows) > 0 && !slices.ContainsFunc(rows, func(r encounterRow) bool {
		return r.Status != EncounterEnteredInError
	}), err
}

// present are the states in which a patient is here; the key of open stays names the same.
var present = []EncounterStatus{EncounterArrived, EncounterTriaged, EncounterInProgress, EncounterOnLeave}

// openInTheWay finds what the database refused to stand beside the new encounter.
func openInTheWay(ctx context.Context, db dbx.DB, wanted encounterRow) error {
	if !wanted.AppointmentID.IsZero() {
		used, err := dbx.Exists[encounterRow](ctx, db, dbx.Equal("appointment_id", wanted.AppointmentID),
			dbx.Where("e.status <> ?", EncounterEnteredInError))
		if err != nil {
			return err
		}
		if used {
			return scheduling.ErrAppointmentUsed
		}
	}
	rows, err := dbx.All[encounterRow](ctx, db, dbx.Equal("patient_id", wanted.PatientID),
		dbx.Equal("class", ClassInpatient), dbx.OneOf("status", present), dbx.Limit(1))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return usecase.Told(ctx, db, wanted.PatientID, "encounter", "", ErrAlreadyInpatient) // it has ended in between
	}
	return usecase.Told(ctx, db, wanted.PatientID, "encounter", rows[0].ID.String(),
		&AlreadyInpatientError{Encounter: rows[0].ID, Since: rows[0].StartedAt.UTC()})
}
