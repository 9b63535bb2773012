package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CancelCode says why an appointment was cancelled: a code of FHIR R4
// appointment-cancellation-reason. Its groups are named here; the finer codes of a group
// ("prov-hosp", "oth-weath") may be used as well.
type CancelCode string

// The groups of reasons.
const (
	CancelByPatient   CancelCode = "pat"      // the patient asked for it
	CancelByProvider  CancelCode = "prov"     // the practitioner cannot
	CancelMaintenance CancelCode = "maint"    // equipment is out of order
	CancelMedication  CancelCode = "meds-inc" // preparation or medication is not complete
	CancelOther       CancelCode = "other"
)

// Known tells whether the code is one of the terminology.
func (c CancelCode) Known() bool {
	switch c {
	case CancelByPatient,
		"pat-crs",
		"pat-cpp",
		"pat-dec",
		"pat-fb",
		"pat-lt",
		"pat-mt",
		"pat-mv",
		"pat-preg",
		"pat-swl",
		"pat-ucp",
		CancelByProvider,
		"prov-pers",
		"prov-dch",
		"prov-edu",
		"prov-hosp",
		"prov-labs",
		"prov-mri",
		"prov-onc",
		CancelMaintenance,
		CancelMedication,
		CancelOther,
		"oth-cms",
		"oth-err",
		"oth-fin",
		"oth-iv",
		"oth-int",
		"oth-mu",
		"oth-room",
		"oth-oerr",
		"oth-swie",
		"oth-weath":
		return true
	default:
		return false
	}
}

// CancelAppointmentInput cancels an appointment.
type CancelAppointmentInput struct {
	ID     hmstype.AppointmentID `json:"id"`     // required
	Code   CancelCode            `json:"code"`   // empty means CancelOther
	Reason string                `json:"reason"` // in words; required, up to 200 characters
}

// Validate implements the rules above.
func (in CancelAppointmentInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Code == "" || in.Code.Known(), "code", "must be a code of appointment-cancellation-reason")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opCancelAppointment = usecase.Command[CancelAppointmentInput, Appointment]{
	Name: "clinical.cancel_appointment", Permission: hmstype.PermAppointmentWrite, Shows: appointments.One(),
	Sample: CancelAppointmentInput{Code: CancelByPatient, Reason: "is on holiday"},
}.Declare()

// CancelAppointment frees the time of an appointment that has not been fulfilled, and
// notes who cancelled it and why.
// Permission: [hmstype.PermAppointmentWrite].
func (s *Service) CancelAppointment(ctx context.Context, in CancelAppointmentInput) (Appointment, error) {
	return opCancelAppointment.Run(ctx, &s.base, in, cancelAppointment)
}

func cancelAppointment(ctx context.Context, db dbx.DB, in CancelAppointmentInput) (Appointment, error) {
	if in.Code == "" {
		in.Code = CancelOther
	}
	return stepAppointment(ctx, db, in.ID, cancelled(db, in.Code, in.Reason))
}

// cancelled is the step by which an appointment frees its time.
func cancelled(db dbx.DB, code CancelCode, reason string) dbx.Change[appointmentRow, AppointmentStatus] {
	return dbx.Change[appointmentRow, AppointmentStatus]{
		To: AppointmentCancelled, Reason: reason,
		Apply: func(row *appointmentRow) error {
			row.CancelCode, row.CancelReason, row.CancelledBy = code, reason, db.By()
			return nil
		},
	}
}
