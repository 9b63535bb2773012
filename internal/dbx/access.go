package dbx

import (
	"context"

	"github.com/chelal/hms/hmstype"
)

// Access is a use of data that changes nothing and is recorded all the same.
type Access struct {
	Action  string            // "read", "search", "export", "denied", ...
	Entity  string            // what was looked at
	ID      string            // its id; empty for a search
	Patient hmstype.PatientID // whose data; zero where nobody's
}

// RecordAccess writes one event of the audit trail per access, in the use case's transaction and in
// one round trip.
// In SQL: migrate/routine/audit/record_access.sql.
func (db DB) RecordAccess(ctx context.Context, accesses ...Access) error {
	if len(accesses) == 1 {
		a := accesses[0]
		_, err := db.Exec(
			ctx, `SELECT hms.record_access($1, $2, $3, $4, $5)`, db.Tenant(), a.Action, a.Entity, a.ID, a.Patient,
		)
		return err
	}
	n := len(accesses)
	actions, entities, ids, patients := make([]string, n), make([]string, n), make([]string, n), make([]*string, n)
	for i, a := range accesses {
		actions[i], entities[i], ids[i] = a.Action, a.Entity, a.ID
		if !a.Patient.IsZero() {
			patient := a.Patient.String()
			patients[i] = &patient
		}
	}
	_, err := db.Exec(ctx, `SELECT hms.record_access($1, a.action, a.entity, a.id, a.patient::uuid)
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS a (action, entity, id, patient)`,
		db.Tenant(), actions, entities, ids, patients)
	return err
}
