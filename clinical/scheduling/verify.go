package scheduling

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CalendarReport is what [Service.VerifyCalendar] found; every count should be zero.
type CalendarReport struct {
	PractitionerOverlaps int `json:"practitionerOverlaps"` // pairs of appointments of one practitioner at one time
	PatientOverlaps      int `json:"patientOverlaps"`      // pairs of appointments of one patient at one time
}

// Clean tells whether nothing is wrong.
func (r CalendarReport) Clean() bool { return r == CalendarReport{} }

// String tells the verdict and what is wrong, for a terminal.
func (r CalendarReport) String() string {
	return usecase.ReportText(r.Clean(), "appointments",
		usecase.Fault{Count: int64(r.PractitionerOverlaps), What: "pairs of appointments of one practitioner at one time"},
		usecase.Fault{Count: int64(r.PatientOverlaps), What: "pairs of appointments of one patient at one time"})
}

var opVerifyCalendar = usecase.Query[usecase.None, CalendarReport]{
	Name: "clinical.verify_calendar", Permission: hmstype.PermClinicalRead,
	Shows: usecase.Nobody[CalendarReport]("sums only"), Quiet: "sums only",
}.Declare()

// VerifyCalendar looks for what the database should have refused.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) VerifyCalendar(ctx context.Context) (CalendarReport, error) {
	return opVerifyCalendar.Run(ctx, &s.base, usecase.None{}, verifyCalendar)
}

func verifyCalendar(ctx context.Context, db dbx.DB, _ usecase.None) (CalendarReport, error) {
	var r CalendarReport
	err := db.Replanned().NewRaw(`WITH blocking AS (SELECT id, practitioner_id, patient_id, starts_at, ends_at
		FROM hms.appointment
			WHERE tenant_id = ?0 AND status IN ('booked', 'arrived', 'checked-in', 'fulfilled')),
		clash AS (SELECT a.practitioner_id = b.practitioner_id AS of_practitioner, a.patient_id = b.patient_id AS of_patient
			FROM blocking AS a JOIN blocking AS b ON a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at)
		SELECT (SELECT count(*) FROM clash WHERE of_practitioner) AS practitioner_overlaps,
			(SELECT count(*) FROM clash WHERE of_patient) AS patient_overlaps`, db.Tenant()).Scan(ctx, &r)
	return r, err
}
