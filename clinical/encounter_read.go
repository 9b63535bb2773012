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

// ListEncountersInput is the input of [Service.ListEncounters]; see [OfPatient].
type ListEncountersInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListEncountersInput) Validate() error { return OfPatient(in).Validate() }

var opListEncounters = usecase.Query[ListEncountersInput, hmstype.List[Encounter]]{
	Name: "clinical.list_encounters", Permission: hmstype.PermClinicalRead, Shows: encounters.Page(),
	Sample: ListEncountersInput{},
}.Declare()

// ListEncounters lists a patient's encounters of all states, the latest start first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListEncounters(ctx context.Context, in ListEncountersInput) (hmstype.List[Encounter], error) {
	return opListEncounters.Run(
		ctx, &s.base, in, ofPatient[ListEncountersInput](dbx.Order{At: "started_at", Desc: true}, encounterRow.encounter),
	)
}
