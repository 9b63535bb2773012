package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opGetBatchHistory = usecase.Query[usecase.ByID[hmstype.BatchID], hmstype.History]{
	Name: "pharmacy.get_batch_history", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[hmstype.History](aStock), Quiet: aStock,
}.Declare()

// GetBatchHistory gives the steps of a batch from state to state, the oldest first.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) GetBatchHistory(ctx context.Context, id hmstype.BatchID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BatchID, batchRow]("stock_batch", nil)
	return opGetBatchHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetDispenseHistory = usecase.Query[usecase.ByID[hmstype.DispenseID], hmstype.History]{
	Name: "pharmacy.get_dispense_history", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Histories("medication_dispense").One(),
}.Declare()

// GetDispenseHistory gives the steps of a dispense from state to state, the oldest first.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) GetDispenseHistory(ctx context.Context, id hmstype.DispenseID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.DispenseID]("medication_dispense", dispenseRow.subject)
	return opGetDispenseHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r dispenseRow) subject() hmstype.PatientID { return r.PatientID }
