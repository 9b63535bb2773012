package sealed

import (
	"fmt"
	"time"

	"github.com/chelal/hms/audit/proof"
)

// asked is what a witness said when the verification began.
type asked struct {
	witness Witness
	failed  bool
}

// askWitnesses learns which sizes and roots the log must have had.
func (c *logCheck) askWitnesses() error {
	for _, w := range c.s.config.Witnesses {
		latest, failed := c.latestOf(w)
		c.asked = append(c.asked, asked{w, failed})
		if _, lost := c.keys.loses(latest.Checkpoint); failed || lost || latest.note == "" {
			continue
		}
		c.wanted[latest.Size] = append(c.wanted[latest.Size], seen{w.Name(), latest.Root})
	}
	return nil
}

// witnessed is a witness's latest checkpoint.
type witnessed struct {
	proof.Checkpoint
	note string // empty: it has none
}

// latestOf asks a witness; one that fails is a finding.
func (c *logCheck) latestOf(w Witness) (latest witnessed, failed bool) {
	text, err := w.Latest(c.ctx, c.origin)
	if err != nil {
		c.report.addf(FindingWitness, w.Name())
		return latest, true
	}
	if text == "" {
		return latest, false
	}
	checkpoint, err := proof.OpenCheckpoint(text, c.verifiers)
	if err != nil || checkpoint.Origin != c.origin {
		c.report.addf(FindingWitness, w.Name())
		return latest, true
	}
	return witnessed{checkpoint, text}, false
}

// checkWitnesses asks each witness again, for one may have been told meanwhile, whether it has what the log had when
// the verification began.
func (c *logCheck) checkWitnesses() error {
	for _, a := range c.asked {
		if a.failed {
			continue
		}
		latest, failed := c.latestOf(a.witness)
		if failed {
			continue
		}
		if err := c.checkLag(a.witness.Name(), latest); err != nil {
			return err
		}
	}
	return nil
}

// checkLag looks for the checkpoints that a witness has not got.
func (c *logCheck) checkLag(name string, latest witnessed) error {
	var behind int64
	var oldest time.Time
	var known bool
	err := c.db.QueryRow(c.ctx, `SELECT count(*) FILTER (WHERE c.number > w.number),
			coalesce(min(c.sealed_at) FILTER (WHERE c.number > w.number), now()), w.known
		FROM (SELECT coalesce(max(x.number), 0) AS number, count(*) > 0 AS known
			FROM hms.audit_checkpoint AS x WHERE x.tenant_id = $1 AND x.note = $2) AS w
		LEFT JOIN hms.audit_checkpoint AS c ON c.tenant_id = $1 AND c.number <= $3 GROUP BY w.number, w.known`,
		c.db.Tenant(), latest.note, c.until.number).Scan(&behind, &oldest, &known)
	switch {
	case err != nil:
		return err
	case latest.note != "" && !known:
		if r, lost := c.keys.loses(latest.Checkpoint); lost {
			c.report.addf(FindingWitnessBehind, fmt.Sprintf("%s was not told of the restore to %s", name,
				r.RestoredTo.Format(time.RFC3339)))
			return nil
		}
		c.report.addf(FindingForked, name+" has a checkpoint that the log has not")
	case behind > 1 || behind == 1 && c.now.Sub(oldest) > c.s.config.WitnessLag:
		c.report.addf(FindingWitnessBehind, fmt.Sprintf("%s has not got %d checkpoints, the oldest of %s", name, behind,
			oldest.UTC().Format(time.RFC3339)))
	}
	return nil
}

// readKeys learns which key signs what.
func (c *logCheck) readKeys() (err error) {
	if c.keys, err = c.s.keys(c.ctx, c.db); err != nil {
		return err
	}
	c.report.Restorations = c.keys.restorations
	for _, number := range c.keys.invalid {
		c.report.addf(FindingRecord, fmt.Sprintf("record %d", number))
	}
	return nil
}

// doubt tells once per distrusted key which leaves it signed unseen.
func (c *logCheck) doubt(row checkpointRow) {
	record, ok := c.keys.doubts(row)
	if !ok {
		return
	}
	if at, told := c.doubts[record.Key]; told {
		c.report.Findings[at].Until = row.size
		return
	}
	if c.doubts == nil {
		c.doubts = map[string]int{}
	}
	if len(c.report.Findings) < MaxFindings {
		c.doubts[record.Key] = len(c.report.Findings)
	}
	c.report.add(Finding{
		Kind: FindingKeyDistrusted, Index: min(record.Size, row.size), Until: row.size,
		Detail: fmt.Sprintf("from checkpoint %d on, by record %d", row.number, record.Number),
	})
}

// checkNeverSealed looks for events that wait for a first checkpoint.
func (c *logCheck) checkNeverSealed() error {
	var oldest time.Time
	err := c.db.QueryRow(c.ctx, `SELECT min(e.recorded_at) FROM hms.audit_event AS e WHERE e.tenant_id = $1`,
		c.db.Tenant()).Scan(&oldest)
	if err == nil && c.now.Sub(oldest) > 2*c.s.config.Refresh {
		c.report.addf(FindingUnsealed, "events since "+oldest.UTC().Format(time.RFC3339))
	}
	return err
}
