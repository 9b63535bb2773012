package audit

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// TableReport compares one table with its trail.
type TableReport struct {
	Table       string
	Rows        int64 // rows of the tenant
	Changes     int64 // create, update and delete events of the table
	Untold      int64 // rows without an event of their creation
	Unexplained int64 // rows whose columns are not what their events add up to
	Vanished    int64 // rows that were created, never deleted, and are not there
}

// Report is what [Service.Verify] found.
type Report struct {
	Tables []TableReport // every audited table, by name
	Events int64         // events of the tenant, reads and refusals included
}

// Clean tells whether the trail explains every row, and every row the trail.
func (r Report) Clean() bool {
	for _, t := range r.Tables {
		if t.Untold != 0 || t.Unexplained != 0 || t.Vanished != 0 {
			return false
		}
	}
	return true
}

// Changes gives the number of events that tell of a change.
func (r Report) Changes() int64 {
	var n int64
	for _, t := range r.Tables {
		n += t.Changes
	}
	return n
}

// Verify replays the trail: for each audited table it adds up the events of each row and
// compares the result with the row, column by column. So it finds a row that was written,
// changed or removed past the triggers, and an event that was edited or removed. It reads
// every row and event of the tenant, which takes long on a large one.
func (s *Service) Verify(ctx context.Context) (Report, error) {
	op := service.Op{Name: "audit.verify", Permission: hmstype.PermAuditVerify}
	return service.Read(ctx, &s.base, op, service.None{}, verify)
}

func verify(ctx context.Context, db dbx.DB, _ service.None) (Report, error) {
	var report Report
	tables, err := auditedTables(ctx, db)
	if err != nil {
		return report, err
	}
	for _, t := range tables {
		r := TableReport{Table: t}
		err := db.QueryRow(ctx, `SELECT row_count, changes, untold, unexplained, vanished FROM hms.audit_verify($1, $2)`, db.Tenant(), t).
			Scan(&r.Rows, &r.Changes, &r.Untold, &r.Unexplained, &r.Vanished)
		if err != nil {
			return report, err
		}
		report.Tables = append(report.Tables, r)
	}
	if err := db.QueryRow(ctx, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = $1`, db.Tenant()).Scan(&report.Events); err != nil {
		return report, err
	}
	return report, db.RecordAccess(ctx, dbx.Access{Action: "verify", Entity: "audit_event"})
}

func auditedTables(ctx context.Context, db dbx.DB) (_ []string, err error) {
	rows, err := db.Query(ctx, `SELECT table_name FROM hms.audited_table() ORDER BY table_name`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var tables []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, rows.Err()
}
