package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WriteNoteInput describes a draft.
type WriteNoteInput struct {
	Encounter hmstype.EncounterID // required, open unless Amends is given
	Amends    hmstype.NoteID      // a signed note of the encounter to add to; zero for none
	NoteBody
	IdempotencyKey string
}

// Validate implements the rules above.
func (in WriteNoteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.validate(&v)
	return v.Err()
}

// WriteNote adds a draft to an open encounter, or an addendum to a signed note of any.
func (s *Service) WriteNote(ctx context.Context, in WriteNoteInput) (Note, error) {
	op := usecase.Op{Name: "note.write", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.writeNote)
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
		amended, err := dbx.Get[noteRow](ctx, db, "note", in.Amends)
		if err != nil {
			return Note{}, err
		}
		if amended.EncounterID != in.Encounter || amended.Status != NoteSigned {
			return Note{}, hmstype.Invalid("amends", "must be a signed note of the encounter")
		}
	}
	row := noteRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.NoteID](), PatientID: encounter.PatientID,
		EncounterID: encounter.ID, AmendsID: in.Amends, Author: db.ActorName(), Status: NoteDraft, CreatedAt: db.Now, Version: 1,
	}
	if err := s.setBody(ctx, db, &row, in.NoteBody); err != nil {
		return Note{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Note{}, err
	}
	return s.openNote(ctx, db, row)
}

// SaveNoteInput replaces the body of a draft.
type SaveNoteInput struct {
	ID      hmstype.NoteID // required
	Version int64          // the version that the author read
	NoteBody
}

// Validate implements the rules above.
func (in SaveNoteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	in.validate(&v)
	return v.Err()
}

// SaveNote replaces the body of a draft, which only its author may do. [ErrNotDraft] for a
// signed note, [hmstype.ErrStale] where the draft was saved elsewhere meanwhile.
func (s *Service) SaveNote(ctx context.Context, in SaveNoteInput) (Note, error) {
	op := usecase.Op{Name: "note.save", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SaveNoteInput) (Note, error) {
		row, err := lockDraft(ctx, db, in.ID)
		if err != nil {
			return Note{}, err
		}
		if err := s.setBody(ctx, db, &row, in.NoteBody); err != nil {
			return Note{}, err
		}
		err = dbx.UpdateVersioned(ctx, db, &row, in.Version,
			"chief_complaint", "history_of_present_illness", "physical_examination", "assessment", "plan")
		if err != nil {
			return Note{}, err
		}
		row.Version = in.Version + 1
		return s.openNote(ctx, db, row)
	})
}

// lockDraft reads a draft for its author to change.
func lockDraft(ctx context.Context, db dbx.DB, id hmstype.NoteID) (noteRow, error) {
	row, err := dbx.Get[noteRow](ctx, db, "note", id, dbx.ForUpdate)
	switch {
	case err != nil:
		return row, err
	case row.Status != NoteDraft:
		return row, ErrNotDraft
	case row.Author != db.ActorName():
		return row, hmstype.Denied("note.author")
	default:
		return row, nil
	}
}

// SignNote makes a draft final: from now on it cannot change, and its hash proves it.
// Only its author may sign it.
func (s *Service) SignNote(ctx context.Context, id hmstype.NoteID) (Note, error) {
	op := usecase.Op{Name: "note.sign", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.NoteID]{ID: id}, s.signNote)
}

func (s *Service) signNote(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NoteID]) (Note, error) {
	row, err := lockDraft(ctx, db, in.ID)
	if err != nil {
		return Note{}, err
	}
	note, err := s.openNote(ctx, db, row)
	if err != nil {
		return Note{}, err
	}
	hash, err := note.hash()
	if err != nil {
		return Note{}, err
	}
	row.Status, row.SignedAt = NoteSigned, db.Now
	if row.BodyHash, err = s.sealHash(ctx, db, row, hash); err != nil {
		return Note{}, err
	}
	if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "signed_at", "body_hash"); err != nil {
		return Note{}, err
	}
	note.Status, note.SignedAt, note.Hash, note.Version = NoteSigned, db.Now, hash, row.Version+1
	return note, db.Emit(ctx, dbx.Event{Type: "note.signed", Entity: "note", ID: row.ID,
		Data: map[string]string{"id": row.ID.String(), "encounter": row.EncounterID.String()}})
}

// AddendumInput describes an addendum to a signed note.
type AddendumInput struct {
	Note hmstype.NoteID // the signed note, required
	NoteBody
	IdempotencyKey string
}

// Validate implements the rules above.
func (in AddendumInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Note.IsZero(), "note")
	in.validate(&v)
	return v.Err()
}

// AddAddendum begins an addendum to a signed note, also of a closed encounter: a draft of
// its own, which is signed like any other. The amended note stays as it was signed.
func (s *Service) AddAddendum(ctx context.Context, in AddendumInput) (Note, error) {
	op := usecase.Op{Name: "note.addendum", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in AddendumInput) (Note, error) {
		amended, err := dbx.Get[noteRow](ctx, db, "note", in.Note)
		if err != nil {
			return Note{}, err
		}
		return s.writeNote(ctx, db, WriteNoteInput{Encounter: amended.EncounterID, Amends: amended.ID, NoteBody: in.NoteBody})
	})
}

// NoteErrorInput takes back a note.
type NoteErrorInput struct {
	ID     hmstype.NoteID // required
	Reason string         // required, up to 200 characters
}

// Validate implements the rules above.
func (in NoteErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 1, 200)
	return v.Err()
}

// MarkNoteError says that a note was entered in error, for instance on the wrong patient.
// It stays readable, with its reason; a signed body and its hash stay as they were.
func (s *Service) MarkNoteError(ctx context.Context, in NoteErrorInput) (Note, error) {
	op := usecase.Op{Name: "note.mark_error", Permission: hmstype.PermClinicalWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in NoteErrorInput) (Note, error) {
		row, err := dbx.Get[noteRow](ctx, db, "note", in.ID, dbx.ForUpdate)
		if err != nil {
			return Note{}, err
		}
		if err := NoteTransitions.Check("note", row.Status, NoteEnteredInError); err != nil {
			return Note{}, err
		}
		row.Status, row.ErrorReason = NoteEnteredInError, in.Reason
		if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "error_reason"); err != nil {
			return Note{}, err
		}
		row.Version++
		return s.openNote(ctx, db, row)
	})
}
