package sealed

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SealInput bounds one step of sealing.
type SealInput struct {
	Limit int `json:"limit"` // events of this step, up to 100,000; zero means 10,000
	// Sweep looks for events without a leaf over the whole trail instead of its end, which a
	// host should ask for now and then. After a restore, when transaction ids begin anew, it
	// happens by itself. What is found late will be reported as back-dated.
	Sweep bool `json:"sweep"`
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
	Checkpoint proof.Checkpoint `json:"checkpoint"` // the newest, whether or not this step made it
	Number     int64            `json:"number"`     // of the checkpoint, from 1
	Sealed     int              `json:"sealed"`     // events that this step put into the log
	More       bool             `json:"more"`       // the step was full: call again
	Witnessed  []string         `json:"witnessed"`  // names of the witnesses that took the checkpoint
	Failed     map[string]error `json:"failed"`     // by name of the witness; what was sealed stays sealed
	// HeldBack names the transaction that has been open for longer than [Config.LongestTransaction], as far as the login
	// may see it; empty where there is none. Only its own events wait for it.
	HeldBack string `json:"heldBack"`
}

var opSeal = usecase.Command[SealInput, SealReport]{
	Name: "audit.seal", Permission: hmstype.PermAuditSeal, Shows: usecase.Nobody[SealReport]("hashes"),
	Quiet:  "the signed checkpoint is its own record; an event of each seal would want another seal",
	Sample: SealInput{Limit: 100},
}.Declare()

// Seal puts the tenant's committed events into its Merkle log, signs a checkpoint and tells
// the witnesses. The host's scheduler calls it every few seconds for each tenant; two at once
// take turns. Writers never wait for it. [ErrNoSigner], [ErrInTransaction]; [ErrLogDamaged] where
// the log is not what was signed last: then nothing is added, and [Service.VerifyLog] tells more.
// Permission: [hmstype.PermAuditSeal].
func (s *Service) Seal(ctx context.Context, in SealInput) (SealReport, error) {
	report, err := opSeal.Run(ctx, &s.base, in, s.seal)
	if err != nil {
		return SealReport{}, err
	}
	return s.publish(ctx, report)
}

func (s *Service) seal(ctx context.Context, db dbx.DB, in SealInput) (SealReport, error) {
	if s.config.Signer == nil {
		return SealReport{}, ErrNoSigner
	}
	if s.base.DB.IsBound() {
		return SealReport{}, ErrInTransaction
	}
	if err := db.LockName(ctx, "audit.seal"); err != nil {
		return SealReport{}, err
	}
	now, err := takeMoment(ctx, db)
	if err != nil {
		return SealReport{}, err
	}
	s.ids.read(now, s.config.LongestTransaction/128)
	var report SealReport
	err = db.AsSealer(ctx, func(ctx context.Context) (err error) {
		report, err = s.sealLocked(ctx, db, in, now)
		return err
	})
	if err != nil || report.Number == 1 || !s.config.isHeldBack(report.Checkpoint) {
		return report, err
	}
	if report.HeldBack, err = oldestSession(ctx, db, now.own); err == nil {
		s.base.Log.Warn().Str("op", "audit.seal").Time("through", report.Checkpoint.Through).Str("by", report.HeldBack).
			Msg("sealing is held back")
	}
	return report, err
}

func (s *Service) sealLocked(ctx context.Context, db dbx.DB, in SealInput, now moment) (SealReport, error) {
	head, err := s.head(ctx, db)
	if err != nil {
		return SealReport{}, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultBatch
	}
	if now.at.Before(head.Time) { // the clock was set back: checkpoints' times do not go with it
		now.at = head.Time
	}
	step, err := nextStep(ctx, db, head, now, limit, in.Sweep)
	if err != nil {
		return SealReport{}, err
	}
	catalogue, err := s.catalogue(ctx, db, now.at)
	if err != nil {
		return SealReport{}, err
	}
	failed, err := s.addKeys(ctx, db, head, now.at)
	if err != nil {
		return SealReport{}, err
	}
	through := head.Through
	if !step.more { // else what is left may be as old as what was left before
		through = s.through(head, now)
	}
	goesOn := s.config.isHeldBack(head.Checkpoint) && through.After(head.Through)
	if len(step.leaves) == 0 && head.number > 0 && now.at.Sub(head.Time) < s.config.Refresh && !goesOn &&
		!catalogue.differsFrom(head.Checkpoint) && head.Records == head.keys.count() {
		return SealReport{Checkpoint: head.Checkpoint, Number: head.number, Failed: failed}, nil
	}
	for i := range step.leaves {
		step.leaves[i].index = head.Size + int64(i)
		if err := head.tree.add(step.leaves[i].index, step.leaves[i].hash); err != nil {
			return SealReport{}, err
		}
	}
	next, err := s.extend(ctx, db, head, step, now.at, through, catalogue)
	return SealReport{
		Checkpoint: next, Number: head.number + 1, Sealed: len(step.leaves), More: step.more, Failed: failed,
	}, err
}

// step is what one call seals.
type step struct {
	leaves []leaf
	more   bool   // there was more than one step takes
	sealed extent // what is then in the log
	xid    uint64 // what later steps know ids by that began anew: the newest transaction that had sealed
}

// nextStep chooses the events. Where no transaction has ended that is as young as one that sealed, ids began anew by a
// restore: then it looks everywhere, as a sweep does. So it does where the newest checkpoint is another server's, from
// which the tenant came: whatever its ids were, they say nothing of the ones here.
//
// What a checkpoint says to be in the log lies below the id of a transaction that has sealed. Such a one is on disk
// together with the checkpoint, so that after a crash no id below it is given out again.
func nextStep(ctx context.Context, db dbx.DB, h head, now moment, limit int, sweep bool) (step, error) {
	next := step{xid: max(h.xid, now.own)}
	if now.xmax <= max(h.xid, h.sealed.below) {
		next.xid, sweep = now.own, true
	}
	elsewhere := h.number > 0 && h.Time.Before(now.came)
	if elsewhere {
		next.xid, sweep = now.own, true
	}
	ended := now.ended(next.xid)
	var err error
	if sweep {
		next.leaves, err = forgotten(ctx, db, ended, limit)
		next.sealed = ended
	} else {
		next.leaves, next.sealed, err = unsealed(ctx, db, h.sealed, ended, limit)
	}
	next.more = len(next.leaves) == limit
	if sweep && next.more {
		next.sealed, next.xid = h.sealed, h.xid
		if elsewhere { // what is left is of here, and was sealed by nobody
			next.sealed, next.xid = extent{}, now.own
		}
	}
	return next, err
}

// head is where the log ends.
type head struct {
	proof.Checkpoint
	number int64  // zero: there is no log yet
	sealed extent // every event of these transactions is in the log
	xid    uint64 // see step
	tree   *tree
	keys   *keyring
}

// head reads the end of the log and refuses one that is not what was signed.
func (s *Service) head(ctx context.Context, db dbx.DB) (head, error) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return head{}, err
	}
	row, ok, err := lastCheckpoint(ctx, db)
	if err != nil {
		return head{}, err
	}
	h := head{tree: newTree(ctx, db, row.size)}
	if h.keys, err = s.keys(ctx, db); err != nil {
		return head{}, err
	}
	if len(h.keys.invalid) > 0 {
		return head{}, ErrLogDamaged
	}
	if !ok {
		return h, nil
	}
	if h.Checkpoint, err = row.open(s.config.origin(db.Tenant()), verifiers); err != nil {
		return head{}, errors.Join(ErrLogDamaged, err)
	}
	if !h.keys.signs(row) || h.Records > h.keys.count() {
		return head{}, ErrLogDamaged
	}
	h.number, h.sealed, h.xid = row.number, row.sealed, row.xid
	root, err := h.tree.root(row.size)
	if err != nil {
		return head{}, err
	}
	if root != h.Root {
		return head{}, ErrLogDamaged
	}
	return h, nil
}

// extend stores the leaves, the new subtrees and the signed checkpoint.
func (s *Service) extend(
	ctx context.Context, db dbx.DB, h head, step step, now, through time.Time, catalogue catalogueSum,
) (proof.Checkpoint, error) {
	next := proof.Checkpoint{
		Origin: s.config.origin(db.Tenant()), Size: h.Size + int64(len(step.leaves)), Time: now, Through: through,
	}
	catalogue.sign(&next)
	next.Records = h.keys.count()
	var err error
	if next.Root, err = h.tree.root(next.Size); err != nil {
		return next, err
	}
	signed, err := next.Sign(s.config.Signer)
	if err != nil {
		return next, err
	}
	if err := insertLeaves(ctx, db, step.leaves); err != nil {
		return next, err
	}
	if err := insertNodes(ctx, db, h.tree.nodes); err != nil {
		return next, err
	}
	_, err = db.Exec(ctx, `INSERT INTO hms.audit_checkpoint (tenant_id, number, size, root, sealed_at, note, sealed, xid)
		VALUES ($1, $2, $3, $4, $5, $6, $7::text::pg_snapshot, $8::text::xid8)`,
		db.Tenant(), h.number+1, next.Size, next.Root[:], next.Time, signed, step.sealed.String(),
		strconv.FormatUint(step.xid, 10))
	return next, err
}

func insertLeaves(ctx context.Context, db dbx.DB, leaves []leaf) error {
	indexes, events := make([]int64, len(leaves)), make([]string, len(leaves))
	times, hashes := make([]time.Time, len(leaves)), make([][]byte, len(leaves))
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
