package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

func (r encounterRow) subject() hmstype.PatientID    { return r.PatientID }
func (r noteRow) subject() hmstype.PatientID         { return r.PatientID }
func (r vitalsRow) subject() hmstype.PatientID       { return r.PatientID }
func (r conditionRow) subject() hmstype.PatientID    { return r.PatientID }
func (r allergyRow) subject() hmstype.PatientID      { return r.PatientID }
func (r prescriptionRow) subject() hmstype.PatientID { return r.PatientID }

var opGetEncounterHistory = usecase.Query[usecase.ByID[hmstype.EncounterID], hmstype.History]{
	Name: "clinical.get_encounter_history", Permission: hmstype.PermClinicalRead,
	Shows: usecase.Histories("encounter").One(),
}.Declare()

// GetEncounterHistory gives the steps of an encounter from state to state, the oldest first (FHIR
// Encounter.statusHistory).
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetEncounterHistory(ctx context.Context, id hmstype.EncounterID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.EncounterID]("encounter", encounterRow.subject)
	return opGetEncounterHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetNoteHistory = usecase.Query[usecase.ByID[hmstype.NoteID], hmstype.History]{
	Name: "clinical.get_note_history", Permission: hmstype.PermClinicalRead,
	Shows: usecase.Histories("clinical_note").One(),
}.Declare()

// GetNoteHistory gives the steps of a note from state to state, the oldest first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetNoteHistory(ctx context.Context, id hmstype.NoteID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.NoteID]("clinical_note", noteRow.subject)
	return opGetNoteHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetVitalsHistory = usecase.Query[usecase.ByID[hmstype.VitalsID], hmstype.History]{
	Name: "clinical.get_vitals_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories("vitals").One(),
}.Declare()

// GetVitalsHistory gives the steps of a set of vital signs from state to state, the oldest first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetVitalsHistory(ctx context.Context, id hmstype.VitalsID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.VitalsID]("vitals", vitalsRow.subject)
	return opGetVitalsHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetConditionHistory = usecase.Query[usecase.ByID[hmstype.ConditionID], hmstype.History]{
	Name: "clinical.get_condition_history", Permission: hmstype.PermClinicalRead,
	Shows: usecase.Histories("condition").One(),
}.Declare()

// GetConditionHistory gives the steps of a problem from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetConditionHistory(ctx context.Context, id hmstype.ConditionID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.ConditionID]("condition", conditionRow.subject)
	return opGetConditionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetAllergyHistory = usecase.Query[usecase.ByID[hmstype.AllergyID], hmstype.History]{
	Name: "clinical.get_allergy_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories("allergy").One(),
}.Declare()

// GetAllergyHistory gives the steps of an allergy from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetAllergyHistory(ctx context.Context, id hmstype.AllergyID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.AllergyID]("allergy", allergyRow.subject)
	return opGetAllergyHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opGetPrescriptionHistory = usecase.Query[usecase.ByID[hmstype.PrescriptionID], hmstype.History]{
	Name: "clinical.get_prescription_history", Permission: hmstype.PermPrescriptionRead,
	Shows: usecase.Histories("prescription").One(),
}.Declare()

// GetPrescriptionHistory gives the steps of a prescription from state to state, the oldest first.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) GetPrescriptionHistory(ctx context.Context, id hmstype.PrescriptionID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.PrescriptionID]("prescription", prescriptionRow.subject)
	return opGetPrescriptionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
