package patient

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/service"
)

// Summary is what other packages need to know of a patient before they act.
type Summary struct {
	ID         hmstype.PatientID
	MRN        string
	Gender     Gender
	BirthDate  hmstype.Date // zero means unknown
	Deceased   bool
	DeceasedAt time.Time // zero means alive, or, where Deceased, at an unknown instant
	Restricted bool

	BirthDatePrecision Precision // how much of BirthDate is known
}

// Get gives a patient, and records that it was read. [ErrRestricted] for a restricted
// record and an actor without the permission.
func (s *Service) Get(ctx context.Context, id hmstype.PatientID) (Patient, error) {
	op := service.Op{Name: "patient.get", Permission: hmstype.PermPatientRead}
	return service.Read(ctx, &s.base, op, service.ByID[hmstype.PatientID]{ID: id},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.PatientID]) (Patient, error) {
			row, err := dbx.Get[patientRow](ctx, db, "patient", in.ID)
			if err != nil {
				return Patient{}, err
			}
			return s.show(ctx, db, row)
		})
}

type byMRN struct{ MRN string }

// Validate requires the number.
func (in byMRN) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.CodeKey, in.MRN, "mrn", 20)
	return v.Err()
}

// GetByMRN gives the patient with a medical record number, in any spelling, like [Service.Get].
func (s *Service) GetByMRN(ctx context.Context, mrn string) (Patient, error) {
	op := service.Op{Name: "patient.get_by_mrn", Permission: hmstype.PermPatientRead}
	return service.Read(ctx, &s.base, op, byMRN{mrn}, func(ctx context.Context, db dbx.DB, in byMRN) (Patient, error) {
		rows, err := dbx.All[patientRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("p.mrn_key = ?", names.CodeKey(in.MRN))
		})
		if err != nil {
			return Patient{}, err
		}
		if len(rows) == 0 {
			return Patient{}, &hmstype.Error{Entity: "patient", Err: hmstype.ErrNotFound}
		}
		return s.show(ctx, db, rows[0])
	})
}

// show records the read, which the database refuses for a restricted record, and gives the
// record with its identifiers.
func (s *Service) show(ctx context.Context, db dbx.DB, row patientRow) (Patient, error) {
	if err := db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "patient", ID: row.ID.String(), Patient: row.ID}); err != nil {
		return Patient{}, err
	}
	keys, err := s.keys(ctx, db, row.ID)
	if err != nil {
		return Patient{}, err
	}
	rows, err := dbx.All[identifierRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("i.patient_id = ?", row.ID).Order("i.id")
	})
	if err != nil {
		return Patient{}, err
	}
	identifiers := make([]Identifier, len(rows))
	for i, r := range rows {
		value, err := keys.Open(row.ID.UUID(), fieldIdentifier, r.ID, r.Value)
		if err != nil {
			return Patient{}, err
		}
		identifiers[i] = Identifier{System: r.System, Value: value}
	}
	return row.patient(keys, identifiers)
}

// Require gives the summary of a patient whom a deed of the caller's transaction concerns.
// It refuses a record that is merged ([ErrMerged]) or not active ([ErrInactive]). It does
// not refuse a restricted record nor a dead person: the summary tells, the caller decides.
func (s *Service) Require(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	return s.require(ctx, conn, id)
}

// Lock is [Service.Require] that also locks the patient's row until the transaction ends.
// A deed that locks more takes the patient first.
func (s *Service) Lock(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	return s.require(ctx, conn, id, dbx.ForUpdate)
}

func (s *Service) require(ctx context.Context, conn bun.IConn, id hmstype.PatientID, more ...dbx.Apply) (Summary, error) {
	db, err := s.base.DB.Join(ctx, conn)
	if err != nil {
		return Summary{}, err
	}
	row, err := dbx.Get[patientRow](ctx, db, "patient", id, more...)
	switch {
	case err != nil:
		return Summary{}, err
	case row.Status == StatusMerged:
		return Summary{}, ErrMerged
	case row.Status != StatusActive:
		return Summary{}, ErrInactive
	}
	return Summary{
		ID: row.ID, MRN: row.MRN, Gender: row.Gender, BirthDate: row.BirthDate, BirthDatePrecision: row.BirthDatePrecision,
		Deceased: row.IsDeceased, DeceasedAt: row.DeceasedAt.UTC(), Restricted: row.IsRestricted,
	}, nil
}
