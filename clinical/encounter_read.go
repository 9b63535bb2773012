package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetEncounter = usecase.Query[usecase.ByID[hmstype.EncounterID], Encounter]{
	Name: "clinical.get_encounter", Permission: hmstype.PermClinicalRead, Shows: encounters.One(),
}.Declare()

// GetEncounter gives an encounter, and records that it was read.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetEncounter(ctx context.Context, id hmstype.EncounterID) (Encounter, error) {
	return opGetEncounter.Run(ctx, &s.base, usecase.ID(id), getEncounter)
}

func getEncounter(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) (Encounter, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID)
	return row.encounter(), err
}

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

// ListVitalsInput is the input of [Service.ListVitals]; see [OfPatient].
type ListVitalsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListVitalsInput) Validate() error { return OfPatient(in).Validate() }

// ListEncountersInput is the input of [Service.ListEncounters]; see [OfPatient].
type ListEncountersInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListEncountersInput) Validate() error { return OfPatient(in).Validate() }

// ListConditionsInput is the input of [Service.ListConditions]; see [OfPatient].
type ListConditionsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListConditionsInput) Validate() error { return OfPatient(in).Validate() }

// ListPrescriptionsInput is the input of [Service.ListPrescriptions]; see [OfPatient].
type ListPrescriptionsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListPrescriptionsInput) Validate() error { return OfPatient(in).Validate() }

// ListNotesInput is the input of [Service.ListNotes]; see [OfPatient].
type ListNotesInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListNotesInput) Validate() error { return OfPatient(in).Validate() }

var opListEncounters = usecase.Query[ListEncountersInput, hmstype.List[Encounter]]{
	Name: "clinical.list_encounters", Permission: hmstype.PermClinicalRead, Shows: encounters.Page(),
	Sample: ListEncountersInput{},
}.Declare()

// ListEncounters lists a patient's encounters of all states, the latest start first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListEncounters(ctx context.Context, in ListEncountersInput) (hmstype.List[Encounter], error) {
	return opListEncounters.Run(
		ctx,
		&s.base,
		in,
		ofPatient[ListEncountersInput](dbx.Order{At: "started_at", Desc: true}, encounterRow.encounter),
	)
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

// requireOpen gives the encounter that something is being added to.
func requireOpen(ctx context.Context, db dbx.DB, id hmstype.EncounterID) (encounterRow, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	if err == nil && !row.open() {
		err = ErrEncounterClosed
	}
	return row, err
}
