package clinical

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// NoteStatus is the state of a note.
type NoteStatus string

// The states of a note.
const (
	NoteDraft          NoteStatus = "draft"            // FHIR composition-status preliminary
	NoteSigned         NoteStatus = "signed"           // final; amended where a signed addendum names it
	NoteEnteredInError NoteStatus = "entered-in-error" // terminal; the body stays as it was
)

// NoteTransitions are the allowed steps between the states.
var NoteTransitions = hmstype.Transitions[NoteStatus]{
	NoteDraft:  {NoteSigned, NoteEnteredInError},
	NoteSigned: {NoteEnteredInError},
}

// NoteBody is what a clinician writes: subjective (complaint, history), objective
// (examination), assessment, plan. Each part has up to 20,000 characters.
type NoteBody struct {
	ChiefComplaint          string `bun:"chief_complaint"            json:"chiefComplaint"`
	HistoryOfPresentIllness string `bun:"history_of_present_illness" json:"historyOfPresentIllness"`
	PhysicalExamination     string `bun:"physical_examination"       json:"physicalExamination"`
	Assessment              string `bun:"assessment"                 json:"assessment"`
	Plan                    string `bun:"plan"                       json:"plan"`
}

func (b NoteBody) validate(v *hmstype.Validator) {
	const longest = 20_000
	v.Text(b.ChiefComplaint, "chiefComplaint", 0, longest)
	v.Text(b.HistoryOfPresentIllness, "historyOfPresentIllness", 0, longest)
	v.Text(b.PhysicalExamination, "physicalExamination", 0, longest)
	v.Text(b.Assessment, "assessment", 0, longest)
	v.Text(b.Plan, "plan", 0, longest)
	v.Check(b != NoteBody{}, "body", "must not be empty")
}

// hash gives the SHA-256 of the body's canonical form.
func (b NoteBody) hash() (string, error) {
	canonical, err := json.Marshal(b)
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), err
}

// sampleBody is the body of the declarations' samples.
var sampleBody = NoteBody{
	ChiefComplaint: "cough", HistoryOfPresentIllness: "three days", PhysicalExamination: "chest clear",
	Assessment: "cold", Plan: "rest",
}

// Note is a clinical note (FHIR Composition).
type Note struct {
	ID        hmstype.NoteID      `json:"id"`
	Encounter hmstype.EncounterID `json:"encounter"`
	Patient   hmstype.PatientID   `json:"patient"`
	Amends    hmstype.NoteID      `json:"amends"` // the signed note that this one is an addendum to; zero for none
	Status    NoteStatus          `json:"status"`
	NoteBody
	SignedAt    time.Time        `json:"signedAt,omitzero"`     // UTC; zero for a draft
	Hash        string           `json:"hash,omitempty"`        // hexadecimal SHA-256 of the signed body
	ErrorReason string           `json:"errorReason,omitempty"` // why it was entered in error
	Erased      bool             `json:"erased,omitempty"`      // the patient was erased: what was sealed is empty now
	CreatedBy   hmstype.ActorRef `json:"createdBy"`             // its author
	CreatedAt   time.Time        `json:"createdAt,omitzero"`    // UTC
	Version     int64            `json:"version"`               // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

// Verify holds the body of a signed note against the hash that it was signed with:
// [ErrNoteTampered] where they differ. A draft has nothing to verify.
func (n Note) Verify() error {
	if n.Hash == "" {
		return nil
	}
	hash, err := n.hash()
	if err == nil && hash != n.Hash {
		err = ErrNoteTampered
	}
	return err
}

type noteRow struct {
	bun.BaseModel `bun:"table:hms.clinical_note,alias:n"`
	dbx.Header[hmstype.NoteID]
	PatientID   hmstype.PatientID
	EncounterID hmstype.EncounterID
	AmendsID    hmstype.NoteID
	Status      NoteStatus
	NoteBody
	SignedAt    time.Time `bun:",nullzero"`
	BodyHash    string
	ErrorReason string
}

// Position orders notes by when they were begun.
func (r noteRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

// note gives the row as it is stored, its texts sealed.
func (r noteRow) note() Note {
	return Note{
		ID: r.ID, Encounter: r.EncounterID, Patient: r.PatientID, Amends: r.AmendsID, Status: r.Status, NoteBody: r.NoteBody,
		SignedAt: r.SignedAt.UTC(), Hash: r.BodyHash, ErrorReason: r.ErrorReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

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
