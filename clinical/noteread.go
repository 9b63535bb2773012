package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// GetNote gives a note and records that it was read. [ErrNoteTampered] where a signed body
// does not have its hash any more: such a note is not shown as if it were what was signed.
func (s *Service) GetNote(ctx context.Context, id hmstype.NoteID) (Note, error) {
	op := usecase.Op{Name: "note.get", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.NoteID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NoteID]) (Note, error) {
			row, err := dbx.Get[noteRow](ctx, db, "note", in.ID)
			if err != nil {
				return Note{}, err
			}
			note, err := s.openNote(ctx, db, row)
			if err != nil {
				return Note{}, err
			}
			if err := note.Verify(); err != nil {
				return Note{}, err
			}
			return note, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "note", ID: row.ID.String(), Patient: row.PatientID})
		})
}

// EncounterNotes gives the notes of an encounter, drafts and addenda among them, oldest
// first. It does not verify hashes; see [Note.Verify].
func (s *Service) EncounterNotes(ctx context.Context, id hmstype.EncounterID) ([]Note, error) {
	op := usecase.Op{Name: "note.of_encounter", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.EncounterID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) ([]Note, error) {
			list, err := inEncounter(ctx, db, in.ID, "note", noteRow.note)
			if err != nil {
				return nil, err
			}
			return list, fieldcrypt.OpenRecords(ctx, s.base.Crypt, db, noteText, list)
		})
}

// Notes lists a patient's notes, the latest first. It does not verify hashes.
func (s *Service) Notes(ctx context.Context, in OfPatient) (hmstype.List[Note], error) {
	op := usecase.Op{Name: "note.list", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in OfPatient) (hmstype.List[Note], error) {
		list, err := listOf(ctx, db, in, "note", dbx.Order{At: "created_at", Desc: true}, noteRow.note)
		if err != nil {
			return list, err
		}
		return list, fieldcrypt.OpenRecords(ctx, s.base.Crypt, db, noteText, list.Items)
	})
}
