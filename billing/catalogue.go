package billing

import (
	"context"
	"errors"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// ServiceItem is something that can be charged (FHIR ChargeItemDefinition).
type ServiceItem struct {
	ID         hmstype.ServiceID
	Code       string          // 1 to 50 characters, unique in the tenant up to case, space and kind of dash, never changed
	Name       string          // 1 to 200 characters; stands on the bill
	Category   string          // 1 to 100 characters, such as "Consultation"
	TaxPercent decimal.Decimal // 0 to 100, at most four places
	Active     bool            // an inactive service takes no new charges
	CreatedAt  time.Time       // UTC
	Version    int64           // counts changes, from 1
}

type serviceItemRow struct {
	bun.BaseModel `bun:"table:hms.service_item,alias:si"`
	dbx.Tenanted
	ID         hmstype.ServiceID `bun:"id,pk"`
	Code       string
	CodeKey    string // twin of Code
	Name       string
	Category   string
	TaxPercent decimal.Decimal
	IsActive   bool
	CreatedAt  time.Time
	Version    int64
}

func (r serviceItemRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r serviceItemRow) item() ServiceItem {
	return ServiceItem{
		ID: r.ID, Code: r.Code, Name: r.Name, Category: r.Category, TaxPercent: r.TaxPercent,
		Active: r.IsActive, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateServiceItemInput describes a service, active at once; its price comes by [Service.SetPrice].
type CreateServiceItemInput struct {
	Code       string          // required, up to 50 characters
	Name       string          // required, up to 200 characters
	Category   string          // required, up to 100 characters
	TaxPercent decimal.Decimal // 0 to 100, at most four places
}

// Validate implements the rules above.
func (in CreateServiceItemInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.CodeKey, in.Code, "code", 50)
	v.Text(in.Name, "name", 1, 200)
	v.Text(in.Category, "category", 1, 100)
	checkPercent(&v, in.TaxPercent, "taxPercent")
	return v.Err()
}

// CreateServiceItem adds a service to the catalogue; [ErrServiceCodeTaken].
func (s *Service) CreateServiceItem(ctx context.Context, in CreateServiceItemInput) (ServiceItem, error) {
	op := usecase.Op{Name: "billing.create_service_item", Permission: hmstype.PermBillingManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CreateServiceItemInput) (ServiceItem, error) {
		row := serviceItemRow{
			Tenanted: tenanted(db), ID: hmstype.NewID[hmstype.ServiceID](), Code: in.Code, CodeKey: names.CodeKey(in.Code), Name: in.Name,
			Category: in.Category, TaxPercent: in.TaxPercent, IsActive: true, CreatedAt: db.Now, Version: 1,
		}
		done, err := dbx.InsertIfFree(ctx, db, &row)
		if err == nil && !done {
			err = ErrServiceCodeTaken
		}
		return row.item(), err
	})
}

// UpdateServiceItemInput changes what future charges copy; captured ones keep theirs.
type UpdateServiceItemInput struct {
	ID         hmstype.ServiceID // required
	Version    int64             // the version that the caller read
	Name       string            // required, up to 200 characters
	Category   string            // required, up to 100 characters
	TaxPercent decimal.Decimal   // 0 to 100, at most four places
	Active     bool              // false takes the service out of use
}

// Validate implements the rules above.
func (in UpdateServiceItemInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Name, "name", 1, 200)
	v.Text(in.Category, "category", 1, 100)
	checkPercent(&v, in.TaxPercent, "taxPercent")
	return v.Err()
}

// UpdateServiceItem changes a service; [hmstype.ErrStale] where it changed since it was read.
func (s *Service) UpdateServiceItem(ctx context.Context, in UpdateServiceItemInput) (ServiceItem, error) {
	op := usecase.Op{Name: "billing.update_service_item", Permission: hmstype.PermBillingManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in UpdateServiceItemInput) (ServiceItem, error) {
		row, err := dbx.Get[serviceItemRow](ctx, db, "service item", in.ID, dbx.ForUpdate)
		if err != nil {
			return ServiceItem{}, err
		}
		row.Name, row.Category, row.TaxPercent, row.IsActive = in.Name, in.Category, in.TaxPercent, in.Active
		err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "name", "category", "tax_percent", "is_active")
		row.Version = in.Version + 1
		return row.item(), err
	})
}

type pageInput struct{ hmstype.Page }

// ServiceItems lists the catalogue, the oldest first.
func (s *Service) ServiceItems(ctx context.Context, page hmstype.Page) (hmstype.List[ServiceItem], error) {
	op := usecase.Op{Name: "billing.service_items", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, pageInput{page},
		func(ctx context.Context, db dbx.DB, in pageInput) (hmstype.List[ServiceItem], error) {
			rows, next, err := dbx.Page[serviceItemRow](ctx, db, in.Page, dbx.Order{})
			list := hmstype.List[ServiceItem]{Next: next, Items: make([]ServiceItem, len(rows))}
			for i, r := range rows {
				list.Items[i] = r.item()
			}
			return list, err
		})
}

// Price is the price of one unit of a service on the days of [From, Until).
type Price struct {
	ID        PriceID
	Service   hmstype.ServiceID
	Amount    hmstype.Money // without tax
	From      hmstype.Date  // first day
	Until     hmstype.Date  // first day without it; zero means without end; From means withdrawn
	CreatedAt time.Time     // UTC
	Version   int64
}

type priceRow struct {
	bun.BaseModel `bun:"table:hms.service_price,alias:sp"`
	dbx.Tenanted
	ID        PriceID `bun:"id,pk"`
	ServiceID hmstype.ServiceID
	Currency  hmstype.Currency
	Amount    decimal.Decimal
	ValidFrom hmstype.Date
	ValidTo   hmstype.Date
	CreatedAt time.Time
	Version   int64
}

func (r priceRow) price() Price {
	return Price{
		ID: r.ID, Service: r.ServiceID, Amount: money(r.Amount, r.Currency), From: r.ValidFrom, Until: r.ValidTo,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// SetPriceInput gives a service a price from a day on.
type SetPriceInput struct {
	Service hmstype.ServiceID // required
	Amount  hmstype.Money     // zero or more, without tax
	From    hmstype.Date      // required: the first day of service that costs this
	Until   hmstype.Date      // the first day without this price; zero means without end
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

// SetPrice adds a version of a service's price. The version without end that began before From
// ends there; any other version on these days is a [PriceOverlapError]. Charges that were
// captured keep their price, also those of days that this price holds for.
func (s *Service) SetPrice(ctx context.Context, in SetPriceInput) (Price, error) {
	op := usecase.Op{Name: "billing.set_price", Permission: hmstype.PermBillingManage}
	return usecase.Write(ctx, &s.base, op, in, setPrice)
}

func setPrice(ctx context.Context, db dbx.DB, in SetPriceInput) (Price, error) {
	// The service's row is the lock: two prices of one service are set one after the other.
	if _, err := dbx.Get[serviceItemRow](ctx, db, "service item", in.Service, dbx.ForUpdate); err != nil {
		return Price{}, err
	}
	_, err := db.Exec(ctx, `UPDATE hms.service_price AS p SET valid_to = $1, version = p.version + 1
		WHERE p.tenant_id = $2 AND p.service_id = $3 AND p.currency = $4 AND p.valid_from < $1 AND p.valid_to IS NULL`,
		in.From, db.Tenant(), in.Service, in.Amount.Currency)
	if err != nil {
		return Price{}, err
	}
	row := priceRow{
		Tenanted: tenanted(db), ID: hmstype.NewID[PriceID](), ServiceID: in.Service, Currency: in.Amount.Currency,
		Amount: in.Amount.Amount, ValidFrom: in.From, ValidTo: in.Until, CreatedAt: db.Now, Version: 1,
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !done {
		err = priceInTheWay(ctx, db, in)
	}
	return row.price(), err
}

func priceInTheWay(ctx context.Context, db dbx.DB, in SetPriceInput) error {
	rows, err := dbx.All[priceRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("sp.service_id = ?", in.Service).Where("sp.currency = ?", in.Amount.Currency).
			Where("(sp.valid_to IS NULL OR (sp.valid_to > ? AND sp.valid_to > sp.valid_from))", in.From)
		if !in.Until.IsZero() {
			q = q.Where("sp.valid_from < ?", in.Until)
		}
		return q.Order("sp.valid_from").Limit(1)
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ErrPriceOverlap
	}
	return &PriceOverlapError{Price: rows[0].ID, From: rows[0].ValidFrom, Until: rows[0].ValidTo}
}

// EndPriceInput ends a version of a price.
type EndPriceInput struct {
	Price   PriceID      // required
	Version int64        // the version that the caller read
	Until   hmstype.Date // required: the first day without it; its first day withdraws it
}

// Validate implements the rules above.
func (in EndPriceInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Price.IsZero(), "price")
	v.Required(!in.Until.IsZero(), "until")
	return v.Err()
}

// EndPrice ends a price on a day, or withdraws it. It cannot make a price last longer.
func (s *Service) EndPrice(ctx context.Context, in EndPriceInput) (Price, error) {
	op := usecase.Op{Name: "billing.end_price", Permission: hmstype.PermBillingManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in EndPriceInput) (Price, error) {
		row, err := dbx.Get[priceRow](ctx, db, "price", in.Price, dbx.ForUpdate)
		if err != nil {
			return Price{}, err
		}
		if !row.ValidTo.IsZero() && in.Until.After(row.ValidTo) {
			return Price{}, hmstype.Invalid("until", "must not be after the price's end")
		}
		row.ValidTo = in.Until
		err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "valid_to")
		row.Version = in.Version + 1
		return row.price(), err
	})
}

// Prices lists every version of a service's prices by first day, withdrawn ones too.
func (s *Service) Prices(ctx context.Context, id hmstype.ServiceID) ([]Price, error) {
	op := usecase.Op{Name: "billing.prices", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.ServiceID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ServiceID]) ([]Price, error) {
			if _, err := dbx.Get[serviceItemRow](ctx, db, "service item", in.ID); err != nil {
				return nil, err
			}
			rows, err := dbx.All[priceRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("sp.service_id = ?", in.ID).Order("sp.currency", "sp.valid_from", "sp.id")
			})
			prices := make([]Price, len(rows))
			for i, r := range rows {
				prices[i] = r.price()
			}
			return prices, err
		})
}

var errAnswer = errors.New("billing: the database gave an answer that this version does not know")
