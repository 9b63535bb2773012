package tenant

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ImportInput says which archive.
type ImportInput struct {
	Tenant  hmstype.TenantID // whose archive it must be; required
	By      string           // who does it, as the trail shall name him: "system:<By>"; required, 1 to 100 characters
	Source  sealed.Sink      // where the archive is; it is read twice; required
	Archive string           // its name there; required, up to 500 characters
}

// Validate implements the rules above.
func (in ImportInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Tenant.IsZero(), "tenant")
	v.Text(in.By, "by", 1, 100)
	v.Required(in.Source != nil, "source")
	v.Text(in.Archive, "archive", 1, 500)
	return v.Err()
}

// Imported is a tenant that came.
type Imported struct {
	Sum      tlog.Hash // SHA-256 of the archive
	Manifest proof.TenantManifest
	// Record is of the kind proof.TenantMovedIn. Its Note is the receipt by which the database from which the tenant came
	// may delete it ([DeleteInput]).
	Record Record
}

const opImport = "tenant.import"

// Import takes a tenant in from an archive that [Library.Export] made as stored, of a database at the same steps of the
// schema, into this one, which has no row of it; hms.HMS.ImportTenant is the way to it.
//
// The archive is verified whole before anything is written, and once more while it is: what is committed is what was
// signed. One transaction writes all, as it was: the guards of new rows stand back for it, and the trail, which comes
// with the rows, is told but one event of the whole. The trail's log goes on here, under the same Origin and keys of
// notes, and so do its witnesses: give this installation the ones of the other. Other tenants' work and sealing go on;
// an import of more than sealed.Config.LongestTransaction is told as what holds their logs' Through back. Verify
// afterwards: the signature says who made the archive, not that nobody had changed rows before.
//
// [ErrOtherTenant], [ErrReadable], [ErrOtherSchema], [ErrTenantThere], proof.ErrArchive, proof.ErrTenantManifest,
// sealed.ErrNoSigner; an error of package encryption where the key-encryption key is not the one that wrapped its keys.
func (l *Library) Import(ctx context.Context, in ImportInput) (Imported, error) {
	out, err := l.importTenant(ctx, in)
	if err != nil {
		return Imported{}, result(opImport, err)
	}
	return out, nil
}

func (l *Library) importTenant(ctx context.Context, in ImportInput) (out Imported, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	if err := l.ready(); err != nil {
		return out, err
	}
	months := &monthVisitor{months: map[proof.Month]bool{}}
	if out.Manifest, out.Sum, err = l.read(ctx, in.Source, in.Archive, months); err != nil {
		return out, err
	}
	switch {
	case out.Manifest.Origin != l.config.LogOrigin(in.Tenant):
		return out, ErrOtherTenant
	case out.Manifest.Form != proof.TenantStored:
		return out, ErrReadable
	}
	err = l.inTenant(ctx, opImport, in.By, in.Tenant, func(ctx context.Context, tx dbx.Owner, db dbx.DB) error {
		if _, err := requireFree(ctx, db, out.Manifest); err != nil {
			return err
		}
		return tx.TryLocked(ctx, monthAttempts, func(ctx context.Context) error { return months.makeRoom(ctx, db) })
	})
	if err != nil {
		return out, err
	}
	err = l.inTenant(ctx, opImport, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) error {
		return l.takeIn(ctx, db, in, &out)
	})
	return out, err
}

// takeIn writes the rows.
func (l *Library) takeIn(ctx context.Context, db dbx.DB, in ImportInput, out *Imported) (err error) {
	list, err := requireFree(ctx, db, out.Manifest)
	if err != nil {
		return err
	}
	if err := setPlainTexts(ctx, db); err != nil {
		return err
	}
	out.Record, err = l.record(ctx, db, proof.TenantRecord{
		Kind: proof.TenantMovedIn, Archive: in.Archive, Sum: out.Sum, Form: out.Manifest.Form, To: out.Manifest.To,
		Events: out.Manifest.Table(trailTable).Rows,
	})
	if err != nil {
		return err
	}
	w := &rowWriter{ctx: ctx, db: db, tables: list}
	_, sum, err := l.read(ctx, in.Source, in.Archive, w)
	if err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	if sum != out.Sum {
		return fmt.Errorf("%w: it changed while it was read", proof.ErrArchive)
	}
	if _, err := l.load(ctx, db); err != nil { // the key that wraps its keys must be ours
		return err
	}
	return tell(ctx, db, string(audit.ActionImport), map[string]any{"archive": in.Archive, "sha256": sum.String()})
}

// requireFree refuses where the tenant is, or its archive is of another schema. It gives the tables.
func requireFree(ctx context.Context, db dbx.DB, m proof.TenantManifest) ([]table, error) {
	schema, err := schemaSum(ctx, db)
	if err != nil {
		return nil, err
	}
	if schema != m.Schema {
		return nil, ErrOtherSchema
	}
	list, err := tables(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		there, err := t.hasRows(ctx, db)
		if err != nil {
			return nil, err
		}
		if there {
			return nil, ErrTenantThere
		}
	}
	return list, nil
}

// hasRows tells whether the transaction's tenant has a row.
func (t table) hasRows(ctx context.Context, db dbx.DB) (there bool, err error) {
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+t.sql()+` AS t WHERE t.tenant_id = $1)`, db.Tenant()).
		Scan(&there)
	return there, err
}

// monthVisitor notes the months of the trail.
type monthVisitor struct {
	place  int // of the instant in a row of the trail; negative in any other table
	months map[proof.Month]bool
}

// Table implements [proof.TenantVisitor].
func (v *monthVisitor) Table(name string, columns []string) error {
	v.place = -1
	if name == trailTable {
		v.place = slices.Index(columns, "recorded_at")
	}
	return nil
}

// Row implements [proof.TenantVisitor].
func (v *monthVisitor) Row(values []*string) error {
	if v.place >= 0 && values[v.place] != nil && len(*values[v.place]) > len("2006-01") {
		v.months[proof.Month((*values[v.place])[:len("2006-01")])] = true
	}
	return nil
}

// monthAttempts is how often the lock for a new month of the trail is asked for, two seconds each.
const monthAttempts = 5

// makeRoom makes the partitions of the trail's months that are missing; a month of which other tenants have events in
// the default partition stays there.
// In SQL: migrate/routine/audit/ensure_audit_partitions.sql.
func (v *monthVisitor) makeRoom(ctx context.Context, db dbx.DB) error {
	for month := range v.months {
		from, _, err := month.Bounds()
		if err != nil {
			return fmt.Errorf("%w: an event has no month", proof.ErrArchive)
		}
		_, err = db.Exec(ctx, `SELECT hms.ensure_audit_partitions($1, 1)`, hmstype.DateOf(from, time.UTC))
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	batchValues = 20_000  // a statement has at most 65,535 parameters
	batchBytes  = 4 << 20 // of texts in one statement
)

// rowWriter writes the rows of an archive.
type rowWriter struct {
	ctx    context.Context //nolint:containedctx // of one reading: a visitor gets none
	db     dbx.DB
	tables []table
	table  table
	insert string
	values []any
	bytes  int
}

// Table implements [proof.TenantVisitor].
func (w *rowWriter) Table(name string, columns []string) error {
	if err := w.flush(); err != nil {
		return err
	}
	i := slices.IndexFunc(w.tables, func(t table) bool { return t.name == name })
	if i < 0 || !slices.Equal(w.tables[i].names(), columns) {
		return ErrOtherSchema
	}
	w.table = w.tables[i]
	list := make([]string, len(w.table.columns))
	for i, c := range w.table.columns {
		list[i] = c.sql()
	}
	w.insert = `INSERT INTO ` + w.table.sql() + ` (` + strings.Join(list, ", ") + `) VALUES `
	return nil
}

// Row implements [proof.TenantVisitor].
func (w *rowWriter) Row(values []*string) error {
	for i, v := range values {
		switch {
		case v == nil:
			w.values = append(w.values, nil)
		case w.table.columns[i].name == "tenant_id" && *v != w.db.Tenant().String():
			return ErrOtherTenant
		default:
			w.values = append(w.values, *v)
			w.bytes += len(*v)
		}
	}
	if len(w.values) >= batchValues || w.bytes >= batchBytes {
		return w.flush()
	}
	return nil
}

// flush writes the rows that wait, by one statement.
func (w *rowWriter) flush() error {
	if len(w.values) == 0 {
		return nil
	}
	var rows strings.Builder
	for i := range w.values {
		switch {
		case i == 0:
			rows.WriteString("($")
		case i%len(w.table.columns) == 0:
			rows.WriteString("), ($")
		default:
			rows.WriteString(", $")
		}
		rows.WriteString(strconv.Itoa(i + 1))
	}
	rows.WriteString(")")
	_, err := w.db.Exec(w.ctx, w.insert+rows.String(), w.values...)
	w.values, w.bytes = w.values[:0], 0
	if err != nil {
		return fmt.Errorf("table %s: %w", w.table.name, err)
	}
	return nil
}
