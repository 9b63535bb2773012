package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// OpenInput opens an encounter.
type OpenInput struct {
	Appointment    hmstype.AppointmentID // an appointment whose patient is here; zero for a walk-in
	Patient        hmstype.PatientID     // required for a walk-in; otherwise zero or the appointment's
	Practitioner   hmstype.UserID        // required for a walk-in; otherwise zero keeps the appointment's
	Class          Class                 // required
	Status         EncounterStatus       // planned, arrived, triaged or in-progress, which empty means
	ChiefComplaint string                // up to 2000 characters
	Service        string                // service code to charge when it is finished; empty means Ports.ConsultationService
	IdempotencyKey string
}

// Validate implements the rules above.
func (in OpenInput) Validate() error {
	var v hmstype.Validator
	if in.Appointment.IsZero() {
		v.Required(!in.Patient.IsZero(), "patient")
		v.Required(!in.Practitioner.IsZero(), "practitioner")
	} else {
		v.Check(in.Status != EncounterPlanned, "status", "must not be planned where the patient is here")
	}
	hmstype.OneOf(&v, in.Class, "class", ClassAmbulatory, ClassInpatient, ClassEmergency)
	hmstype.OneOf(&v, in.Status, "status", "", EncounterPlanned, EncounterArrived, EncounterTriaged, EncounterInProgress)
	v.Text(in.ChiefComplaint, "chiefComplaint", 0, 2000)
	names.CheckOptional(&v, names.CodeKey, in.Service, "service", 50)
	return v.Err()
}

// OpenEncounter begins a visit or a stay. From a checked-in appointment it fulfils that.
// [ErrAlreadyInpatient] (an *AlreadyInpatientError) where the patient has an open inpatient
// encounter and this is one.
func (s *Service) OpenEncounter(ctx context.Context, in OpenInput) (Encounter, error) {
	op := usecase.Op{Name: "encounter.open", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, fieldcrypt.Opened(s.base.Crypt, encounterText, s.openEncounter))
}

func (s *Service) openEncounter(ctx context.Context, db dbx.DB, in OpenInput) (Encounter, error) {
	if err := fulfil(ctx, db, &in); err != nil {
		return Encounter{}, err
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
		return Encounter{}, err
	}
	row := encounterRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.EncounterID](),
		PatientID: in.Patient, PractitionerID: in.Practitioner, AppointmentID: in.Appointment, Class: in.Class,
		Status: in.Status, StartedAt: db.Now, ChiefComplaint: in.ChiefComplaint, ServiceCode: in.Service,
		CreatedAt: db.Now, Version: 1,
	}
	if row.Status == "" {
		row.Status = EncounterInProgress
	}
	if row.ServiceCode == "" {
		row.ServiceCode = s.ports.ConsultationService
	}
	if err := s.seal(ctx, db, row.PatientID, row.ID, fieldcrypt.Part{Field: fieldEncounterComplaint, Text: &row.ChiefComplaint}); err != nil {
		return Encounter{}, err
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Encounter{}, err
	}
	if !done {
		return Encounter{}, openInTheWay(ctx, db, row)
	}
	if err := noteStatus(ctx, db, row, ""); err != nil {
		return Encounter{}, err
	}
	return row.encounter(), db.Emit(ctx, dbx.Event{Type: "encounter.opened", Entity: "encounter", ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "class": string(row.Class), "status": string(row.Status)}})
}

// fulfil steps the appointment that the encounter comes from, and takes over who meets whom.
func fulfil(ctx context.Context, db dbx.DB, in *OpenInput) error {
	if in.Appointment.IsZero() {
		return nil
	}
	_, err := dbx.Step(ctx, db, appointmentSteps, in.Appointment, dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentFulfilled,
		Apply: func(appointment *appointmentRow) error {
			if !in.Patient.IsZero() && in.Patient != appointment.PatientID {
				return hmstype.Invalid("patient", "must be the appointment's")
			}
			in.Patient = appointment.PatientID
			if in.Practitioner.IsZero() {
				in.Practitioner = appointment.PractitionerID
			}
			return nil
		},
	})
	return err
}

// openInTheWay finds what the database refused to stand beside the new encounter.
func openInTheWay(ctx context.Context, db dbx.DB, wanted encounterRow) error {
	if !wanted.AppointmentID.IsZero() {
		used, err := dbx.Exists[encounterRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("e.appointment_id = ?", wanted.AppointmentID)
		})
		if err != nil {
			return err
		}
		if used {
			return ErrAppointmentUsed
		}
	}
	rows, err := dbx.All[encounterRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("e.patient_id = ?", wanted.PatientID).Where("e.class = ?", ClassInpatient).
			Where("e.status IN ('arrived', 'triaged', 'in-progress', 'onleave')").Limit(1)
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ErrAlreadyInpatient // it ended in between; it was in the way all the same
	}
	return &AlreadyInpatientError{Encounter: rows[0].ID, Since: rows[0].StartedAt.UTC()}
}
