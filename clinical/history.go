package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

func (r appointmentRow) subject() hmstype.PatientID  { return r.PatientID }
func (r encounterRow) subject() hmstype.PatientID    { return r.PatientID }
func (r noteRow) subject() hmstype.PatientID         { return r.PatientID }
func (r vitalsRow) subject() hmstype.PatientID       { return r.PatientID }
func (r conditionRow) subject() hmstype.PatientID    { return r.PatientID }
func (r allergyRow) subject() hmstype.PatientID      { return r.PatientID }
func (r prescriptionRow) subject() hmstype.PatientID { return r.PatientID }

var opAppointmentHistory = usecase.Query[usecase.ByID[hmstype.AppointmentID], hmstype.History]{
	Name: "clinical.appointment_history", Permission: hmstype.PermAppointmentRead, Shows: usecase.Histories.One(),
}.Declare()

// AppointmentHistory gives the steps of an appointment from state to state, the oldest first.
// Permission: [hmstype.PermAppointmentRead].
func (s *Service) AppointmentHistory(ctx context.Context, id hmstype.AppointmentID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.AppointmentID]("appointment", appointmentRow.subject)
	return opAppointmentHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opEncounterHistory = usecase.Query[usecase.ByID[hmstype.EncounterID], hmstype.History]{
	Name: "clinical.encounter_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories.One(),
}.Declare()

// EncounterHistory gives the steps of an encounter from state to state, the oldest first (FHIR
// Encounter.statusHistory).
// Permission: [hmstype.PermClinicalRead].
func (s *Service) EncounterHistory(ctx context.Context, id hmstype.EncounterID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.EncounterID]("encounter", encounterRow.subject)
	return opEncounterHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opNoteHistory = usecase.Query[usecase.ByID[hmstype.NoteID], hmstype.History]{
	Name: "clinical.note_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories.One(),
}.Declare()

// NoteHistory gives the steps of a note from state to state, the oldest first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) NoteHistory(ctx context.Context, id hmstype.NoteID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.NoteID]("clinical_note", noteRow.subject)
	return opNoteHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opVitalsHistory = usecase.Query[usecase.ByID[hmstype.VitalsID], hmstype.History]{
	Name: "clinical.vitals_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories.One(),
}.Declare()

// VitalsHistory gives the steps of a set of vital signs from state to state, the oldest first.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) VitalsHistory(ctx context.Context, id hmstype.VitalsID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.VitalsID]("vitals", vitalsRow.subject)
	return opVitalsHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opConditionHistory = usecase.Query[usecase.ByID[hmstype.ConditionID], hmstype.History]{
	Name: "clinical.condition_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories.One(),
}.Declare()

// ConditionHistory gives the steps of a problem from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ConditionHistory(ctx context.Context, id hmstype.ConditionID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.ConditionID]("condition", conditionRow.subject)
	return opConditionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opAllergyHistory = usecase.Query[usecase.ByID[hmstype.AllergyID], hmstype.History]{
	Name: "clinical.allergy_history", Permission: hmstype.PermClinicalRead, Shows: usecase.Histories.One(),
}.Declare()

// AllergyHistory gives the steps of an allergy from one clinical state to another, the oldest
// first. How sure it was is no step; the trail tells that.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) AllergyHistory(ctx context.Context, id hmstype.AllergyID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.AllergyID]("allergy", allergyRow.subject)
	return opAllergyHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}

var opPrescriptionHistory = usecase.Query[usecase.ByID[hmstype.PrescriptionID], hmstype.History]{
	Name: "clinical.prescription_history", Permission: hmstype.PermPrescriptionRead, Shows: usecase.Histories.One(),
}.Declare()

// PrescriptionHistory gives the steps of a prescription from state to state, the oldest first.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) PrescriptionHistory(ctx context.Context, id hmstype.PrescriptionID) (hmstype.History, error) {
	rule := usecase.ReadHistory[hmstype.PrescriptionID]("prescription", prescriptionRow.subject)
	return opPrescriptionHistory.Run(ctx, &s.base, usecase.ID(id), rule)
}
