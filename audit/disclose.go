package audit

import (
	"context"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RecordDisclosureInput describes a disclosure. Nothing in Recipient.Name and Purpose should
// be the patient's own data: these two are never encrypted.
type RecordDisclosureInput struct {
	Patient        hmstype.PatientID // required
	DisclosedAt    time.Time         // required; not in the future
	Recipient      Recipient         // its name is required
	Description    string            // what was disclosed, 1 to 2000 characters
	Purpose        string            // why, a brief statement or a code, 1 to 500 characters
	Basis          Basis             // required
	AuthorizedBy   string            // who allowed it, up to 200 characters
	Suspension     Suspension        // zero: the patient may be told
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RecordDisclosureInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Required(!in.DisclosedAt.IsZero(), "disclosedAt")
	v.Check(in.DisclosedAt.IsZero() || in.DisclosedAt.UTC().Year() >= 1800, "disclosedAt", "must lie in the years 1800 to 9999")
	v.Text(in.Recipient.Name, "recipient.name", 1, 200)
	v.Text(in.Recipient.Address, "recipient.address", 0, 500)
	v.Text(in.Description, "description", 1, 2000)
	v.Text(in.Purpose, "purpose", 1, 500)
	hmstype.OneOf(&v, in.Basis, "basis", Bases()...)
	v.Text(in.AuthorizedBy, "authorizedBy", 0, 200)
	in.Suspension.validate(&v)
	return v.Err()
}

// RecordDisclosure notes that a patient's data left the hospital. The record is on the trail,
// and so in the signed log, and stays for ever. [ErrNotSuspendable] for a suspension of what
// went neither to health oversight nor to law enforcement.
func (s *Service) RecordDisclosure(ctx context.Context, in RecordDisclosureInput) (Disclosure, error) {
	op := usecase.Op{Name: "audit.record_disclosure", Permission: hmstype.PermDisclose, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.recordDisclosure)
}

func (s *Service) recordDisclosure(ctx context.Context, db dbx.DB, in RecordDisclosureInput) (Disclosure, error) {
	if in.DisclosedAt.After(db.Now) {
		return Disclosure{}, hmstype.Invalid("disclosedAt", "must not lie in the future")
	}
	row := disclosureRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.DisclosureID](), PatientID: in.Patient,
		Status: DisclosureRecorded, DisclosedAt: hmstype.Instant(in.DisclosedAt), RecipientName: strings.TrimSpace(in.Recipient.Name),
		Purpose: strings.TrimSpace(in.Purpose), Basis: in.Basis, AuthorizedBy: in.AuthorizedBy,
		RecordedAt: db.Now, RecordedBy: db.ActorName(), Version: 1,
	}
	if err := row.suspend(in.Suspension, db.Now); err != nil {
		return Disclosure{}, err
	}
	keys, err := s.base.Crypt.Ensure(ctx, db, in.Patient.UUID())
	if err != nil {
		return Disclosure{}, err
	}
	if row.RecipientAddress, err = keys.Seal(in.Patient.UUID(), fieldAddress, row.ID, in.Recipient.Address); err != nil {
		return Disclosure{}, err
	}
	if row.Description, err = keys.Seal(in.Patient.UUID(), fieldDescription, row.ID, in.Description); err != nil {
		return Disclosure{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Disclosure{}, err
	}
	return row.disclosure(keys)
}

// SuspendDisclosureInput replaces the suspension of a disclosure.
type SuspendDisclosureInput struct {
	ID         hmstype.DisclosureID // required
	Version    int64                // the version that the caller read; required
	Suspension Suspension           // zero lifts it
}

// Validate implements the rules above.
func (in SuspendDisclosureInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.Suspension.validate(&v)
	return v.Err()
}

// SuspendDisclosure keeps a disclosure from the patient for a time, extends that time when the
// agency confirms in writing what it said, or ends it. What was before stays on the trail.
// [ErrNotSuspendable], [ErrDisclosureInError], [hmstype.ErrStale].
func (s *Service) SuspendDisclosure(ctx context.Context, in SuspendDisclosureInput) (Disclosure, error) {
	op := usecase.Op{Name: "audit.suspend_disclosure", Permission: hmstype.PermDisclose}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SuspendDisclosureInput) (Disclosure, error) {
		row, err := dbx.Get[disclosureRow](ctx, db, "disclosure", in.ID, dbx.ForUpdate)
		if err != nil {
			return Disclosure{}, err
		}
		if row.Status == DisclosureInError {
			return Disclosure{}, ErrDisclosureInError
		}
		if err := row.suspend(in.Suspension, db.Now); err != nil {
			return Disclosure{}, err
		}
		return s.changeDisclosure(ctx, db, row, in.Version, "suspended_until", "suspended_by", "suspension_text", "suspension_oral", "suspension_at")
	})
}

// MarkDisclosureInErrorInput says which record is wrong, and why.
type MarkDisclosureInErrorInput struct {
	ID      hmstype.DisclosureID // required
	Version int64                // the version that the caller read; required
	Reason  string               // required, 3 to 500 characters
}

// Validate implements the rules above.
func (in MarkDisclosureInErrorInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	v.Text(in.Reason, "reason", 3, 500)
	return v.Err()
}

// MarkDisclosureInError takes a record out of the accounting; it stays readable for staff. A
// correction is this and a new record. [hmstype.ErrInvalidTransition] for one that is in error
// already, [hmstype.ErrStale].
func (s *Service) MarkDisclosureInError(ctx context.Context, in MarkDisclosureInErrorInput) (Disclosure, error) {
	op := usecase.Op{Name: "audit.mark_disclosure_in_error", Permission: hmstype.PermDisclose}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in MarkDisclosureInErrorInput) (Disclosure, error) {
		row, err := dbx.Get[disclosureRow](ctx, db, "disclosure", in.ID, dbx.ForUpdate)
		if err != nil {
			return Disclosure{}, err
		}
		if err := DisclosureTransitions.Check("disclosure", row.Status, DisclosureInError); err != nil {
			return Disclosure{}, err
		}
		row.Status, row.ErrorReason, row.ErrorAt, row.ErrorBy = DisclosureInError, in.Reason, db.Now, db.ActorName()
		return s.changeDisclosure(ctx, db, row, in.Version, "status", "error_reason", "error_at", "error_by")
	})
}

// changeDisclosure writes the columns and gives the record as it is then. It shows the record,
// and so records that, which the database refuses for a restricted patient.
func (s *Service) changeDisclosure(ctx context.Context, db dbx.DB, row disclosureRow, version int64, columns ...string) (Disclosure, error) {
	if err := dbx.UpdateVersioned(ctx, db, &row, version, columns...); err != nil {
		return Disclosure{}, err
	}
	row.Version = version + 1
	err := db.RecordAccess(ctx, dbx.Access{Action: string(ActionRead), Entity: "disclosure", ID: row.ID.String(), Patient: row.PatientID})
	if err != nil {
		return Disclosure{}, err
	}
	changed, err := s.disclosures(ctx, db, row.PatientID, row)
	if err != nil {
		return Disclosure{}, err
	}
	return changed[0], nil
}
