package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// EscalateCriticalInput says as of when the time has run out, and who is to be told.
type EscalateCriticalInput struct {
	AsOf time.Time `json:"asOf,omitzero"` // required
	// Role is the name of the role whose holders are told, up to 50 characters; empty means
	// [identity.RoleDoctor].
	Role string `json:"role"`
}

// Validate implements the rules above.
func (in EscalateCriticalInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	names.CheckOptional(&v, names.NameKey, in.Role, "role", 50)
	return v.Err()
}

// escalateBatch bounds the cases that one call escalates, and so its transaction.
const escalateBatch = 500

var opEscalateCritical = usecase.Command[EscalateCriticalInput, []CriticalAlert]{
	Name: "lab.escalate_critical", Permission: hmstype.PermLabAcknowledge, Shows: alerts.FoundAll(),
	MayBeIdle: "all alerts may have been acknowledged",
	Sample:    EscalateCriticalInput{AsOf: usecase.SampleAt, Role: identity.RoleNurse},
}.Declare()

// EscalateCritical raises the level of the open cases whose time to acknowledge has run out as of
// the instant, emits "lab.critical_escalated" for each and gives them, at most 500, the most
// overdue first. Call it every minute or so, and again at once while it gives 500. A second call
// as of the same instant escalates nothing again; several callers take different cases.
//
// Each says whom to tell: who holds the role and is on duty or on call then, at first in the ward
// where the patient lies, from the second level on, or where nobody is there, in the whole house. An
// unknown role is not found.
// Permission: [hmstype.PermLabAcknowledge].
func (s *Service) EscalateCritical(ctx context.Context, in EscalateCriticalInput) ([]CriticalAlert, error) {
	return opEscalateCritical.Run(ctx, &s.base, in, s.escalateCritical)
}

func (s *Service) escalateCritical(ctx context.Context, db dbx.DB, in EscalateCriticalInput) ([]CriticalAlert, error) {
	if in.Role == "" {
		in.Role = identity.RoleDoctor // where the tenant has none, nobody of it is on duty
	} else if err := s.ports.Staff.RequireRole(ctx, db.Conn(), in.Role); err != nil {
		return nil, err
	}
	in.AsOf = hmstype.Instant(in.AsOf)
	rows, err := dbx.All[alertRow](ctx, db, dbx.Equal("status", AlertOpen), dbx.Where("ca.escalate_at <= ?", in.AsOf),
		dbx.OrderBy("ca.escalate_at", "ca.id"), dbx.Limit(escalateBatch), dbx.SkipLocked)
	if err != nil {
		return nil, err
	}
	escalated := make([]CriticalAlert, 0, len(rows))
	for _, row := range rows {
		missed := int64(in.AsOf.Sub(row.EscalateAt)/s.ports.EscalateCriticalAfter) + 1
		row.EscalationLevel += missed
		row.EscalateAt = row.EscalateAt.Add(time.Duration(missed) * s.ports.EscalateCriticalAfter)
		row.EscalatedAt = in.AsOf
		if err := dbx.Update(ctx, db, &row, "escalation_level", "escalate_at", "escalated_at"); err != nil {
			return nil, err
		}
		ward, tell, err := s.whomToTell(ctx, db, row, in)
		if err != nil {
			return nil, err
		}
		data := alertData(row)
		data["ward"], data["tell"] = ward, tell
		if err := db.Emit(ctx, dbx.Event{Type: eventCriticalEscalated, ID: row.ID, Data: data}); err != nil {
			return nil, err
		}
		alert := row.alert()
		alert.Tell = tell
		escalated = append(escalated, alert)
	}
	return escalated, nil
}

// whomToTell gives where the patient lies and who is there for him; after a first silence, or where
// nobody is there, who is anywhere in the house.
func (s *Service) whomToTell(
	ctx context.Context, db dbx.DB, row alertRow, in EscalateCriticalInput,
) (ward hmstype.WardID, tell []hmstype.UserID, err error) {
	if s.ports.Wards != nil {
		if ward, err = s.ports.Wards.PatientWard(ctx, db.Conn(), row.PatientID); err != nil {
			return ward, nil, err
		}
	}
	if !ward.IsZero() && row.EscalationLevel == 1 {
		tell, err = s.ports.Staff.OnDuty(ctx, db.Conn(), ward, "", in.Role, in.AsOf)
		if err != nil || len(tell) > 0 {
			return ward, tell, err
		}
	}
	tell, err = s.ports.Staff.OnDuty(ctx, db.Conn(), hmstype.WardID{}, "", in.Role, in.AsOf)
	return ward, tell, err
}

// DefaultEscalateAfter is how long a critical value may wait for a person before its case
// is escalated, and between two escalations. Accreditation asks for a stated time and leaves
// the figure to the laboratory.
const DefaultEscalateAfter = 30 * time.Minute
