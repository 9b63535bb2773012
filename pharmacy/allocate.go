package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// allocate takes the units in one call of the database's function, where the rule lives, and which
// completes the dispense.
// In SQL: migrate/routine/pharmacy/pharmacy_allocate.sql.
func allocate(ctx context.Context, db dbx.DB, row *dispenseRow, usableUntil hmstype.Date, partial bool) error {
	var taken int64
	err := db.QueryRow(ctx, `SELECT hms.pharmacy_allocate($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		db.Tenant(), row.ID, row.LocationID, row.ItemID, int64(row.QuantityRequested), usableUntil, partial,
		row.CreatedBy, row.CreatedAt).Scan(&taken)
	row.QuantityDispensed, row.Status = hmstype.Quantity(taken), DispenseCompleted
	row.Version++
	return err
}
