package audit

import (
	"context"
	"database/sql"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// clockSkew is how far the host's clock, which dates a grant, may be from the database's, which
// dates events: how far around a grant its uses are looked for.
const clockSkew = 24 * time.Hour

// unreviewedQuery lists the grants that began in the period and that nobody has judged, used
// or not.
const unreviewedQuery = `SELECT g.id, g.user_id, g.patient_id, g.started_at, coalesce(g.ended_at, g.expires_at),
		count(e.id), min(e.recorded_at), max(e.recorded_at)
	FROM hms.break_glass AS g
	LEFT JOIN hms.audit_event AS e ON e.tenant_id = g.tenant_id AND e.tenant_id = $1 AND e.break_glass_id = g.id
		AND e.recorded_at >= $4 AND e.recorded_at < $5
	WHERE g.tenant_id = $1 AND g.outcome = '' AND g.started_at >= $2 AND g.started_at < $3
		AND ($6::uuid IS NULL OR g.user_id = $6::uuid)
	  AND ($7::timestamptz IS NULL OR (g.started_at, g.id) > ($7::timestamptz, $8::uuid))
	GROUP BY g.tenant_id, g.id ORDER BY g.started_at, g.id LIMIT $9`

func (q ListUnusualInput) unreviewed(ctx context.Context, db dbx.DB) (found hmstype.List[Unusual], err error) {
	found.Items = []Unusual{}
	size, err := q.Page.Size()
	if err != nil {
		return found, err
	}
	after, ok, err := q.Page.Position("unreviewed")
	if err != nil {
		return found, err
	}
	var afterAt, afterID any
	if ok {
		afterAt, afterID = after.At, after.ID.String()
	}
	rows, err := db.Query(ctx, unreviewedQuery,
		db.Tenant(), hmstype.Instant(q.During.Start), hmstype.Instant(q.During.End),
		q.During.Start.Add(-clockSkew), q.During.End.Add(clockSkew), q.User, afterAt, afterID, size+1)
	if err != nil {
		return found, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		u := Unusual{Suspicion: SuspicionBreakGlass, Patients: 1}
		var first, last sql.NullTime
		err := rows.Scan(&u.BreakGlass, &u.User, &u.Patient, &u.Window.Start, &u.Window.End, &u.Events, &first, &last)
		if err != nil {
			return found, err
		}
		u.Window.Start, u.Window.End = u.Window.Start.UTC(), u.Window.End.UTC()
		if first.Valid {
			u.First, u.Last = first.Time.UTC(), last.Time.UTC()
		}
		found.Items = append(found.Items, u)
	}
	return cutAt("unreviewed", found, size, func(u Unusual) hmstype.Position {
		return hmstype.Position{At: u.Window.Start, ID: u.BreakGlass.UUID()}
	}), rows.Err()
}
