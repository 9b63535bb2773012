package audit

import (
	"context"
	"slices"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ReadersOf says whose reading of what [Port.Readers] looks for. What was read of one patient in one answer stands on
// the trail once, without an id where it was several rows: so those who were shown several are among the readers.
type ReadersOf struct {
	Patient  hmstype.PatientID
	Read     []string // entities that were read or exported, such as "lab_result"
	Searched []string // entities of which a list of many patients shows enough, such as "lab_critical_alert"
	IDs      []string // of rows of these entities
	// Since is the row whose coming into being is the beginning, by the trail's own clock; where its event is not
	// on the trail any more, everything counts.
	Since, SinceID string
}

const readersSelect = `SELECT DISTINCT e.actor FROM hms.audit_event AS e
	WHERE e.tenant_id = $1 AND e.patient_id = $2 AND (e.entity_id = '' OR e.entity_id = ANY ($5::text[]))
	AND (e.action IN ('read', 'export') AND e.entity = ANY ($3::text[])
		OR e.action = 'search' AND e.entity = ANY ($4::text[]))
	AND e.recorded_at >= coalesce((SELECT min(b.recorded_at) FROM hms.audit_event AS b WHERE b.tenant_id = $1
		AND b.entity = $6 AND b.entity_id = $7 AND b.action = 'create'), '-infinity')`

// readers is [Port.Readers] inside its transaction.
func readers(ctx context.Context, db dbx.DB, of ReadersOf) ([]hmstype.UserID, error) {
	rows, err := db.Query(ctx, readersSelect, db.Tenant(), of.Patient, of.Read, of.Searched, of.IDs, of.Since, of.SinceID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	users := []hmstype.UserID{}
	for rows.Next() {
		var actor hmstype.ActorRef
		if err := rows.Scan(&actor); err != nil {
			return nil, err
		}
		if actor.Kind == hmstype.ActorHuman {
			users = append(users, actor.User)
		}
	}
	slices.SortFunc(users, func(a, b hmstype.UserID) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(users), rows.Err()
}
