package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how one bed or stay went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity   string                 `json:"entity"`           // the entity's table: "bed" or "stay"
	ID       string                 `json:"id"`               // the entity's
	Patient  hmstype.PatientID      `json:"patient,omitzero"` // whose stay it is; zero of a bed
	Steps    []hmstype.StatusChange `json:"steps"`            // the oldest first
	Withheld bool                   `json:"withheld,omitempty"`
}

var histories = usecase.Entity[History]{
	Table:   "status",
	Patient: func(h *History) hmstype.PatientID { return h.Patient },
	ID:      func(h *History) string { return h.ID },
}

var opBedHistory = usecase.Query[usecase.ByID[hmstype.BedID], History]{
	Name: "facility.bed_history", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[History](places), Quiet: places,
}.Declare()

// BedHistory gives the steps of a bed from state to state, the oldest first. It does not say who lay in it.
func (s *Service) BedHistory(ctx context.Context, id hmstype.BedID) (History, error) {
	return opBedHistory.Run(ctx, &s.base, usecase.ID(id), bedHistory)
}

func bedHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BedID]) (History, error) {
	if _, err := dbx.Get[bedRow](ctx, db, "bed", in.ID); err != nil {
		return History{}, err
	}
	steps, err := dbx.History(ctx, db, "bed", in.ID)
	return History{Entity: "bed", ID: in.ID.String(), Steps: steps}, err
}

var opStayHistory = usecase.Query[usecase.ByID[hmstype.StayID], History]{
	Name: "facility.stay_history", Permission: hmstype.PermFacilityRead, Shows: histories.One(),
}.Declare()

// StayHistory gives the steps of a stay from state to state, the oldest first.
func (s *Service) StayHistory(ctx context.Context, id hmstype.StayID) (History, error) {
	return opStayHistory.Run(ctx, &s.base, usecase.ID(id), stayHistory)
}

func stayHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.StayID]) (History, error) {
	row, err := dbx.Get[stayRow](ctx, db, "stay", in.ID)
	if err != nil {
		return History{}, err
	}
	steps, err := dbx.History(ctx, db, "stay", in.ID)
	return History{Entity: "stay", ID: in.ID.String(), Patient: row.PatientID, Steps: steps}, err
}
