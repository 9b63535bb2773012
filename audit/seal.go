package audit

import (
	"context"
	"errors"
	"time"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// SealInput bounds one step of sealing.
type SealInput struct {
	Limit int // events of this step, up to 100,000; zero means 10,000
	// Sweep looks for events without a leaf over the whole trail instead of its end: after a
	// restore, when transaction ids mean nothing, and now and then. What it finds late will be
	// reported as back-dated.
	Sweep bool
}

// defaultBatch keeps the transaction of one step below a second or two.
const defaultBatch = 10_000

// Validate implements the rules above.
func (in SealInput) Validate() error {
	var v hmstype.Validator
	v.Check(in.Limit >= 0 && in.Limit <= 100_000, "limit", "must lie between 0 and 100000")
	return v.Err()
}

// SealReport tells what one step did.
type SealReport struct {
	Checkpoint proof.Checkpoint // the newest, whether or not this step made it
	Number     int64            // of the checkpoint, from 1
	Sealed     int              // events that this step put into the log
	More       bool             // the step was full: call again
	Witnessed  []string         // names of the witnesses that took the checkpoint
	Failed     map[string]error // by name of the witness; what was sealed stays sealed
}

// Seal puts the tenant's committed events into its Merkle log, signs a checkpoint and tells
// the witnesses. The host's scheduler calls it every few seconds for each tenant; two at once
// take turns. Writers never wait for it. [ErrNoSigner], [ErrInTransaction]; [ErrLogDamaged] where
// the log is not what was signed last: then nothing is added, and [Service.VerifyLog] tells more.
func (s *Service) Seal(ctx context.Context, in SealInput) (SealReport, error) {
	op := service.Op{Name: "audit.seal", Permission: hmstype.PermAuditSeal}
	report, err := service.Write(ctx, &s.base, op, in, s.seal)
	if err != nil {
		return SealReport{}, err
	}
	return s.publish(ctx, report)
}

func (s *Service) seal(ctx context.Context, db dbx.DB, in SealInput) (SealReport, error) {
	if s.log.Signer == nil {
		return SealReport{}, ErrNoSigner
	}
	if s.base.DB.IsBound() {
		return SealReport{}, ErrInTransaction
	}
	if err := db.LockName(ctx, "audit.seal"); err != nil {
		return SealReport{}, err
	}
	var report SealReport
	err := db.AsSealer(ctx, func(ctx context.Context) (err error) {
		report, err = s.sealLocked(ctx, db, in)
		return err
	})
	return report, err
}

func (s *Service) sealLocked(ctx context.Context, db dbx.DB, in SealInput) (SealReport, error) {
	head, err := s.head(ctx, db)
	if err != nil {
		return SealReport{}, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultBatch
	}
	from := head.from
	if in.Sweep {
		from = time.Time{}
	}
	leaves, err := unsealed(ctx, db, from, limit)
	if err != nil {
		return SealReport{}, err
	}
	var now time.Time
	if err := db.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return SealReport{}, err
	}
	now = hmstype.Instant(now)
	if len(leaves) == 0 && head.number > 0 && now.Sub(head.Time) < s.log.Refresh {
		return SealReport{Checkpoint: head.Checkpoint, Number: head.number}, nil
	}
	for i := range leaves {
		leaves[i].index = head.Size + int64(i)
		if err := head.tree.add(leaves[i].index, leaves[i].hash); err != nil {
			return SealReport{}, err
		}
	}
	more := len(leaves) == limit
	next, err := s.extend(ctx, db, head, leaves, more, now)
	return SealReport{Checkpoint: next, Number: head.number + 1, Sealed: len(leaves), More: more}, err
}

// head is where the log ends.
type head struct {
	proof.Checkpoint
	number int64     // zero: there is no log yet
	from   time.Time // before it there is nothing to seal but what a sweep finds
	tree   *tree
}

// head reads the end of the log and refuses one that is not what was signed.
func (s *Service) head(ctx context.Context, db dbx.DB) (head, error) {
	verifiers, err := s.log.verifiers()
	if err != nil {
		return head{}, err
	}
	row, ok, err := lastCheckpoint(ctx, db)
	if err != nil {
		return head{}, err
	}
	h := head{tree: newTree(ctx, db, row.size)}
	if !ok {
		return h, nil
	}
	if h.Checkpoint, err = row.open(s.log.origin(db.Tenant()), verifiers); err != nil {
		return head{}, errors.Join(ErrLogDamaged, err)
	}
	h.number = row.number
	root, err := h.tree.root(row.size)
	if err != nil {
		return head{}, err
	}
	if root != h.Root {
		return head{}, ErrLogDamaged
	}
	h.from = h.Through.Add(-s.log.LongestTransaction)
	return h, nil
}

// extend stores the leaves, the new subtrees and the signed checkpoint.
func (s *Service) extend(ctx context.Context, db dbx.DB, h head, leaves []leaf, more bool, now time.Time) (proof.Checkpoint, error) {
	next := proof.Checkpoint{Origin: s.log.origin(db.Tenant()), Size: h.Size + int64(len(leaves)), Time: now, Through: now}
	if more { // the rest was recorded after the last of these
		next.Through = leaves[len(leaves)-1].recordedAt
	}
	var err error
	if next.Root, err = h.tree.root(next.Size); err != nil {
		return next, err
	}
	signed, err := next.Sign(s.log.Signer)
	if err != nil {
		return next, err
	}
	if err := insertLeaves(ctx, db, leaves); err != nil {
		return next, err
	}
	if err := insertNodes(ctx, db, h.tree.nodes); err != nil {
		return next, err
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.audit_checkpoint (tenant_id, number, size, root, sealed_at, note) VALUES ($1, $2, $3, $4, $5, $6)`,
		db.Tenant(), h.number+1, next.Size, next.Root[:], next.Time, signed)
	return next, err
}

func insertLeaves(ctx context.Context, db dbx.DB, leaves []leaf) error {
	indexes, events, times, hashes := make([]int64, len(leaves)), make([]string, len(leaves)), make([]time.Time, len(leaves)), make([][]byte, len(leaves))
	for i, l := range leaves {
		indexes[i], events[i], times[i], hashes[i] = l.index, l.event.String(), l.recordedAt, l.hash[:]
	}
	_, err := db.Exec(ctx, `INSERT INTO hms.audit_leaf (tenant_id, leaf_index, event_id, recorded_at, hash)
		SELECT $1, u.* FROM unnest($2::bigint[], $3::uuid[], $4::timestamptz[], $5::bytea[]) AS u`,
		db.Tenant(), indexes, events, times, hashes)
	return err
}

func insertNodes(ctx context.Context, db dbx.DB, nodes []node) error {
	levels, positions, hashes := make([]int64, len(nodes)), make([]int64, len(nodes)), make([][]byte, len(nodes))
	for i, n := range nodes {
		levels[i], positions[i], hashes[i] = int64(n.level), n.position, n.hash[:]
	}
	_, err := db.Exec(ctx, `INSERT INTO hms.audit_node (tenant_id, level, position, hash)
		SELECT $1, u.* FROM unnest($2::integer[], $3::bigint[], $4::bytea[]) AS u`, db.Tenant(), levels, positions, hashes)
	return err
}
