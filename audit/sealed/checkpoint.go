package sealed

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
)

// checkpointRow is a head of the log as it is stored.
type checkpointRow struct {
	number, size int64
	root         []byte
	sealedAt     time.Time
	note         string
	// Not signed, for they only save the sealer from looking everywhere: every event of the sealed transactions is in
	// the log; and the newest transaction that had sealed.
	sealed extent
	xid    uint64
}

// open gives the checkpoint that the row's note signs, where the row says the same.
func (r checkpointRow) open(origin string, verifiers note.Verifiers) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint(r.note, verifiers)
	if err != nil {
		return c, err
	}
	if c.Origin != origin || c.Size != r.size || string(c.Root[:]) != string(r.root) || !c.Time.Equal(r.sealedAt) {
		return c, ErrLogDamaged
	}
	return c, nil
}

const checkpointColumns = `SELECT number, size, root, sealed_at, note, sealed::text, xid::text
	FROM hms.audit_checkpoint WHERE tenant_id = $1`

// lastCheckpoint gives the newest head, ok is false for a log without any.
func lastCheckpoint(ctx context.Context, db dbx.DB) (row checkpointRow, ok bool, err error) {
	rows, err := checkpoints(ctx, db, checkpointColumns+` ORDER BY number DESC LIMIT 1`, db.Tenant())
	if err != nil || len(rows) == 0 {
		return checkpointRow{}, false, err
	}
	return rows[0], true, nil
}

func checkpoints(ctx context.Context, db dbx.DB, query string, args ...any) ([]checkpointRow, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []checkpointRow
	for rows.Next() {
		var r checkpointRow
		var sealed, xid string
		if err := rows.Scan(&r.number, &r.size, &r.root, &r.sealedAt, &r.note, &sealed, &xid); err != nil {
			return nil, err
		}
		if r.sealed, err = parseExtent(sealed); err != nil {
			return nil, err
		}
		if r.xid, err = strconv.ParseUint(xid, 10, 64); err != nil {
			return nil, err
		}
		r.sealedAt = r.sealedAt.UTC()
		list = append(list, r)
	}
	return list, rows.Err()
}

// numberOf gives the number of a signed note among the checkpoints of the tenant's log; stands is false where it is
// none of them.
func numberOf(ctx context.Context, db dbx.DB, c proof.Checkpoint, signed string) (
	number int64, stands bool, err error,
) {
	rows, err := checkpoints(ctx, db, checkpointColumns+` AND size = $2 AND note = $3`, db.Tenant(), c.Size, signed)
	if err != nil || len(rows) == 0 {
		return 0, false, err
	}
	return rows[0].number, true, nil
}
