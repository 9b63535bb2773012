package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how one batch or dispense went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity   string                 `json:"entity"`           // the entity's table: "stock_batch" or "medication_dispense"
	ID       string                 `json:"id"`               // the entity's
	Patient  hmstype.PatientID      `json:"patient,omitzero"` // to whom it was dispensed; zero of a batch
	Steps    []hmstype.StatusChange `json:"steps"`            // the oldest first
	Withheld bool                   `json:"withheld,omitempty"`
}

var histories = usecase.Entity[History]{
	Table:   "status",
	Patient: func(h *History) hmstype.PatientID { return h.Patient },
	ID:      func(h *History) string { return h.ID },
}

var opBatchHistory = usecase.Query[usecase.ByID[hmstype.BatchID], History]{
	Name: "pharmacy.batch_history", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[History](aStock), Quiet: aStock,
}.Declare()

// BatchHistory gives the steps of a batch from state to state, the oldest first.
func (s *Service) BatchHistory(ctx context.Context, id hmstype.BatchID) (History, error) {
	return opBatchHistory.Run(ctx, &s.base, usecase.ID(id), batchHistory)
}

func batchHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BatchID]) (History, error) {
	if _, err := dbx.Get[batchRow](ctx, db, "stock_batch", in.ID); err != nil {
		return History{}, err
	}
	steps, err := dbx.History(ctx, db, "stock_batch", in.ID)
	return History{Entity: "stock_batch", ID: in.ID.String(), Steps: steps}, err
}

var opDispenseHistory = usecase.Query[usecase.ByID[hmstype.DispenseID], History]{
	Name: "pharmacy.dispense_history", Permission: hmstype.PermPharmacyRead, Shows: histories.One(),
}.Declare()

// DispenseHistory gives the steps of a dispense from state to state, the oldest first.
func (s *Service) DispenseHistory(ctx context.Context, id hmstype.DispenseID) (History, error) {
	return opDispenseHistory.Run(ctx, &s.base, usecase.ID(id), dispenseHistory)
}

func dispenseHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.DispenseID]) (History, error) {
	row, err := dbx.Get[dispenseRow](ctx, db, "medication_dispense", in.ID)
	if err != nil {
		return History{}, err
	}
	steps, err := dbx.History(ctx, db, "medication_dispense", in.ID)
	return History{Entity: "medication_dispense", ID: in.ID.String(), Patient: row.PatientID, Steps: steps}, err
}
