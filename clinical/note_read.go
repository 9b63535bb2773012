package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetNote = usecase.Query[usecase.ByID[hmstype.NoteID], Note]{
	Name: "clinical.get_note", Permission: hmstype.PermClinicalRead, Shows: notes.One(),
}.Declare()

// GetNote gives a note and records that it was read. [ErrNoteTampered] where a signed body
// does not have its hash any more: such a note is not shown as if it were what was signed.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) GetNote(ctx context.Context, id hmstype.NoteID) (Note, error) {
	return opGetNote.Run(ctx, &s.base, usecase.ID(id), s.getNote)
}

func (s *Service) getNote(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NoteID]) (Note, error) {
	row, err := dbx.Get[noteRow](ctx, db, "clinical_note", in.ID)
	if err != nil {
		return Note{}, err
	}
	note, err := s.readable(ctx, db, row)
	if err == nil {
		err = note.Verify()
	}
	return row.note(), err
}

var opListEncounterNotes = usecase.Query[usecase.ByID[hmstype.EncounterID], []Note]{
	Name: "clinical.list_encounter_notes", Permission: hmstype.PermClinicalRead, Shows: notes.All(),
}.Declare()

// ListEncounterNotes gives the notes of an encounter, drafts and addenda among them, oldest
// first. It does not verify hashes; see [Note.Verify].
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListEncounterNotes(ctx context.Context, id hmstype.EncounterID) ([]Note, error) {
	return opListEncounterNotes.Run(ctx, &s.base, usecase.ID(id), inEncounter(noteRow.note))
}

// ListNotesInput is the input of [Service.ListNotes]; see [OfPatient].
type ListNotesInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListNotesInput) Validate() error { return OfPatient(in).Validate() }

var opListNotes = usecase.Query[ListNotesInput, hmstype.List[Note]]{
	Name: "clinical.list_notes", Permission: hmstype.PermClinicalRead, Shows: notes.Page(),
	Sample: ListNotesInput{},
}.Declare()

// ListNotes lists a patient's notes, the latest first. It does not verify hashes.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListNotes(ctx context.Context, in ListNotesInput) (hmstype.List[Note], error) {
	return opListNotes.Run(
		ctx, &s.base, in, ofPatient[ListNotesInput](dbx.Order{At: "created_at", Desc: true}, noteRow.note),
	)
}
