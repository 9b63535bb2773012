package dbx

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
)

// Machine is how the entities of one table change their state: one declaration per entity, beside
// its table of transitions. Every step goes through it, so that none forgets the lock, the table,
// the version, the history or the event.
type Machine[R any, S ~string] struct {
	Table       string                 // the entity's table, such as "appointment"; its history is in <table>_status
	Transitions hmstype.Transitions[S] // the allowed steps
	State       func(*R) *S            // where the row keeps its state
	Columns     []string               // what a step may write beside status and version
	// Event makes the outbox's event of a step that was done; nil, or an event without a type, tells nobody.
	Event func(row *R, from S) Event
	// Note writes a step into a history of the entity's own, which tells more than <table>_status
	// does and takes its place; nil for that one.
	Note func(ctx context.Context, db DB, row *R, from S, reason string) error
}

// Change is one step of one entity.
type Change[R any, S ~string] struct {
	To     S
	Reason string             // why, for the history; may be empty where the step needs none
	Apply  func(row *R) error // sets the columns that go with the step, or refuses it; nil sets none
}

// Step locks the entity, re-reads it, checks the step against the table of transitions, applies
// the change and writes row, history and event. It gives the row as it is now.
func Step[R any, S ~string, I Entity, P headedRow[R]](
	ctx context.Context, db DB, m Machine[R, S], id I, c Change[R, S],
) (R, error) {
	row, err := Get[R](ctx, db, m.Table, id, ForUpdate)
	if err != nil {
		return row, err
	}
	err = Move[R, S, P](ctx, db, m, &row, c)
	return row, err
}

// Move is [Step] for a row that the operation has locked already.
func Move[R any, S ~string, P headedRow[R]](ctx context.Context, db DB, m Machine[R, S], row P, c Change[R, S]) error {
	state := m.State((*R)(row))
	from := *state
	if err := m.Transitions.Check(m.Table, from, c.To); err != nil {
		return err
	}
	if c.Apply != nil {
		if err := c.Apply((*R)(row)); err != nil {
			return err
		}
	}
	*state = c.To
	if err := Update[R, P](ctx, db, row, append([]string{"status"}, m.Columns...)...); err != nil {
		return err
	}
	var event Event
	if m.Event != nil {
		event = m.Event((*R)(row), from)
	}
	if m.Note != nil {
		if err := m.Note(ctx, db, (*R)(row), from, c.Reason); err != nil || event.Type == nil {
			return err
		}
		return db.Emit(ctx, event)
	}
	return db.recordStep(ctx, m.Table, row.key(), *row.versionRef(), string(from), string(c.To), c.Reason, event)
}

// recordStep writes the history of a step and its event in one round trip.
func (db DB) recordStep(ctx context.Context, table, id string, version int64, from, to, reason string, e Event) error {
	history := `INSERT INTO hms.` + table +
		`_status (tenant_id, entity_id, version, from_status, to_status, stepped_at, stepped_by, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	args := []any{db.Tenant(), id, version, from, to, db.Now, db.By(), reason}
	if e.Type != nil {
		data, err := e.body()
		if err != nil {
			return err
		}
		history = `WITH history AS (` + history + `)
			INSERT INTO hms.outbox (tenant_id, id, event_type, entity, entity_id, data, occurred_at, due_at)
			VALUES ($1, $9, $10, $11, $12, $13, $6, $6)`
		args = append(args, hmstype.NewID[hmstype.OutboxEventID](), e.Type.Name, e.Type.Entity, e.ID.String(), data)
	}
	_, err := db.Exec(ctx, history, args...)
	return err
}

// History reads the steps of an entity, the oldest first. The entity's making is no step: it is
// told by the entity itself.
func History(ctx context.Context, db DB, table string, id fmt.Stringer) ([]hmstype.StatusChange, error) {
	rows, err := db.Query(ctx, `SELECT from_status, to_status, stepped_at, stepped_by, reason FROM hms.`+table+`_status
		WHERE tenant_id = $1 AND entity_id = $2 ORDER BY version`, db.Tenant(), id.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	steps := []hmstype.StatusChange{}
	for rows.Next() {
		var s hmstype.StatusChange
		var at time.Time
		if err := rows.Scan(&s.From, &s.To, &at, &s.By, &s.Reason); err != nil {
			return nil, err
		}
		s.At = at.UTC()
		steps = append(steps, s)
	}
	return steps, rows.Err()
}
