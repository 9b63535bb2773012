package sealed

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// eventColumns are what a leaf covers, in the order in which scanEvent reads them.
const eventColumns = `e.id, e.recorded_at, e.xid::text, e.actor, e.action, e.entity, e.entity_id, e.patient_id,
	e.operation, e.request_id, e.purpose, e.break_glass_id, e.credential, e.changes::text, e.salt`

// eventFields are the destinations of one row; all of them are nullable, because a leaf may
// have lost its event.
type eventFields struct {
	id, patient, breakGlass                                             uuid.NullUUID
	recordedAt                                                          sql.NullTime
	xid, actor, action, entity, entityID, operation, requestID, purpose sql.NullString
	credential, changes                                                 sql.NullString
	salt                                                                []byte
}

func (f *eventFields) destinations() []any {
	return []any{
		&f.id, &f.recordedAt, &f.xid, &f.actor, &f.action, &f.entity, &f.entityID, &f.patient, &f.operation,
		&f.requestID, &f.purpose, &f.breakGlass, &f.credential, &f.changes, &f.salt,
	}
}

func text(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}

// event gives the row as the leaf's hash covers it.
func (f *eventFields) event(tenant string) proof.Event {
	e := proof.Event{
		Tenant: tenant, ID: f.id.UUID.String(), RecordedAt: f.recordedAt.Time.UTC(), XID: f.xid.String, Actor: f.actor.String,
		Action: f.action.String, Entity: f.entity.String, EntityID: f.entityID.String, Patient: text(f.patient),
		Operation: f.operation.String, RequestID: f.requestID.String, Purpose: f.purpose.String,
		BreakGlass: text(f.breakGlass), Credential: f.credential.String, Salt: f.salt,
	}
	if f.changes.Valid {
		e.Changes = []byte(f.changes.String)
	}
	return e
}

// leaf is what the log says of one event.
type leaf struct {
	index      int64
	event      uuid.UUID
	recordedAt time.Time
	xid        uint64
	hash       tlog.Hash
}

// snapshot is a moment in the life of the server's transactions: all below xmin have ended,
// none from xmax on has begun.
type snapshot struct {
	xmin, xmax uint64
	at         time.Time // UTC
}

func takeSnapshot(ctx context.Context, db dbx.DB) (s snapshot, err error) {
	err = db.QueryRow(ctx, `SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, clock_timestamp()
		FROM pg_current_snapshot() AS s`).Scan(&s.xmin, &s.xmax, &s.at)
	s.at = hmstype.Instant(s.at)
	return s, err
}

// Events go into the log in the order of their transactions, and only of transactions below
// the snapshot: all of those have ended, so none of their events can appear later, and a
// position in this order is one behind which nothing is forgotten.
const (
	// The transaction at which the step before may have stopped half way.
	ofTransaction = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.xid = $2::text::xid8 AND e.xid < $3::text::xid8
		  AND NOT EXISTS (SELECT 1 FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id)
		ORDER BY e.recorded_at, e.id LIMIT $4`
	afterTransaction = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.xid > $2::text::xid8 AND e.xid < $3::text::xid8
		ORDER BY e.xid, e.recorded_at, e.id LIMIT $4`
	// After a restore the ids of old transactions may lie in the future.
	withoutLeaf = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND (e.xid < $2::text::xid8 OR e.xid >= $3::text::xid8)
		  AND NOT EXISTS (SELECT 1 FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id)
		ORDER BY e.recorded_at, e.id LIMIT $4`
)

// unsealed gives the next events for the log, from a watermark on.
func unsealed(ctx context.Context, db dbx.DB, watermark uint64, now snapshot, limit int) ([]leaf, error) {
	leaves, err := selectLeaves(ctx, db, ofTransaction, watermark, now.xmin, limit)
	if err != nil || len(leaves) == limit {
		return leaves, err
	}
	more, err := selectLeaves(ctx, db, afterTransaction, watermark, now.xmin, limit-len(leaves))
	return append(leaves, more...), err
}

// forgotten gives events without a leaf, wherever they lie in the trail.
func forgotten(ctx context.Context, db dbx.DB, now snapshot, limit int) ([]leaf, error) {
	return selectLeaves(ctx, db, withoutLeaf, now.xmin, now.xmax, limit)
}

func selectLeaves(ctx context.Context, db dbx.DB, query string, from, to uint64, limit int) ([]leaf, error) {
	rows, err := db.Query(ctx, query, db.Tenant(), strconv.FormatUint(from, 10), strconv.FormatUint(to, 10), limit)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var leaves []leaf
	tenant := db.Tenant().String()
	for rows.Next() {
		var f eventFields
		if err := rows.Scan(f.destinations()...); err != nil {
			return nil, err
		}
		hash, err := f.event(tenant).LeafHash()
		if err != nil {
			return nil, err
		}
		xid, err := strconv.ParseUint(f.xid.String, 10, 64)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf{event: f.id.UUID, recordedAt: f.recordedAt.Time.UTC(), xid: xid, hash: hash})
	}
	return leaves, rows.Err()
}
