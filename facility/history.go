package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opGetBedHistory = usecase.Query[usecase.ByID[hmstype.BedID], hmstype.History]{
	Name: "facility.get_bed_history", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[hmstype.History](places), Quiet: places,
}.Declare()

// GetBedHistory gives the steps of a bed from state to state, the oldest first. It does not say who lay in it.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) GetBedHistory(ctx context.Context, id hmstype.BedID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BedID, bedRow]("bed", nil)
	return opGetBedHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetStayHistory = usecase.Query[usecase.ByID[hmstype.StayID], hmstype.History]{
	Name: "facility.get_stay_history", Permission: hmstype.PermFacilityRead, Shows: usecase.Histories("stay").One(),
}.Declare()

// GetStayHistory gives the steps of a stay from state to state, the oldest first.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) GetStayHistory(ctx context.Context, id hmstype.StayID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.StayID]("stay", stayRow.subject)
	return opGetStayHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r stayRow) subject() hmstype.PatientID { return r.PatientID }
