package sealed

import (
	"crypto/sha256"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// emptyRoot is the root of a tree without leaves (RFC 6962, section 2.1).
var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// checkpointPage is how many checkpoints are read at once.
const checkpointPage = 1000

// meet holds the tree against every checkpoint of its present size, and against what
// witnesses saw of it.
func (c *logCheck) meet() error {
	for {
		if len(c.queue) == 0 {
			more, err := checkpoints(c.ctx, c.db, checkpointColumns+` AND number > $2 AND number <= $3 ORDER BY number LIMIT $4`,
				c.db.Tenant(), c.number, c.until.number, checkpointPage)
			if err != nil {
				return err
			}
			c.queue = more
		}
		if len(c.queue) == 0 || c.queue[0].size > c.size {
			break
		}
		c.check(c.queue[0])
		c.queue = c.queue[1:]
	}
	for _, w := range c.wanted[c.size] {
		if w.root != c.root() {
			c.report.addf(FindingForked, w.witness)
		}
	}
	delete(c.wanted, c.size)
	return nil
}

// check holds one checkpoint against the tree of its size.
func (c *logCheck) check(row checkpointRow) {
	number := fmt.Sprint(row.number)
	if row.number != c.number+1 || row.size < c.size {
		c.report.addf(FindingSequence, number)
	}
	c.number = row.number
	c.report.Checkpoints++
	checkpoint, err := row.open(c.origin, c.verifiers)
	if err == nil && checkpoint.Records > c.keys.count() {
		c.report.addf(FindingRecord, fmt.Sprintf("checkpoint %s has %d", number, checkpoint.Records))
	}
	if err != nil || !c.keys.signs(row) {
		c.report.addf(FindingCheckpoint, number)
		return
	}
	c.doubt(row)
	c.checkRestorations(row)
	if checkpoint.Time.Before(c.last.Time) || checkpoint.Through.After(checkpoint.Time) {
		c.report.addf(FindingSequence, number)
	}
	c.last = checkpoint
	c.delay(row.number, checkpoint)
	c.follow(row.number, checkpoint)
	c.report.SealedAt = checkpoint.Time
	switch {
	case row.size != c.size || c.broken:
	case checkpoint.Root == c.root():
		c.proved = c.size
	default:
		c.broken = true
		c.report.add(Finding{Kind: FindingRoot, Index: c.proved, Until: c.size, Detail: number})
	}
}

// checkRestorations holds what a record says of the checkpoint behind which the log went on against that.
func (c *logCheck) checkRestorations(row checkpointRow) {
	for _, r := range c.keys.restorations {
		if r.Checkpoint == row.number && (r.Size != row.size || string(r.Root[:]) != string(row.root)) {
			c.report.addf(FindingRecord, fmt.Sprintf("record %d of checkpoint %d", r.Number, row.number))
		}
	}
}

// checkNodes holds the stored subtrees of one page against its leaves. Proofs are made of
// them, so a wrong one would let honest proofs fail.
func (c *logCheck) checkNodes() error {
	levels, positions := []int64{}, []int64{}
	for id := range c.nodes {
		levels, positions = append(levels, int64(id.level)), append(positions, id.position)
	}
	rows, err := c.db.Query(c.ctx, `SELECT n.level, n.position, n.hash
		FROM unnest($2::integer[], $3::bigint[]) AS u (level, position)
		JOIN hms.audit_node AS n ON n.tenant_id = $1 AND n.level = u.level AND n.position = u.position`,
		c.db.Tenant(), levels, positions)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var id nodeID
		var hash []byte
		if err := rows.Scan(&id.level, &id.position, &hash); err != nil {
			return err
		}
		if want, ok := c.nodes[id]; ok && string(want[:]) == string(hash) {
			delete(c.nodes, id)
		}
	}
	for id := range c.nodes {
		c.report.add(Finding{Kind: FindingNode, Index: id.position << id.level, Until: (id.position + 1) << id.level})
	}
	return rows.Err()
}

// checkEnd asks whether the log ends where it was signed and seen to end.
func (c *logCheck) checkEnd() error {
	for size, witnesses := range c.wanted {
		for _, w := range witnesses {
			c.report.addf(FindingTail, fmt.Sprintf("witness %s saw %d leaves", w.witness, size))
		}
	}
	if len(c.queue) > 0 {
		c.report.addf(FindingTail, fmt.Sprintf("checkpoint %d has %d leaves", c.queue[0].number, c.queue[0].size))
	}
	var leaves, signed int64
	err := c.db.QueryRow(c.ctx, `SELECT (SELECT coalesce(max(leaf_index) + 1, 0) FROM hms.audit_leaf WHERE tenant_id = $1),
		(SELECT coalesce(max(size), 0) FROM hms.audit_checkpoint WHERE tenant_id = $1)`, c.db.Tenant()).Scan(&leaves, &signed)
	if err != nil {
		return err
	}
	if leaves > signed {
		c.report.add(Finding{Kind: FindingTail, Index: signed, Until: leaves, Detail: "no checkpoint holds these leaves"})
	}
	if c.report.Checkpoints > 0 && c.now.Sub(c.report.SealedAt) > 2*c.s.config.Refresh {
		c.report.addf(FindingStale, c.report.SealedAt.Format(time.RFC3339))
	}
	return nil
}

const unsealedEvents = `FROM hms.audit_event AS e
	LEFT JOIN hms.audit_leaf AS l ON l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id
	WHERE e.tenant_id = $1 AND l.tenant_id IS NULL`

// checkUnsealed looks for events that were there when a checkpoint said that all such are in the log: somebody put
// them there later, or took their leaves away.
func (c *logCheck) checkUnsealed() error {
	if err := c.db.QueryRow(c.ctx, `SELECT count(*) `+unsealedEvents, c.db.Tenant()).Scan(&c.report.Unsealed); err != nil {
		return err
	}
	if c.report.Unsealed > 0 && c.until.number == 0 {
		return c.checkNeverSealed()
	}
	if c.last.Through.IsZero() || c.report.Unsealed == 0 {
		return nil
	}
	rows, err := c.db.Query(c.ctx, `SELECT e.id, e.recorded_at `+unsealedEvents+` AND e.recorded_at < $2
		ORDER BY e.recorded_at, e.id LIMIT $3`,
		c.db.Tenant(), c.last.Through.Add(-clockStep), MaxFindings+1)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		f := Finding{Kind: FindingInserted, Index: -1, Until: -1}
		if err := rows.Scan(&f.Event, &f.RecordedAt); err != nil {
			return err
		}
		f.RecordedAt = f.RecordedAt.UTC()
		c.report.add(f)
	}
	return rows.Err()
}
