package clinical

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// The parts of a note are sealed under the patient's key where Config.EncryptNarrative says
// so; whatever was sealed is opened, whether or not it still does.
const (
	fieldComplaint   fieldcrypt.Field = "note.chief_complaint"
	fieldHistory     fieldcrypt.Field = "note.history_of_present_illness"
	fieldExamination fieldcrypt.Field = "note.physical_examination"
	fieldAssessment  fieldcrypt.Field = "note.assessment"
	fieldPlan        fieldcrypt.Field = "note.plan"
	fieldHash        fieldcrypt.Field = "note.body_hash"
)

// Signed notes never change, so a new epoch's key leaves them alone.
var _ = fieldcrypt.Declare(
	noteColumn("chief_complaint", fieldComplaint), noteColumn("history_of_present_illness", fieldHistory),
	noteColumn("physical_examination", fieldExamination), noteColumn("assessment", fieldAssessment),
	noteColumn("plan", fieldPlan), noteColumn("body_hash", fieldHash),
)

func noteColumn(name string, field fieldcrypt.Field) fieldcrypt.Column {
	return narrativeColumn("clinical_note", name, field)
}

func (b *NoteBody) parts() []fieldcrypt.Part {
	return []fieldcrypt.Part{
		{Field: fieldComplaint, Text: &b.ChiefComplaint}, {Field: fieldHistory, Text: &b.HistoryOfPresentIllness},
		{Field: fieldExamination, Text: &b.PhysicalExamination}, {Field: fieldAssessment, Text: &b.Assessment}, {Field: fieldPlan, Text: &b.Plan},
	}
}

func noteText(n *Note) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	parts := append(n.parts(), fieldcrypt.Part{Field: fieldHash, Text: &n.Hash})
	for i := range parts {
		if fieldcrypt.Sealed(*parts[i].Text) { // any of them tells
			parts[i].Erased = &n.Erased
			break
		}
	}
	return n.Patient.UUID(), n.ID, parts
}

// setBody takes over a body, sealed where the configuration says so.
func (s *Service) setBody(ctx context.Context, db dbx.DB, r *noteRow, b NoteBody) error {
	if err := s.seal(ctx, db, r.PatientID, r.ID, b.parts()...); err != nil {
		return err
	}
	r.ChiefComplaint, r.HistoryOfPresentIllness, r.PhysicalExamination = b.ChiefComplaint, b.HistoryOfPresentIllness, b.PhysicalExamination
	r.Assessment, r.Plan = b.Assessment, b.Plan
	return nil
}

// sealHash keeps a hash by which somebody could try out what a sealed body says.
func (s *Service) sealHash(ctx context.Context, db dbx.DB, r noteRow, hash string) (string, error) {
	err := s.seal(ctx, db, r.PatientID, r.ID, fieldcrypt.Part{Field: fieldHash, Text: &hash})
	return hash, err
}

// openNote gives a row's note as people read it.
func (s *Service) openNote(ctx context.Context, db dbx.DB, row noteRow) (Note, error) {
	return fieldcrypt.OpenRecord(ctx, s.base.Crypt, db, noteText, row.note())
}
