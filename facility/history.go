package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opBedHistory = usecase.Query[usecase.ByID[hmstype.BedID], hmstype.History]{
	Name: "facility.bed_history", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[hmstype.History](places), Quiet: places,
}.Declare()

// BedHistory gives the steps of a bed from state to state, the oldest first. It does not say who lay in it.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) BedHistory(ctx context.Context, id hmstype.BedID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BedID, bedRow]("bed", nil)
	return opBedHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opStayHistory = usecase.Query[usecase.ByID[hmstype.StayID], hmstype.History]{
	Name: "facility.stay_history", Permission: hmstype.PermFacilityRead, Shows: usecase.Histories.One(),
}.Declare()

// StayHistory gives the steps of a stay from state to state, the oldest first.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) StayHistory(ctx context.Context, id hmstype.StayID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.StayID]("stay", stayRow.subject)
	return opStayHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r stayRow) subject() hmstype.PatientID { return r.PatientID }
