package billing

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Days asks for the tenant's days of [From, Until).
type Days struct {
	From  hmstype.Date `json:"from"`  // first day, required
	Until hmstype.Date `json:"until"` // first day after, required, at most 1100 days later
}

const maxReportDays = 1100

// Validate implements the rules above.
func (in Days) Validate() error {
	var v hmstype.Validator
	v.Required(!in.From.IsZero(), "from")
	v.Required(!in.Until.IsZero(), "until")
	ok := in.From.Before(in.Until) && in.From.DaysUntil(in.Until) <= maxReportDays
	v.Check(in.From.IsZero() || in.Until.IsZero() || ok, "until", "must be 1 to 1100 days after from")
	return v.Err()
}

// GetRevenueByDayInput is the input of [Service.GetRevenueByDay]; see [Days].
type GetRevenueByDayInput Days

// Validate implements the rules of [Days].
func (in GetRevenueByDayInput) Validate() error { return Days(in).Validate() }

// GetPayerMixInput is the input of [Service.GetPayerMix]; see [Days].
type GetPayerMixInput Days

// Validate implements the rules of [Days].
func (in GetPayerMixInput) Validate() error { return Days(in).Validate() }

// Revenue is what was invoiced to one payer and credited again, tax included. Payments do not count:
// they settle revenue and are none.
type Revenue struct {
	Day      hmstype.Date  `json:"day"`      // zero where the report is over the whole period
	Payer    string        `json:"payer"`    // the payer's name; empty for the patients themselves
	Invoiced hmstype.Money `json:"invoiced"` // shares of bills issued
	Credited hmstype.Money `json:"credited"` // by credit notes
	Net      hmstype.Money `json:"net"`      // invoiced - credited
	Bills    int64         `json:"bills"`    // how many bills the payer has a share of
}

type revenueRow struct {
	Day      hmstype.Date
	Payer    string
	Currency hmstype.Currency
	Invoiced decimal.Decimal
	Credited decimal.Decimal
	Bills    int64
}

// revenueSource takes invoices on the day of issue and credits on the note's own day, so that a
// period that was reported stays as it was.
const revenueSource = ` FROM (
		SELECT b.bill_date AS day, s.payer, s.currency, s.amount AS invoiced, 0::numeric AS credited, 1::bigint AS bills
		FROM hms.bill AS b JOIN hms.bill_share AS s ON s.tenant_id = b.tenant_id AND s.bill_id = b.id
		WHERE b.tenant_id = ?0 AND s.tenant_id = ?0 AND b.bill_date >= ?1 AND b.bill_date < ?2 AND s.amount > 0
		UNION ALL
		SELECT n.note_date, s.payer, s.currency, 0, c.amount, 0
		FROM hms.credit_note AS n
		JOIN hms.credit_note_share AS c ON c.tenant_id = n.tenant_id AND c.note_id = n.id
		JOIN hms.bill_share AS s ON s.tenant_id = c.tenant_id AND s.id = c.share_id
		WHERE n.tenant_id = ?0 AND c.tenant_id = ?0 AND s.tenant_id = ?0 AND n.note_date >= ?1 AND n.note_date < ?2
	) AS x`

const (
	revenueSums  = `x.payer, x.currency, sum(x.invoiced) AS invoiced, sum(x.credited) AS credited, sum(x.bills) AS bills`
	revenueByDay = `SELECT x.day, ` + revenueSums + revenueSource +
		` GROUP BY x.day, x.payer, x.currency ORDER BY x.day, x.payer, x.currency`
	payerMix = `SELECT ` + revenueSums + revenueSource + ` GROUP BY x.payer, x.currency ORDER BY x.payer, x.currency`
)

func readRevenue(ctx context.Context, db dbx.DB, query string, in Days) ([]Revenue, error) {
	var rows []revenueRow
	err := db.NewRaw(query, db.Tenant(), in.From, in.Until).Scan(ctx, &rows)
	list := make([]Revenue, len(rows))
	for i, r := range rows {
		list[i] = Revenue{
			Day: r.Day, Payer: r.Payer, Invoiced: money(r.Invoiced, r.Currency), Credited: money(r.Credited, r.Currency),
			Net: money(r.Invoiced.Sub(r.Credited), r.Currency), Bills: r.Bills,
		}
	}
	return list, err
}

var sampleDays = Days{From: usecase.SampleDay, Until: usecase.SampleDay.AddDays(1)}

var opGetRevenueByDay = usecase.Query[GetRevenueByDayInput, []Revenue]{
	Name: "billing.get_revenue_by_day", Permission: hmstype.PermBillingRead,
	Shows: usecase.Nobody[[]Revenue](sumsOnly), Quiet: sumsOnly,
	Sample: GetRevenueByDayInput(sampleDays),
}.Declare()

// GetRevenueByDay gives what was invoiced and credited per day and payer.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetRevenueByDay(ctx context.Context, in GetRevenueByDayInput) ([]Revenue, error) {
	return opGetRevenueByDay.Run(ctx, &s.base, in, func(
		ctx context.Context, db dbx.DB, in GetRevenueByDayInput,
	) ([]Revenue, error) {
		return readRevenue(ctx, db, revenueByDay, Days(in))
	})
}

var opGetPayerMix = usecase.Query[GetPayerMixInput, []Revenue]{
	Name: "billing.get_payer_mix", Permission: hmstype.PermBillingRead,
	Shows: usecase.Nobody[[]Revenue](sumsOnly), Quiet: sumsOnly,
	Sample: GetPayerMixInput(sampleDays),
}.Declare()

// GetPayerMix gives what was invoiced and credited per payer over the period.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetPayerMix(ctx context.Context, in GetPayerMixInput) ([]Revenue, error) {
	return opGetPayerMix.Run(ctx, &s.base, in, func(
		ctx context.Context, db dbx.DB, in GetPayerMixInput,
	) ([]Revenue, error) {
		return readRevenue(ctx, db, payerMix, Days(in))
	})
}
