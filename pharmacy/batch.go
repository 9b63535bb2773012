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

// aStock is why what shows stock shows nothing of a patient.
const aStock = "stock, nobody's data"

// BatchDetails are what is printed on a batch, and who delivered it. A batch keeps them for good.
type BatchDetails struct {
	Item        hmstype.MedicationItemID `bun:"item_id"     json:"item"`     // required
	Supplier    hmstype.SupplierID       `bun:"supplier_id" json:"supplier"` // required
	BatchNumber string                   `json:"batchNumber"`                // required, up to 100 characters
	// ExpiryDate is the last day of use; of one printed as a month, its EndOfMonth. Zero means it does not expire.
	ExpiryDate hmstype.Date `json:"expiryDate,omitzero"`
}

func (d BatchDetails) validate(v *hmstype.Validator) {
	v.Required(!d.Item.IsZero(), "item")
	v.Required(!d.Supplier.IsZero(), "supplier")
	names.Check(v, names.CodeKey, d.BatchNumber, "batchNumber", 100)
}

// Batch is one lot of an item from one supplier.
type Batch struct {
	ID hmstype.BatchID `json:"id"`
	BatchDetails
	Status           BatchStatus      `json:"status"`
	StatusReason     string           `json:"statusReason,omitempty"`
	QuantityReceived hmstype.Quantity `json:"quantityReceived"`    // of all deliveries, in base units
	CostPrice        hmstype.Money    `json:"costPrice"`           // of one base unit
	SellingPrice     hmstype.Money    `json:"sellingPrice"`        // of one base unit
	ReceivedBy       hmstype.ActorRef `json:"receivedBy"`          // who recorded the first delivery
	ReceivedAt       time.Time        `json:"receivedAt,omitzero"` // of the first delivery, UTC
	Version          int64            `json:"version"`             // counts changes, from 1
}

type batchRow struct {
	bun.BaseModel `bun:"table:hms.stock_batch,alias:sb"`
	dbx.Header[hmstype.BatchID]
	BatchDetails
	BatchNumberKey     string // twin of BatchNumber
	Status             BatchStatus
	StatusReason       string
	QuantityReceived   hmstype.Quantity
	CostPriceAmount    decimal.Decimal
	SellingPriceAmount decimal.Decimal
	Currency           hmstype.Currency
}

func (r batchRow) batch() Batch {
	return Batch{
		ID: r.ID, BatchDetails: r.BatchDetails,
		Status: r.Status, StatusReason: r.StatusReason, QuantityReceived: r.QuantityReceived,
		CostPrice:    hmstype.Money{Amount: r.CostPriceAmount, Currency: r.Currency},
		SellingPrice: hmstype.Money{Amount: r.SellingPriceAmount, Currency: r.Currency},
		ReceivedBy:   r.CreatedBy, ReceivedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

var batchSteps = dbx.Machine[batchRow, BatchStatus]{
	Table: "stock_batch", Transitions: BatchTransitions,
	State:   func(r *batchRow) *BatchStatus { return &r.Status },
	Columns: []string{"status_reason"},
	Event: func(r *batchRow, _ BatchStatus) dbx.Event {
		return dbx.Event{
			Type: batchEvents[r.Status], ID: r.ID,
			Data: map[string]string{"item": r.Item.String()},
		}
	},
}

// ReceiveBatchInput describes a delivery of one batch.
type ReceiveBatchInput struct {
	BatchDetails
	Location       hmstype.LocationID `json:"location"`     // required
	Quantity       hmstype.Quantity   `json:"quantity"`     // base units; required
	CostPrice      hmstype.Money      `json:"costPrice"`    // of one base unit, not negative
	SellingPrice   hmstype.Money      `json:"sellingPrice"` // of one base unit, not negative, same currency
	Quarantine     bool               `json:"quarantine"`   // to be inspected before it may be handed out
	IdempotencyKey string             `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in ReceiveBatchInput) Validate() error {
	var v hmstype.Validator
	in.BatchDetails.validate(&v)
	v.Required(!in.Location.IsZero(), "location")
	in.Quantity.CheckPositive(&v, "quantity")
	v.Nested("costPrice", in.CostPrice.Validate())
	v.Nested("sellingPrice", in.SellingPrice.Validate())
	v.Check(in.CostPrice.Sign() >= 0, "costPrice", "must not be negative")
	v.Check(in.SellingPrice.Sign() >= 0, "sellingPrice", "must not be negative")
	v.Check(in.CostPrice.Currency == in.SellingPrice.Currency, "sellingPrice.currency", "must be that of the cost price")
	return v.Err()
}

var opReceiveBatch = usecase.Command[ReceiveBatchInput, Batch]{
	Name: "pharmacy.receive_batch", Permission: hmstype.PermStockWrite, Shows: usecase.Nobody[Batch](aStock),
	Key: func(in ReceiveBatchInput) string { return in.IdempotencyKey },
	Sample: ReceiveBatchInput{
		BatchDetails: BatchDetails{BatchNumber: "L100", ExpiryDate: usecase.SampleDay.AddDays(300)}, Quantity: 100,
		CostPrice:    hmstype.Money{Amount: decimal.New(1, -1), Currency: "USD"},
		SellingPrice: hmstype.Money{Amount: decimal.New(25, -2), Currency: "USD"},
	},
}.Declare()

// ReceiveBatch takes a delivery into stock: it creates the batch, or adds to it where the
// same batch came before, however its number was typed then; the first spelling stays.
// [ErrBatchConflict] where the item has this batch number with another expiry, supplier or
// price: one of the two is a mistake.
// Permission: [hmstype.PermStockWrite].
func (s *Service) ReceiveBatch(ctx context.Context, in ReceiveBatchInput) (Batch, error) {
	return opReceiveBatch.Run(ctx, &s.base, in, receiveBatch)
}

func receiveBatch(ctx context.Context, db dbx.DB, in ReceiveBatchInput) (Batch, error) {
	row := batchRow{
		Header: dbx.NewHeader[hmstype.BatchID](db), BatchDetails: in.BatchDetails,
		BatchNumberKey: names.CodeKey(in.BatchNumber),
		Status:         BatchAvailable, QuantityReceived: in.Quantity,
		CostPriceAmount: in.CostPrice.Amount, SellingPriceAmount: in.SellingPrice.Amount, Currency: in.CostPrice.Currency,
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
		Batch: row.ID, Item: row.Item, FromKind: "supplier", ToKind: "stock", To: in.Location,
		Quantity: in.Quantity, Cause: "receipt",
	}); err != nil {
		return Batch{}, err
	}
	return row.batch(), db.Emit(ctx, dbx.Event{
		Type: eventBatchReceived, ID: row.ID,
		Data: map[string]any{"item": in.Item.String(), "quantity": in.Quantity},
	})
}

// extendBatch adds a further delivery to the batch that has the wanted one's number, in any spelling.
func extendBatch(ctx context.Context, db dbx.DB, wanted batchRow) (batchRow, error) {
	rows, err := dbx.All[batchRow](ctx, db,
		dbx.Equal("item_id", wanted.Item), dbx.Equal("batch_number_key", wanted.BatchNumberKey), dbx.ForUpdate)
	if err != nil {
		return batchRow{}, err
	}
	if len(rows) != 1 {
		return batchRow{}, ErrBatchConflict
	}
	known := rows[0]
	if known.ExpiryDate != wanted.ExpiryDate || known.Supplier != wanted.Supplier || known.Currency != wanted.Currency ||
		!known.CostPriceAmount.Equal(wanted.CostPriceAmount) || !known.SellingPriceAmount.Equal(wanted.SellingPriceAmount) {
		return batchRow{}, ErrBatchConflict
	}
	known.QuantityReceived += wanted.QuantityReceived
	return known, dbx.Update(ctx, db, &known, "quantity_received")
}

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

// SetBatchStatusInput moves a batch to another state.
type SetBatchStatusInput struct {
	ID     hmstype.BatchID `json:"id"`     // required
	Status BatchStatus     `json:"status"` // required
	Reason string          `json:"reason"` // required, up to 500 characters
}

// Validate implements the rules above.
func (in SetBatchStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", BatchTransitions.States()...)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opSetBatchStatus = usecase.Command[SetBatchStatusInput, Batch]{
	Name: "pharmacy.set_batch_status", Permission: hmstype.PermStockWrite, Shows: usecase.Nobody[Batch](aStock),
	Sample: SetBatchStatusInput{Status: BatchHold, Reason: "seal broken"},
}.Declare()

// SetBatchStatus releases, holds, recalls or writes off a batch in all places at once: from
// the moment that it commits, nobody hands out a unit of a batch that is not available.
// Permission: [hmstype.PermStockWrite].
func (s *Service) SetBatchStatus(ctx context.Context, in SetBatchStatusInput) (Batch, error) {
	return opSetBatchStatus.Run(ctx, &s.base, in, setBatchStatus)
}

func setBatchStatus(ctx context.Context, db dbx.DB, in SetBatchStatusInput) (Batch, error) {
	row, err := dbx.Step(ctx, db, batchSteps, in.ID, dbx.Change[batchRow, BatchStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *batchRow) error {
			row.StatusReason = in.Reason
			return nil
		},
	})
	return row.batch(), err
}
