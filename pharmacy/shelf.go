package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ShelfLine is what lies of one batch at one place.
type ShelfLine struct {
	Item        hmstype.MedicationItemID
	ItemName    string
	Unit        string
	Batch       hmstype.BatchID
	BatchNumber string
	Location    hmstype.LocationID
	ExpiryDate  hmstype.Date // zero means it does not expire
	Status      BatchStatus
	Expired     bool // on the tenant's day
	OnHand      hmstype.Quantity
	Quarantined hmstype.Quantity // came back and waits for inspection
}

// Usable tells whether units of the batch may be handed out.
func (l ShelfLine) Usable() bool { return l.Status == BatchAvailable && !l.Expired && l.OnHand > 0 }

// ShelfInput selects stock.
type ShelfInput struct {
	Item     hmstype.MedicationItemID // zero for all
	Location hmstype.LocationID       // zero for all
}

// Validate accepts every selection.
func (ShelfInput) Validate() error { return nil }

// Shelf lists what lies where, by item name and then in the order in which it will be handed out.
func (s *Service) Shelf(ctx context.Context, in ShelfInput) ([]ShelfLine, error) {
	op := usecase.Op{Name: "pharmacy.shelf", Permission: hmstype.PermPharmacyRead}
	return usecase.Read(ctx, &s.base, op, in, shelf)
}

func shelf(ctx context.Context, db dbx.DB, in ShelfInput) ([]ShelfLine, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return nil, err
	}
	lines := []ShelfLine{}
	q := db.NewSelect().TableExpr("hms.stock_balance AS s").
		Join("JOIN hms.stock_batch AS b ON b.tenant_id = s.tenant_id AND b.id = s.batch_id").
		Join("JOIN hms.medication_item AS i ON i.tenant_id = s.tenant_id AND i.id = s.item_id").
		ColumnExpr(`s.item_id AS item, i.name AS item_name, i.unit, s.batch_id AS batch, b.batch_number, s.location_id AS location,
			b.expiry_date, b.status, coalesce(b.expiry_date < ?, false) AS expired, s.on_hand, s.quarantined`, today).
		Where("s.tenant_id = ?", db.Tenant()).Where("b.tenant_id = ?", db.Tenant()).Where("i.tenant_id = ?", db.Tenant())
	if !in.Item.IsZero() {
		q = q.Where("s.item_id = ?", in.Item)
	}
	if !in.Location.IsZero() {
		q = q.Where("s.location_id = ?", in.Location)
	}
	err = q.OrderExpr("i.name, i.id, b.expiry_date NULLS LAST, b.received_at, b.id").Scan(ctx, &lines)
	return lines, err
}

// ItemReport holds the movements of one item against its balances.
type ItemReport struct {
	Item        hmstype.MedicationItemID
	ItemName    string
	Received    hmstype.Quantity // from suppliers
	Adjusted    hmstype.Quantity // net of adjustments
	Dispensed   hmstype.Quantity // to patients, net of returns
	OnHand      hmstype.Quantity // by the balances
	Quarantined hmstype.Quantity // by the balances
	Drift       int64            // number of balances that are not what their movements sum to
}

// Clean tells whether what was received is on hand, dispensed or adjusted, to the unit.
func (r ItemReport) Clean() bool {
	return r.Drift == 0 && r.Received+r.Adjusted == r.OnHand+r.Quarantined+r.Dispensed
}

// Verify recomputes every balance of the tenant from the movements.
func (s *Service) Verify(ctx context.Context) ([]ItemReport, error) {
	op := usecase.Op{Name: "pharmacy.verify", Permission: hmstype.PermPharmacyRead}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) ([]ItemReport, error) {
		reports := []ItemReport{}
		err := db.NewRaw(verifyQuery, db.Tenant()).Scan(ctx, &reports)
		return reports, err
	})
}

const verifyQuery = `WITH t (tenant_id) AS (VALUES (?::uuid)),
moved AS (
	SELECT m.item_id,
		sum(m.quantity) FILTER (WHERE m.from_kind = 'supplier') AS received,
		sum(CASE WHEN m.from_kind = 'adjustment' THEN m.quantity WHEN m.to_kind IN ('adjustment', 'waste') THEN -m.quantity ELSE 0 END) AS adjusted,
		sum(CASE WHEN m.to_kind = 'patient' THEN m.quantity WHEN m.from_kind = 'patient' THEN -m.quantity ELSE 0 END) AS dispensed
	FROM hms.stock_movement AS m JOIN t ON t.tenant_id = m.tenant_id GROUP BY m.item_id),
ends AS (
	SELECT m.to_location_id AS location_id, m.item_id, m.batch_id, m.to_kind AS kind, m.quantity
	FROM hms.stock_movement AS m JOIN t ON t.tenant_id = m.tenant_id WHERE m.to_location_id IS NOT NULL
	UNION ALL
	SELECT m.from_location_id, m.item_id, m.batch_id, m.from_kind, -m.quantity
	FROM hms.stock_movement AS m JOIN t ON t.tenant_id = m.tenant_id WHERE m.from_location_id IS NOT NULL),
sums AS (
	SELECT location_id, item_id, batch_id, coalesce(sum(quantity) FILTER (WHERE kind = 'stock'), 0) AS on_hand,
		coalesce(sum(quantity) FILTER (WHERE kind = 'quarantine'), 0) AS quarantined
	FROM ends GROUP BY location_id, item_id, batch_id),
balances AS (SELECT s.* FROM hms.stock_balance AS s JOIN t ON t.tenant_id = s.tenant_id),
compared AS (
	SELECT item_id, count(*) FILTER (WHERE balances.on_hand IS DISTINCT FROM sums.on_hand
			OR balances.quarantined IS DISTINCT FROM sums.quarantined) AS drift,
		sum(balances.on_hand) AS on_hand, sum(balances.quarantined) AS quarantined
	FROM balances FULL JOIN sums USING (location_id, item_id, batch_id) GROUP BY item_id)
SELECT i.id AS item, i.name AS item_name, coalesce(moved.received, 0)::bigint AS received, coalesce(moved.adjusted, 0)::bigint AS adjusted,
	coalesce(moved.dispensed, 0)::bigint AS dispensed, coalesce(compared.on_hand, 0)::bigint AS on_hand,
	coalesce(compared.quarantined, 0)::bigint AS quarantined, coalesce(compared.drift, 0) AS drift
FROM hms.medication_item AS i JOIN t ON t.tenant_id = i.tenant_id
LEFT JOIN moved ON moved.item_id = i.id LEFT JOIN compared ON compared.item_id = i.id
ORDER BY i.name, i.id`
