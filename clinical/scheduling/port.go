package scheduling

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Port is what other services ask of appointments inside the transaction of a use case that asked for its
// permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// Meeting says who meets whom at an appointment.
type Meeting struct {
	Patient      hmstype.PatientID
	Practitioner hmstype.UserID
}

// Fulfil says that an encounter comes of an appointment, which it locks. The patient must be the appointment's. It
// runs in the caller's transaction. again says that what came of it was entered in error: then it is fulfilled already,
// and whether another encounter may come of it the encounters' key decides.
func (p Port) Fulfil(
	ctx context.Context, conn bun.IConn, id hmstype.AppointmentID, patient hmstype.PatientID, again bool,
) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	row, err := dbx.Get[appointmentRow](ctx, db, "appointment", id, dbx.ForUpdate)
	if err != nil {
		return err
	}
	if again && row.Status == AppointmentFulfilled && row.PatientID == patient {
		return nil
	}
	_, err = dbx.Step(ctx, db, appointmentSteps, id, dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentFulfilled,
		Apply: func(row *appointmentRow) error {
			if patient != row.PatientID {
				return hmstype.Invalid("patient", "must be the appointment's")
			}
			return nil
		},
	})
	return err
}

// MeetingOf gives who meets whom at an appointment, which never changes, in a transaction of its own; zero for an
// appointment that there is not: whoever asks finds that out as well.
func (p Port) MeetingOf(ctx context.Context, id hmstype.AppointmentID) (who Meeting, err error) {
	err = p.base.DB.InTx(ctx, "clinical.meeting_of", func(ctx context.Context, db dbx.DB) error {
		row, err := dbx.Get[appointmentRow](ctx, db, "appointment", id)
		if errors.Is(err, hmstype.ErrNotFound) {
			return nil
		}
		who = Meeting{Patient: row.PatientID, Practitioner: row.PractitionerID}
		return err
	})
	return who, dbx.Map(err)
}

// Encounters are what this package asks of the encounters that come of appointments. It runs in the use case's
// transaction.
type Encounters interface {
	// CameOf tells whether an encounter came of the appointment that was not entered in error.
	CameOf(ctx context.Context, conn bun.IConn, appointment hmstype.AppointmentID) (bool, error)
}

// cancelDeceased is FHIR's reason of a patient who has died.
const cancelDeceased CancelCode = "pat-dec"

// awaited are the states of an appointment to which the patient is still to come.
var awaited = []AppointmentStatus{AppointmentProposed, AppointmentPending, AppointmentWaitlist, AppointmentBooked}

// AfterDeath cancels the appointments to which a patient was to come after the death, or, where nobody knows its
// instant, from now on. It implements [patient.DeathFollower].
func (p Port) AfterDeath(ctx context.Context, conn bun.IConn, who hmstype.PatientID, at time.Time) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = db.Now
	}
	rows, err := dbx.All[appointmentRow](ctx, db, dbx.Equal("patient_id", who), dbx.OneOf("status", awaited),
		dbx.Where("a.starts_at >= ?", at), dbx.OrderBy("a.id"), dbx.ForUpdate)
	for i := 0; err == nil && i < len(rows); i++ {
		err = dbx.Move(ctx, db, appointmentSteps, &rows[i], cancelled(db, cancelDeceased, "the patient has died"))
	}
	return dbx.Map(err)
}

// OpenFor lists the appointments to which a patient is still to come, or came and was not seen yet. It implements
// [patient.OpenSource].
func (p Port) OpenFor(ctx context.Context, conn bun.IConn, who hmstype.PatientID) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[appointmentRow](ctx, db, dbx.Equal("patient_id", who),
		dbx.OneOf("status", append([]AppointmentStatus{AppointmentArrived, AppointmentCheckedIn}, awaited...)),
		dbx.Where("a.ends_at > ?", db.Now), dbx.OrderBy("a.starts_at", "a.id"))
	return patient.OpenOf("appointment", rows, func(r appointmentRow) hmstype.AppointmentID { return r.ID }), dbx.Map(err)
}
