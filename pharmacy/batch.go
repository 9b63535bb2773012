package pharmacy

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// BatchStatus is the state of a batch; see the package's documentation.
type BatchStatus string

// The states of a batch.
const (
	BatchQuarantine BatchStatus = "quarantine"
	BatchAvailable  BatchStatus = "available"
	BatchHold       BatchStatus = "hold"
	BatchRecalled   BatchStatus = "recalled"
	BatchDestroyed  BatchStatus = "destroyed"
)

// BatchTransitions are the allowed steps between the states.
var BatchTransitions = hmstype.Transitions[BatchStatus]{
	BatchQuarantine: {BatchAvailable, BatchRecalled, BatchDestroyed},
	BatchAvailable:  {BatchHold, BatchQuarantine, BatchRecalled},
	BatchHold:       {BatchAvailable, BatchRecalled, BatchDestroyed},
	BatchRecalled:   {BatchQuarantine, BatchDestroyed},
}

// Batch is one lot of an item from one supplier.
type Batch struct {
	ID               hmstype.BatchID
	Item             hmstype.MedicationItemID
	Supplier         hmstype.SupplierID
	BatchNumber      string
	ExpiryDate       hmstype.Date // the last day on which it may be used; zero means it does not expire
	Status           BatchStatus
	StatusReason     string
	QuantityReceived hmstype.Quantity
	CostPrice        hmstype.Money // of one base unit
	SellingPrice     hmstype.Money // of one base unit
	ReceivedAt       time.Time     // of the first receipt, UTC
	Version          int64
}

type batchRow struct {
	bun.BaseModel `bun:"table:hms.stock_batch,alias:sb"`
	dbx.Tenanted
	ID                 hmstype.BatchID `bun:"id,pk"`
	ItemID             hmstype.MedicationItemID
	SupplierID         hmstype.SupplierID
	BatchNumber        string
	BatchNumberKey     string // twin of BatchNumber
	ExpiryDate         hmstype.Date
	Status             BatchStatus
	StatusReason       string
	QuantityReceived   hmstype.Quantity
	CostPriceAmount    decimal.Decimal
	SellingPriceAmount decimal.Decimal
	Currency           hmstype.Currency
	ReceivedAt         time.Time
	Version            int64
}

func (r batchRow) batch() Batch {
	return Batch{
		ID: r.ID, Item: r.ItemID, Supplier: r.SupplierID, BatchNumber: r.BatchNumber, ExpiryDate: r.ExpiryDate,
		Status: r.Status, StatusReason: r.StatusReason, QuantityReceived: r.QuantityReceived,
		CostPrice:    hmstype.Money{Amount: r.CostPriceAmount, Currency: r.Currency},
		SellingPrice: hmstype.Money{Amount: r.SellingPriceAmount, Currency: r.Currency},
		ReceivedAt:   r.ReceivedAt.UTC(), Version: r.Version,
	}
}

// ReceiveInput describes a delivery of one batch.
type ReceiveInput struct {
	Item           hmstype.MedicationItemID // required
	Supplier       hmstype.SupplierID       // required
	Location       hmstype.LocationID       // required
	BatchNumber    string                   // required, up to 100 characters; case, space and kind of dash are no difference
	ExpiryDate     hmstype.Date             // the last day of use; for an expiry printed as a month, its EndOfMonth
	Quantity       hmstype.Quantity         // base units; required
	CostPrice      hmstype.Money            // of one base unit, not negative
	SellingPrice   hmstype.Money            // of one base unit, not negative, same currency
	Quarantine     bool                     // to be inspected before it may be handed out
	IdempotencyKey string
}

// Validate implements the rules above.
func (in ReceiveInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Item.IsZero(), "item")
	v.Required(!in.Supplier.IsZero(), "supplier")
	v.Required(!in.Location.IsZero(), "location")
	names.Check(&v, names.CodeKey, in.BatchNumber, "batchNumber", 100)
	in.Quantity.CheckPositive(&v, "quantity")
	v.Nested("costPrice", in.CostPrice.Validate())
	v.Nested("sellingPrice", in.SellingPrice.Validate())
	v.Check(in.CostPrice.Sign() >= 0, "costPrice", "must not be negative")
	v.Check(in.SellingPrice.Sign() >= 0, "sellingPrice", "must not be negative")
	v.Check(in.CostPrice.Currency == in.SellingPrice.Currency, "sellingPrice.currency", "must be that of the cost price")
	return v.Err()
}

// ReceiveBatch takes a delivery into stock: it creates the batch, or adds to it where the
// same batch came before, however its number was typed then; the first spelling stays.
// [ErrBatchConflict] where the item has this batch number with another expiry, supplier or
// price: one of the two is a mistake.
func (s *Service) ReceiveBatch(ctx context.Context, in ReceiveInput) (Batch, error) {
	op := usecase.Op{Name: "pharmacy.receive", Permission: hmstype.PermStockWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, receiveBatch)
}

func receiveBatch(ctx context.Context, db dbx.DB, in ReceiveInput) (Batch, error) {
	row := batchRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.BatchID](), ItemID: in.Item, SupplierID: in.Supplier,
		BatchNumber: in.BatchNumber, BatchNumberKey: names.CodeKey(in.BatchNumber),
		ExpiryDate: in.ExpiryDate, Status: BatchAvailable, QuantityReceived: in.Quantity,
		CostPriceAmount: in.CostPrice.Amount, SellingPriceAmount: in.SellingPrice.Amount, Currency: in.CostPrice.Currency,
		ReceivedAt: db.Now, Version: 1,
	}
	if in.Quarantine {
		row.Status = BatchQuarantine
	}
	created, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !created {
		row, err = extendBatch(ctx, db, row)
	}
	if err != nil {
		return Batch{}, err
	}
	if err := moveStock(ctx, db, movement{
		Batch: row, FromKind: "supplier", ToKind: "stock", To: in.Location, Quantity: in.Quantity, Cause: "receipt",
	}); err != nil {
		return Batch{}, err
	}
	return row.batch(), db.Emit(ctx, dbx.Event{Type: "pharmacy.received", Entity: "batch", ID: row.ID,
		Data: map[string]any{"item": in.Item.String(), "quantity": in.Quantity}})
}

// extendBatch adds a further delivery to the batch that has the wanted one's number, in any spelling.
func extendBatch(ctx context.Context, db dbx.DB, wanted batchRow) (batchRow, error) {
	rows, err := dbx.All[batchRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return dbx.ForUpdate(q.Where("sb.item_id = ?", wanted.ItemID).Where("sb.batch_number_key = ?", wanted.BatchNumberKey))
	})
	if err != nil {
		return batchRow{}, err
	}
	if len(rows) != 1 {
		return batchRow{}, ErrBatchConflict
	}
	known := rows[0]
	if known.ExpiryDate != wanted.ExpiryDate || known.SupplierID != wanted.SupplierID || known.Currency != wanted.Currency ||
		!known.CostPriceAmount.Equal(wanted.CostPriceAmount) || !known.SellingPriceAmount.Equal(wanted.SellingPriceAmount) {
		return batchRow{}, ErrBatchConflict
	}
	known.QuantityReceived += wanted.QuantityReceived
	err = dbx.UpdateVersioned(ctx, db, &known, known.Version, "quantity_received")
	known.Version++
	return known, err
}

// movement is one move of units of a batch.
type movement struct {
	Batch    batchRow
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
		(tenant_id, item_id, batch_id, from_kind, from_location_id, to_kind, to_location_id, quantity, cause, cause_id, reason, moved_by, moved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		db.Tenant(), m.Batch.ItemID, m.Batch.ID, m.FromKind, m.From, m.ToKind, m.To, int64(m.Quantity), m.Cause, m.CauseID, m.Reason,
		db.ActorName(), db.Now)
	if err != nil {
		return err
	}
	if err := addBalance(ctx, db, m.Batch, m.FromKind, m.From, -m.Quantity); err != nil {
		return err
	}
	return addBalance(ctx, db, m.Batch, m.ToKind, m.To, m.Quantity)
}

func addBalance(ctx context.Context, db dbx.DB, b batchRow, kind string, location hmstype.LocationID, quantity hmstype.Quantity) error {
	var onHand, quarantined int64
	switch kind {
	case "stock":
		onHand = int64(quantity)
	case "quarantine":
		quarantined = int64(quantity)
	default:
		return nil // not a place of ours
	}
	_, err := db.Exec(ctx, `SELECT hms.stock_add($1, $2, $3, $4, $5, $6)`, db.Tenant(), location, b.ItemID, b.ID, onHand, quarantined)
	return err
}

// SetBatchStatusInput moves a batch to another state.
type SetBatchStatusInput struct {
	ID     hmstype.BatchID // required
	Status BatchStatus     // required
	Reason string          // required, up to 500 characters
}

// Validate implements the rules above.
func (in SetBatchStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", BatchTransitions.States()...)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

// SetBatchStatus releases, holds, recalls or writes off a batch in all places at once: from
// the moment that it commits, nobody hands out a unit of a batch that is not available.
func (s *Service) SetBatchStatus(ctx context.Context, in SetBatchStatusInput) (Batch, error) {
	op := usecase.Op{Name: "pharmacy.set_batch_status", Permission: hmstype.PermStockWrite}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in SetBatchStatusInput) (Batch, error) {
		row, err := dbx.Get[batchRow](ctx, db, "batch", in.ID, dbx.ForUpdate)
		if err != nil {
			return Batch{}, err
		}
		if err := BatchTransitions.Check("batch", row.Status, in.Status); err != nil {
			return Batch{}, err
		}
		row.Status, row.StatusReason = in.Status, in.Reason
		if err := dbx.UpdateVersioned(ctx, db, &row, row.Version, "status", "status_reason"); err != nil {
			return Batch{}, err
		}
		row.Version++
		return row.batch(), db.Emit(ctx, dbx.Event{Type: "pharmacy.batch_" + string(in.Status), Entity: "batch", ID: row.ID,
			Data: map[string]string{"item": row.ItemID.String()}})
	})
}
