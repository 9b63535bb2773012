package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// CalendarInput selects appointments.
type CalendarInput struct {
	Practitioner hmstype.UserID    // whose calendar; zero for all
	Patient      hmstype.PatientID // whose visits; zero for all
	During       hmstype.Period    // those that start in it; required, with an end, unless Day is given
	Day          hmstype.Date      // a day of the tenant's time zone, which may have 23 or 25 hours; zero for During
	Page         hmstype.Page      // by start
}

// Validate implements the rules above.
func (in CalendarInput) Validate() error {
	var v hmstype.Validator
	if in.Day.IsZero() {
		v.Nested("during", in.During.Validate())
		v.Required(!in.During.IsOpen(), "during.end")
	} else {
		v.Check(in.During == hmstype.Period{}, "during", "must not be given with a day")
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Calendar lists appointments of all states by their start, and records whose were seen.
func (s *Service) Calendar(ctx context.Context, in CalendarInput) (hmstype.List[Appointment], error) {
	op := usecase.Op{Name: "appointment.calendar", Permission: hmstype.PermAppointmentRead}
	return usecase.Read(ctx, &s.base, op, in, fieldcrypt.OpenedList(s.base.Crypt, appointmentText, calendar))
}

func calendar(ctx context.Context, db dbx.DB, in CalendarInput) (hmstype.List[Appointment], error) {
	if !in.Day.IsZero() {
		info, err := db.TenantInfo(ctx)
		if err != nil {
			return hmstype.List[Appointment]{}, err
		}
		in.During = hmstype.Period{Start: in.Day.In(info.Zone), End: in.Day.AddDays(1).In(info.Zone)}
	}
	rows, next, err := dbx.Page[appointmentRow](ctx, db, in.Page, dbx.Order{At: "starts_at"}, func(q *bun.SelectQuery) *bun.SelectQuery {
		if !in.Practitioner.IsZero() {
			q = q.Where("a.practitioner_id = ?", in.Practitioner)
		}
		if !in.Patient.IsZero() {
			q = q.Where("a.patient_id = ?", in.Patient)
		}
		return q.Where("a.starts_at >= ?", in.During.Start).Where("a.starts_at < ?", in.During.End)
	})
	if err != nil {
		return hmstype.List[Appointment]{}, err
	}
	list := hmstype.List[Appointment]{Items: make([]Appointment, len(rows)), Next: next}
	shown := make([]dbx.Access, len(rows))
	for i, r := range rows {
		list.Items[i] = r.appointment()
		shown[i] = dbx.Access{Action: "search", Entity: "appointment", ID: r.ID.String(), Patient: r.PatientID}
	}
	return list, db.RecordAccess(ctx, shown...)
}

// GetAppointment gives an appointment, and records that it was read.
func (s *Service) GetAppointment(ctx context.Context, id hmstype.AppointmentID) (Appointment, error) {
	op := usecase.Op{Name: "appointment.get", Permission: hmstype.PermAppointmentRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.AppointmentID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, appointmentText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AppointmentID]) (Appointment, error) {
			row, err := dbx.Get[appointmentRow](ctx, db, "appointment", in.ID)
			if err != nil {
				return Appointment{}, err
			}
			return row.appointment(), db.RecordAccess(ctx, dbx.Access{
				Action: "read", Entity: "appointment", ID: row.ID.String(), Patient: row.PatientID,
			})
		}))
}
