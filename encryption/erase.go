package encryption

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ErasureDetails are why a patient is erased.
type ErasureDetails struct {
	Basis  string `bun:"basis"  json:"basis"`  // the legal basis, such as "GDPR 17(1)(b)"; 3 to 200 characters
	Reason string `bun:"reason" json:"reason"` // in words; 3 to 1000 characters
}

func (d *ErasureDetails) validate(v *hmstype.Validator) {
	v.Text(d.Basis, "basis", 3, 200)
	v.Text(d.Reason, "reason", 3, 1000)
}

// Erasure is the record that a patient's sealed fields were made unreadable.
type Erasure struct {
	Patient hmstype.PatientID `json:"patient"`
	ErasureDetails
	ErasedBy hmstype.ActorRef `json:"erasedBy"`
	ErasedAt time.Time        `json:"erasedAt,omitzero"` // UTC; of the first time
	// Ledgered says that the ledger outside the database has it, as far as this call knows: Erase tells it, where one is
	// configured and the call has a transaction of its own. [Service.PublishErasures] tells it of the others.
	Ledgered bool `json:"ledgered,omitempty"`
	// Withheld says that the patient's record is restricted and the actor may not see it.
	Withheld bool `json:"withheld,omitempty"`
}

type erasureRow struct {
	bun.BaseModel `bun:"table:hms.erasure,alias:x"`
	dbx.Tenanted
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
	ErasureDetails
	ErasedBy hmstype.ActorRef
	ErasedAt time.Time
}

// erasures is what every use case that shows erasures shows of whom.
var erasures = usecase.Entity[Erasure]{
	Table:   "erasure",
	Patient: func(e *Erasure) hmstype.PatientID { return e.Patient },
	ID:      func(e *Erasure) string { return e.Patient.String() },
}

func (r erasureRow) Position() hmstype.Position {
	return hmstype.Position{At: r.ErasedAt, ID: uuid.UUID(r.PatientID)}
}

func (r erasureRow) erasure() Erasure {
	return Erasure{
		Patient: r.PatientID, ErasureDetails: r.ErasureDetails, ErasedBy: r.ErasedBy, ErasedAt: r.ErasedAt.UTC(),
	}
}

// EraseInput names a patient and says why he is erased.
type EraseInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	ErasureDetails
}

// Validate implements the rules above.
func (in EraseInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	in.validate(&v)
	return v.Err()
}

var opErase = usecase.Command[EraseInput, Erasure]{
	Name: "encryption.erase", Permission: hmstype.PermErase, Shows: erasures.One(),
	Sample: EraseInput{ErasureDetails: ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "he asked for it"}},
}.Declare()

// Erase makes all sealed fields of a patient unreadable for ever, in the rows, in the audit
// trail and in every copy of them, by destroying the keys (GDPR 17). The trail stays provable, for
// its hashes are of the ciphertexts. What is stored in clear (names, birth date, codes, results)
// stays: clinical records have retention periods of their own (GDPR 17(3)(b), (c)).
//
// [ErrHeld] under a legal hold, [ErrOff] without encryption. A backup that still holds the keys
// brings the fields back, so the erasure is told to the ledger outside the database, from which
// [Service.ReplayErasures] repeats it after a restore. Where the ledger fails the erasure stands, and
// [Service.PublishErasures] tells it later. To erase twice is no error, and gives the first record.
// Permission: [hmstype.PermErase].
func (s *Service) Erase(ctx context.Context, in EraseInput) (Erasure, error) {
	var whole Erasure // also where the result is withheld
	var tenant hmstype.TenantID
	erasure, err := opErase.Run(ctx, &s.base, in,
		func(ctx context.Context, db dbx.DB, in EraseInput) (_ Erasure, err error) {
			tenant = db.Tenant()
			whole, err = s.erase(ctx, db, in)
			return whole, err
		})
	if err != nil || s.config.Ledger == nil || s.base.DB.IsBound() {
		return erasure, err
	}
	if err := s.config.append(ctx, tenant, whole); err != nil { // takes no erasure back
		s.base.Log.Error().Str("op", opErase.Name).Str("kind", string(hmstype.KindOf(err))).Msg("erasure not in the ledger")
		return erasure, nil
	}
	erasure.Ledgered = true
	return erasure, nil
}

// In SQL: migrate/routine/audit/is_held.sql.
func (s *Service) erase(ctx context.Context, db dbx.DB, in EraseInput) (Erasure, error) {
	if err := lockPatient(ctx, db, in.Patient); err != nil {
		return Erasure{}, err
	}
	var held bool
	if err := db.QueryRow(ctx, `SELECT hms.is_held($1, $2)`, db.Tenant(), in.Patient).Scan(&held); err != nil {
		return Erasure{}, err
	}
	if held {
		return Erasure{}, ErrHeld
	}
	row := erasureRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, PatientID: in.Patient, ErasureDetails: in.ErasureDetails,
		ErasedBy: db.By(), ErasedAt: db.Now,
	}
	first, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Erasure{}, err
	}
	if !first {
		rows, err := dbx.All[erasureRow](ctx, db, dbx.Equal("patient_id", in.Patient))
		if err != nil || len(rows) != 1 {
			return Erasure{}, errors.Join(err, hmstype.ErrUnavailable)
		}
		row = rows[0]
	}
	if err := s.base.Crypt.Erase(ctx, db, in.Patient.UUID()); err != nil {
		return Erasure{}, err
	}
	err = db.RecordAccess(ctx, dbx.Access{
		Action: "erase", Entity: "patient", ID: in.Patient.String(), Patient: in.Patient,
	})
	if err != nil {
		return Erasure{}, err
	}
	return row.erasure(), db.Emit(ctx, dbx.Event{
		Type: eventErased, ID: in.Patient, Data: map[string]string{"patient": in.Patient.String()},
	})
}

// lockPatient makes use cases that write sealed fields of the patient come before or after.
func lockPatient(ctx context.Context, db dbx.DB, patient hmstype.PatientID) error {
	var found int
	err := db.QueryRow(
		ctx, `SELECT 1 FROM hms.patient WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, db.Tenant(), patient,
	).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return hmstype.NotFound("patient", patient)
	}
	return err
}

var opListErasures = usecase.Query[usecase.Paged, hmstype.List[Erasure]]{
	Name: "encryption.list_erasures", Permission: hmstype.PermErase, Shows: erasures.Found(),
}.Declare()

// ListErasures lists who was erased, newest first. Those of restricted patients are withheld from who
// may not see them.
// Permission: [hmstype.PermErase].
func (s *Service) ListErasures(ctx context.Context, page hmstype.Page) (hmstype.List[Erasure], error) {
	return opListErasures.Run(ctx, &s.base, usecase.Paged{Page: page}, listErasures)
}

func listErasures(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[Erasure], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "erased_at", ID: "patient_id", Desc: true}, erasureRow.erasure)
}
