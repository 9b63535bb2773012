package lab

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how one entity went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity   string                 `json:"entity"` // the entity's table, such as "lab_order"
	ID       string                 `json:"id"`     // the entity's
	Patient  hmstype.PatientID      `json:"patient"`
	Steps    []hmstype.StatusChange `json:"steps"` // the oldest first
	Withheld bool                   `json:"withheld,omitempty"`
}

var histories = usecase.Entity[History]{
	Table:   "status",
	Patient: func(h *History) hmstype.PatientID { return h.Patient },
	ID:      func(h *History) string { return h.ID },
}

func historyOf(
	ctx context.Context, db dbx.DB, table string, id fmt.Stringer, patient hmstype.PatientID,
) (History, error) {
	steps, err := dbx.History(ctx, db, table, id)
	return History{Entity: table, ID: id.String(), Patient: patient, Steps: steps}, err
}
