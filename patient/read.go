package patient

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Get gives a patient, and records that it was read. [ErrRestricted] for a restricted
// record and an actor without the permission.
func (s *Service) Get(ctx context.Context, id hmstype.PatientID) (Patient, error) {
	op := usecase.Op{Name: "patient.get", Permission: hmstype.PermPatientRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.PatientID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) (Patient, error) {
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
	op := usecase.Op{Name: "patient.get_by_mrn", Permission: hmstype.PermPatientRead}
	return usecase.Read(ctx, &s.base, op, byMRN{mrn}, func(ctx context.Context, db dbx.DB, in byMRN) (Patient, error) {
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
