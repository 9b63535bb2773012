package lab

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// escalateInput says as of when.
type escalateInput struct{ AsOf time.Time }

// Validate requires the instant.
func (in escalateInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

// Given gives the instant, for a hook.
func (in escalateInput) Given() any { return in.AsOf }

// escalateBatch bounds the cases that one call escalates, and so its transaction.
const escalateBatch = 500

var opEscalateCritical = usecase.Command[escalateInput, []CriticalAlert]{
	Name: "lab.escalate_critical", Permission: hmstype.PermLabAcknowledge, Shows: alerts.FoundAll(),
	MayBeIdle: "all alerts may have been acknowledged",
	Sample:    escalateInput{AsOf: usecase.SampleAt},
}.Declare()

// EscalateCritical raises the level of the open cases whose time to acknowledge has run out as of
// the instant, emits eventCriticalEscalated for each and gives them, at most 500, the most
// overdue first. Call it every minute or so, and again at once while it gives 500. A second call
// as of the same instant escalates nothing again; several callers take different cases.
// Permission: [hmstype.PermLabAcknowledge].
func (s *Service) EscalateCritical(ctx context.Context, asOf time.Time) ([]CriticalAlert, error) {
	return opEscalateCritical.Run(ctx, &s.base, escalateInput{hmstype.Instant(asOf)}, s.escalateCritical)
}

func (s *Service) escalateCritical(ctx context.Context, db dbx.DB, in escalateInput) ([]CriticalAlert, error) {
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
		if err := db.Emit(ctx, alertEvent(eventCriticalEscalated, row)); err != nil {
			return nil, err
		}
		escalated = append(escalated, row.alert())
	}
	return escalated, nil
}

// DefaultEscalateAfter is how long a critical value may wait for a person before its case
// is escalated, and between two escalations. Accreditation asks for a stated time and leaves
// the figure to the laboratory.
const DefaultEscalateAfter = 30 * time.Minute
