package patient

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opGetHistory = usecase.Query[usecase.ByID[hmstype.PatientID], hmstype.History]{
	Name: "patient.get_history", Permission: hmstype.PermPatientRead, Shows: usecase.Histories("patient").One(),
}.Declare()

// GetHistory gives the steps of a patient's record from state to state, the oldest first.
// [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientRead].
func (s *Service) GetHistory(ctx context.Context, id hmstype.PatientID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.PatientID]("patient", patientRow.subject)
	return opGetHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetCoverageHistory = usecase.Query[usecase.ByID[hmstype.CoverageID], hmstype.History]{
	Name: "patient.get_coverage_history", Permission: hmstype.PermPatientRead, Shows: usecase.Histories("coverage").One(),
}.Declare()

// GetCoverageHistory gives the steps of a coverage from state to state, the oldest first.
// [ErrRestricted] as for [Service.Get].
// Permission: [hmstype.PermPatientRead].
func (s *Service) GetCoverageHistory(ctx context.Context, id hmstype.CoverageID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.CoverageID]("coverage", coverageRow.subject)
	return opGetCoverageHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r patientRow) subject() hmstype.PatientID  { return r.ID }
func (r coverageRow) subject() hmstype.PatientID { return r.PatientID }
