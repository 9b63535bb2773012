package patient

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

var opGet = usecase.Query[usecase.ByID[hmstype.PatientID], Patient]{
	Name: "patient.get", Permission: hmstype.PermPatientRead, Shows: patients.One(),
}.Declare()

// Get gives a patient, and records that it was read. [ErrRestricted] for a restricted
// record and an actor without the permission.
// Permission: [hmstype.PermPatientRead].
func (s *Service) Get(ctx context.Context, id hmstype.PatientID) (Patient, error) {
	return opGet.Run(ctx, &s.base, usecase.ID(id), get)
}

func get(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) (Patient, error) {
	row, err := dbx.Get[patientRow](ctx, db, "patient", in.ID)
	if err != nil {
		return Patient{}, err
	}
	return withIdentifiers(ctx, db, row)
}

type byMRN struct{ MRN string }

// Validate requires the number.
func (in byMRN) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.CodeKey, in.MRN, "mrn", 20)
	return v.Err()
}

// Given gives the number, for a hook.
func (in byMRN) Given() any { return in.MRN }

var opGetByMRN = usecase.Query[byMRN, Patient]{
	Name: "patient.get_by_mrn", Permission: hmstype.PermPatientRead, Shows: patients.One(), Sample: byMRN{"000000013"},
}.Declare()

// GetByMRN gives the patient with a medical record number, in any spelling, like [Service.Get].
// Permission: [hmstype.PermPatientRead].
func (s *Service) GetByMRN(ctx context.Context, mrn string) (Patient, error) {
	return opGetByMRN.Run(ctx, &s.base, byMRN{mrn}, getByMRN)
}

func getByMRN(ctx context.Context, db dbx.DB, in byMRN) (Patient, error) {
	rows, err := dbx.All[patientRow](ctx, db, dbx.Equal("mrn_key", names.CodeKey(in.MRN)))
	if err != nil {
		return Patient{}, err
	}
	if len(rows) == 0 {
		return Patient{}, &hmstype.Error{Entity: "patient", Err: hmstype.ErrNotFound}
	}
	return withIdentifiers(ctx, db, rows[0])
}

// withIdentifiers gives a record with its identifiers, its texts as they are stored.
func withIdentifiers(ctx context.Context, db dbx.DB, row patientRow) (Patient, error) {
	db.KnowRestricted(row.ID, row.IsRestricted)
	p := row.patient()
	var err error
	p.Identifiers, err = storedIdentifiers(ctx, db, row.ID)
	return p, err
}
