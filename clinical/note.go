package clinical

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// NoteStatus is the state of a note.
type NoteStatus string

// The states of a note.
const (
	NoteDraft  NoteStatus = "draft"
	NoteSigned NoteStatus = "signed" // terminal: an addendum is a note of its own
)

// NoteTransitions are the allowed steps between the states.
var NoteTransitions = hmstype.Transitions[NoteStatus]{NoteDraft: {NoteSigned}}

// NoteBody is what a clinician writes: subjective (complaint, history), objective
// (examination), assessment, plan. Each part has up to 20,000 characters.
type NoteBody struct {
	ChiefComplaint          string `json:"chiefComplaint"`
	HistoryOfPresentIllness string `json:"historyOfPresentIllness"`
	PhysicalExamination     string `json:"physicalExamination"`
	Assessment              string `json:"assessment"`
	Plan                    string `json:"plan"`
}

func (b NoteBody) validate(v *hmstype.Validator) {
	parts := map[string]string{
		"chiefComplaint": b.ChiefComplaint, "historyOfPresentIllness": b.HistoryOfPresentIllness,
		"physicalExamination": b.PhysicalExamination, "assessment": b.Assessment, "plan": b.Plan,
	}
	for path, text := range parts {
		v.Text(text, path, 0, 20_000)
	}
	v.Check(b != NoteBody{}, "body", "must not be empty")
}

// hash gives the SHA-256 of the body's canonical form.
func (b NoteBody) hash() (string, error) {
	canonical, err := json.Marshal(b)
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), err
}

// Note is a clinical note (FHIR Composition).
type Note struct {
	ID        hmstype.NoteID
	Encounter hmstype.EncounterID
	Patient   hmstype.PatientID
	Amends    hmstype.NoteID // the signed note that this one is an addendum to; zero for none
	Author    string         // an actor, as in the audit trail
	Status    NoteStatus
	NoteBody
	SignedAt  time.Time // UTC; zero for a draft
	Hash      string    // hexadecimal SHA-256 of the signed body; empty for a draft
	CreatedAt time.Time // UTC
	Version   int64
}

type noteRow struct {
	bun.BaseModel `bun:"table:hms.clinical_note,alias:n"`
	dbx.Tenanted
	ID                      hmstype.NoteID `bun:"id,pk"`
	PatientID               hmstype.PatientID
	EncounterID             hmstype.EncounterID
	AmendsID                hmstype.NoteID
	Author                  string
	Status                  NoteStatus
	ChiefComplaint          string
	HistoryOfPresentIllness string
	PhysicalExamination     string
	Assessment              string
	Plan                    string
	SignedAt                time.Time `bun:",nullzero"`
	BodyHash                string
	CreatedAt               time.Time
	Version                 int64
}

func (r *noteRow) setBody(b NoteBody) {
	r.ChiefComplaint, r.HistoryOfPresentIllness, r.PhysicalExamination = b.ChiefComplaint, b.HistoryOfPresentIllness, b.PhysicalExamination
	r.Assessment, r.Plan = b.Assessment, b.Plan
}

func (r noteRow) note() Note {
	return Note{
		ID: r.ID, Encounter: r.EncounterID, Patient: r.PatientID, Amends: r.AmendsID, Author: r.Author, Status: r.Status,
		NoteBody: NoteBody{r.ChiefComplaint, r.HistoryOfPresentIllness, r.PhysicalExamination, r.Assessment, r.Plan},
		SignedAt: r.SignedAt.UTC(), Hash: r.BodyHash, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

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
	op := service.Op{Name: "note.write", Permission: hmstype.PermClinicalWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, writeNote)
}

func writeNote(ctx context.Context, db dbx.DB, in WriteNoteInput) (Note, error) {
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
	row.setBody(in.NoteBody)
	return row.note(), dbx.Insert(ctx, db, row)
}

// SignNote makes a draft final: from now on it cannot change, and its hash proves it.
// Only its author may sign it.
func (s *Service) SignNote(ctx context.Context, id hmstype.NoteID) (Note, error) {
	op := service.Op{Name: "note.sign", Permission: hmstype.PermClinicalWrite}
	return service.Write(ctx, &s.base, op, service.ByID[hmstype.NoteID]{ID: id}, signNote)
}

func signNote(ctx context.Context, db dbx.DB, in service.ByID[hmstype.NoteID]) (Note, error) {
	row, err := dbx.Get[noteRow](ctx, db, "note", in.ID, dbx.ForUpdate)
	if err != nil {
		return Note{}, err
	}
	if row.Status != NoteDraft {
		return Note{}, ErrNotDraft
	}
	if row.Author != db.ActorName() {
		return Note{}, hmstype.Denied("note.author")
	}
	row.Status, row.SignedAt = NoteSigned, db.Now
	if row.BodyHash, err = row.note().hash(); err != nil {
		return Note{}, err
	}
	err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "signed_at", "body_hash")
	row.Version++
	return row.note(), err
}
