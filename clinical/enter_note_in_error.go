package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EnterNoteInErrorInput takes back a note.
type EnterNoteInErrorInput struct {
	ID     hmstype.NoteID `json:"id"`     // required
	Reason string         `json:"reason"` // required, up to 200 characters
}

// Validate implements the rules above.
func (in EnterNoteInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

var opEnterNoteInError = usecase.Command[EnterNoteInErrorInput, Note]{
	Name: "clinical.enter_note_in_error", Permission: hmstype.PermClinicalWrite, Shows: notes.One(),
	Sample: EnterNoteInErrorInput{Reason: "written for another patient"},
}.Declare()

// EnterNoteInError says that a note was entered in error, for instance on the wrong patient.
// It stays readable, with its reason; a signed body and its hash stay as they were.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) EnterNoteInError(ctx context.Context, in EnterNoteInErrorInput) (Note, error) {
	return opEnterNoteInError.Run(ctx, &s.base, in, markNoteError)
}

func markNoteError(ctx context.Context, db dbx.DB, in EnterNoteInErrorInput) (Note, error) {
	row, err := dbx.Step(ctx, db, noteSteps, in.ID, dbx.Change[noteRow, NoteStatus]{
		To: NoteEnteredInError, Reason: in.Reason,
		Apply: func(row *noteRow) error {
			row.ErrorReason = in.Reason
			return nil
		},
	})
	return row.note(), err
}
