package clinical

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// What people write about a patient beside notes is sealed as notes are. Codes, doses and the
// reasons why a record was withdrawn stay in clear: lists and reports are made of them.
const (
	fieldEncounterComplaint fieldcrypt.Field = "encounter.chief_complaint"
	fieldEncounterDiagnosis fieldcrypt.Field = "encounter.diagnosis"
	fieldAllergyReaction    fieldcrypt.Field = "allergy.reaction"
	fieldInstructions       fieldcrypt.Field = "prescription.instructions"
)

var _ = fieldcrypt.Declare(
	narrativeColumn("encounter", "chief_complaint", fieldEncounterComplaint), narrativeColumn("encounter", "diagnosis", fieldEncounterDiagnosis),
	narrativeColumn("allergy", "reaction", fieldAllergyReaction), narrativeColumn("prescription", "instructions", fieldInstructions),
)

// narrativeColumn is a column that a new epoch's key leaves alone, since the host decides whether
// new text is sealed at all.
func narrativeColumn(table, name string, field fieldcrypt.Field) fieldcrypt.Column {
	return fieldcrypt.Column{Table: table, Name: name, Field: field, Subject: "patient_id", Row: "id", Fixed: true}
}

func encounterText(e *Encounter) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return e.Patient.UUID(), e.ID, []fieldcrypt.Part{
		{Field: fieldEncounterComplaint, Text: &e.ChiefComplaint}, {Field: fieldEncounterDiagnosis, Text: &e.Diagnosis},
	}
}

func allergyText(a *Allergy) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return a.Patient.UUID(), a.ID, []fieldcrypt.Part{{Field: fieldAllergyReaction, Text: &a.Reaction}}
}

func prescriptionText(p *Prescription) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return p.Patient.UUID(), p.ID, []fieldcrypt.Part{{Field: fieldInstructions, Text: &p.Instructions}}
}

// seal seals texts of a row that is about to be written, where the configuration says so.
func (s *Service) seal(ctx context.Context, db dbx.DB, whose hmstype.PatientID, row fmt.Stringer, parts ...fieldcrypt.Part) error {
	if !s.base.Crypt.SealsNarrative() {
		return nil
	}
	return s.base.Crypt.SealParts(ctx, db, whose.UUID(), row, parts...)
}
