package dbx

import (
	"context"

	"github.com/chelal/hms/hmstype"
)

// KnowRestricted notes whether a patient's record is restricted, so that nobody asks again.
func (db DB) KnowRestricted(patient hmstype.PatientID, restricted bool) {
	if db.op.restricted == nil {
		db.op.restricted = map[hmstype.PatientID]bool{}
	}
	db.op.restricted[patient] = restricted
}

// SeesRestricted tells whether the actor may see the data of patients whose record is restricted.
func (db DB) SeesRestricted() bool { return db.op.settings.sees }

// Restricted gives those of the patients whose record is restricted, and for whom the actor holds
// no break-glass grant that has neither expired nor ended. A grant expires by the operation's clock or by
// the database's, whichever passes first: a host's clock that stands still keeps no record open.
func (db DB) Restricted(ctx context.Context, patients ...hmstype.PatientID) (map[hmstype.PatientID]bool, error) {
	found := map[hmstype.PatientID]bool{}
	var ask []string
	for _, p := range patients {
		if restricted, known := db.op.restricted[p]; !p.IsZero() && (restricted || !known) {
			ask = append(ask, p.String())
			db.KnowRestricted(p, false) // until the database says otherwise
		}
	}
	if len(ask) == 0 {
		return found, nil
	}
	rows, err := db.Query(ctx, `SELECT p.id, EXISTS (
			SELECT 1 FROM hms.break_glass AS g
			WHERE g.tenant_id = $1 AND g.patient_id = p.id AND g.user_id = $3 AND $4
			  AND g.started_at <= $5 AND g.expires_at > $5
			  AND g.closes_at > statement_timestamp() AND g.ended_at IS NULL)
		FROM hms.patient AS p WHERE p.tenant_id = $1 AND p.id = ANY ($2::uuid[]) AND p.is_restricted`,
		db.Tenant(), ask, db.Actor.User, db.Actor.Kind == hmstype.ActorHuman, db.Now)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var p hmstype.PatientID
		var opened bool
		if err := rows.Scan(&p, &opened); err != nil {
			return nil, err
		}
		if opened {
			db.noteOpened(p)
			continue
		}
		found[p] = true
		db.KnowRestricted(p, true)
	}
	return found, rows.Err()
}

// Opened tells whether [DB.Restricted] found that a break-glass grant opens the patient's record.
func (db DB) Opened(patient hmstype.PatientID) bool { return db.op.opened[patient] }

func (db DB) noteOpened(patient hmstype.PatientID) {
	if db.op.opened == nil {
		db.op.opened = map[hmstype.PatientID]bool{}
	}
	db.op.opened[patient] = true
}
