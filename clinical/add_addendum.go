package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AddAddendumInput describes an addendum to a signed note.
type AddAddendumInput struct {
	Note hmstype.NoteID `json:"note"` // the signed note, required
	NoteBody
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AddAddendumInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Note.IsZero(), "note")
	in.NoteBody.validate(&v)
	return v.Err()
}

var opAddAddendum = usecase.Command[AddAddendumInput, Note]{
	Name: "clinical.add_addendum", Permission: hmstype.PermNoteWrite, Shows: notes.One(),
	Key:    func(in AddAddendumInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(n Note) hmstype.NoteID { return n.ID }, getStoredNote),
	Sample: AddAddendumInput{NoteBody: sampleBody},
}.Declare()

// AddAddendum begins an addendum to a signed note, also of a closed encounter: a draft of
// its own, which is signed like any other. The amended note stays as it was signed.
// Permission: [hmstype.PermNoteWrite].
func (s *Service) AddAddendum(ctx context.Context, in AddAddendumInput) (Note, error) {
	return opAddAddendum.Run(ctx, &s.base, in, s.addAddendum)
}

func (s *Service) addAddendum(ctx context.Context, db dbx.DB, in AddAddendumInput) (Note, error) {
	amended, err := dbx.Get[noteRow](ctx, db, "clinical_note", in.Note)
	if err != nil {
		return Note{}, err
	}
	return s.writeNote(ctx, db, WriteNoteInput{Encounter: amended.EncounterID, Amends: amended.ID, NoteBody: in.NoteBody})
}
