package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// OrdersReport is what [Service.VerifyOrders] found; every count should be zero.
type OrdersReport struct {
	UnusableSpecimens int `json:"unusableSpecimens"` // items that count, of a specimen that is rejected or in error
	StandingResults   int `json:"standingResults"`   // results that count, of an item that is cancelled or in error
}

// Clean tells whether nothing is wrong.
func (r OrdersReport) Clean() bool { return r == OrdersReport{} }

// String tells the verdict and what is wrong, for a terminal.
func (r OrdersReport) String() string {
	return usecase.ReportText(r.Clean(), "laboratory orders",
		usecase.Fault{Count: int64(r.UnusableSpecimens), What: "items that count, of a specimen of no use"},
		usecase.Fault{Count: int64(r.StandingResults), What: "results that count, of an item that does not"})
}

var opVerifyOrders = usecase.Query[usecase.None, OrdersReport]{
	Name: "lab.verify_orders", Permission: hmstype.PermLabRead,
	Shows: usecase.Nobody[OrdersReport]("sums only"), Quiet: "sums only",
}.Declare()

// VerifyOrders looks for what the database should have refused: results that somebody would act on, though their
// specimen or item was taken back.
// Permission: [hmstype.PermLabRead].
func (s *Service) VerifyOrders(ctx context.Context) (OrdersReport, error) {
	return opVerifyOrders.Run(ctx, &s.base, usecase.None{}, verifyOrders)
}

func verifyOrders(ctx context.Context, db dbx.DB, _ usecase.None) (OrdersReport, error) {
	var r OrdersReport
	err := db.Replanned().NewRaw(`SELECT
		(SELECT count(*) FROM hms.lab_order_item AS i JOIN hms.lab_specimen AS s ON s.tenant_id = i.tenant_id
			AND s.id = i.specimen_id WHERE i.tenant_id = ?0 AND s.tenant_id = ?0
			AND i.status IN ('collected', 'in-progress', 'preliminary', 'verified', 'final', 'corrected', 'amended')
			AND s.status IN ('rejected', 'entered-in-error')) AS unusable_specimens,
		(SELECT count(*) FROM hms.lab_order_item AS i JOIN hms.lab_result AS r ON r.tenant_id = i.tenant_id
			AND r.order_item_id = i.id WHERE i.tenant_id = ?0 AND r.tenant_id = ?0
			AND i.status IN ('ordered', 'cancelled', 'entered-in-error')
			AND r.status NOT IN ('cancelled', 'entered-in-error') AND NOT EXISTS (SELECT 1 FROM hms.lab_result AS newer
				WHERE newer.tenant_id = ?0 AND newer.supersedes_id = r.id)) AS standing_results`, db.Tenant()).Scan(ctx, &r)
	return r, err
}
