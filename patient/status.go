package patient

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// changed names what a command changes: which record, and as the caller has seen it.
type changed struct {
	id      hmstype.PatientID
	version int64
}

func (c changed) validate(v *hmstype.Validator) {
	v.Required(!c.id.IsZero(), "id")
	v.Check(c.version >= 1, "version", "required")
}

// change locks a record, lets fn change the row, writes these columns and announces it.
func (s *Service) change(
	ctx context.Context, db dbx.DB, what changed, event string, fn func(*patientRow) error, columns ...string,
) (Patient, error) {
	row, err := dbx.Get[patientRow](ctx, db, "patient", what.id, dbx.ForUpdate)
	if err != nil {
		return Patient{}, err
	}
	// The record is shown as it was, for whoever restricts one sees the result of doing so.
	before, err := s.show(ctx, db, row)
	if err != nil {
		return Patient{}, err
	}
	if err := fn(&row); err != nil {
		return Patient{}, err
	}
	if err := dbx.UpdateVersioned(ctx, db, &row, what.version, columns...); err != nil {
		return Patient{}, err
	}
	row.Version = what.version + 1
	data := map[string]string{"id": row.ID.String(), "status": string(row.Status)}
	if err := db.Emit(ctx, dbx.Event{Type: event, Entity: "patient", ID: row.ID, Data: data}); err != nil {
		return Patient{}, err
	}
	keys, err := s.keys(ctx, db, row.ID)
	if err != nil {
		return Patient{}, err
	}
	return row.patient(keys, before.Identifiers)
}

// requireUsable refuses a record that is merged or not active.
func (r *patientRow) requireUsable() error {
	switch r.Status {
	case StatusActive:
		return nil
	case StatusMerged:
		return ErrMerged
	default:
		return ErrInactive
	}
}

// SetStatusInput moves a record to another state.
type SetStatusInput struct {
	ID      hmstype.PatientID // required
	Version int64             // the version that the caller read; required
	Status  Status            // active, inactive or entered-in-error; a merge is no mere status
	Reason  string            // required, up to 500 characters
}

// Validate implements the rules above.
func (in SetStatusInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	hmstype.OneOf(&v, in.Status, "status", StatusActive, StatusInactive, StatusEnteredInError)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

// SetStatus takes a record out of use, back into it, or marks it as entered in error, from
// which there is no way back. [hmstype.ErrInvalidTransition] for a step that is not in
// [Transitions], [hmstype.ErrStale] where somebody else was faster.
func (s *Service) SetStatus(ctx context.Context, in SetStatusInput) (Patient, error) {
	op := usecase.Op{Name: "patient.set_status", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SetStatusInput) (Patient, error) {
		return s.change(ctx, db, changed{in.ID, in.Version}, "patient.status_changed", func(row *patientRow) error {
			err := Transitions.Check("patient", row.Status, in.Status)
			row.Status, row.StatusReason = in.Status, in.Reason
			return err
		}, "status", "status_reason")
	})
}

// SetRestrictedInput restricts a record or opens it.
type SetRestrictedInput struct {
	ID         hmstype.PatientID // required
	Version    int64             // the version that the caller read; required
	Restricted bool
}

// Validate implements the rules above.
func (in SetRestrictedInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	return v.Err()
}

// SetRestricted restricts a record or opens it again, which only those may do who see
// restricted records: [ErrRestricted] for anybody else.
func (s *Service) SetRestricted(ctx context.Context, in SetRestrictedInput) (Patient, error) {
	op := usecase.Op{Name: "patient.set_restricted", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SetRestrictedInput) (Patient, error) {
		return s.change(ctx, db, changed{in.ID, in.Version}, "patient.restriction_changed", func(row *patientRow) error {
			row.IsRestricted = in.Restricted
			return nil
		}, "is_restricted")
	})
}

// MarkDeceasedInput notes a death.
type MarkDeceasedInput struct {
	ID      hmstype.PatientID // required
	Version int64             // the version that the caller read; required
	At      time.Time         // zero means that the instant is unknown; not in the future
}

// Validate implements the rules above.
func (in MarkDeceasedInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	return v.Err()
}

// MarkDeceased notes that the patient has died, or corrects the instant. The event
// patient.deceased tells others, who end what has become pointless; nothing is ended here.
// [ErrInactive] or [ErrMerged] where the record is not active. A death that was noted by
// mistake is taken back with [Service.Update].
func (s *Service) MarkDeceased(ctx context.Context, in MarkDeceasedInput) (Patient, error) {
	op := usecase.Op{Name: "patient.mark_deceased", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in MarkDeceasedInput) (Patient, error) {
		return s.change(ctx, db, changed{in.ID, in.Version}, "patient.deceased", func(row *patientRow) error {
			if err := row.requireUsable(); err != nil {
				return err
			}
			birth := row.BirthDate
			if in.At.After(db.Now) || (!in.At.IsZero() && !birth.IsZero() && hmstype.DateOf(in.At, time.UTC).AddDays(1).Before(birth)) {
				return hmstype.Invalid("at", "must lie between birth and now")
			}
			row.setDeceased(true, in.At)
			return nil
		}, "is_deceased", "deceased_at")
	})
}
