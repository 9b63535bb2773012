package billing

import (
	"context"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

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
			coalesce(sum(x.due) FILTER (WHERE x.age <= 30), 0) AS a,
			coalesce(sum(x.due) FILTER (WHERE x.age BETWEEN 31 AND 60), 0) AS b,
			coalesce(sum(x.due) FILTER (WHERE x.age BETWEEN 61 AND 90), 0) AS c,
			coalesce(sum(x.due) FILTER (WHERE x.age > 90), 0) AS d,
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
