package clinical

import (
	"context"
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// History is how one entity went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity   string                 `json:"entity"` // the entity's table, such as "appointment"
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

func historyOf(ctx context.Context, db dbx.DB, table string, id fmt.Stringer, patient hmstype.PatientID) (History, error) {
	steps, err := dbx.History(ctx, db, table, id)
	return History{Entity: table, ID: id.String(), Patient: patient, Steps: steps}, err
}

// ofSomebody is a row that knows whose it is.
type ofSomebody interface {
	subject() hmstype.PatientID
}

func (r appointmentRow) subject() hmstype.PatientID  { return r.PatientID }
func (r encounterRow) subject() hmstype.PatientID    { return r.PatientID }
func (r noteRow) subject() hmstype.PatientID         { return r.PatientID }
func (r vitalsRow) subject() hmstype.PatientID       { return r.PatientID }
func (r conditionRow) subject() hmstype.PatientID    { return r.PatientID }
func (r allergyRow) subject() hmstype.PatientID      { return r.PatientID }
func (r prescriptionRow) subject() hmstype.PatientID { return r.PatientID }

// readHistory is the rule of every history: whose the entity is, and its steps.
func readHistory[R ofSomebody, I dbx.Entity](
	table string,
) func(context.Context, dbx.DB, usecase.ByID[I]) (History, error) {
	return func(ctx context.Context, db dbx.DB, in usecase.ByID[I]) (History, error) {
		row, err := dbx.Get[R](ctx, db, table, in.ID)
		if err != nil {
			return History{}, err
		}
		return historyOf(ctx, db, table, in.ID, row.subject())
	}
}

var opAppointmentHistory = usecase.Query[usecase.ByID[hmstype.AppointmentID], History]{
	Name: "clinical.appointment_history", Permission: hmstype.PermAppointmentRead, Shows: histories.One(),
}.Declare()

// AppointmentHistory gives the steps of an appointment from state to state, the oldest first.
func (s *Service) AppointmentHistory(ctx context.Context, id hmstype.AppointmentID) (History, error) {
	rule := readHistory[appointmentRow, hmstype.AppointmentID]("appointment")
	return opAppointmentHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opEncounterHistory = usecase.Query[usecase.ByID[hmstype.EncounterID], History]{
	Name: "clinical.encounter_history", Permission: hmstype.PermClinicalRead, Shows: histories.One(),
}.Declare()

// EncounterHistory gives the steps of an encounter from state to state, the oldest first (FHIR
// Encounter.statusHistory).
func (s *Service) EncounterHistory(ctx context.Context, id hmstype.EncounterID) (History, error) {
	rule := readHistory[encounterRow, hmstype.EncounterID]("encounter")
	return opEncounterHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opNoteHistory = usecase.Query[usecase.ByID[hmstype.NoteID], History]{
	Name: "clinical.note_history", Permission: hmstype.PermClinicalRead, Shows: histories.One(),
}.Declare()

// NoteHistory gives the steps of a note from state to state, the oldest first.
func (s *Service) NoteHistory(ctx context.Context, id hmstype.NoteID) (History, error) {
	rule := readHistory[noteRow, hmstype.NoteID]("clinical_note")
	return opNoteHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opVitalsHistory = usecase.Query[usecase.ByID[hmstype.VitalsID], History]{
	Name: "clinical.vitals_history", Permission: hmstype.PermClinicalRead, Shows: histories.One(),
}.Declare()

// VitalsHistory gives the steps of a set of vital signs from state to state, the oldest first.
func (s *Service) VitalsHistory(ctx context.Context, id hmstype.VitalsID) (History, error) {
	rule := readHistory[vitalsRow, hmstype.VitalsID]("vitals")
	return opVitalsHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opConditionHistory = usecase.Query[usecase.ByID[hmstype.ConditionID], History]{
	Name: "clinical.condition_history", Permission: hmstype.PermClinicalRead, Shows: histories.One(),
}.Declare()

// ConditionHistory gives the steps of a problem from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
func (s *Service) ConditionHistory(ctx context.Context, id hmstype.ConditionID) (History, error) {
	rule := readHistory[conditionRow, hmstype.ConditionID]("condition")
	return opConditionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opAllergyHistory = usecase.Query[usecase.ByID[hmstype.AllergyID], History]{
	Name: "clinical.allergy_history", Permission: hmstype.PermClinicalRead, Shows: histories.One(),
}.Declare()

// AllergyHistory gives the steps of an allergy from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
func (s *Service) AllergyHistory(ctx context.Context, id hmstype.AllergyID) (History, error) {
	rule := readHistory[allergyRow, hmstype.AllergyID]("allergy")
	return opAllergyHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opPrescriptionHistory = usecase.Query[usecase.ByID[hmstype.PrescriptionID], History]{
	Name: "clinical.prescription_history", Permission: hmstype.PermPrescriptionRead, Shows: histories.One(),
}.Declare()

// PrescriptionHistory gives the steps of a prescription from state to state, the oldest first.
func (s *Service) PrescriptionHistory(ctx context.Context, id hmstype.PrescriptionID) (History, error) {
	rule := readHistory[prescriptionRow, hmstype.PrescriptionID]("prescription")
	return opPrescriptionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
