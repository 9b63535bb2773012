package tenant

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ExportInput says of whom, for whom and where to.
type ExportInput struct {
	Tenant hmstype.TenantID // required
	By     string           // who does it, as the trail shall name him: "system:<By>"; required, 1 to 100 characters
	To     string           // for whom, or for which database; required, 3 to 200 characters
	Sink   sealed.Sink      // required
	// Readable opens the sealed fields and leaves out what proves who somebody is: for handing the data out. Without it
	// everything is as stored, for another database.
	Readable bool
}

// Validate implements the rules above.
func (in ExportInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Tenant.IsZero(), "tenant")
	v.Text(in.By, "by", 1, 100)
	v.Text(in.To, "to", 3, 200)
	v.Required(in.Sink != nil, "sink")
	return v.Err()
}

func (in ExportInput) form() proof.TenantForm {
	if in.Readable {
		return proof.TenantReadable
	}
	return proof.TenantStored
}

// Exported is an archive that was made.
type Exported struct {
	Archive  string    // its name in the sink
	Sum      tlog.Hash // SHA-256 of the whole, as sha256sum gives it
	Manifest proof.TenantManifest
	Record   Record // of the kind proof.TenantHandedOut
}

const opExport = "tenant.export"

// Export writes every row that the tenant has, in one archive that is signed by the log's key; hms.HMS.ExportTenant is
// the way to it.
//
// An event of the tenant's trail tells of it first: whatever fails later, data may have left. Then one transaction that
// only reads sees one instant of all tables for as long as the store takes; nobody waits for it, but vacuum keeps what
// it may still see. As stored, the archive also holds the trail whole and sealed, so that the log goes on elsewhere; so
// nobody may work in the tenant meanwhile: [ErrBusy]. The archive is closed, read back from the store and verified
// (sealed.ErrArchive), and a signed record says so. Memory does not grow with the data.
//
// sealed.ErrNoSigner, [ErrNoTenant], [ErrDeleted]; an error of package encryption where sealed fields cannot be opened.
func (l *Library) Export(ctx context.Context, in ExportInput) (Exported, error) {
	out, err := l.export(ctx, in)
	if err != nil {
		return Exported{}, result(opExport, err)
	}
	return out, nil
}

func (l *Library) export(ctx context.Context, in ExportInput) (out Exported, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	if err := l.ready(); err != nil {
		return out, err
	}
	out.Archive = fmt.Sprintf("%s/%s/%s.ndjson", in.Tenant, in.form(), uuid.Must(uuid.NewV7()))
	err = l.inTenant(ctx, opExport, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) error {
		if err := l.requireThere(ctx, db); err != nil {
			return err
		}
		return tell(ctx, db, string(audit.ActionExport), map[string]any{
			"archive": out.Archive, "form": in.form(), "to": in.To,
		})
	})
	if err != nil {
		return out, err
	}
	if err := l.write(ctx, in, &out); err != nil {
		return out, err
	}
	if err := l.readBack(ctx, in, out); err != nil {
		return out, err
	}
	err = l.inTenant(ctx, opExport, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) (err error) {
		out.Record, err = l.record(ctx, db, proof.TenantRecord{
			Kind: proof.TenantHandedOut, Archive: out.Archive, Sum: out.Sum, Form: in.form(), To: in.To,
			Events: out.Manifest.Table("audit_event").Rows,
		})
		return err
	})
	return out, err
}

// requireThere refuses a tenant that was deleted, or never was.
func (l *Library) requireThere(ctx context.Context, db dbx.DB) error {
	last, _, err := l.lastRecord(ctx, db)
	if err != nil {
		return err
	}
	if last.Kind == proof.TenantDeleted {
		return ErrDeleted
	}
	var there bool
	err = db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.tenant WHERE tenant_id = $1)`, db.Tenant()).Scan(&there)
	if err == nil && !there {
		return ErrNoTenant
	}
	return err
}

// sealAttempts is how often the trail is sealed until a snapshot finds nothing unsealed in it: some seconds, for other
// tenants' transactions hold the log up, too.
const sealAttempts = 50

// write writes the archive of one snapshot.
func (l *Library) write(ctx context.Context, in ExportInput, out *Exported) error {
	for attempt := 1; ; attempt++ {
		if !in.Readable {
			if err := l.sealAll(ctx, in); err != nil {
				return err
			}
		}
		err := l.inSnapshot(ctx, opExport, in.By, in.Tenant, func(ctx context.Context, _ dbx.Owner, db dbx.DB) error {
			if !in.Readable {
				if err := requireSealed(ctx, db); err != nil {
					return err
				}
			}
			return l.writeSnapshot(ctx, db, in, out)
		})
		if !errors.Is(err, ErrBusy) || attempt == sealAttempts {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (l *Library) sealAll(ctx context.Context, in ExportInput) error {
	ctx = hmstype.WithActor(ctx, hmstype.SystemActor(in.Tenant, in.By))
	for more := true; more; {
		var err error
		if more, err = l.seal(ctx); err != nil {
			return err
		}
	}
	return nil
}

// requireSealed refuses a trail with events that are not in the log yet.
func requireSealed(ctx context.Context, db dbx.DB) error {
	var unsealed bool
	err := db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.audit_event AS e
		LEFT JOIN hms.audit_leaf AS l ON l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id
		WHERE e.tenant_id = $1 AND l.leaf_index IS NULL)`, db.Tenant()).Scan(&unsealed)
	if err == nil && unsealed {
		return ErrBusy
	}
	return err
}

// writeSnapshot writes all tables of the transaction's tenant into the sink.
func (l *Library) writeSnapshot(ctx context.Context, db dbx.DB, in ExportInput, out *Exported) error {
	m, err := l.manifest(ctx, db, in)
	if err != nil {
		return err
	}
	list, err := tables(ctx, db)
	if err != nil {
		return err
	}
	file, err := in.Sink.Create(ctx, out.Archive)
	if err != nil {
		return fmt.Errorf("archive sink: %w", err)
	}
	closed := false
	defer func() {
		if !closed {
			file.Abort()
		}
	}()
	buffer := bufio.NewWriterSize(file, 1<<20)
	if err := l.writeTables(ctx, db, in, list, buffer, m, out); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return fmt.Errorf("archive sink: %w", err)
	}
	closed = true
	if err := file.Close(); err != nil {
		return fmt.Errorf("archive sink: %w", err)
	}
	return nil
}

// manifest says what does not depend on the rows.
func (l *Library) manifest(ctx context.Context, db dbx.DB, in ExportInput) (m proof.TenantManifest, err error) {
	m = proof.TenantManifest{Origin: l.config.LogOrigin(db.Tenant()), To: in.To}
	if m.Time, err = db.DatabaseTime(ctx); err != nil {
		return m, err
	}
	if m.Schema, err = schemaSum(ctx, db); err != nil {
		return m, err
	}
	var root []byte
	err = db.QueryRow(ctx, `SELECT c.size, c.root FROM hms.audit_checkpoint AS c WHERE c.tenant_id = $1
		ORDER BY c.number DESC LIMIT 1`, db.Tenant()).Scan(&m.Size, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return m, nil
	}
	copy(m.Root[:], root)
	return m, err
}

func (l *Library) writeTables(
	ctx context.Context, db dbx.DB, in ExportInput, list []table, to io.Writer, m proof.TenantManifest, out *Exported,
) error {
	var left []proof.TenantLeft
	if in.Readable {
		left = leftOut(list)
	}
	w, err := proof.NewTenantArchiveWriter(to, in.form(), left)
	if err != nil {
		return fmt.Errorf("archive sink: %w", err)
	}
	if err := setPlainTexts(ctx, db); err != nil {
		return err
	}
	for _, t := range list {
		if in.Readable {
			err = l.writeReadable(ctx, db, t, w)
		} else {
			err = writeStored(ctx, db, t, w)
		}
		if err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	out.Manifest, out.Sum, err = w.Finish(m, l.config.Signer)
	return err
}

func writeStored(ctx context.Context, db dbx.DB, t table, w *proof.TenantArchiveWriter) error {
	if err := w.Table(t.name, t.names()); err != nil {
		return err
	}
	return t.batches(ctx, db, func(batch [][]*string) error {
		for _, row := range batch {
			if err := w.Row(row); err != nil {
				return err
			}
		}
		return nil
	})
}

// batchRows is how many rows are read at a time.
const batchRows = 500

// batches reads the rows of the transaction's tenant a batch at a time, so that between two batches the connection is
// free.
func (t table) batches(ctx context.Context, db dbx.DB, fn func([][]*string) error) error {
	if _, err := db.Exec(ctx, `DECLARE hms_tenant NO SCROLL CURSOR FOR `+t.query()); err != nil {
		return err
	}
	for {
		batch, err := t.fetch(ctx, db)
		if err != nil {
			return err
		}
		if err := fn(batch); err != nil {
			return err
		}
		if len(batch) < batchRows {
			_, err := db.Exec(ctx, `CLOSE hms_tenant`)
			return err
		}
	}
}

func (t table) fetch(ctx context.Context, db dbx.DB) ([][]*string, error) {
	rows, err := db.Query(ctx, `FETCH FORWARD 500 FROM hms_tenant`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var batch [][]*string
	for rows.Next() {
		row, into := make([]*string, len(t.columns)), make([]any, len(t.columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		batch = append(batch, row)
	}
	return batch, rows.Err()
}

// readBack asks the store for the archive and verifies what it gives, as who gets it would.
func (l *Library) readBack(ctx context.Context, in ExportInput, out Exported) error {
	m, sum, err := l.read(ctx, in.Sink, out.Archive, nil)
	if err != nil {
		return errors.Join(sealed.ErrArchive, err)
	}
	if sum != out.Sum || m.Text() != out.Manifest.Text() {
		return sealed.ErrArchive
	}
	return nil
}

// read reads an archive of a store.
func (l *Library) read(
	ctx context.Context, store sealed.Sink, name string, visitor proof.TenantVisitor,
) (m proof.TenantManifest, sum tlog.Hash, err error) {
	verifiers, err := l.config.PublicKeys()
	if err != nil {
		return m, sum, err
	}
	in, err := store.Open(ctx, name)
	if err != nil {
		return m, sum, fmt.Errorf("archive sink: %w", err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	return proof.ReadTenantArchive(in, verifiers, visitor)
}
