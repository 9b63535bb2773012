package clinical

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventAllergyRecorded = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.allergy_recorded", Entity: "allergy", When: "an allergy is on the record",
		Data: []string{"id"},
		By:   []string{"clinical.record_allergy"},
	})
	eventEncounterOpened = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_opened", Entity: "encounter", When: "an encounter is planned or begun",
		Data: []string{"class", "id", "status"},
		By:   []string{"clinical.open_encounter"},
	})
	eventEncounterArrived = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_arrived", Entity: "encounter", When: "the patient is there",
		Data: []string{"id", "status"},
		By:   []string{"clinical.move_encounter"},
	})
	eventEncounterTriaged = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_triaged", Entity: "encounter", When: "the patient was triaged",
		Data: []string{"id", "status"},
		By:   []string{"clinical.move_encounter"},
	})
	eventEncounterStarted = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_started", Entity: "encounter", When: "treatment has begun",
		Data: []string{"id", "status"},
		By:   []string{"clinical.move_encounter"},
	})
	eventEncounterInterrupted = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_interrupted", Entity: "encounter", When: "the patient is on leave",
		Data: []string{"id", "status"},
		By:   []string{"clinical.move_encounter"},
	})
	eventEncounterResumed = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_resumed", Entity: "encounter", When: "the patient is back from leave",
		Data: []string{"id", "status"},
		By:   []string{"clinical.move_encounter"},
	})
	eventEncounterFinished = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_finished", Entity: "encounter", When: "it has ended",
		Data: []string{"id", "status"},
		By:   []string{"clinical.finish_encounter"},
	})
	eventEncounterCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_cancelled", Entity: "encounter", When: "it did not take place",
		Data: []string{"id", "status"},
		By:   []string{"clinical.cancel_encounter"},
	})
	eventEncounterInError = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.encounter_entered_in_error", Entity: "encounter", When: "it should never have been",
		Data: []string{"id", "status"},
		By:   []string{"clinical.enter_encounter_in_error"},
	})
	eventNoteSigned = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.note_signed", Entity: "clinical_note", When: "a note is signed",
		Data: []string{"id", "encounter"},
		By:   []string{"clinical.sign_note"},
	})
	eventPrescriptionWritten = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_written", Entity: "prescription", When: "a prescription is active",
		Data: []string{"id"},
		By:   []string{"clinical.prescribe"},
	})
	eventPrescriptionHeld = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_held", Entity: "prescription", When: "nothing may be dispensed for now",
		Data: []string{"id", "status"},
		By:   []string{"clinical.hold_prescription"},
	})
	eventPrescriptionResumed = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_resumed", Entity: "prescription", When: "it may be dispensed again",
		Data: []string{"id", "status"},
		By:   []string{"clinical.resume_prescription", "pharmacy.reverse_dispense"},
	})
	eventPrescriptionCompleted = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_completed", Entity: "prescription", When: "everything was dispensed",
		Data: []string{"id", "status"},
		By:   []string{"pharmacy.dispense"},
	})
	eventPrescriptionStopped = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_stopped", Entity: "prescription", When: "it ended after something was dispensed",
		Data: []string{"id", "status"},
		By:   []string{"clinical.stop_prescription", "patient.mark_deceased"},
	})
	eventPrescriptionCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_cancelled", Entity: "prescription", When: "it ended before anything was dispensed",
		Data: []string{"id", "status"},
		By:   []string{"clinical.cancel_prescription", "clinical.stop_prescription", "patient.mark_deceased"},
	})
	eventPrescriptionContradicted = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_contradicted", Entity: "prescription",
		When: "an allergy speaks against it that is on record since",
		Data: []string{"allergy", "id"},
		By:   []string{"clinical.record_allergy", "clinical.revise_allergy"},
	})
	eventPrescriptionInError = dbx.DeclareEvent(dbx.EventType{
		Name: "clinical.prescription_entered_in_error", Entity: "prescription", When: "it should never have been",
		Data: []string{"id", "status"},
		By:   []string{"clinical.enter_prescription_in_error"},
	})
)

// encounterEvents are what is told of an encounter that came into a state.
var encounterEvents = map[EncounterStatus]*dbx.EventType{
	EncounterArrived:        eventEncounterArrived,
	EncounterTriaged:        eventEncounterTriaged,
	EncounterInProgress:     eventEncounterStarted,
	EncounterOnLeave:        eventEncounterInterrupted,
	EncounterFinished:       eventEncounterFinished,
	EncounterCancelled:      eventEncounterCancelled,
	EncounterEnteredInError: eventEncounterInError,
}

// prescriptionEvents are what is told of a prescription that came into a state.
var prescriptionEvents = map[PrescriptionStatus]*dbx.EventType{
	PrescriptionActive:         eventPrescriptionResumed,
	PrescriptionOnHold:         eventPrescriptionHeld,
	PrescriptionCompleted:      eventPrescriptionCompleted,
	PrescriptionStopped:        eventPrescriptionStopped,
	PrescriptionCancelled:      eventPrescriptionCancelled,
	PrescriptionEnteredInError: eventPrescriptionInError,
}
