package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// What of a note is sealed: its body, and the hash by which somebody could try out what a sealed
// body says. Signed notes never change, so a new epoch's key leaves them alone.
var (
	bodyTexts = fieldcrypt.Table[NoteBody]{
		Name: "clinical_note", Subject: "patient_id", Narrative: true,
		Texts: func(b *NoteBody) []fieldcrypt.Text {
			return []fieldcrypt.Text{
				{Column: "chief_complaint", Text: &b.ChiefComplaint},
				{Column: "history_of_present_illness", Text: &b.HistoryOfPresentIllness},
				{Column: "physical_examination", Text: &b.PhysicalExamination}, {Column: "assessment", Text: &b.Assessment},
				{Column: "plan", Text: &b.Plan},
			}
		},
	}.Declare()
	hashText = fieldcrypt.Table[string]{
		Name: "clinical_note", Subject: "patient_id", Narrative: true,
		Texts: func(hash *string) []fieldcrypt.Text { return []fieldcrypt.Text{{Column: "body_hash", Text: hash}} },
	}.Declare()
)

// notes is what every use case that shows notes shows of whom.
var notes = usecase.Entity[Note]{
	Table:   "clinical_note",
	Patient: func(n *Note) hmstype.PatientID { return n.Patient },
	ID:      func(n *Note) string { return n.ID.String() },
	Texts: func(n *Note) []fieldcrypt.Record {
		body, hash := bodyTexts.Of(n.Patient.UUID(), n.ID, &n.NoteBody), hashText.Of(n.Patient.UUID(), n.ID, &n.Hash)
		body.Erased, hash.Erased = &n.Erased, &n.Erased
		return []fieldcrypt.Record{body, hash}
	},
}

// setBody takes over a body, sealed where the configuration says so.
func (s *Service) setBody(ctx context.Context, db dbx.DB, r *noteRow, b NoteBody) error {
	r.NoteBody = b
	return bodyTexts.Seal(ctx, s.base.Crypt, db, r.PatientID.UUID(), r.ID, &r.NoteBody)
}

// readable gives a row's note as people read it, for a rule that looks into it.
func (s *Service) readable(ctx context.Context, db dbx.DB, row noteRow) (Note, error) {
	note := row.note()
	err := s.base.Crypt.OpenTexts(ctx, db, notes.Texts(&note)...)
	return note, err
}
