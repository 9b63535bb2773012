package usecase

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Histories says whose data a history of a table's entity is: that of the patient whose entity it is.
func Histories(table string) Entity[hmstype.History] {
	return Entity[hmstype.History]{
		Table:   table,
		Patient: func(h *hmstype.History) hmstype.PatientID { return h.Patient },
		ID:      func(h *hmstype.History) string { return h.ID },
	}
}

// ReadHistory gives the rule by which a history is read: the entity must be there, and these were
// its steps. R is the entity's row and table its table; patient tells whose it is, nil where it is
// nobody's.
func ReadHistory[I dbx.Entity, R any](
	table string, patient func(R) hmstype.PatientID,
) func(context.Context, dbx.DB, ByID[I]) (hmstype.History, error) {
	return func(ctx context.Context, db dbx.DB, in ByID[I]) (hmstype.History, error) {
		row, err := dbx.Get[R](ctx, db, table, in.ID)
		if err != nil {
			return hmstype.History{}, err
		}
		history := hmstype.History{Entity: table, ID: in.ID.String()}
		if patient != nil {
			history.Patient = patient(row)
		}
		history.Steps, err = dbx.History(ctx, db, table, in.ID)
		return history, err
	}
}
