package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WriteNoteInput describes a draft.
type WriteNoteInput struct {
	Encounter hmstype.EncounterID `json:"encounter"` // required, open unless Amends is given
	Amends    hmstype.NoteID      `json:"amends"`    // a signed note of the encounter to add to; zero for none
	NoteBody
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in WriteNoteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.NoteBody.validate(&v)
	return v.Err()
}

var opWriteNote = usecase.Command[WriteNoteInput, Note]{
	Name: "clinical.write_note", Permission: hmstype.PermNoteWrite, Shows: notes.One(),
	Key:    func(in WriteNoteInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(n Note) hmstype.NoteID { return n.ID }, getStoredNote),
	Sample: WriteNoteInput{NoteBody: sampleBody},
}.Declare()

// WriteNote adds a draft to an open encounter, or an addendum to a signed note of any.
// Permission: [hmstype.PermNoteWrite].
func (s *Service) WriteNote(ctx context.Context, in WriteNoteInput) (Note, error) {
	return opWriteNote.Run(ctx, &s.base, in, s.writeNote)
}

// getStoredNote gives a note without looking at its hash, as a list does.
func getStoredNote(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NoteID]) (Note, error) {
	row, err := dbx.Get[noteRow](ctx, db, "clinical_note", in.ID)
	return row.note(), err
}

func (s *Service) writeNote(ctx context.Context, db dbx.DB, in WriteNoteInput) (Note, error) {
	encounter, err := dbx.Get[encounterRow](ctx, db, "encounter", in.Encounter, dbx.ForShare)
	if err != nil {
		return Note{}, err
	}
	if in.Amends.IsZero() && !encounter.open() {
		return Note{}, ErrEncounterClosed
	}
	if !in.Amends.IsZero() {
		amended, err := dbx.Get[noteRow](ctx, db, "clinical_note", in.Amends)
		if err != nil {
			return Note{}, err
		}
		if amended.EncounterID != in.Encounter || amended.Status != NoteSigned {
			return Note{}, hmstype.Invalid("amends", "must be a signed note of the encounter")
		}
	}
	row := noteRow{
		Header:    dbx.NewHeader[hmstype.NoteID](db),
		PatientID: encounter.PatientID, EncounterID: encounter.ID, AmendsID: in.Amends, Status: NoteDraft,
	}
	if err := s.setBody(ctx, db, &row, in.NoteBody); err != nil {
		return Note{}, err
	}
	return row.note(), dbx.Insert(ctx, db, row)
}
