package sealed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// Month is a calendar month in UTC, in the form "2006-01".
type Month = proof.Month

// ObstacleKind is what keeps a month from being purged.
type ObstacleKind string

// The kinds of obstacle.
const (
	ObstacleNotOver  ObstacleKind = "not-over" // the month runs still, by the host's clock or the database's
	ObstaclePeriod   ObstacleKind = "period"   // a period of retention runs; Until tells the end
	ObstacleHold     ObstacleKind = "hold"     // Count legal holds are in force that concern its events
	ObstacleUnsealed ObstacleKind = "unsealed" // Count events are not in the log
	ObstacleDamaged  ObstacleKind = "damaged"  // Count leaves have no event: the month is evidence, see VerifyLog
)

// Obstacle is one thing that keeps a month from being purged.
type Obstacle struct {
	Kind  ObstacleKind `json:"kind"`
	Count int64        `json:"count"`          // zero where there is nothing to count
	Until time.Time    `json:"until,omitzero"` // UTC; zero where time alone will not remove it
}

// RetentionMonth is how one month of one tenant's trail stands to the rules of retention.
type RetentionMonth struct {
	Month  Month                    `json:"month"`
	Events map[audit.Category]int64 `json:"events"` // categories without events are absent
	// UTC: the longest period of its categories has passed; nothing is purged before
	DueAt     time.Time  `json:"dueAt,omitzero"`
	Basis     string     `json:"basis"`     // the rules that give DueAt
	Obstacles []Obstacle `json:"obstacles"` // none: it may be purged
}

// Total gives the number of events.
func (m RetentionMonth) Total() int64 {
	var n int64
	for _, count := range m.Events {
		n += count
	}
	return n
}

// dueAt gives the instant from which a month that ends at to may go: so many months after it,
// so that its last event is kept to the full.
func dueAt(to time.Time, keepMonths int) time.Time { return to.UTC().AddDate(0, keepMonths, 0) }

// monthState looks at one month of the trail.
func monthState(
	ctx context.Context, db dbx.DB, month Month, now time.Time, rules map[audit.Category]audit.KeepPeriod,
) (RetentionMonth, error) {
	m := RetentionMonth{Month: month, Events: map[audit.Category]int64{}}
	from, to, err := month.Bounds()
	if err != nil {
		return m, err
	}
	if err := m.count(ctx, db, from, to); err != nil {
		return m, err
	}
	if err := m.judge(ctx, db, now, rules); err != nil {
		return m, err
	}
	var unsealed, leaves int64
	err = db.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM hms.audit_event AS e
			LEFT JOIN hms.audit_leaf AS l ON l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id
			WHERE e.tenant_id = $1 AND e.recorded_at >= $2 AND e.recorded_at < $3 AND l.leaf_index IS NULL),
		(SELECT count(*) FROM hms.audit_leaf AS l WHERE l.tenant_id = $1 AND l.recorded_at >= $2 AND l.recorded_at < $3)`,
		db.Tenant(), from, to).Scan(&unsealed, &leaves)
	if unsealed > 0 {
		m.Obstacles = append(m.Obstacles, Obstacle{Kind: ObstacleUnsealed, Count: unsealed})
	}
	if lost := leaves - (m.Total() - unsealed); lost != 0 && m.Total() > 0 {
		m.Obstacles = append(m.Obstacles, Obstacle{Kind: ObstacleDamaged, Count: lost})
	}
	return m, err
}

// In SQL: migrate/routine/audit/audit_category.sql.
func (m *RetentionMonth) count(ctx context.Context, db dbx.DB, from, to time.Time) error {
	rows, err := db.Query(ctx, `SELECT hms.audit_category(e.action, e.entity), count(*) FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.recorded_at >= $2 AND e.recorded_at < $3 GROUP BY 1`, db.Tenant(), from, to)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var category audit.Category
		var count int64
		if err := rows.Scan(&category, &count); err != nil {
			return err
		}
		m.Events[category] = count
	}
	return rows.Err()
}

// judge finds the obstacles that rules and holds put up, which may change while an archive is
// written.
func (m *RetentionMonth) judge(
	ctx context.Context, db dbx.DB, now time.Time, rules map[audit.Category]audit.KeepPeriod,
) error {
	from, to, err := m.Month.Bounds()
	if err != nil {
		return err
	}
	m.Obstacles, m.DueAt = nil, to
	var basis []string
	for _, category := range audit.Categories() {
		if m.Events[category] == 0 {
			continue
		}
		rule := rules[category]
		if due := dueAt(to, rule.Months); due.After(m.DueAt) {
			m.DueAt = due
		}
		basis = append(basis, fmt.Sprintf("%s %d months (%s)", category, rule.Months, rule.Basis))
	}
	m.Basis = strings.Join(basis, "; ")
	if now.Before(to) {
		m.Obstacles = append(m.Obstacles, Obstacle{Kind: ObstacleNotOver, Until: to})
	}
	if now.Before(m.DueAt) {
		m.Obstacles = append(m.Obstacles, Obstacle{Kind: ObstaclePeriod, Until: m.DueAt})
	}
	var holds int64
	err = db.QueryRow(ctx, `SELECT count(*) FROM hms.legal_hold AS h WHERE h.tenant_id = $1 AND h.released_at IS NULL
		AND (h.patient_id IS NULL OR EXISTS (SELECT 1 FROM hms.audit_event AS e
			WHERE e.tenant_id = $1 AND e.patient_id = h.patient_id AND e.recorded_at >= $2 AND e.recorded_at < $3))`,
		db.Tenant(), from, to).Scan(&holds)
	if holds > 0 {
		m.Obstacles = append(m.Obstacles, Obstacle{Kind: ObstacleHold, Count: holds})
	}
	return err
}
