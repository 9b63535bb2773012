package hms_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chelal/hms"
	"github.com/chelal/hms/pharmacy"
)

// A host on pgx (with sqlc, or in the work of a River job) sells and writes its own order, both or
// neither. Where the shelf is empty it writes a back order instead, in the same transaction.
func ExampleHMS_WithPgxTx() {
	order := func(ctx context.Context, pool *pgxpool.Pool, h *hms.HMS, in pharmacy.DispenseInput) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			status := "sold"
			sold, err := h.WithPgxTx(tx).Pharmacy.Dispense(ctx, in)
			if errors.Is(err, pharmacy.ErrInsufficientStock) {
				status, err = "back order", nil // the transaction goes on
			}
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `INSERT INTO shop_order (dispense, status) VALUES ($1, $2)`, sold.ID, status)
			if err != nil {
				return fmt.Errorf("order: %w", err)
			}
			return nil
		})
	}
	_ = order
}
