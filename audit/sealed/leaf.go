package sealed

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
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

// Events go into the log as soon as their transactions are seen to have ended: first those of transactions that were
// still open at the step before, then in the order of transactions. What the log has already, because a step stopped
// half way or because ids began anew, is left out by its leaf, which is looked up and not joined: no plan can then
// read the whole log.
const (
	ofTransactions = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.xid = ANY ($2::text[]::xid8[])
		  AND (SELECT l.leaf_index FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id) IS NULL
		ORDER BY e.xid, e.recorded_at, e.id LIMIT $3`
	ofRange = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.xid >= $2::text::xid8 AND e.xid < $3::text::xid8 AND e.xid <> ALL ($4::text[]::xid8[])
		  AND (SELECT l.leaf_index FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id) IS NULL
		ORDER BY e.xid, e.recorded_at, e.id LIMIT $5`
	// After a restore the ids of old transactions may lie in the future. So may that of one which committed a moment
	// ago, whose turn comes.
	withoutLeaf = `SELECT ` + eventColumns + ` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.xid <> ALL ($3::text[]::xid8[]) AND (e.xid < $2::text::xid8 OR e.recorded_at < now())
		  AND NOT EXISTS (SELECT 1 FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id)
		ORDER BY e.recorded_at, e.id LIMIT $4`
)

// unsealed gives the next events for the log, of transactions that are in one extent and not in an earlier one, and
// the extent that the log then has.
func unsealed(ctx context.Context, db dbx.DB, sealed, ended extent, limit int) (leaves []leaf, to extent, err error) {
	if late := sealed.newly(ended); len(late) > 0 {
		if leaves, err = selectLeaves(ctx, db, ofTransactions, texts(late), limit); err != nil {
			return nil, sealed, err
		}
		if len(leaves) == limit { // it may have stopped within a transaction, which stays an exception
			stopped := leaves[limit-1].xid
			return leaves, extent{sealed.below, slices.DeleteFunc(slices.Clone(sealed.except), func(id uint64) bool {
				_, ended := slices.BinarySearch(late, id)
				return ended && id < stopped
			})}, nil
		}
	}
	more, err := selectLeaves(ctx, db, ofRange, strconv.FormatUint(sealed.below, 10),
		strconv.FormatUint(ended.below, 10), texts(ended.except), limit-len(leaves))
	if leaves = append(leaves, more...); err == nil && len(leaves) == limit {
		return leaves, ended.upTo(leaves[limit-1].xid), nil
	}
	return leaves, ended, err
}

// forgotten gives events without a leaf, wherever they lie in the trail. How many there are decides how one looks.
func forgotten(ctx context.Context, db dbx.DB, ended extent, limit int) ([]leaf, error) {
	return selectLeaves(ctx, db.Replanned(), withoutLeaf, strconv.FormatUint(ended.below, 10), texts(ended.except), limit)
}

func selectLeaves(ctx context.Context, db dbx.DB, query string, args ...any) ([]leaf, error) {
	rows, err := db.Query(ctx, query, append([]any{db.Tenant()}, args...)...)
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
