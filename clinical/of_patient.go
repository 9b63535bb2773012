package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// OfPatient selects a page of what is recorded of a patient, the newest first.
type OfPatient struct {
	Patient hmstype.PatientID `json:"patient"` // required
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (in OfPatient) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// anyOfPatient is the input of any such page.
type anyOfPatient interface {
	~struct {
		Patient hmstype.PatientID `json:"patient"`
		Page    hmstype.Page      `json:"page"`
	}
}

// ofPatient is the rule of every page of what is recorded of a patient.
func ofPatient[In anyOfPatient, R dbx.Positioned, T any](
	order dbx.Order, show func(R) T,
) func(context.Context, dbx.DB, In) (hmstype.List[T], error) {
	return func(ctx context.Context, db dbx.DB, query In) (hmstype.List[T], error) {
		in := OfPatient(query)
		db.About(in.Patient)
		return dbx.List(ctx, db, in.Page, order, show, dbx.Equal("patient_id", in.Patient))
	}
}

// inEncounter is the rule of every list of what was recorded in an encounter, the oldest first.
// An unknown encounter is not found.
func inEncounter[R, T any](
	show func(R) T,
) func(context.Context, dbx.DB, usecase.ByID[hmstype.EncounterID]) ([]T, error) {
	return func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) ([]T, error) {
		encounter, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID)
		if err != nil {
			return nil, err
		}
		db.About(encounter.PatientID)
		rows, err := dbx.All[R](ctx, db, dbx.Equal("encounter_id", in.ID), dbx.OrderBy("id"))
		return shown(rows, show), err
	}
}

// shown turns rows into what is given out.
func shown[R, T any](rows []R, show func(R) T) []T {
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = show(r)
	}
	return list
}
