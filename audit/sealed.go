package audit

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// eventColumns are what a leaf covers, in the order in which scanEvent reads them.
const eventColumns = `e.id, e.recorded_at, e.xid::text, e.actor, e.action, e.entity, e.entity_id, e.patient_id, e.operation,
	e.request_id, e.purpose, e.break_glass_id, e.credential, e.changes::text, e.salt`

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
	hash       tlog.Hash
}

// unsealed gives the oldest committed events without a leaf. Only those of transactions
// below the watermark are taken: every transaction below it has ended, so none of its events
// can appear later.
func unsealed(ctx context.Context, db dbx.DB, from time.Time, limit int) ([]leaf, error) {
	rows, err := db.Query(ctx, `SELECT `+eventColumns+` FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.recorded_at >= $2 AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
		  AND NOT EXISTS (SELECT 1 FROM hms.audit_leaf AS l
			WHERE l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id AND l.recorded_at >= $2)
		ORDER BY e.recorded_at, e.id LIMIT $3`, db.Tenant(), from, limit)
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
		leaves = append(leaves, leaf{event: f.id.UUID, recordedAt: f.recordedAt.Time.UTC(), hash: hash})
	}
	return leaves, rows.Err()
}
