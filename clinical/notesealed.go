package clinical

import (
	"context"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// The parts of a note are sealed under the patient's key where Ports.EncryptNarrative says
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
	return fieldcrypt.Column{Table: "clinical_note", Name: name, Field: field, Subject: "patient_id", Row: "id", Fixed: true}
}

// sealedPart is a part of a note, wherever it stands.
type sealedPart struct {
	field fieldcrypt.Field
	text  *string
}

func (b *NoteBody) parts() []sealedPart {
	return []sealedPart{
		{fieldComplaint, &b.ChiefComplaint}, {fieldHistory, &b.HistoryOfPresentIllness}, {fieldExamination, &b.PhysicalExamination},
		{fieldAssessment, &b.Assessment}, {fieldPlan, &b.Plan},
	}
}

// setBody takes over a body, sealed where the configuration says so.
func (s *Service) setBody(ctx context.Context, db dbx.DB, r *noteRow, b NoteBody) error {
	if s.ports.EncryptNarrative {
		keys, err := s.base.Crypt.Ensure(ctx, db, r.PatientID.UUID())
		if err != nil {
			return err
		}
		for _, p := range b.parts() {
			if *p.text, err = keys.Seal(r.PatientID.UUID(), p.field, r.ID, *p.text); err != nil {
				return err
			}
		}
	}
	r.ChiefComplaint, r.HistoryOfPresentIllness, r.PhysicalExamination = b.ChiefComplaint, b.HistoryOfPresentIllness, b.PhysicalExamination
	r.Assessment, r.Plan = b.Assessment, b.Plan
	return nil
}

// sealHash keeps a hash by which somebody could try out what a sealed body says.
func (s *Service) sealHash(ctx context.Context, db dbx.DB, r noteRow, hash string) (string, error) {
	if !s.ports.EncryptNarrative {
		return hash, nil
	}
	keys, err := s.base.Crypt.Ensure(ctx, db, r.PatientID.UUID())
	if err != nil {
		return "", err
	}
	return keys.Seal(r.PatientID.UUID(), fieldHash, r.ID, hash)
}

// openNotes opens the bodies and hashes of notes in place.
func (s *Service) openNotes(ctx context.Context, db dbx.DB, notes ...*Note) error {
	subjects := make([]uuid.UUID, len(notes))
	for i, n := range notes {
		subjects[i] = n.Patient.UUID()
	}
	keys, err := s.base.Crypt.Load(ctx, db, subjects...)
	if err != nil {
		return err
	}
	for _, n := range notes {
		n.Erased = keys.Erased(n.Patient.UUID())
		for _, p := range append(n.parts(), sealedPart{fieldHash, &n.Hash}) {
			if *p.text, err = keys.Open(n.Patient.UUID(), p.field, n.ID, *p.text); err != nil {
				return err
			}
		}
	}
	return nil
}

// openNote gives a row's note as people read it.
func (s *Service) openNote(ctx context.Context, db dbx.DB, row noteRow) (Note, error) {
	note := row.note()
	return note, s.openNotes(ctx, db, &note)
}

// openList opens the notes of a list.
func (s *Service) openList(ctx context.Context, db dbx.DB, list []Note) error {
	notes := make([]*Note, len(list))
	for i := range list {
		notes[i] = &list[i]
	}
	return s.openNotes(ctx, db, notes...)
}
