package pharmacy

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

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
	Key:   func(in ReceiveBatchInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(b Batch) hmstype.BatchID { return b.ID }, getBatch),
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

func getBatch(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BatchID]) (Batch, error) {
	row, err := dbx.Get[batchRow](ctx, db, "stock_batch", in.ID)
	return row.batch(), err
}
