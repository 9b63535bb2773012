package outbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// confirmTimeout bounds the storing of what happened, which is done even where the caller gave up.
const confirmTimeout = 10 * time.Second

// alone runs what settles events, in a short transaction of its own.
func (d *delivery) alone(ctx context.Context, fn func(context.Context, dbx.DB) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTimeout)
	defer cancel()
	return d.base.Alone(ctx, opRelay.Name, fn)
}

// confirm stores what happened since it was last called. Of what another relay has taken over it changes nothing.
func (d *delivery) confirm(ctx context.Context) error {
	taken, failed, back := d.taken, d.failed, d.back
	if len(taken)+len(failed)+len(back) == 0 {
		return nil
	}
	d.taken, d.failed, d.back, d.confirmed = nil, nil, nil, now()
	var counted Relayed
	var gone []claimed
	err := d.alone(ctx, func(ctx context.Context, db dbx.DB) error {
		counted = Relayed{} // it may be tried again
		var err error
		if gone, err = d.settleTaken(ctx, db, taken); err != nil {
			return err
		}
		counted.Delivered, counted.Lost = len(taken)-len(gone), len(gone)
		for _, f := range failed {
			if err := d.settleFailed(ctx, db, f, &counted); err != nil {
				return err
			}
		}
		if len(back) > 0 {
			if _, err := db.Exec(ctx, giveBack, db.Tenant(), d.claim.owner, idsOf(back)); err != nil {
				return err
			}
		}
		return wake(ctx, db, entitiesOf(taken, back)...)
	})
	if err != nil {
		return err
	}
	d.add(counted)
	d.stop(gone)
	return nil
}

func (d *delivery) add(counted Relayed) {
	d.done.Delivered += counted.Delivered
	d.done.Failed += counted.Failed
	d.done.Dead += counted.Dead
	d.done.Lost += counted.Lost
}

// stop leaves the entities of these events to the relay that has them now.
func (d *delivery) stop(gone []claimed) {
	for _, e := range gone {
		d.stopped[e.entity()] = true
	}
}

// The rows are locked in the order in which whoever takes them over does.
const markDelivered = `UPDATE hms.outbox AS o SET status = $2, delivered_at = $3, due_at = NULL, lease_owner = NULL,
		lease_until = NULL
	FROM (SELECT id FROM hms.outbox WHERE tenant_id = $1 AND id = ANY ($4::uuid[]) AND lease_owner = $5
		ORDER BY recorded_at, id FOR UPDATE) AS mine
	WHERE o.tenant_id = $1 AND o.id = mine.id RETURNING o.id`

// settleTaken marks what fn took and gives what another relay has taken over.
func (d *delivery) settleTaken(ctx context.Context, db dbx.DB, taken []claimed) ([]claimed, error) {
	if len(taken) == 0 {
		return nil, nil
	}
	return without(ctx, db, taken, markDelivered, db.Tenant(), StatusDelivered, db.Now, idsOf(taken), d.claim.owner)
}

// without runs a statement that gives the events it found, and gives the others.
func without(ctx context.Context, db dbx.DB, events []claimed, query string, args ...any) ([]claimed, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	found, err := scanAll(rows, func(id *hmstype.OutboxEventID) []any { return []any{id} })
	if err != nil {
		return nil, err
	}
	mine := make(map[hmstype.OutboxEventID]bool, len(found))
	for _, id := range found {
		mine[id] = true
	}
	var gone []claimed
	for _, e := range events {
		if !mine[e.ID] {
			gone = append(gone, e)
		}
	}
	return gone, nil
}

const markFailed = `UPDATE hms.outbox SET status = $2, attempts = $3, failure = $4, failed_at = $5, due_at = $6,
		lease_owner = NULL, lease_until = NULL
	WHERE tenant_id = $1 AND id = $7 AND lease_owner = $8`

// settleFailed marks an event that fn did not take.
func (d *delivery) settleFailed(ctx context.Context, db dbx.DB, f failure, counted *Relayed) error {
	status, due := StatusFailing, any(db.Now.Add(pause(f.attempts)))
	if f.dead {
		status, due = StatusDead, nil
	}
	n, err := db.Exec(ctx, markFailed, db.Tenant(), status, f.attempts, f.class, db.Now, due, f.ID, d.claim.owner)
	if err != nil {
		return err
	}
	counted.Failed++
	if n == 1 && status == StatusDead {
		counted.Dead++
	}
	return nil
}

// giveBack holds what was claimed and not tried; wake makes due what comes first of each entity.
const giveBack = `UPDATE hms.outbox AS o SET due_at = NULL, lease_owner = NULL, lease_until = NULL
	FROM (SELECT id FROM hms.outbox WHERE tenant_id = $1 AND id = ANY ($3::uuid[]) AND lease_owner = $2
		ORDER BY recorded_at, id FOR UPDATE) AS mine
	WHERE o.tenant_id = $1 AND o.id = mine.id`

const renewLease = `UPDATE hms.outbox AS o SET lease_until = $2, due_at = $2
	FROM (SELECT id FROM hms.outbox WHERE tenant_id = $1 AND id = ANY ($3::uuid[]) AND lease_owner = $4
		ORDER BY recorded_at, id FOR UPDATE) AS mine
	WHERE o.tenant_id = $1 AND o.id = mine.id RETURNING o.id`

// renew prolongs the lease of what is left.
func (d *delivery) renew(ctx context.Context, rest []claimed) error {
	var gone []claimed
	leased := now()
	err := d.alone(ctx, func(ctx context.Context, db dbx.DB) (err error) {
		gone, err = without(ctx, db, rest, renewLease, db.Tenant(), db.Now.Add(lease), idsOf(rest), d.claim.owner)
		return err
	})
	if err == nil {
		d.leased = leased
		d.stop(gone)
	}
	return err
}

// wakeHeads makes due what is held and has nothing of its entity before it any more. It is a statement of its own
// after the one that settled what was before it, for it must see who was held meanwhile.
const wakeHeads = `UPDATE hms.outbox AS o SET due_at = $2
	FROM (SELECT head.id FROM unnest($3::text[], $4::text[]) AS e (entity, entity_id)
		CROSS JOIN LATERAL (SELECT x.id FROM hms.outbox AS x WHERE x.tenant_id = $1 AND x.entity = e.entity
			AND x.entity_id = e.entity_id AND x.delivered_at IS NULL AND x.discard_id IS NULL
			ORDER BY x.recorded_at, x.id LIMIT 1) AS head) AS next
	WHERE o.tenant_id = $1 AND o.id = next.id AND o.due_at IS NULL AND o.status IN ('waiting', 'failing')`

func wake(ctx context.Context, db dbx.DB, entities ...entity) error {
	if len(entities) == 0 {
		return nil
	}
	tables, ids := columns(entities)
	_, err := db.Exec(ctx, wakeHeads, db.Tenant(), db.Now, tables, ids)
	return err
}

// entitiesOf gives the entities of events, each once.
func entitiesOf(lists ...[]claimed) []entity {
	var entities []entity
	seen := map[entity]bool{}
	for _, list := range lists {
		for _, e := range list {
			if !seen[e.entity()] {
				seen[e.entity()] = true
				entities = append(entities, e.entity())
			}
		}
	}
	return entities
}
