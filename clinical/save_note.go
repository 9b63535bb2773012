package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SaveNoteInput replaces the body of a draft.
type SaveNoteInput struct {
	ID      hmstype.NoteID `json:"id"`      // required
	Version int64          `json:"version"` // the version that the author read
	NoteBody
}

// Validate implements the rules above.
func (in SaveNoteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	in.NoteBody.validate(&v)
	return v.Err()
}

var opSaveNote = usecase.Command[SaveNoteInput, Note]{
	Name: "clinical.save_note", Permission: hmstype.PermNoteWrite, Shows: notes.One(),
	Sample: SaveNoteInput{Version: 1, NoteBody: sampleBody},
}.Declare()

// SaveNote replaces the body of a draft, which only its author may do. [ErrNotDraft] for a
// signed note, [hmstype.ErrStale] where the draft was saved elsewhere meanwhile.
// Permission: [hmstype.PermNoteWrite].
func (s *Service) SaveNote(ctx context.Context, in SaveNoteInput) (Note, error) {
	return opSaveNote.Run(ctx, &s.base, in, s.saveNote)
}

func (s *Service) saveNote(ctx context.Context, db dbx.DB, in SaveNoteInput) (Note, error) {
	row, err := lockDraft(ctx, db, in.ID)
	if err != nil {
		return Note{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Note{}, err
	}
	if err := s.setBody(ctx, db, &row, in.NoteBody); err != nil {
		return Note{}, err
	}
	err = dbx.Update(ctx, db, &row,
		"chief_complaint", "history_of_present_illness", "physical_examination", "assessment", "plan")
	return row.note(), err
}

// lockDraft reads a draft for its author to change: under the account that he wrote it with, for
// what he signs is what he himself has seen.
func lockDraft(ctx context.Context, db dbx.DB, id hmstype.NoteID) (noteRow, error) {
	row, err := dbx.Get[noteRow](ctx, db, "clinical_note", id, dbx.ForUpdate)
	switch {
	case err != nil:
		return row, err
	case row.Status != NoteDraft:
		return row, ErrNotDraft
	case row.CreatedBy != db.By():
		return row, hmstype.Denied("note.author")
	default:
		return row, nil
	}
}
