package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetStay = usecase.Query[usecase.ByID[hmstype.StayID], Stay]{
	Name: "facility.get_stay", Permission: hmstype.PermFacilityRead, Shows: stays.One(),
}.Declare()

// GetStay gives one stay.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) GetStay(ctx context.Context, id hmstype.StayID) (Stay, error) {
	return opGetStay.Run(ctx, &s.base, usecase.ID(id), getStay)
}

func getStay(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.StayID]) (Stay, error) {
	row, err := dbx.Get[stayRow](ctx, db, "stay", in.ID)
	return row.stay(), err
}

// ListStaysInput asks for stays by any of its fields; those that are zero ask for nothing.
type ListStaysInput struct {
	Ward      hmstype.WardID      `json:"ward"`
	Bed       hmstype.BedID       `json:"bed"`
	Patient   hmstype.PatientID   `json:"patient"`
	Encounter hmstype.EncounterID `json:"encounter"`
	Active    bool                `json:"active"` // only of patients who lie there now
	Page      hmstype.Page        `json:"page"`
}

// Validate checks the page.
func (in ListStaysInput) Validate() error { return in.Page.Validate() }

var opListStays = usecase.Query[ListStaysInput, hmstype.List[Stay]]{
	Name: "facility.list_stays", Permission: hmstype.PermFacilityRead, Shows: stays.Found(),
	Sample: ListStaysInput{Active: true},
}.Declare()

// ListStays finds stays, the latest first: who lies in a ward or a bed, where a patient lies or lay.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) ListStays(ctx context.Context, in ListStaysInput) (hmstype.List[Stay], error) {
	return opListStays.Run(ctx, &s.base, in, listStays)
}

func listStays(ctx context.Context, db dbx.DB, in ListStaysInput) (hmstype.List[Stay], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "starts_at", Desc: true}, stayRow.stay,
		dbx.When(!in.Ward.IsZero(), dbx.Equal("ward_id", in.Ward)),
		dbx.When(!in.Bed.IsZero(), dbx.Equal("bed_id", in.Bed)),
		dbx.When(!in.Patient.IsZero(), dbx.Equal("patient_id", in.Patient)),
		dbx.When(!in.Encounter.IsZero(), dbx.Equal("encounter_id", in.Encounter)),
		dbx.When(in.Active, dbx.Equal("status", StayActive)))
}
