package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// noteSteps is how a note changes its state.
var noteSteps = dbx.Machine[noteRow, NoteStatus]{
	Table: "clinical_note", Transitions: NoteTransitions,
	State:   func(r *noteRow) *NoteStatus { return &r.Status },
	Columns: []string{"signed_at", "body_hash", "error_reason"},
	Event: func(r *noteRow, _ NoteStatus) dbx.Event {
		if r.Status != NoteSigned {
			return dbx.Event{}
		}
		return dbx.Event{
			Type: eventNoteSigned, ID: r.ID,
			Data: map[string]string{"id": r.ID.String(), "encounter": r.EncounterID.String()},
		}
	},
}

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

// sampleBody is the body of the declarations' samples.
var sampleBody = NoteBody{
	ChiefComplaint: "cough", HistoryOfPresentIllness: "three days", PhysicalExamination: "chest clear",
	Assessment: "cold", Plan: "rest",
}

var opWriteNote = usecase.Command[WriteNoteInput, Note]{
	Name: "clinical.write_note", Permission: hmstype.PermClinicalWrite, Shows: notes.One(),
	Key:    func(in WriteNoteInput) string { return in.IdempotencyKey },
	Sample: WriteNoteInput{NoteBody: sampleBody},
}.Declare()

// WriteNote adds a draft to an open encounter, or an addendum to a signed note of any.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) WriteNote(ctx context.Context, in WriteNoteInput) (Note, error) {
	return opWriteNote.Run(ctx, &s.base, in, s.writeNote)
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
	Name: "clinical.save_note", Permission: hmstype.PermClinicalWrite, Shows: notes.One(),
	Sample: SaveNoteInput{Version: 1, NoteBody: sampleBody},
}.Declare()

// SaveNote replaces the body of a draft, which only its author may do. [ErrNotDraft] for a
// signed note, [hmstype.ErrStale] where the draft was saved elsewhere meanwhile.
// Permission: [hmstype.PermClinicalWrite].
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

var opSignNote = usecase.Command[usecase.ByID[hmstype.NoteID], Note]{
	Name: "clinical.sign_note", Permission: hmstype.PermClinicalWrite, Shows: notes.One(),
}.Declare()

// SignNote makes a draft final: from now on it cannot change, and its hash proves it.
// Only its author may sign it.
// Permission: [hmstype.PermClinicalWrite].
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
	Name: "clinical.add_addendum", Permission: hmstype.PermClinicalWrite, Shows: notes.One(),
	Key:    func(in AddAddendumInput) string { return in.IdempotencyKey },
	Sample: AddAddendumInput{NoteBody: sampleBody},
}.Declare()

// AddAddendum begins an addendum to a signed note, also of a closed encounter: a draft of
// its own, which is signed like any other. The amended note stays as it was signed.
// Permission: [hmstype.PermClinicalWrite].
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
