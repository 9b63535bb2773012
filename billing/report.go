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
	revenueByDay = `SELECT x.day, ` + revenueSums + revenueSource + ` GROUP BY x.day, x.payer, x.currency ORDER BY x.day, x.payer, x.currency`
	payerMix     = `SELECT ` + revenueSums + revenueSource + ` GROUP BY x.payer, x.currency ORDER BY x.payer, x.currency`
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
	return opGetRevenueByDay.Run(ctx, &s.base, in, func(ctx context.Context, db dbx.DB, in GetRevenueByDayInput) ([]Revenue, error) {
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
	return opGetPayerMix.Run(ctx, &s.base, in, func(ctx context.Context, db dbx.DB, in GetPayerMixInput) ([]Revenue, error) {
		return readRevenue(ctx, db, payerMix, Days(in))
	})
}

// Ageing is what one payer owes by the age of the bills, counted in days from the bill's
// date to the tenant's day of the report. What is to be given back is not set off.
type Ageing struct {
	Payer      string        `json:"payer"`  // the payer's name; empty for the patients themselves
	UpTo30     hmstype.Money `json:"upTo30"` // 0 to 30 days
	UpTo60     hmstype.Money `json:"upTo60"` // 31 to 60
	UpTo90     hmstype.Money `json:"upTo90"` // 61 to 90
	Over90     hmstype.Money `json:"over90"` // 91 and more
	Total      hmstype.Money `json:"total"`
	OpenShares int64         `json:"openShares"` // how many shares are open
}

var opGetReceivablesAgeing = usecase.Query[usecase.None, []Ageing]{
	Name: "billing.get_receivables_ageing", Permission: hmstype.PermBillingRead,
	Shows: usecase.Nobody[[]Ageing](sumsOnly), Quiet: sumsOnly,
}.Declare()

// GetReceivablesAgeing gives what is open now, per payer.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetReceivablesAgeing(ctx context.Context) ([]Ageing, error) {
	return opGetReceivablesAgeing.Run(ctx, &s.base, usecase.None{}, receivablesAgeing)
}

func receivablesAgeing(ctx context.Context, db dbx.DB, _ usecase.None) ([]Ageing, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Payer           string
		Currency        hmstype.Currency
		A, B, C, D, Sum decimal.Decimal
		Shares          int64
	}
	err = db.NewRaw(`SELECT x.payer, x.currency,
			coalesce(sum(x.due) FILTER (WHERE x.age <= 30), 0) AS a, coalesce(sum(x.due) FILTER (WHERE x.age BETWEEN 31 AND 60), 0) AS b,
			coalesce(sum(x.due) FILTER (WHERE x.age BETWEEN 61 AND 90), 0) AS c, coalesce(sum(x.due) FILTER (WHERE x.age > 90), 0) AS d,
			sum(x.due) AS sum, count(*) AS shares
		FROM (SELECT s.payer, s.currency, s.amount - s.paid_amount - s.credited_amount AS due, ?1::date - b.bill_date AS age
			FROM hms.bill AS b JOIN hms.bill_share AS s ON s.tenant_id = b.tenant_id AND s.bill_id = b.id
			WHERE b.tenant_id = ?0 AND s.tenant_id = ?0 AND b.status = 'issued') AS x
		WHERE x.due > 0 GROUP BY x.payer, x.currency ORDER BY x.payer, x.currency`, db.Tenant(), today).Scan(ctx, &rows)
	list := make([]Ageing, len(rows))
	for i, r := range rows {
		list[i] = Ageing{
			Payer: r.Payer, UpTo30: money(r.A, r.Currency), UpTo60: money(r.B, r.Currency), UpTo90: money(r.C, r.Currency),
			Over90: money(r.D, r.Currency), Total: money(r.Sum, r.Currency), OpenShares: r.Shares,
		}
	}
	return list, err
}

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
			SELECT p.method, p.currency, p.amount AS received, 0::numeric AS cancelled, 0::numeric AS refunded, 1::bigint AS payments
			FROM hms.payment AS p WHERE p.tenant_id = ?0 AND p.business_date = ?1
			UNION ALL SELECT p.method, p.currency, 0, p.amount, 0, 0 FROM hms.payment AS p WHERE p.tenant_id = ?0 AND p.cancelled_on = ?1
			UNION ALL SELECT r.method, r.currency, 0, 0, r.amount, 0 FROM hms.refund AS r WHERE r.tenant_id = ?0 AND r.business_date = ?1
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
