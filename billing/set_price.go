package billing

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SetPriceInput gives a service a price from a day on.
type SetPriceInput struct {
	Service hmstype.ServiceID `json:"service"` // required
	Amount  hmstype.Money     `json:"amount"`  // zero or more, without tax
	From    hmstype.Date      `json:"from"`    // required: the first day of service that costs this
	Until   hmstype.Date      `json:"until"`   // the first day without this price; zero means without end
}

// Validate implements the rules above.
func (in SetPriceInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Service.IsZero(), "service")
	v.Check(isPlain(in.Amount.Amount), "amount", "must be at most 999999999999")
	if v.Err() == nil {
		v.Nested("amount", in.Amount.Validate())
		v.Check(in.Amount.Sign() >= 0, "amount.amount", "must be at least 0")
	}
	v.Required(!in.From.IsZero(), "from")
	v.Check(in.Until.IsZero() || in.Until.After(in.From), "until", "must be after from")
	return v.Err()
}

var opSetPrice = usecase.Command[SetPriceInput, Price]{
	Name: "billing.set_price", Permission: hmstype.PermBillingManage, Shows: usecase.Nobody[Price](aCatalogue),
	Sample: SetPriceInput{Amount: hmstype.MustMoney("40.00", "USD"), From: usecase.SampleDay},
}.Declare()

// SetPrice adds a version of a service's price. The version without end that began before From
// ends there; any other version on these days is a [PriceOverlapError]. Charges that were
// captured keep their price, also those of days that this price holds for.
// Permission: [hmstype.PermBillingManage].
func (s *Service) SetPrice(ctx context.Context, in SetPriceInput) (Price, error) {
	return opSetPrice.Run(ctx, &s.base, in, setPrice)
}

func setPrice(ctx context.Context, db dbx.DB, in SetPriceInput) (Price, error) {
	// The service's row is the lock: two prices of one service are set one after the other.
	if _, err := dbx.Get[serviceItemRow](ctx, db, "service_item", in.Service, dbx.ForUpdate); err != nil {
		return Price{}, err
	}
	_, err := db.Exec(ctx, `UPDATE hms.service_price AS p SET valid_to = $1, version = p.version + 1
		WHERE p.tenant_id = $2 AND p.service_id = $3 AND p.currency = $4 AND p.valid_from < $1 AND p.valid_to IS NULL`,
		in.From, db.Tenant(), in.Service, in.Amount.Currency)
	if err != nil {
		return Price{}, err
	}
	row := priceRow{
		Header: dbx.NewHeader[PriceID](db), ServiceID: in.Service, Currency: in.Amount.Currency,
		Amount: in.Amount.Amount, ValidFrom: in.From, ValidTo: in.Until,
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !done {
		err = priceInTheWay(ctx, db, in)
	}
	return row.price(), err
}

func priceInTheWay(ctx context.Context, db dbx.DB, in SetPriceInput) error {
	rows, err := dbx.All[priceRow](ctx, db,
		dbx.Equal("service_id", in.Service), dbx.Equal("currency", in.Amount.Currency),
		dbx.Where("(sp.valid_to IS NULL OR (sp.valid_to > ? AND sp.valid_to > sp.valid_from))", in.From),
		dbx.When(!in.Until.IsZero(), dbx.Where("sp.valid_from < ?", in.Until)), dbx.OrderBy("sp.valid_from"), dbx.Limit(1))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ErrPriceOverlap
	}
	return &PriceOverlapError{Price: rows[0].ID, From: rows[0].ValidFrom, Until: rows[0].ValidTo}
}
