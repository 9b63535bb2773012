package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// EndPriceInput ends a version of a price.
type EndPriceInput struct {
	Price   PriceID      `json:"price"`   // required
	Version int64        `json:"version"` // the version that the caller read
	Until   hmstype.Date `json:"until"`   // required: the first day without it; its first day withdraws it
}

// Validate implements the rules above.
func (in EndPriceInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Price.IsZero(), "price")
	v.Required(!in.Until.IsZero(), "until")
	return v.Err()
}

var opEndPrice = usecase.Command[EndPriceInput, Price]{
	Name: "billing.end_price", Permission: hmstype.PermBillingManage, Shows: usecase.Nobody[Price](aCatalogue),
	Sample: EndPriceInput{Version: 1, Until: usecase.SampleDay},
}.Declare()

// EndPrice ends a price on a day, or withdraws it. It cannot make a price last longer.
// Permission: [hmstype.PermBillingManage].
func (s *Service) EndPrice(ctx context.Context, in EndPriceInput) (Price, error) {
	return opEndPrice.Run(ctx, &s.base, in, endPrice)
}

func endPrice(ctx context.Context, db dbx.DB, in EndPriceInput) (Price, error) {
	row, err := dbx.Get[priceRow](ctx, db, "service_price", in.Price, dbx.ForUpdate)
	if err != nil {
		return Price{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Price{}, err
	}
	if !row.ValidTo.IsZero() && in.Until.After(row.ValidTo) {
		return Price{}, hmstype.Invalid("until", "must not be after the price's end")
	}
	row.ValidTo = in.Until
	err = dbx.Update(ctx, db, &row, "valid_to")
	return row.price(), err
}
