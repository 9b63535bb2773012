package sealed

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// purgeRow is the record of a purge as it is stored.
type purgeRow struct {
	month                time.Time
	count                int64
	digest, sum          []byte
	archive, basis, note string
	purgedAt             time.Time
}

// open gives what the row's note signs, where the row says the same.
func (r purgeRow) open(origin string, verifiers note.Verifiers) (proof.Purge, error) {
	p, err := proof.OpenPurge(r.note, verifiers)
	if err != nil {
		return p, err
	}
	if p.Origin != origin || p.Month != proof.MonthOf(r.month) ||
		p.Leaves.Count != r.count || string(p.Leaves.Digest[:]) != string(r.digest) ||
		p.Archive != r.archive || string(p.Sum[:]) != string(r.sum) || p.Basis != r.basis || !p.Time.Equal(r.purgedAt) {
		return p, proof.ErrPurge
	}
	return p, nil
}

// openPurges gives the tenant's purges by month, oldest first, and the months whose record is
// not what was signed: those explain nothing.
func (s *Service) openPurges(
	ctx context.Context, db dbx.DB, verifiers note.Verifiers,
) (purges []proof.Purge, invalid []Month, err error) {
	rows, err := db.Query(ctx, `SELECT month, leaf_count, digest, archive, archive_hash, basis, purged_at, note
		FROM hms.audit_purge WHERE tenant_id = $1 ORDER BY month`, db.Tenant())
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var r purgeRow
		if err := rows.Scan(&r.month, &r.count, &r.digest, &r.archive, &r.sum, &r.basis, &r.purgedAt, &r.note); err != nil {
			return nil, nil, err
		}
		p, err := r.open(s.config.origin(db.Tenant()), verifiers)
		if err != nil {
			invalid = append(invalid, proof.MonthOf(r.month))
			continue
		}
		purges = append(purges, p)
	}
	return purges, invalid, rows.Err()
}

// holdTrail keeps purges away until the transaction ends: one that committed half-way through
// a verification would look like an attack.
func holdTrail(ctx context.Context, db dbx.DB) error {
	_, err := db.Exec(ctx, `LOCK TABLE ONLY hms.audit_event IN ACCESS SHARE MODE`)
	return err
}

// purgeCheck adds up the leaves that a purge claims to explain.
type purgeCheck struct {
	proof.Purge
	leaves  proof.LeafCounter
	missing int64 // leaves without their event
}

// readPurges learns what may explain missing events.
func (c *logCheck) readPurges() error {
	purges, invalid, err := c.s.openPurges(c.ctx, c.db, c.verifiers)
	if err != nil {
		return err
	}
	for _, month := range invalid {
		c.report.addf(FindingPurge, string(month))
	}
	c.purges = map[Month]*purgeCheck{}
	for _, p := range purges {
		c.purges[p.Month] = &purgeCheck{Purge: p}
	}
	return nil
}

// explained tells whether a purge claims the leaf, for now: checkPurges tells whether rightly.
func (c *logCheck) explained(l storedLeaf) bool {
	p := c.purges[proof.MonthOf(l.recordedAt)]
	if p == nil || l.index < p.Leaves.First || l.index > p.Leaves.Last {
		return false
	}
	_ = p.leaves.Add(l.index, l.hash) // leaves come in order; another digest tells if not
	if l.found {                      // an event that was purged and is there again
		c.report.add(Finding{
			Kind: FindingPurge, Event: l.event, RecordedAt: l.recordedAt, Index: l.index, Until: l.index + 1,
			Detail: string(p.Month),
		})
		return true
	}
	p.missing++
	return true
}

// checkPurges holds each purge against the leaves of its month. One that is not exactly what was
// signed explains none of them.
func (c *logCheck) checkPurges() error {
	for month, p := range c.purges {
		if p.leaves.Leaves() == p.Leaves {
			c.report.Purged += p.missing
			continue
		}
		c.report.add(Finding{Kind: FindingPurge, Index: p.Leaves.First, Until: p.Leaves.Last + 1, Detail: string(month)})
		if err := c.reportRemoved(p); err != nil {
			return err
		}
	}
	return nil
}

// reportRemoved names the leaves that the purge would have explained.
func (c *logCheck) reportRemoved(p *purgeCheck) error {
	from, to, err := p.Month.Bounds()
	if err != nil {
		return err
	}
	rows, err := c.db.Query(c.ctx, `SELECT l.leaf_index, l.event_id, l.recorded_at FROM hms.audit_leaf AS l
		LEFT JOIN hms.audit_event AS e ON e.tenant_id = $1 AND e.recorded_at = l.recorded_at AND e.id = l.event_id
		WHERE l.tenant_id = $1 AND l.recorded_at >= $2 AND l.recorded_at < $3
		  AND l.leaf_index BETWEEN $4 AND $5 AND e.id IS NULL
		ORDER BY l.leaf_index LIMIT $6`, c.db.Tenant(), from, to, p.Leaves.First, p.Leaves.Last, MaxFindings+1)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		f := Finding{Kind: FindingRemoved, Detail: fmt.Sprintf("the purge of %s does not explain it", p.Month)}
		if err := rows.Scan(&f.Index, &f.Event, &f.RecordedAt); err != nil {
			return err
		}
		f.RecordedAt, f.Until = f.RecordedAt.UTC(), f.Index+1
		c.report.add(f)
	}
	return rows.Err()
}
