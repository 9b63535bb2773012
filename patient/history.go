package patient

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how a record or a coverage went from state to state. Its making is no step: the
// entity tells it.
type History struct {
	Entity  string                 `json:"entity"` // the entity's table, such as "patient"
	ID      string                 `json:"id"`     // the entity's
	Patient hmstype.PatientID      `json:"patient"`
	Steps   []hmstype.StatusChange `json:"steps"` // the oldest first
	// Withheld says that the patient's record is restricted and the actor may not see it.
	Withheld bool `json:"withheld,omitempty"`
}

var histories = usecase.Entity[History]{
	Table:   "status",
	Patient: func(h *History) hmstype.PatientID { return h.Patient },
	ID:      func(h *History) string { return h.ID },
}

func historyOf(ctx context.Context, db dbx.DB, table string, id fmt.Stringer, patient hmstype.PatientID) (History, error) {
	steps, err := dbx.History(ctx, db, table, id)
	return History{Entity: table, ID: id.String(), Patient: patient, Steps: steps}, err
}

var opPatientHistory = usecase.Query[usecase.ByID[hmstype.PatientID], History]{
	Name: "patient.patient_history", Permission: hmstype.PermPatientRead, Shows: histories.One(),
}.Declare()

// PatientHistory gives the steps of a patient's record from state to state, the oldest first.
// [ErrRestricted] as for [Service.Get].
func (s *Service) PatientHistory(ctx context.Context, id hmstype.PatientID) (History, error) {
	return opPatientHistory.Run(ctx, &s.base, usecase.ID(id), patientHistory)
}

func patientHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) (History, error) {
	row, err := dbx.Get[patientRow](ctx, db, "patient", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "patient", row.ID, row.ID)
}

var opCoverageHistory = usecase.Query[usecase.ByID[hmstype.CoverageID], History]{
	Name: "patient.coverage_history", Permission: hmstype.PermPatientRead, Shows: histories.One(),
}.Declare()

// CoverageHistory gives the steps of a coverage from state to state, the oldest first.
// [ErrRestricted] as for [Service.Get].
func (s *Service) CoverageHistory(ctx context.Context, id hmstype.CoverageID) (History, error) {
	return opCoverageHistory.Run(ctx, &s.base, usecase.ID(id), coverageHistory)
}

func coverageHistory(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.CoverageID]) (History, error) {
	row, err := dbx.Get[coverageRow](ctx, db, "coverage", in.ID)
	if err != nil {
		return History{}, err
	}
	return historyOf(ctx, db, "coverage", row.ID, row.PatientID)
}
