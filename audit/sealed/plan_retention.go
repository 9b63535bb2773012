package sealed

import (
	"context"
	"database/sql"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PlanRetentionInput says when, and how far, to look.
type PlanRetentionInput struct {
	AsOf  time.Time `json:"asOf,omitzero"` // zero means now
	Limit int       `json:"limit"`         // months that have events, the oldest first, up to 120; zero means 12
}

// Validate implements the rules above.
func (in PlanRetentionInput) Validate() error {
	var v hmstype.Validator
	v.Check(in.Limit >= 0 && in.Limit <= 120, "limit", "must lie between 0 and 120")
	return v.Err()
}

var opPlanRetention = usecase.Query[PlanRetentionInput, []RetentionMonth]{
	Name: "audit.plan_retention", Permission: hmstype.PermAuditRetain,
	Shows:  usecase.Nobody[[]RetentionMonth]("counts events"),
	Sample: PlanRetentionInput{AsOf: usecase.SampleAt, Limit: 1},
}.Declare()

// PlanRetention tells which months of the tenant's trail could be purged at an instant, and what
// stands in the way of each. Months that no policy could let go yet are left out. A month is
// dropped by the host ([ArchiveMonth]) for all its tenants at once, when nothing stands in the way
// with any of them.
// Permission: [hmstype.PermAuditRetain].
func (s *Service) PlanRetention(ctx context.Context, in PlanRetentionInput) ([]RetentionMonth, error) {
	return opPlanRetention.Run(ctx, &s.base, in, s.planRetention)
}

func (s *Service) planRetention(ctx context.Context, db dbx.DB, in PlanRetentionInput) ([]RetentionMonth, error) {
	asOf, limit := in.AsOf, in.Limit
	if asOf.IsZero() {
		asOf = db.Now
	}
	if limit == 0 {
		limit = 12
	}
	rules, err := s.ports.Trail.KeepPeriods(ctx, db.Conn())
	if err != nil {
		return nil, err
	}
	plan := []RetentionMonth{}
	next, err := firstEvent(ctx, db, time.Unix(0, 0))
	for err == nil && !next.IsZero() && len(plan) < limit {
		month := proof.MonthOf(next)
		_, to, _ := month.Bounds() // of an instant there is always one
		if dueAt(to, audit.MinKeepMonths).After(asOf) {
			break
		}
		var m RetentionMonth
		if m, err = monthState(ctx, db, month, asOf, rules); err != nil {
			return nil, err
		}
		plan = append(plan, m)
		next, err = firstEvent(ctx, db, to)
	}
	if err != nil {
		return nil, err
	}
	return plan, db.RecordAccess(ctx, dbx.Access{Action: string(audit.ActionRead), Entity: "retention_policy"})
}

// firstEvent gives the time of the oldest event from an instant on, zero where there is none.
func firstEvent(ctx context.Context, db dbx.DB, from time.Time) (time.Time, error) {
	var at sql.NullTime
	err := db.QueryRow(ctx, `SELECT min(e.recorded_at) FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.recorded_at >= $2`,
		db.Tenant(), from).Scan(&at)
	return at.Time, err
}
