package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opSignNote = usecase.Command[usecase.ByID[hmstype.NoteID], Note]{
	Name: "clinical.sign_note", Permission: hmstype.PermNoteWrite, Shows: notes.One(),
	Practitioner: usecase.TheActor[usecase.ByID[hmstype.NoteID]],
}.Declare()

// SignNote makes a draft final: from now on it cannot change, and its hash proves it.
// Only its author may sign it, and while he treats: [hmstype.ErrNotPractitioner].
// Permission: [hmstype.PermNoteWrite].
func (s *Service) SignNote(ctx context.Context, id hmstype.NoteID) (Note, error) {
	return opSignNote.Run(ctx, &s.base, usecase.ID(id), s.signNote)
}

func (s *Service) signNote(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NoteID]) (Note, error) {
	row, err := lockDraft(ctx, db, in.ID)
	if err != nil {
		return Note{}, err
	}
	note, err := s.readable(ctx, db, row)
	if err != nil {
		return Note{}, err
	}
	err = dbx.Move(ctx, db, noteSteps, &row, dbx.Change[noteRow, NoteStatus]{
		To: NoteSigned,
		Apply: func(row *noteRow) error {
			row.SignedAt = db.Now
			if row.BodyHash, err = note.hash(); err != nil {
				return err
			}
			return hashText.Seal(ctx, s.base.Crypt, db, row.PatientID.UUID(), row.ID, &row.BodyHash)
		},
	})
	return row.note(), err
}
