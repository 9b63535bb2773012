package pharmacy

import (
	"context"
	"fmt"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ItemReport holds the movements of one item against its balances.
type ItemReport struct {
	Item        hmstype.MedicationItemID `json:"item"`
	ItemName    string                   `json:"itemName"`
	Received    hmstype.Quantity         `json:"received"`    // from suppliers
	Adjusted    hmstype.Quantity         `json:"adjusted"`    // net of adjustments
	Dispensed   hmstype.Quantity         `json:"dispensed"`   // to patients, net of returns
	OnHand      hmstype.Quantity         `json:"onHand"`      // by the balances
	Quarantined hmstype.Quantity         `json:"quarantined"` // by the balances
	// number of balances that are not what their movements sum to
	Drift int64 `json:"drift"`
}

// Clean tells whether what was received is on hand, dispensed or adjusted, to the unit.
func (r ItemReport) Clean() bool {
	return r.Drift == 0 && r.Received+r.Adjusted == r.OnHand+r.Quarantined+r.Dispensed
}

// Report is what [Service.Verify] found.
type Report struct {
	Items []ItemReport `json:"items"` // every item of the formulary, by name
}

// Clean tells whether every item is.
func (r Report) Clean() bool {
	return !slices.ContainsFunc(r.Items, func(i ItemReport) bool { return !i.Clean() })
}

// String tells the verdict and the figures of the items that are not clean, for a terminal.
func (r Report) String() string {
	text := usecase.ReportText(r.Clean(), fmt.Sprintf("%d items", len(r.Items)))
	for _, i := range r.Items {
		if !i.Clean() {
			text += "\n  " + i.String()
		}
	}
	return text
}

// String tells what came in and where it is, for a terminal.
func (r ItemReport) String() string {
	text := fmt.Sprintf("%s: received %d = on hand %d + quarantined %d + dispensed %d - adjusted %d",
		r.ItemName, r.Received, r.OnHand, r.Quarantined, r.Dispensed, r.Adjusted)
	if r.Drift != 0 {
		text += fmt.Sprintf(", %d balances drift", r.Drift)
	}
	return text
}

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "pharmacy.verify", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[Report]("sums only"), Quiet: "sums only",
}.Declare()

// Verify recomputes every balance of the tenant from the movements.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, verify)
}

func verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	report := Report{Items: []ItemReport{}}
	err := db.Replanned().NewRaw(verifyQuery, db.Tenant()).Scan(ctx, &report.Items)
	return report, err
}

const verifyQuery = `WITH t (tenant_id) AS (VALUES (?::uuid)),
moved AS (
	SELECT m.item_id,
		sum(m.quantity) FILTER (WHERE m.from_kind = 'supplier') AS received,
		sum(CASE WHEN m.from_kind = 'adjustment' THEN m.quantity WHEN m.to_kind IN ('adjustment',
		'waste') THEN -m.quantity ELSE 0 END) AS adjusted,
		sum(CASE WHEN m.to_kind = 'patient' THEN m.quantity
			WHEN m.from_kind = 'patient' THEN -m.quantity ELSE 0 END) AS dispensed
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
SELECT i.id AS item, i.name AS item_name, coalesce(moved.received, 0)::bigint AS received,
coalesce(moved.adjusted, 0)::bigint AS adjusted,
	coalesce(moved.dispensed, 0)::bigint AS dispensed, coalesce(compared.on_hand, 0)::bigint AS on_hand,
	coalesce(compared.quarantined, 0)::bigint AS quarantined, coalesce(compared.drift, 0) AS drift
FROM hms.medication_item AS i JOIN t ON t.tenant_id = i.tenant_id
LEFT JOIN moved ON moved.item_id = i.id LEFT JOIN compared ON compared.item_id = i.id
ORDER BY i.name, i.id`
