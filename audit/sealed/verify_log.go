package sealed

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opVerifyLog = usecase.Query[usecase.None, LogReport]{
	Name: "audit.verify_log", Permission: hmstype.PermAuditVerify,
	Shows: usecase.Nobody[LogReport]("hashes, and the ids of events"),
}.Declare()

// VerifyLog reads the whole log and trail of the tenant and holds them against each other,
// against every signed checkpoint and against what the witnesses remember. Events that are gone
// are explained by the signed record of their purge, exactly, or not at all. It trusts nothing
// that is stored: every hash is computed anew, and the schema and our roles are held against what the
// migrations make, by what the catalogue says of them. It takes memory for one page, and time for
// every event; it writes nothing but its own record.
// Permission: [hmstype.PermAuditVerify].
func (s *Service) VerifyLog(ctx context.Context) (LogReport, error) {
	return opVerifyLog.Run(ctx, &s.base, usecase.None{}, s.verifyLog)
}

// logCheck is the state of one verification.
type logCheck struct {
	s         *Service
	ctx       context.Context //nolint:containedctx // of one verification
	db        dbx.DB
	verifiers note.Verifiers
	origin    string
	now       time.Time
	report    LogReport

	until  checkpointRow        // the newest checkpoint as the verification began
	size   int64                // leaves seen
	stack  []tlog.Hash          // roots of the complete subtrees seen, the largest first
	nodes  map[nodeID]tlog.Hash // subtrees that the present page completed
	queue  []checkpointRow      // checkpoints that are still to be met, ascending
	number int64                // of the last checkpoint met
	last   proof.Checkpoint     // the last valid one; zero before the first
	proved int64                // the leaves before this gave a signed root
	broken bool                 // a root differed: all later ones do
	wanted map[int64][]seen     // by size: what witnesses saw
	purges map[Month]*purgeCheck
	keys   *keyring
	doubts map[string]int // by key: its finding's place in the report
	asked  []asked

	history catalogueHistory
	begun   time.Time // the first checkpoint's Time
}

// clockStep is what two readings of the clock may differ by though the earlier one is of the later instant: clocks are
// set, and a standby that takes over has one of its own. It is what the database grants them, too
// (audit_event_time_check); who dates an event by less gains no more than by writing it now. A clock that was set
// back further makes findings of honest events until it is there again.
const clockStep = time.Minute

type nodeID struct {
	level    int
	position int64
}

// seen is what a witness remembers.
type seen struct {
	witness string
	root    tlog.Hash
}

func (s *Service) verifyLog(ctx context.Context, db dbx.DB, _ usecase.None) (LogReport, error) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return LogReport{}, err
	}
	c := &logCheck{
		s: s, ctx: ctx, db: db, verifiers: verifiers, origin: s.config.origin(db.Tenant()), wanted: map[int64][]seen{},
	}
	if err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&c.now); err != nil {
		return LogReport{}, err
	}
	if err := holdTrail(ctx, db); err != nil {
		return LogReport{}, err
	}
	for _, step := range []func() error{
		c.checkCatalogue, c.readKeys, c.checkSkipped, c.checkTenantRecords, c.askWitnesses, c.readPurges, c.checkLeaves,
		c.checkPurges, c.checkEnd, c.checkHeldBack, c.checkWitnesses, c.checkUnsealed,
	} {
		if err := step(); err != nil {
			return LogReport{}, err
		}
	}
	access := dbx.Access{Action: string(audit.ActionVerify), Entity: "audit_leaf", ID: fmt.Sprint(c.report.Size)}
	return c.report, db.RecordAccess(ctx, access)
}

// logPage is how many leaves are read at once.
const logPage = 5000

const leafQuery = `SELECT l.leaf_index, l.event_id, l.recorded_at, l.hash, ` + eventColumns + `
	FROM hms.audit_leaf AS l
	LEFT JOIN hms.audit_event AS e
		ON e.tenant_id = l.tenant_id AND e.tenant_id = $1 AND e.recorded_at = l.recorded_at AND e.id = l.event_id
	WHERE l.tenant_id = $1 AND l.leaf_index >= $2 AND l.leaf_index < $3 ORDER BY l.leaf_index`

// checkLeaves reads the log up to the checkpoint that is the newest now, a page at a time:
// sealing goes on meanwhile.
func (c *logCheck) checkLeaves() error {
	var err error
	if c.until, _, err = lastCheckpoint(c.ctx, c.db); err != nil {
		return err
	}
	if err := c.meet(); err != nil { // what was seen of the empty log
		return err
	}
	for from := int64(0); from < c.until.size; from += logPage {
		c.nodes = map[nodeID]tlog.Hash{}
		if err := c.checkPage(from); err != nil {
			return err
		}
		if err := c.checkNodes(); err != nil {
			return err
		}
	}
	c.report.Size = c.size
	return nil
}

func (c *logCheck) checkPage(from int64) error {
	page, err := c.readPage(from)
	if err != nil {
		return err
	}
	for _, l := range page {
		for c.size < l.index { // a gap in the numbers; what follows is checked all the same
			c.report.add(Finding{Kind: FindingLeaf, Index: c.size, Until: c.size + 1})
			c.push(tlog.Hash{})
		}
		c.checkEvent(l)
		c.push(l.hash)
		if err := c.meet(); err != nil {
			return err
		}
	}
	return nil
}

// storedLeaf is a leaf with its event, where that is there.
type storedLeaf struct {
	leaf
	found bool
	want  tlog.Hash // of the event as it is now
	valid bool      // want could be computed
}

func (c *logCheck) readPage(from int64) ([]storedLeaf, error) {
	rows, err := c.db.Replanned().Query(c.ctx, leafQuery, c.db.Tenant(), from, min(from+logPage, c.until.size))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	list := make([]storedLeaf, 0, logPage)
	tenant := c.db.Tenant().String()
	for rows.Next() {
		var l storedLeaf
		var f eventFields
		var hash []byte
		if err := rows.Scan(append([]any{&l.index, &l.event, &l.recordedAt, &hash}, f.destinations()...)...); err != nil {
			return nil, err
		}
		l.recordedAt = l.recordedAt.UTC()
		copy(l.hash[:], hash)
		if l.found = f.id.Valid; l.found {
			want, err := f.event(tenant).LeafHash()
			l.want, l.valid = want, err == nil
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// checkEvent holds an event against its leaf, and its time against the checkpoints around it.
func (c *logCheck) checkEvent(l storedLeaf) {
	finding := Finding{Event: l.event, RecordedAt: l.recordedAt, Index: l.index, Until: l.index + 1}
	explained := c.explained(l)
	switch {
	case !l.found && explained:
	case !l.found:
		finding.Kind = FindingRemoved
		c.report.add(finding)
	case !l.valid || l.want != l.hash:
		finding.Kind = FindingEdited
		c.report.add(finding)
	}
	tooLate := len(c.queue) > 0 && l.recordedAt.After(c.queue[0].sealedAt.Add(clockStep))
	tooEarly := !c.last.Through.IsZero() && l.recordedAt.Before(c.last.Through.Add(-clockStep))
	if tooLate || tooEarly {
		finding.Kind = FindingBackDated
		c.report.add(finding)
	}
}

// push appends a leaf to the tree.
func (c *logCheck) push(hash tlog.Hash) {
	level, position := 0, c.size
	for ; position&1 == 1; position >>= 1 { // two subtrees of one size become one
		top := len(c.stack) - 1
		hash = tlog.NodeHash(c.stack[top], hash)
		c.stack = c.stack[:top]
		level++
		if level >= blockLevel {
			c.nodes[nodeID{level, position >> 1}] = hash
		}
	}
	c.stack = append(c.stack, hash)
	c.size++
}

// root gives the hash of the tree so far.
func (c *logCheck) root() tlog.Hash {
	if len(c.stack) == 0 {
		return emptyRoot
	}
	root := c.stack[len(c.stack)-1]
	for i := len(c.stack) - 2; i >= 0; i-- {
		root = tlog.NodeHash(c.stack[i], root)
	}
	return root
}
