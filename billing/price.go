package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Price is the price of one unit of a service on the days of [From, Until).
type Price struct {
	ID      PriceID           `json:"id"`
	Service hmstype.ServiceID `json:"service"`
	Amount  hmstype.Money     `json:"amount"` // without tax
	From    hmstype.Date      `json:"from"`   // first day
	// first day without it; zero means without end; From means withdrawn
	Until     hmstype.Date     `json:"until"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Version   int64            `json:"version"` // counts changes, from 1
}

type priceRow struct {
	bun.BaseModel `bun:"table:hms.service_price,alias:sp"`
	dbx.Header[PriceID]
	ServiceID hmstype.ServiceID
	Currency  hmstype.Currency
	Amount    decimal.Decimal
	ValidFrom hmstype.Date
	ValidTo   hmstype.Date
}

func (r priceRow) price() Price {
	return Price{
		ID: r.ID, Service: r.ServiceID, Amount: money(r.Amount, r.Currency), From: r.ValidFrom, Until: r.ValidTo,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

var opListPrices = usecase.Query[usecase.ByID[hmstype.ServiceID], []Price]{
	Name: "billing.list_prices", Permission: hmstype.PermServiceRead,
	Shows: usecase.Nobody[[]Price](aCatalogue), Quiet: aCatalogue,
}.Declare()

// ListPrices lists every version of a service's prices by first day, withdrawn ones too.
// Permission: [hmstype.PermServiceRead].
func (s *Service) ListPrices(ctx context.Context, id hmstype.ServiceID) ([]Price, error) {
	return opListPrices.Run(ctx, &s.base, usecase.ID(id), prices)
}

func prices(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ServiceID]) ([]Price, error) {
	if _, err := dbx.Get[serviceItemRow](ctx, db, "service_item", in.ID); err != nil {
		return nil, err
	}
	rows, err := dbx.All[priceRow](ctx, db, dbx.Equal("service_id", in.ID),
		dbx.OrderBy("sp.currency", "sp.valid_from", "sp.id"))
	list := make([]Price, len(rows))
	for i, r := range rows {
		list[i] = r.price()
	}
	return list, err
}
