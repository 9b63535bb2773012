package tenant

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// DeleteInput says which tenant, why it may go, and whether in earnest.
type DeleteInput struct {
	Tenant hmstype.TenantID // required
	By     string           // who does it: "system:<By>"; required, 1 to 100 characters
	Basis  string           // why the tenant may be deleted; it stands in the signed record; required, 3 to 500 characters
	// Archive is the SHA-256 of an archive as stored, of which this database has the record, and since which nobody worked
	// in the tenant. Zero needs WithoutArchive.
	Archive tlog.Hash
	// WithoutArchive says that the data shall be nowhere, as Basis tells.
	WithoutArchive bool
	// Receipt is the signed record by which another database took the tenant in from that archive ([Imported]): holds and
	// periods of retention went there. Empty where it was not moved.
	Receipt string
	// RetentionBasis tells why a trail that must still be kept may go nonetheless, up to 500 characters. No basis lifts a
	// legal hold: release it first.
	RetentionBasis string
	// Delete removes the rows. Without it nothing is changed: the report tells what would happen.
	Delete bool
}

// Validate implements the rules above.
func (in DeleteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Tenant.IsZero(), "tenant")
	v.Text(in.By, "by", 1, 100)
	v.Text(in.Basis, "basis", 3, 500)
	v.Text(in.RetentionBasis, "retentionBasis", 0, 500)
	v.Check(in.Archive != (tlog.Hash{}) || in.WithoutArchive, "archive", "is required, or withoutArchive")
	v.Check(in.Archive == (tlog.Hash{}) || !in.WithoutArchive, "withoutArchive", "must be false where there is one")
	v.Check(in.Receipt == "" || in.Archive != (tlog.Hash{}), "receipt", "needs the archive that it is of")
	return v.Err()
}

// Deleted tells what was done, or would be.
type Deleted struct {
	Deleted   bool // the tenant is gone
	Tables    []TableRows
	Obstacles []Obstacle // of a report; none: it may be deleted
	Record    Record     // of the kind proof.TenantDeleted; zero for a report
}

// TableRows is how many rows of a table there are, or were removed.
type TableRows struct {
	Table string
	Rows  int64
}

const opDelete = "tenant.delete"

// Delete removes all rows of a tenant, trail and keys included, under a signed record, which stays;
// hms.HMS.DeleteTenant is the way to it. It reports only, unless in.Delete.
//
// It refuses while a legal hold is in force or a period of retention of the trail runs ([RetainedError]), unless a
// receipt proves that the tenant was moved, or in.RetentionBasis says why; and where somebody worked in the tenant
// after the archive ([ErrChanged]). Stop that work before: what is written during the deletion goes, too.
//
// One transaction writes the record, destroys the keys and ends all sign-ins; from then on the tenant is deleted, and
// cannot begin again ([ErrDeleted]) unless it is taken in anew. Its other rows go in steps of some thousand, so that no
// transaction is long and other tenants' work, sealing too, goes on. A deletion that was interrupted goes on when it is
// called again with the same tenant, whatever else the input says. [ErrBusy] where rows keep coming.
//
// [ErrNoTenant], [ErrNoArchive], [ErrReadable], [ErrRecord], sealed.ErrNoSigner.
func (l *Library) Delete(ctx context.Context, in DeleteInput) (Deleted, error) {
	out, err := l.delete(ctx, in)
	if err != nil {
		return Deleted{}, result(opDelete, err)
	}
	return out, nil
}

func (l *Library) delete(ctx context.Context, in DeleteInput) (out Deleted, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	if err := l.ready(); err != nil {
		return out, err
	}
	if !in.Delete {
		return out, l.inSnapshot(ctx, opDelete, in.By, in.Tenant,
			func(ctx context.Context, _ dbx.Owner, db dbx.DB) error { return l.survey(ctx, db, in, &out) })
	}
	var list []table
	err = l.inTenant(ctx, opDelete, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) (err error) {
		if list, err = tables(ctx, db); err != nil {
			return err
		}
		slices.Reverse(list)
		out.Record, err = l.begin(ctx, db, in)
		if err != nil {
			return err
		}
		return out.removeFirst(ctx, db, list)
	})
	if err != nil {
		return out, err
	}
	if err := l.removeRest(ctx, in, list, &out); err != nil {
		return out, err
	}
	out.Deleted = true
	return out, nil
}

// survey tells how the tenant stands.
func (l *Library) survey(ctx context.Context, db dbx.DB, in DeleteInput, out *Deleted) (err error) {
	if err := l.requireThere(ctx, db); err != nil {
		return err
	}
	if err := l.requireArchive(ctx, db, in); err != nil {
		return err
	}
	if out.Obstacles, err = l.obstacles(ctx, db, in); err != nil {
		return err
	}
	list, err := tables(ctx, db)
	if err != nil {
		return err
	}
	for _, t := range list {
		var n int64
		err := db.QueryRow(ctx, `SELECT count(*) FROM `+t.sql()+` AS t WHERE t.tenant_id = $1`, db.Tenant()).Scan(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			out.Tables = append(out.Tables, TableRows{Table: t.name, Rows: n})
		}
	}
	return nil
}

// begin judges, and writes the record; one that stands already it gives.
func (l *Library) begin(ctx context.Context, db dbx.DB, in DeleteInput) (Record, error) {
	last, _, err := l.lastRecord(ctx, db)
	if err != nil || last.Kind == proof.TenantDeleted {
		return last, err
	}
	if err := l.requireThere(ctx, db); err != nil {
		return Record{}, err
	}
	if err := l.trail.LockRetention(ctx, db.Conn()); err != nil {
		return Record{}, err
	}
	if err := l.requireArchive(ctx, db, in); err != nil {
		return Record{}, err
	}
	list, err := l.obstacles(ctx, db, in)
	if err != nil {
		return Record{}, err
	}
	if len(list) > 0 {
		return Record{}, &RetainedError{Obstacles: list}
	}
	basis := in.Basis
	if in.RetentionBasis != "" {
		basis += "; retention: " + in.RetentionBasis
	}
	events, err := countEvents(ctx, db)
	if err != nil {
		return Record{}, err
	}
	return l.record(ctx, db, proof.TenantRecord{
		Kind: proof.TenantDeleted, Sum: in.Archive, Events: events, Basis: basis,
	})
}

func countEvents(ctx context.Context, db dbx.DB) (n int64, err error) {
	err = db.QueryRow(ctx, `SELECT count(*) FROM hms.audit_event AS e WHERE e.tenant_id = $1`, db.Tenant()).Scan(&n)
	return n, err
}

// requireArchive refuses an archive that this database has not recorded, and one that is older than the tenant's work.
func (l *Library) requireArchive(ctx context.Context, db dbx.DB, in DeleteInput) error {
	if in.WithoutArchive {
		return nil
	}
	r, err := l.scanRecord(db.QueryRow(ctx, `SELECT r.tenant_id, r.number, r.kind, r.archive_hash, r.note
		FROM hms.tenant_record AS r WHERE r.tenant_id = $1 AND r.kind = 'handed-out' AND r.archive_hash = $2
		ORDER BY r.number DESC LIMIT 1`, db.Tenant(), in.Archive[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrNoArchive
	case err != nil:
		return err
	case r.Form != proof.TenantStored:
		return ErrReadable
	}
	var later bool // for the count alone may be the same where a month of the trail went meanwhile
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.audit_event AS e WHERE e.tenant_id = $1
		AND e.recorded_at > $2)`, db.Tenant(), r.Time).Scan(&later)
	if err != nil {
		return err
	}
	events, err := countEvents(ctx, db)
	if err == nil && (later || events != r.Events) {
		return ErrChanged
	}
	return err
}

// obstacles tells what keeps the tenant. What moved is kept elsewhere.
func (l *Library) obstacles(ctx context.Context, db dbx.DB, in DeleteInput) (list []Obstacle, err error) {
	if in.Receipt != "" {
		return nil, l.requireReceipt(db, in)
	}
	var holds int64
	err = db.QueryRow(ctx, `SELECT count(*) FROM hms.legal_hold AS h WHERE h.tenant_id = $1 AND h.released_at IS NULL`,
		db.Tenant()).Scan(&holds)
	if err != nil {
		return nil, err
	}
	if holds > 0 {
		list = append(list, Obstacle{Kind: ObstacleHold, Count: holds})
	}
	if in.RetentionBasis != "" {
		return list, nil
	}
	until, err := l.keptUntil(ctx, db)
	if err != nil {
		return nil, err
	}
	if db.Now.Before(until) {
		list = append(list, Obstacle{Kind: ObstaclePeriod, Until: until})
	}
	return list, nil
}

// requireReceipt refuses a receipt that is not signed, or of another archive.
func (l *Library) requireReceipt(db dbx.DB, in DeleteInput) error {
	verifiers, err := l.config.PublicKeys()
	if err != nil {
		return err
	}
	r, err := proof.OpenTenantRecord(in.Receipt, verifiers)
	if err != nil {
		return errors.Join(ErrRecord, err)
	}
	if r.Kind != proof.TenantMovedIn || r.Sum != in.Archive || r.Origin != l.config.LogOrigin(db.Tenant()) {
		return ErrRecord
	}
	return nil
}

// keptUntil gives the end of the longest period of retention of the trail.
// In SQL: migrate/routine/audit/audit_category.sql.
func (l *Library) keptUntil(ctx context.Context, db dbx.DB) (until time.Time, err error) {
	rules, err := l.trail.KeepPeriods(ctx, db.Conn())
	if err != nil {
		return until, err
	}
	rows, err := db.Query(ctx, `SELECT hms.audit_category(e.action, e.entity), max(e.recorded_at)
		FROM hms.audit_event AS e WHERE e.tenant_id = $1 GROUP BY 1`, db.Tenant())
	if err != nil {
		return until, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	for rows.Next() {
		var category audit.Category
		var last time.Time
		if err := rows.Scan(&category, &last); err != nil {
			return until, err
		}
		_, to, err := proof.MonthOf(last).Bounds() // months are let go as a whole
		if err != nil {
			return until, err
		}
		if end := to.AddDate(0, rules[category].Months, 0); end.After(until) {
			until = end
		}
	}
	return until, rows.Err()
}

// first are the tables whose rows go with the record: without keys nothing sealed is read any more, without sessions
// nobody is signed in, and the scheduler's list has the tenant no longer.
var first = []string{"data_key", "tenant_keyset", "user_session", "user_token", "user_device", "tenant"}

func (out *Deleted) removeFirst(ctx context.Context, db dbx.DB, list []table) error {
	for _, t := range list {
		if !slices.Contains(first, t.name) {
			continue
		}
		n, err := db.Exec(ctx, `DELETE FROM `+t.sql()+` AS t WHERE t.tenant_id = $1`, db.Tenant())
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		out.count(t, n)
	}
	return nil
}

func (out *Deleted) count(t table, n int64) {
	if n == 0 {
		return
	}
	for i := range out.Tables {
		if out.Tables[i].Table == t.name {
			out.Tables[i].Rows += n
			return
		}
	}
	out.Tables = append(out.Tables, TableRows{Table: t.name, Rows: n})
}

// passes is how often all tables are gone through until none has a row: what was written meanwhile needs another.
const passes = 5

func (l *Library) removeRest(ctx context.Context, in DeleteInput, list []table, out *Deleted) error {
	for range passes {
		for _, t := range list {
			if err := l.removeTable(ctx, in, t, out); err != nil {
				return err
			}
		}
		left, err := l.leftover(ctx, in, list)
		if err != nil || !left {
			return err
		}
	}
	return ErrBusy
}

func (l *Library) leftover(ctx context.Context, in DeleteInput, list []table) (left bool, err error) {
	err = l.inTenant(ctx, opDelete, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) error {
		for _, t := range list {
			if left, err = t.hasRows(ctx, db); err != nil || left {
				return err
			}
		}
		return nil
	})
	return left, err
}

// removeTable removes the rows of a table, a step at a time.
func (l *Library) removeTable(ctx context.Context, in DeleteInput, t table, out *Deleted) error {
	steps := []string{t.remove(true)}
	if len(t.self) > 0 {
		steps = append(steps, t.remove(false))
	}
	for len(steps) > 0 {
		var n int64
		err := l.inTenant(ctx, opDelete, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) (err error) {
			n, err = db.Exec(ctx, steps[0], db.Tenant())
			return err
		})
		if dbx.SQLState(err) == foreignKeyBroken { // a row came that refers to it: the next pass takes both
			return nil
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
		out.count(t, n)
		if n == 0 || n < stepRows && len(t.self) == 0 {
			steps = steps[1:]
		}
	}
	return nil
}

// stepRows is how many rows one transaction removes, which remove has as a constant.
const stepRows = 5000

const foreignKeyBroken = "23503"

// remove gives the statement that removes some rows; in a table that refers to itself, with leaves, of those to which
// no other refers, and else all at once, which is for rows that refer to each other in a circle.
func (t table) remove(leaves bool) string {
	if !leaves {
		return `DELETE FROM ` + t.sql() + ` AS t WHERE t.tenant_id = $1`
	}
	var key, free []string
	for _, c := range t.key {
		key = append(key, c.sql())
	}
	for _, p := range t.self {
		child, parent := quoted(p.child), quoted(p.parent)
		free = append(free, ` AND NOT EXISTS (SELECT 1 FROM `+t.sql()+` AS c WHERE c.tenant_id = $1 AND c.`+child+` = t.`+
			parent+` AND c.`+child+` <> c.`+parent+`)`)
	}
	if len(key) == 0 {
		return t.remove(false)
	}
	names := strings.Join(key, ", ")
	return `DELETE FROM ` + t.sql() + ` AS x WHERE x.tenant_id = $1 AND (` + names + `) IN (SELECT ` + names + ` FROM ` +
		t.sql() + ` AS t WHERE t.tenant_id = $1` + strings.Join(free, "") + ` LIMIT 5000)`
}
