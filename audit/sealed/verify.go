package sealed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// TableReport compares one table with its trail.
type TableReport struct {
	Table       string `json:"table"`
	Rows        int64  `json:"rows"`        // rows of the tenant
	Changes     int64  `json:"changes"`     // create, update and delete events of the table
	Untold      int64  `json:"untold"`      // rows without an event of their creation
	Unexplained int64  `json:"unexplained"` // rows whose columns are not what their events add up to
	Vanished    int64  `json:"vanished"`    // rows that were created, never deleted, and are not there
	// Purged counts the rows, among them deleted ones, that were there at the end of the newest
	// purged month, whose creation the trail no longer holds. They are replayed backwards to that
	// instant and held, all together, against what the signed record of the purge says of them;
	// where that differs, Untold, Vanished or Unexplained tells by how many at least.
	Purged int64 `json:"purged"`
}

// Report is what [Service.Verify] found.
type Report struct {
	Tables []TableReport `json:"tables"` // every audited table, by name
	Events int64         `json:"events"` // events of the tenant, reads and refusals included
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

// String tells the verdict, how much was replayed, and which tables differ from their trail, for a
// terminal.
func (r Report) String() string {
	var faults []usecase.Fault
	for _, t := range r.Tables {
		faults = append(faults,
			usecase.Fault{Count: t.Untold, What: "rows of " + t.Table + " without an event of their creation"},
			usecase.Fault{Count: t.Unexplained, What: "rows of " + t.Table + " that are not what their events add up to"},
			usecase.Fault{Count: t.Vanished, What: "rows of " + t.Table + " that were never deleted and are not there"})
	}
	lookedAt := fmt.Sprintf("%d changes in %d events of %d tables", r.Changes(), r.Events, len(r.Tables))
	return usecase.ReportText(r.Clean(), lookedAt, faults...)
}

// Changes gives the number of events that tell of a change.
func (r Report) Changes() int64 {
	var n int64
	for _, t := range r.Tables {
		n += t.Changes
	}
	return n
}

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "audit.verify", Permission: hmstype.PermAuditVerify, Shows: usecase.Nobody[Report]("counts rows and events"),
}.Declare()

// Verify replays the trail: for each audited table it adds up the events of each row and
// compares the result with the row, column by column. So it finds a row that was written,
// changed or removed past the triggers, and an event that was edited or removed. It reads
// every row and event of the tenant, which takes long on a large one. Where old months are
// purged it begins with what the signed record of the newest purge says.
// Permission: [hmstype.PermAuditVerify].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, s.verify)
}

// In SQL: migrate/routine/audit/audit_verify.sql.
func (s *Service) verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	var report Report
	if err := holdTrail(ctx, db); err != nil {
		return report, err
	}
	base, err := s.baseline(ctx, db)
	if err != nil {
		return report, err
	}
	tables, err := auditedTables(ctx, db)
	if err != nil {
		return report, err
	}
	for _, t := range tables {
		r := TableReport{Table: t}
		var digest []byte
		err := db.QueryRow(ctx, `SELECT row_count, changes, untold, unexplained, vanished, purged, baseline
			FROM hms.audit_verify($1, $2, coalesce($3::timestamptz, '-infinity'))`, db.Tenant(), t, base.from).
			Scan(&r.Rows, &r.Changes, &r.Untold, &r.Unexplained, &r.Vanished, &r.Purged, &digest)
		if err != nil {
			return report, err
		}
		base.compare(&r, digest)
		report.Tables = append(report.Tables, r)
	}
	err = db.QueryRow(ctx, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = $1`, db.Tenant()).Scan(&report.Events)
	if err != nil {
		return report, err
	}
	return report, db.RecordAccess(ctx, dbx.Access{Action: string(audit.ActionVerify), Entity: "audit_event"})
}

// baseline is what the newest purge says of the tables at the end of its month.
type baseline struct {
	from   sql.NullTime // where the replay begins; null: nothing is purged
	tables map[string]proof.Baseline
}

func (s *Service) baseline(ctx context.Context, db dbx.DB) (baseline, error) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return baseline{}, err
	}
	purges, _, err := s.openPurges(ctx, db, verifiers)
	if err != nil || len(purges) == 0 {
		return baseline{}, err
	}
	newest := purges[len(purges)-1]
	_, to, err := newest.Month.Bounds()
	b := baseline{from: sql.NullTime{Time: to, Valid: true}, tables: map[string]proof.Baseline{}}
	for _, t := range newest.Tables {
		b.tables[t.Table] = t
	}
	return b, err
}

// compare holds a table's rows at the beginning of the replay against what was signed.
func (b baseline) compare(r *TableReport, digest []byte) {
	if !b.from.Valid {
		return
	}
	want, ok := b.tables[r.Table]
	if !ok {
		want.Digest = emptyRoot // of no rows: the hash of nothing
	}
	switch {
	case r.Purged > want.Rows:
		r.Untold += r.Purged - want.Rows
	case r.Purged < want.Rows:
		r.Vanished += want.Rows - r.Purged
	case string(digest) != string(want.Digest[:]):
		r.Unexplained++
	}
}

// In SQL: migrate/routine/audit/audited_table.sql.
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
