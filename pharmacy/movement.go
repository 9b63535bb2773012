package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// movement is one move of units of a batch.
type movement struct {
	Batch    hmstype.BatchID
	Item     hmstype.MedicationItemID // of the batch
	FromKind string
	From     hmstype.LocationID // where FromKind is stock or quarantine
	ToKind   string
	To       hmstype.LocationID // where ToKind is stock or quarantine
	Quantity hmstype.Quantity
	Cause    string
	CauseID  hmstype.DispenseID
	Reason   string
}

// moveStock writes the movement and keeps the balances of both ends.
func moveStock(ctx context.Context, db dbx.DB, m movement) error {
	_, err := db.Exec(ctx, `INSERT INTO hms.stock_movement
		(tenant_id, item_id, batch_id, from_kind, from_location_id, to_kind, to_location_id,
			quantity, cause, cause_id, reason, moved_by, moved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), m.Item, m.Batch, m.FromKind, m.From, m.ToKind, m.To, int64(m.Quantity), m.Cause, m.CauseID, m.Reason,
		db.By(), db.Now)
	if err != nil {
		return err
	}
	if err := addBalance(ctx, db, m, m.FromKind, m.From, -m.Quantity); err != nil {
		return err
	}
	return addBalance(ctx, db, m, m.ToKind, m.To, m.Quantity)
}

// addBalance keeps the balance of one end of a movement.
// In SQL: migrate/routine/pharmacy/stock_add.sql.
func addBalance(
	ctx context.Context, db dbx.DB, m movement, kind string, location hmstype.LocationID, quantity hmstype.Quantity,
) error {
	var onHand, quarantined int64
	switch kind {
	case "stock":
		onHand = int64(quantity)
	case "quarantine":
		quarantined = int64(quantity)
	default:
		return nil // not a place of ours
	}
	_, err := db.Exec(ctx, `SELECT hms.stock_add($1, $2, $3, $4, $5, $6)`,
		db.Tenant(), location, m.Item, m.Batch, onHand, quarantined)
	return err
}
