package billing

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// MethodTotal is the money of one method and currency on one day.
type MethodTotal struct {
	Method    Method        `json:"method"`
	Received  hmstype.Money `json:"received"`  // payments taken on the day, also those cancelled later
	Cancelled hmstype.Money `json:"cancelled"` // payments of any day that were cancelled on this one
	Refunded  hmstype.Money `json:"refunded"`  // refunds given on the day
	Net       hmstype.Money `json:"net"`       // received - cancelled - refunded
	Payments  int64         `json:"payments"`  // how many were taken
}

// DaySummary is what one of the tenant's days brought.
type DaySummary struct {
	Day     hmstype.Date  `json:"day"`
	Methods []MethodTotal `json:"methods"` // by currency and method
	Revenue []Revenue     `json:"revenue"` // by payer
}

// GetDaySummaryInput asks for one day.
type GetDaySummaryInput struct {
	Day hmstype.Date `json:"day"` // zero means the tenant's today
}

// Validate implements the rules above: every day is allowed.
func (in GetDaySummaryInput) Validate() error { return nil }

var opGetDaySummary = usecase.Query[GetDaySummaryInput, DaySummary]{
	Name: "billing.get_day_summary", Permission: hmstype.PermBillingRead,
	Shows: usecase.Nobody[DaySummary](sumsOnly), Quiet: sumsOnly,
	Sample: GetDaySummaryInput{},
}.Declare()

// GetDaySummary gives the money that moved and what was invoiced on a day.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetDaySummary(ctx context.Context, in GetDaySummaryInput) (DaySummary, error) {
	return opGetDaySummary.Run(ctx, &s.base, in, daySummary)
}

func daySummary(ctx context.Context, db dbx.DB, in GetDaySummaryInput) (DaySummary, error) {
	day := in.Day
	if day.IsZero() {
		var err error
		if day, err = db.Today(ctx); err != nil {
			return DaySummary{}, err
		}
	}
	var rows []struct {
		Method                        Method
		Currency                      hmstype.Currency
		Received, Cancelled, Refunded decimal.Decimal
		Payments                      int64
	}
	err := db.NewRaw(`SELECT x.method, x.currency, sum(x.received) AS received, sum(x.cancelled) AS cancelled,
			sum(x.refunded) AS refunded, sum(x.payments) AS payments
		FROM (
			SELECT p.method, p.currency, p.amount AS received, 0::numeric AS cancelled, 0::numeric AS refunded,
			1::bigint AS payments
			FROM hms.payment AS p WHERE p.tenant_id = ?0 AND p.business_date = ?1
			UNION ALL SELECT p.method, p.currency, 0, p.amount, 0, 0 FROM hms.payment AS p WHERE p.tenant_id = ?0
			AND p.cancelled_on = ?1
			UNION ALL SELECT r.method, r.currency, 0, 0, r.amount, 0 FROM hms.refund AS r WHERE r.tenant_id = ?0
			AND r.business_date = ?1
		) AS x GROUP BY x.currency, x.method ORDER BY x.currency, x.method`, db.Tenant(), day).Scan(ctx, &rows)
	summary := DaySummary{Day: day, Methods: make([]MethodTotal, len(rows))}
	for i, r := range rows {
		summary.Methods[i] = MethodTotal{
			Method: r.Method, Received: money(r.Received, r.Currency), Cancelled: money(r.Cancelled, r.Currency),
			Refunded: money(r.Refunded, r.Currency), Payments: r.Payments,
			Net: money(r.Received.Sub(r.Cancelled).Sub(r.Refunded), r.Currency),
		}
	}
	if err != nil {
		return summary, err
	}
	summary.Revenue, err = readRevenue(ctx, db, payerMix, Days{From: day, Until: day.AddDays(1)})
	return summary, err
}
