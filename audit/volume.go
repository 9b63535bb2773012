package audit

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Volume says how many patients in one window are too many. At least one of AtLeast and Times
// is wanted; a window that either of them finds is unusual.
type Volume struct {
	PerDay  bool  `json:"perDay"`  // windows are calendar days of the tenant; false: hours
	AtLeast int64 `json:"atLeast"` // different patients, whatever the user's habit; zero does not ask
	// more than so many times the user's own median of the time before; zero does not ask
	Times int64 `json:"times"`
	Floor int64 `json:"floor"` // with Times: fewer patients than these are never unusual; zero means 10
	// days before the period from which the median is taken, up to 366; zero means 28
	Baseline int `json:"baseline"`
}

// Defaults of Volume.
const (
	defaultFloor    = 10
	defaultBaseline = 28
)

func (o Volume) validate(v *hmstype.Validator) {
	v.Check(o.AtLeast >= 0 && o.Times >= 0 && o.Floor >= 0, "volume", "must not be negative")
	v.Check(o.AtLeast > 0 || o.Times > 0, "volume", "needs atLeast or times")
	v.Check(o.Times <= 1000, "volume.times", "must be at most 1000")
	v.Check(o.Baseline >= 0 && o.Baseline <= 366, "volume.baseline", "must lie between 0 and 366")
}

func (o Volume) withDefaults() Volume {
	if o.Floor == 0 {
		o.Floor = defaultFloor
	}
	if o.Baseline == 0 {
		o.Baseline = defaultBaseline
	}
	return o
}

// window gives the unit of date_trunc.
func (o Volume) window() string {
	if o.PerDay {
		return "day"
	}
	return "hour"
}

// volumeQuery counts the patients of each user in each window, programs included; the windows
// before the period give the user's median. A window belongs to the period in which it begins.
// The actor is narrowed by two ranges, as ";" follows ":".
const volumeQuery = `WITH access AS (
		SELECT split_part(e.actor, ':', 2)::uuid AS user_id,
		       date_trunc($2, e.recorded_at AT TIME ZONE $3) AT TIME ZONE $3 AS began,
		       count(DISTINCT e.patient_id) AS patients, count(*) AS events,
		       min(e.recorded_at) AS first_at, max(e.recorded_at) AS last_at
		FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.recorded_at >= $4 AND e.recorded_at < $6 AND e.patient_id IS NOT NULL
		  AND e.action = ANY ($7::text[])
		  AND (e.actor >= 'human:' AND e.actor < 'human;' OR e.actor >= 'service:' AND e.actor < 'service;')
		  AND ($8::text[] IS NULL OR e.actor = ANY ($8::text[]))
		GROUP BY 1, 2),
	habit AS (
		SELECT a.user_id, percentile_disc(0.5) WITHIN GROUP (ORDER BY a.patients) AS usual
		FROM access AS a WHERE a.began < $5 GROUP BY a.user_id)
	SELECT a.user_id, a.began, a.patients, a.events, a.first_at, a.last_at, coalesce(h.usual, 0)
	FROM access AS a LEFT JOIN habit AS h ON h.user_id = a.user_id
	WHERE a.began >= $5 AND ($9 > 0 AND a.patients >= $9 OR $10 > 0 AND a.patients >= $11 AND a.patients > $10 * h.usual)
	  AND ($12::timestamptz IS NULL OR (a.began, a.user_id) > ($12::timestamptz, $13::uuid))
	ORDER BY a.began, a.user_id LIMIT $14`

func (q ListUnusualInput) volume(ctx context.Context, db dbx.DB) (found hmstype.List[Unusual], err error) {
	found.Items = []Unusual{}
	size, err := q.Page.Size()
	if err != nil {
		return found, err
	}
	tenant, err := db.TenantInfo(ctx)
	if err != nil {
		return found, err
	}
	args, err := q.volumeArgs(db, tenant.Zone, size+1)
	if err != nil {
		return found, err
	}
	rows, err := db.Query(ctx, volumeQuery, args...)
	if err != nil {
		return found, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		u := Unusual{Suspicion: SuspicionVolume}
		var began time.Time
		if err := rows.Scan(&u.User, &began, &u.Patients, &u.Events, &u.First, &u.Last, &u.Usual); err != nil {
			return found, err
		}
		u.First, u.Last, u.Window = u.First.UTC(), u.Last.UTC(), q.Volume.around(began, tenant.Zone)
		found.Items = append(found.Items, u)
	}
	return cutAt("volume", found, size, func(u Unusual) hmstype.Position {
		return hmstype.Position{At: u.Window.Start, ID: u.User.UUID()}
	}), rows.Err()
}

// around gives the window that begins at an instant: an hour, or a day of the tenant's clocks.
func (o Volume) around(began time.Time, zone *time.Location) hmstype.Period {
	end := began.Add(time.Hour)
	if o.PerDay {
		end = began.In(zone).AddDate(0, 0, 1)
	}
	return hmstype.Period{Start: began.UTC(), End: end.UTC()}
}

func (q ListUnusualInput) volumeArgs(db dbx.DB, zone *time.Location, limit int) ([]any, error) {
	o := q.Volume.withDefaults()
	after, ok, err := q.Page.Position("volume")
	if err != nil {
		return nil, err
	}
	var afterAt, afterID, users any
	if ok {
		afterAt, afterID = after.At, after.ID.String()
	}
	if !q.User.IsZero() {
		users = actorsOf(q.User)
	}
	actions := make([]string, 0, len(q.actions()))
	for _, a := range q.actions() {
		actions = append(actions, string(a))
	}
	return []any{
		db.Tenant(), o.window(), zone.String(), hmstype.Instant(q.During.Start.AddDate(0, 0, -o.Baseline)),
		hmstype.Instant(q.During.Start), hmstype.Instant(q.During.End), actions, users, o.AtLeast, o.Times, o.Floor,
		afterAt, afterID, limit,
	}, nil
}

// cutAt makes a page of the named list of what was read with one row too many.
func cutAt[T any](list string, rows hmstype.List[T], size int, position func(T) hmstype.Position) hmstype.List[T] {
	if len(rows.Items) > size {
		rows.Items = rows.Items[:size]
		rows.Next = position(rows.Items[size-1]).Cursor(list)
	}
	return rows
}
