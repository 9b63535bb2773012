package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ShelfLine is what lies of one batch at one place.
type ShelfLine struct {
	Item        hmstype.MedicationItemID `json:"item"`
	ItemName    string                   `json:"itemName"`
	Unit        string                   `json:"unit"`
	Batch       hmstype.BatchID          `json:"batch"`
	BatchNumber string                   `json:"batchNumber"`
	Location    hmstype.LocationID       `json:"location"`
	ExpiryDate  hmstype.Date             `json:"expiryDate,omitzero"` // zero means it does not expire
	Status      BatchStatus              `json:"status"`
	Expired     bool                     `json:"expired"` // on the tenant's day
	OnHand      hmstype.Quantity         `json:"onHand"`
	Quarantined hmstype.Quantity         `json:"quarantined"` // came back and waits for inspection
}

// Usable tells whether units of the batch may be handed out.
func (l ShelfLine) Usable() bool { return l.Status == BatchAvailable && !l.Expired && l.OnHand > 0 }

// ListShelfInput selects stock.
type ListShelfInput struct {
	Item     hmstype.MedicationItemID `json:"item"`     // zero for all
	Location hmstype.LocationID       `json:"location"` // zero for all
}

// Validate accepts every selection.
func (ListShelfInput) Validate() error { return nil }

var opListShelf = usecase.Query[ListShelfInput, []ShelfLine]{
	Name: "pharmacy.list_shelf", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[[]ShelfLine](aStock), Quiet: aStock,
	Sample: ListShelfInput{},
}.Declare()

// ListShelf lists what lies where, by item name and then in the order in which it will be handed out.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) ListShelf(ctx context.Context, in ListShelfInput) ([]ShelfLine, error) {
	return opListShelf.Run(ctx, &s.base, in, shelf)
}

func shelf(ctx context.Context, db dbx.DB, in ListShelfInput) ([]ShelfLine, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return nil, err
	}
	lines := []ShelfLine{}
	q := db.NewSelect().TableExpr("hms.stock_balance AS s").
		Join("JOIN hms.stock_batch AS b ON b.tenant_id = s.tenant_id AND b.id = s.batch_id").
		Join("JOIN hms.medication_item AS i ON i.tenant_id = s.tenant_id AND i.id = s.item_id").
		ColumnExpr(`s.item_id AS item, i.name AS item_name, i.unit, s.batch_id AS batch, b.batch_number,
			s.location_id AS location,
			b.expiry_date, b.status, coalesce(b.expiry_date < ?, false) AS expired, s.on_hand, s.quarantined`, today).
		Where("s.tenant_id = ?", db.Tenant()).Where("b.tenant_id = ?", db.Tenant()).Where("i.tenant_id = ?", db.Tenant())
	if !in.Item.IsZero() {
		q = q.Where("s.item_id = ?", in.Item)
	}
	if !in.Location.IsZero() {
		q = q.Where("s.location_id = ?", in.Location)
	}
	err = q.OrderExpr("i.name, i.id, b.expiry_date NULLS LAST, b.created_at, b.id").Scan(ctx, &lines)
	return lines, err
}
