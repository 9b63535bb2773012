package outbox

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
)

const (
	// lease is how long a relay has what it took on. It bounds one call of the host's function, too.
	lease = time.Minute
	// maxRounds bounds the looks at what is due within one claim: each clears the way of hundreds of
	// events that cannot go out yet.
	maxRounds = 20
)

// claim is what one call of Relay took on.
type claim struct {
	owner  uuid.UUID // tells the lease of this call from any other
	events []claimed // in the order in which they were recorded
	dead   int       // given up without a try: relays died of them
}

// Given gives how many were taken on, for a hook.
func (c claim) Given() any { return len(c.events) }

// claimed is an event that is this relay's to deliver.
type claimed struct {
	Event
	recordedAt time.Time
	attempts   int
	takenOver  bool // from a relay whose lease is over
}

func (e claimed) entity() entity { return entity{e.Entity, e.EntityID} }

// takeOn claims due events, by entity: the head of each and those behind it.
func takeOn(ctx context.Context, db dbx.DB) (claim, error) {
	c := claim{owner: uuid.New()}
	for range maxRounds {
		held, err := clearTheWay(ctx, db)
		if err != nil {
			return claim{}, err
		}
		heads, err := readEvents(ctx, db, lockHeads, db.Tenant(), db.Now)
		if err != nil {
			return claim{}, err
		}
		switch {
		case len(heads) > 0 && heads[0].takenOver:
			err = c.takeOver(ctx, db, heads[0])
		case len(heads) > 0:
			err = c.takeEntities(ctx, db, heads)
		case held == 0:
			return c, nil
		}
		if err != nil || len(c.events) > 0 {
			return c, err
		}
	}
	return c, nil
}

// blockedEvents finds, of the first events that are due, those whose entity's head is not, and locks the head: so that
// whoever settles it afterwards sees what was held behind it.
const blockedEvents = `SELECT follower.id FROM (
		SELECT due.id, (SELECT first.id FROM hms.outbox AS first WHERE first.tenant_id = $1
			AND first.entity = due.entity AND first.entity_id = due.entity_id AND first.delivered_at IS NULL
			AND first.discard_id IS NULL ORDER BY first.recorded_at, first.id LIMIT 1) AS head_id
		FROM (SELECT id, entity, entity_id FROM hms.outbox WHERE tenant_id = $1 AND due_at <= $2
			ORDER BY due_at, recorded_at LIMIT 500) AS due OFFSET 0) AS follower
	CROSS JOIN LATERAL (SELECT head.id FROM hms.outbox AS head WHERE head.tenant_id = $1 AND head.id = follower.head_id
		AND head.delivered_at IS NULL AND head.discard_id IS NULL AND (head.due_at IS NULL OR head.due_at > $2)
		FOR UPDATE SKIP LOCKED) AS locked
	WHERE follower.head_id <> follower.id`

const holdEvents = `UPDATE hms.outbox SET due_at = NULL, lease_owner = NULL, lease_until = NULL
	WHERE tenant_id = $1 AND id = ANY ($3::uuid[]) AND due_at <= $2`

// clearTheWay holds what is due and cannot go out yet, hundreds of events at a time, and tells how many it held.
func clearTheWay(ctx context.Context, db dbx.DB) (int64, error) {
	rows, err := db.Query(ctx, blockedEvents, db.Tenant(), db.Now)
	if err != nil {
		return 0, err
	}
	ids, err := scanAll(rows, func(id *string) []any { return []any{id} })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return db.Exec(ctx, holdEvents, db.Tenant(), db.Now, ids)
}

// lockHeads locks the heads that are due, passing over what another relay has locked. One by one as they are
// found, so that it locks no more than it gives. The events behind a head that another is about to take on are
// passed over, too: thousands at most, for clearTheWay takes them out of it.
const lockHeads = `SELECT o.id, o.event_type, o.entity, o.entity_id, o.data, o.occurred_at, o.recorded_at, o.attempts,
		o.lease_owner IS NOT NULL
	FROM (SELECT id FROM (SELECT id, entity, entity_id FROM hms.outbox WHERE tenant_id = $1 AND due_at <= $2
			ORDER BY due_at, recorded_at LIMIT 5000) AS due
		WHERE due.id = (SELECT first.id FROM hms.outbox AS first WHERE first.tenant_id = $1
			AND first.entity = due.entity AND first.entity_id = due.entity_id AND first.delivered_at IS NULL
			AND first.discard_id IS NULL ORDER BY first.recorded_at, first.id LIMIT 1) OFFSET 0) AS head
	CROSS JOIN LATERAL (SELECT x.* FROM hms.outbox AS x WHERE x.tenant_id = $1 AND x.id = head.id AND x.due_at <= $2
		FOR UPDATE SKIP LOCKED) AS o LIMIT 100`

// readQueues reads the first thousand events of entities whose heads are locked, which keeps everybody else from
// taking on any.
const readQueues = `SELECT o.id, o.event_type, o.entity, o.entity_id, o.data, o.occurred_at, o.recorded_at, o.attempts,
		false
	FROM unnest($2::text[], $3::text[]) AS e (entity, entity_id)
	CROSS JOIN LATERAL (SELECT x.* FROM hms.outbox AS x WHERE x.tenant_id = $1 AND x.entity = e.entity
		AND x.entity_id = e.entity_id AND x.delivered_at IS NULL AND x.discard_id IS NULL
		ORDER BY x.recorded_at, x.id LIMIT 1000) AS o LIMIT 1000`

const leaseEvents = `UPDATE hms.outbox AS o SET lease_owner = $2, lease_until = $3, due_at = $3
	FROM (SELECT id FROM hms.outbox WHERE tenant_id = $1 AND id = ANY ($4::uuid[])
		ORDER BY recorded_at, id FOR UPDATE) AS mine
	WHERE o.tenant_id = $1 AND o.id = mine.id`

// takeEntities takes on the entities whose heads are given. What a dead relay had is left to
// a claim of its own.
func (c *claim) takeEntities(ctx context.Context, db dbx.DB, heads []claimed) error {
	var entities []entity
	for _, h := range heads {
		if !h.takenOver {
			entities = append(entities, h.entity())
		}
	}
	tables, ids := columns(entities)
	events, err := readEvents(ctx, db, readQueues, db.Tenant(), tables, ids)
	if err != nil {
		return err
	}
	slices.SortStableFunc(events, func(a, b claimed) int { return a.recordedAt.Compare(b.recordedAt) })
	c.events = events
	_, err = db.Exec(ctx, leaseEvents, db.Tenant(), c.owner, db.Now.Add(lease), idsOf(events))
	return err
}

const (
	// takeOverHead counts the failure that the end of a lease is.
	takeOverHead = `UPDATE hms.outbox SET status = $3, attempts = attempts + 1, failure = 'lease_expired', failed_at = $4,
		due_at = $5, lease_owner = $6, lease_until = $5 WHERE tenant_id = $1 AND id = $2`
	// takeOverQueue takes the rest of the entity from the relay that had it, which may be alive after all.
	takeOverQueue = `UPDATE hms.outbox SET due_at = NULL, lease_owner = NULL, lease_until = NULL WHERE tenant_id = $1
		AND entity = $2 AND entity_id = $3 AND delivered_at IS NULL AND discard_id IS NULL AND lease_until <= $4`
)

// takeOver takes on one event of a relay whose lease is over, alone: whatever it did to that relay it does to no
// other event of this one's. One that did so too often is dead.
func (c *claim) takeOver(ctx context.Context, db dbx.DB, head claimed) error {
	head.attempts++
	var err error
	if head.attempts >= maxAttempts {
		c.dead++
		_, err = db.Exec(ctx, takeOverHead, db.Tenant(), head.ID, StatusDead, db.Now, nil, nil)
	} else {
		c.events = []claimed{head}
		_, err = db.Exec(ctx, takeOverHead, db.Tenant(), head.ID, StatusFailing, db.Now, db.Now.Add(lease), c.owner)
	}
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, takeOverQueue, db.Tenant(), head.Entity, head.EntityID, db.Now)
	return err
}

func idsOf(events []claimed) []string {
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID.String()
	}
	return ids
}

func readEvents(ctx context.Context, db dbx.DB, query string, args ...any) ([]claimed, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanAll(rows, func(e *claimed) []any {
		return []any{
			&e.ID, &e.Type, &e.Entity, &e.EntityID, (*[]byte)(&e.Data), &e.OccurredAt, &e.recordedAt, &e.attempts, &e.takenOver,
		}
	})
}

// scanAll reads the rows into what into names of each, and closes them.
func scanAll[T any](rows *sql.Rows, into func(*T) []any) ([]T, error) {
	defer func() { _ = rows.Close() }() // Err tells what matters
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(into(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}
