package lab

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// person is what a range is chosen by.
type person struct {
	sex Sex // empty means neither male nor female, or unknown
	age ageSpan
}

// ageSpan holds the ages in days that a person may have: both are the same where the day of birth is
// known. A negative one is unknown.
type ageSpan struct{ youngest, oldest int }

var unknownAge = ageSpan{-1, -1}

// exact gives the age where it is known to the day, otherwise nil.
func (a ageSpan) exact() *int {
	if a.youngest < 0 || a.youngest != a.oldest {
		return nil
	}
	days := a.youngest
	return &days
}

// ageAt gives the ages that somebody may have on a day. Of a birth date that is known to the month or
// the year, the first of its days is kept.
func ageAt(birth hmstype.Date, precision patient.Precision, day hmstype.Date) ageSpan {
	if birth.IsZero() || birth.After(day) {
		return unknownAge
	}
	last := birth
	switch precision {
	case patient.PrecisionMonth:
		last = birth.EndOfMonth()
	case patient.PrecisionYear:
		last = hmstype.NewDate(birth.Year(), 12, 31)
	}
	if last.After(day) {
		last = day
	}
	return ageSpan{youngest: last.DaysUntil(day), oldest: birth.DaysUntil(day)}
}

func sexOf(gender patient.Gender) Sex {
	switch gender {
	case patient.GenderMale:
		return SexMale
	case patient.GenderFemale:
		return SexFemale
	default:
		return ""
	}
}

// rememberPerson notes sex and birth date with the specimen, for a result that comes when
// the patient's record is merged or inactive: it must not wait for that.
func (s *Service) rememberPerson(ctx context.Context, db dbx.DB, row *specimenRow) error {
	summary, err := s.ports.Patients.Require(ctx, db.Conn(), row.PatientID)
	row.PatientSex, row.PatientBirth = sexOf(summary.Gender), summary.BirthDate
	row.BirthPrecision = summary.BirthDatePrecision
	return err
}

// personAt gives the patient's sex and age on the day of collection at the tenant's place: from the
// patient's record, or as they were noted at the draw where that is merged or inactive.
func (s *Service) personAt(ctx context.Context, db dbx.DB, specimen specimenRow) (person, hmstype.Date, error) {
	tenant, err := db.TenantInfo(ctx)
	if err != nil {
		return person{}, hmstype.Date{}, err
	}
	day := hmstype.DateOf(specimen.CollectedAt, tenant.Zone)
	summary, err := s.ports.Patients.Require(ctx, db.Conn(), specimen.PatientID)
	switch {
	case errors.Is(err, patient.ErrMerged), errors.Is(err, patient.ErrInactive):
		return person{specimen.PatientSex, ageAt(specimen.PatientBirth, specimen.BirthPrecision, day)}, day, nil
	case err != nil:
		return person{}, day, err
	}
	return person{sexOf(summary.Gender), ageAt(summary.BirthDate, summary.BirthDatePrecision, day)}, day, nil
}

// about says whom the use case is about, and refuses a patient whom the tenant does not have. What
// is on file of a merged or inactive record may be read.
func (s *Service) about(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	db.About(id)
	_, err := s.ports.Patients.Summary(ctx, db.Conn(), id)
	return err
}
