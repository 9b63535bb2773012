package dbx

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
)

// Access is a use of data that changes nothing and is recorded all the same.
type Access struct {
	Action  string            // "read", "search", "export", "denied", ...
	Entity  string            // what was looked at
	ID      string            // its id; empty for a search
	Patient hmstype.PatientID // whose data; zero where nobody's
}

// shows tells whether somebody saw data by it.
func (a Access) shows() bool {
	return a.Action == "read" || a.Action == "search" || a.Action == "export"
}

// OnlyReads says that the operation changes nothing, so that what it records is what it shows.
func (db DB) OnlyReads() { db.op.reads = true }

// RecordAccess writes one event of the audit trail per access, in one round trip. What a command records beside its
// changes stands or falls with them, as does a verification, which shows nobody's data. What an operation that
// [DB.OnlyReads] shows stays on record; see [DB.RecordShown].
func (db DB) RecordAccess(ctx context.Context, accesses ...Access) error {
	if db.op.reads && slices.ContainsFunc(accesses, Access.shows) {
		return db.RecordShown(ctx, accesses...)
	}
	return db.writeAccess(ctx, accesses)
}

// RecordShown is [DB.RecordAccess] for what was shown and not changed: no rollback hides it. In a transaction of ours
// it is written inside and, where that is undone, again. In the host's, whose end we do not see, whether it may be
// shown is judged inside, for only there is what the host changed; and it is written by a connection of its own before
// it is given: [ErrNoRecorder] where none is free.
func (db DB) RecordShown(ctx context.Context, accesses ...Access) error {
	if !db.handle.hosts {
		if err := db.writeAccess(ctx, accesses); err != nil {
			return err
		}
		db.handOver(accesses, true)
		return nil
	}
	if err := db.judge(ctx, accesses); err != nil {
		return err
	}
	apart := db.handle.Unbound()
	apart.at = db.Now
	bounded, cancel := context.WithTimeout(shownAlready(hmstype.WithActor(ctx, db.Actor)), spareTimeout)
	defer cancel()
	err := apart.InTx(bounded, db.op.name, func(ctx context.Context, db DB) error { return db.writeAccess(ctx, accesses) })
	if err != nil && ctx.Err() == nil && bounded.Err() != nil { // it waits for a lock that the host's transaction has
		return ErrNoRecorder
	}
	return err
}

// Shown notes what the result of a command showed. Its changes are on record; where they are undone, this is.
func (db DB) Shown(accesses ...Access) { db.handOver(accesses, true) }

// writeAccess is in SQL: migrate/routine/audit/record_access.sql.
func (db DB) writeAccess(ctx context.Context, accesses []Access) error {
	if len(accesses) == 1 {
		a := accesses[0]
		_, err := db.Exec(
			ctx, `SELECT hms.record_access($1, $2, $3, $4, $5)`, db.Tenant(), a.Action, a.Entity, a.ID, a.Patient,
		)
		return err
	}
	actions, entities, ids, patients := columns(accesses)
	_, err := db.Exec(ctx, `SELECT hms.record_access($1, a.action, a.entity, a.id, a.patient::uuid)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS a (action, entity, id, patient)`,
		db.Tenant(), actions, entities, ids, patients)
	return err
}

// judge refuses what the database would refuse to record. In SQL: migrate/routine/audit/opening_grant.sql.
func (db DB) judge(ctx context.Context, accesses []Access) error {
	actions, _, _, patients := columns(accesses)
	_, err := db.Exec(ctx, `SELECT hms.opening_grant($1, a.action, a.patient::uuid)
		FROM unnest($2::text[], $3::text[]) AS a (action, patient)`, db.Tenant(), actions, patients)
	return err
}

func columns(accesses []Access) (actions, entities, ids []string, patients []*string) {
	n := len(accesses)
	actions, entities, ids, patients = make([]string, n), make([]string, n), make([]string, n), make([]*string, n)
	for i, a := range accesses {
		actions[i], entities[i], ids[i] = a.Action, a.Entity, a.ID
		if !a.Patient.IsZero() {
			patient := a.Patient.String()
			patients[i] = &patient
		}
	}
	return actions, entities, ids, patients
}
