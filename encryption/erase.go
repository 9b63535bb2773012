package encryption

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ErrHeld: a legal hold keeps the patient's data; a precondition.
var ErrHeld = fmt.Errorf("%w: a legal hold keeps these data", hmstype.ErrPrecondition)

// Erasure is the record that a patient's sealed fields were made unreadable.
type Erasure struct {
	Patient  hmstype.PatientID
	Basis    string    // the legal basis, such as "GDPR 17(1)(b)"
	Reason   string    // in words
	ErasedBy string    // an actor, as in the audit trail
	ErasedAt time.Time // UTC; of the first time
}

type erasureRow struct {
	bun.BaseModel `bun:"table:hms.erasure,alias:x"`
	dbx.Tenanted
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
	Basis     string
	Reason    string
	ErasedBy  string
	ErasedAt  time.Time
}

func (r erasureRow) Position() hmstype.Position {
	return hmstype.Position{At: r.ErasedAt, ID: uuid.UUID(r.PatientID)}
}

func (r erasureRow) erasure() Erasure {
	return Erasure{Patient: r.PatientID, Basis: r.Basis, Reason: r.Reason, ErasedBy: r.ErasedBy, ErasedAt: r.ErasedAt.UTC()}
}

// EraseInput names a patient and says why he is erased.
type EraseInput struct {
	Patient hmstype.PatientID // required
	Basis   string            // the legal basis, 3 to 200 characters
	Reason  string            // 3 to 1000 characters
}

// Validate implements the rules above.
func (in EraseInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Text(in.Basis, "basis", 3, 200)
	v.Text(in.Reason, "reason", 3, 1000)
	return v.Err()
}

// Erase makes all sealed fields of a patient unreadable for ever, in the rows, in the audit
// trail and in every copy of them, by destroying the keys (GDPR 17). The trail stays provable, for
// its hashes are of the ciphertexts. What is stored in clear (names, birth date, codes, results)
// stays: clinical records have retention periods of their own (GDPR 17(3)(b), (c)).
//
// [ErrHeld] under a legal hold, [ErrOff] without encryption. A backup that still holds the keys
// brings the fields back, so the host keeps the outbox event "encryption.erased" outside the
// database and erases again after a restore: to erase twice is no error, and gives the first
// record.
func (s *Service) Erase(ctx context.Context, in EraseInput) (Erasure, error) {
	op := usecase.Op{Name: "encryption.erase", Permission: hmstype.PermErase}
	return usecase.Write(ctx, &s.base, op, in, s.erase)
}

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
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, PatientID: in.Patient, Basis: in.Basis, Reason: in.Reason,
		ErasedBy: db.ActorName(), ErasedAt: db.Now,
	}
	first, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return Erasure{}, err
	}
	if !first {
		rows, err := dbx.All[erasureRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("x.patient_id = ?", in.Patient) })
		if err != nil || len(rows) != 1 {
			return Erasure{}, errors.Join(err, hmstype.ErrUnavailable)
		}
		row = rows[0]
	}
	if err := s.base.Crypt.Erase(ctx, db, in.Patient.UUID()); err != nil {
		return Erasure{}, err
	}
	err = db.RecordAccess(ctx, dbx.Access{Action: "erase", Entity: "patient", ID: in.Patient.String(), Patient: in.Patient})
	if err != nil {
		return Erasure{}, err
	}
	return row.erasure(), db.Emit(ctx, dbx.Event{
		Type: "encryption.erased", Entity: "patient", ID: in.Patient, Data: map[string]string{"patient": in.Patient.String()},
	})
}

// lockPatient makes deeds that write sealed fields of the patient come before or after.
func lockPatient(ctx context.Context, db dbx.DB, patient hmstype.PatientID) error {
	var found int
	err := db.QueryRow(ctx, `SELECT 1 FROM hms.patient WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, db.Tenant(), patient).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return hmstype.NotFound("patient", patient)
	}
	return err
}

// Erasures lists who was erased, newest first.
func (s *Service) Erasures(ctx context.Context, page hmstype.Page) (hmstype.List[Erasure], error) {
	op := usecase.Op{Name: "encryption.erasures", Permission: hmstype.PermErase}
	return usecase.Read(ctx, &s.base, op, usecase.Paged{Page: page}, func(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[Erasure], error) {
		rows, next, err := dbx.Page[erasureRow](ctx, db, in.Page, dbx.Order{At: "erased_at", ID: "patient_id", Desc: true})
		if err != nil {
			return hmstype.List[Erasure]{}, err
		}
		list := hmstype.List[Erasure]{Next: next, Items: make([]Erasure, len(rows))}
		patients := make([]hmstype.PatientID, len(rows))
		for i, r := range rows {
			list.Items[i], patients[i] = r.erasure(), r.PatientID
		}
		return list, db.RecordSearch(ctx, "erasure", patients...)
	})
}
