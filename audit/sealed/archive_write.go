package sealed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// archive writes one tenant's part of the month, and proves that the store has it.
func (a *archiver) archive(ctx context.Context, t *tenantPart) error {
	head, err := a.head(ctx, t)
	if err != nil {
		return err
	}
	t.Archive = fmt.Sprintf("%s/%s/%s.ndjson", t.Tenant, a.in.Month, uuid.Must(uuid.NewV7()))
	manifest, err := a.write(ctx, t, head)
	if err != nil {
		return err
	}
	if manifest.Leaves.Count != t.Total() {
		return fmt.Errorf("%w: %d of %d events could be archived", ErrLogDamaged, manifest.Leaves.Count, t.Total())
	}
	if err := a.readBack(ctx, t, manifest); err != nil {
		return err
	}
	t.purge = proof.Purge{
		Origin: manifest.Origin, Month: manifest.Month, Leaves: manifest.Leaves, Archive: t.Archive, Sum: t.Sum,
	}
	t.purge.Tables, err = a.baselines(ctx, t)
	return err
}

// signedHead is a checkpoint with its note.
type signedHead struct {
	proof.Checkpoint
	note string
}

func (a *archiver) head(ctx context.Context, t *tenantPart) (head signedHead, err error) {
	verifiers, err := a.config.verifiers()
	if err != nil {
		return head, err
	}
	err = a.inTenant(ctx, t, func(ctx context.Context, db dbx.DB) error {
		row, ok, err := lastCheckpoint(ctx, db)
		if err != nil {
			return err
		}
		if !ok {
			return ErrLogDamaged
		}
		head.note = row.note
		if head.Checkpoint, err = row.open(a.config.origin(db.Tenant()), verifiers); err != nil {
			return errors.Join(ErrLogDamaged, err)
		}
		return nil
	})
	return head, err
}

// write streams the events into the sink, 256 leaves at a time.
func (a *archiver) write(ctx context.Context, t *tenantPart, head signedHead) (m proof.Manifest, err error) {
	out, err := a.in.Sink.Create(ctx, t.Archive)
	if err != nil {
		return m, fmt.Errorf("archive sink: %w", err)
	}
	closed := false
	defer func() {
		if !closed {
			out.Abort()
		}
	}()
	buffer := bufio.NewWriterSize(out, 1<<20)
	w := proof.NewArchiveWriter(buffer, head.note)
	if err := a.writeEvents(ctx, t, w, head.Size); err != nil {
		return m, err
	}
	m = proof.Manifest{Origin: head.Origin, Month: a.in.Month, Size: head.Size, Root: head.Root}
	if m, t.Sum, err = w.Finish(m, a.config.Signer); err != nil {
		return m, err
	}
	if err := buffer.Flush(); err != nil {
		return m, fmt.Errorf("archive sink: %w", err)
	}
	closed = true
	if err := out.Close(); err != nil {
		return m, fmt.Errorf("archive sink: %w", err)
	}
	return m, nil
}

func (a *archiver) writeEvents(ctx context.Context, t *tenantPart, w *proof.ArchiveWriter, size int64) error {
	var first, last int64
	err := a.inTenant(ctx, t, func(ctx context.Context, db dbx.DB) error {
		return db.QueryRow(ctx, `SELECT coalesce(min(leaf_index), 0), coalesce(max(leaf_index), -1) FROM hms.audit_leaf
			WHERE tenant_id = $1 AND recorded_at >= $2 AND recorded_at < $3`, db.Tenant(), a.from, a.to).Scan(&first, &last)
	})
	if err != nil {
		return err
	}
	for from := first; from <= last; from += 1 << blockLevel {
		var items []proof.Item
		err := a.inTenant(ctx, t, func(ctx context.Context, db dbx.DB) (err error) {
			items, err = a.proved(ctx, db, from, from+1<<blockLevel, size)
			return err
		})
		if err != nil {
			return err
		}
		if err := w.Add(items); err != nil {
			return fmt.Errorf("archive sink: %w", err)
		}
	}
	return nil
}

// proved gives the month's events among the leaves from..to, with their proofs.
func (a *archiver) proved(ctx context.Context, db dbx.DB, from, to, size int64) ([]proof.Item, error) {
	items, err := a.items(ctx, db, from, to)
	if err != nil {
		return nil, err
	}
	hashes := newTree(ctx, db, size)
	for i, item := range items {
		if items[i].Proof, err = tlog.ProveRecord(size, item.Index, hashes); err != nil {
			return nil, errors.Join(ErrLogDamaged, err)
		}
	}
	return items, nil
}

// items reads the month's events among the leaves from..to, and holds each against its leaf.
func (a *archiver) items(ctx context.Context, db dbx.DB, from, to int64) ([]proof.Item, error) {
	rows, err := db.Query(ctx, `SELECT l.leaf_index, l.hash, `+eventColumns+` FROM hms.audit_leaf AS l
		JOIN hms.audit_event AS e ON e.tenant_id = $1 AND e.recorded_at = l.recorded_at AND e.id = l.event_id
		WHERE l.tenant_id = $1 AND l.leaf_index >= $2 AND l.leaf_index < $3 AND l.recorded_at >= $4 AND l.recorded_at < $5
		  AND e.recorded_at >= $4 AND e.recorded_at < $5 ORDER BY l.leaf_index`, db.Tenant(), from, to, a.from, a.to)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var items []proof.Item
	for rows.Next() {
		var item proof.Item
		var hash []byte
		var f eventFields
		if err := rows.Scan(append([]any{&item.Index, &hash}, f.destinations()...)...); err != nil {
			return nil, err
		}
		item.Event = f.event(db.Tenant().String())
		leaf, err := item.Event.LeafHash()
		if err != nil || string(leaf[:]) != string(hash) {
			return nil, fmt.Errorf("%w: leaf %d has another event", ErrLogDamaged, item.Index)
		}
		items = append(items, item)
	}
	return items, rows.Err()
}

// readBack asks the store for the archive and verifies what it gives, as an auditor would.
func (a *archiver) readBack(ctx context.Context, t *tenantPart, want proof.Manifest) error {
	verifiers, err := a.config.verifiers()
	if err != nil {
		return err
	}
	in, err := a.in.Sink.Open(ctx, t.Archive)
	if err != nil {
		return fmt.Errorf("archive sink: %w", err)
	}
	sum := sha256.New()
	got, err := proof.VerifyArchive(io.TeeReader(in, sum), verifiers)
	if err := errors.Join(err, in.Close()); err != nil {
		return errors.Join(ErrArchive, err)
	}
	if got != want || tlog.Hash(sum.Sum(nil)) != t.Sum {
		return ErrArchive
	}
	return nil
}

// baselines gives what each audited table was at the end of the month, a transaction for each;
// none where a later month is purged already, whose record has what counts.
// In SQL: migrate/routine/audit/audit_verify.sql.
func (a *archiver) baselines(ctx context.Context, t *tenantPart) ([]proof.Baseline, error) {
	var later bool
	var tables []string
	err := a.inTenant(ctx, t, func(ctx context.Context, db dbx.DB) (err error) {
		if tables, err = auditedTables(ctx, db); err != nil {
			return err
		}
		return db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.audit_purge WHERE tenant_id = $1 AND month > $2)`,
			db.Tenant(), a.from).Scan(&later)
	})
	if err != nil || later {
		return nil, err
	}
	var list []proof.Baseline
	for _, table := range tables {
		b := proof.Baseline{Table: table}
		var digest []byte
		err := a.inTenant(ctx, t, func(ctx context.Context, db dbx.DB) error {
			return db.QueryRow(ctx, `SELECT purged, baseline FROM hms.audit_verify($1, $2, $3)`, db.Tenant(), table, a.to).
				Scan(&b.Rows, &digest)
		})
		if err != nil {
			return nil, err
		}
		copy(b.Digest[:], digest)
		if b.Rows > 0 {
			list = append(list, b)
		}
	}
	return list, nil
}
