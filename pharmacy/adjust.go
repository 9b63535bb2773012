package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AdjustInput corrects the stock of one batch at one place.
type AdjustInput struct {
	Batch          hmstype.BatchID    `json:"batch"`    // required
	Location       hmstype.LocationID `json:"location"` // required
	Delta          hmstype.Quantity   `json:"delta"`    // what to add; negative takes away; not zero
	Reason         string             `json:"reason"`   // required, up to 500 characters
	IdempotencyKey string             `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AdjustInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Batch.IsZero(), "batch")
	v.Required(!in.Location.IsZero(), "location")
	v.Check(in.Delta != 0, "delta", "must not be zero")
	v.Check(in.Delta >= -hmstype.MaxQuantity && in.Delta <= hmstype.MaxQuantity, "delta", "is out of range")
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opAdjust = usecase.Command[AdjustInput, Batch]{
	Name: "pharmacy.adjust", Permission: hmstype.PermStockWrite, Shows: usecase.Nobody[Batch](aStock),
	Key:    func(in AdjustInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(b Batch) hmstype.BatchID { return b.ID }, getBatch),
	Sample: AdjustInput{Delta: -1, Reason: "broken"},
}.Declare()

// Adjust adds a difference to the stock: a delta and never "set to", which would erase what
// others do meanwhile. [ErrInsufficientStock] where more would go than is there.
// Permission: [hmstype.PermStockWrite].
func (s *Service) Adjust(ctx context.Context, in AdjustInput) (Batch, error) {
	return opAdjust.Run(ctx, &s.base, in, adjust)
}

func adjust(ctx context.Context, db dbx.DB, in AdjustInput) (Batch, error) {
	row, err := dbx.Get[batchRow](ctx, db, "stock_batch", in.Batch, dbx.ForShare)
	if err != nil {
		return Batch{}, err
	}
	m := movement{
		Batch: row.ID, Item: row.Item, FromKind: "adjustment", ToKind: "stock", To: in.Location, Quantity: in.Delta,
		Cause: "adjustment", Reason: in.Reason,
	}
	if in.Delta < 0 {
		m.FromKind, m.From, m.ToKind, m.To, m.Quantity = "stock", in.Location, "adjustment", hmstype.LocationID{}, -in.Delta
	}
	return row.batch(), moveStock(ctx, db, m)
}
