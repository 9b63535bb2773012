package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var opBatchHistory = usecase.Query[usecase.ByID[hmstype.BatchID], hmstype.History]{
	Name: "pharmacy.batch_history", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[hmstype.History](aStock), Quiet: aStock,
}.Declare()

// BatchHistory gives the steps of a batch from state to state, the oldest first.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) BatchHistory(ctx context.Context, id hmstype.BatchID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.BatchID, batchRow]("stock_batch", nil)
	return opBatchHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opDispenseHistory = usecase.Query[usecase.ByID[hmstype.DispenseID], hmstype.History]{
	Name: "pharmacy.dispense_history", Permission: hmstype.PermPharmacyRead, Shows: usecase.Histories.One(),
}.Declare()

// DispenseHistory gives the steps of a dispense from state to state, the oldest first.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) DispenseHistory(ctx context.Context, id hmstype.DispenseID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.DispenseID]("medication_dispense", dispenseRow.subject)
	return opDispenseHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

func (r dispenseRow) subject() hmstype.PatientID { return r.PatientID }
