package billing

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Drift is a row whose stored amount is not what the rows it stands for sum up to.
type Drift struct {
	Rule     string        `json:"rule"`     // which sum, such as "bill total"
	ID       string        `json:"id"`       // of the bill, share, line, payment or journal
	Stored   hmstype.Money `json:"stored"`   // what the row says
	Computed hmstype.Money `json:"computed"` // what was recomputed
}

// Report is the outcome of [Service.Verify].
type Report struct {
	Journals int64   `json:"journals"` // how many were summed up
	Bills    int64   `json:"bills"`    // how many bills were recomputed
	Payments int64   `json:"payments"` // how many payments were held against their journals
	Drifts   []Drift `json:"drifts"`   // empty where everything fits; at most 100 per rule
	// Gaps are numbers of bills and credit notes that no document has and nothing explains; Void those that were left
	// out on record, after a restore. At most 100 ranges each.
	Gaps []NumberRange `json:"gaps"`
	Void []NumberRange `json:"void"`
}

// Clean tells whether everything fits.
func (r Report) Clean() bool { return len(r.Drifts) == 0 && len(r.Gaps) == 0 }

// String tells the verdict, what was recomputed, and which rows drift by which rule, for a
// terminal; it tells no amount, for a bill's is a patient's.
func (r Report) String() string {
	text := usecase.ReportText(
		r.Clean(), fmt.Sprintf("%d journals, %d bills, %d payments", r.Journals, r.Bills, r.Payments),
	)
	for _, d := range r.Drifts {
		text += "\n  " + d.Rule + ": not so of " + d.ID
	}
	for _, g := range r.Gaps {
		text += fmt.Sprintf("\n  %s: no document has %d to %d", g.Series, g.First, g.Last)
	}
	for _, v := range r.Void {
		text += fmt.Sprintf("\n  %s: %d to %d are void: %s", v.Series, v.First, v.Last, v.Reason)
	}
	return text
}

// proofs are the rules. Each query gives id, currency, stored and computed of the rows that
// drift; ?0 is the tenant.
var proofs = []struct{ rule, query string }{
	{"journal sums to zero", `SELECT p.journal_id::text AS id, p.currency, 0::numeric AS stored, sum(p.amount) AS computed
		FROM hms.posting AS p WHERE p.tenant_id = ?0 GROUP BY p.journal_id, p.currency HAVING sum(p.amount) <> 0`},
	{"journal has all its lines", `SELECT j.id::text AS id, j.currency, j.line_count::numeric AS stored,
		count(p.line_no)::numeric AS computed
		FROM hms.journal AS j LEFT JOIN hms.posting AS p ON p.tenant_id = ?0 AND p.journal_id = j.id
		AND p.currency = j.currency
		WHERE j.tenant_id = ?0 GROUP BY j.id, j.currency, j.line_count HAVING j.line_count <> count(p.line_no)`},
	{"bill total", `SELECT b.id::text AS id, b.currency, b.total_amount AS stored,
		coalesce(sum(l.total_amount), 0) AS computed
		FROM hms.bill AS b LEFT JOIN hms.bill_line AS l ON l.tenant_id = ?0 AND l.bill_id = b.id AND l.released_at IS NULL
		WHERE b.tenant_id = ?0 AND b.status <> 'cancelled' GROUP BY b.id, b.currency, b.total_amount
		HAVING b.total_amount <> coalesce(sum(l.total_amount), 0)`},
	{"bill is its shares", `SELECT b.id::text AS id, b.currency, b.total_amount AS stored,
		coalesce(sum(s.amount), 0) AS computed
		FROM hms.bill AS b LEFT JOIN hms.bill_share AS s ON s.tenant_id = ?0 AND s.bill_id = b.id
		WHERE b.tenant_id = ?0 AND b.status IN ('issued', 'balanced') GROUP BY b.id, b.currency, b.total_amount
		HAVING b.total_amount <> coalesce(sum(s.amount), 0)`},
	{"line is its shares", `SELECT l.id::text AS id, l.currency, l.total_amount AS stored,
		coalesce(sum(s.amount), 0) AS computed
		FROM hms.bill_line AS l LEFT JOIN hms.bill_line_share AS s ON s.tenant_id = ?0 AND s.bill_line_id = l.id
		WHERE l.tenant_id = ?0 AND l.issued_at IS NOT NULL GROUP BY l.id, l.currency, l.total_amount
		HAVING l.total_amount <> coalesce(sum(s.amount), 0)`},
	{"share is its lines", `SELECT s.id::text AS id, s.currency, s.amount AS stored, coalesce(sum(l.amount), 0) AS computed
		FROM hms.bill_share AS s LEFT JOIN hms.bill_line_share AS l ON l.tenant_id = ?0 AND l.share_id = s.id
		WHERE s.tenant_id = ?0 GROUP BY s.id, s.currency, s.amount HAVING s.amount <> coalesce(sum(l.amount), 0)`},
	{"share paid", `SELECT s.id::text AS id, s.currency, s.paid_amount AS stored, coalesce(p.paid, 0) AS computed
		FROM hms.bill_share AS s LEFT JOIN (
			SELECT x.share_id, sum(x.amount) AS paid FROM (
				SELECT y.share_id, y.amount FROM hms.payment AS y WHERE y.tenant_id = ?0 AND y.status = 'active'
				UNION ALL SELECT r.share_id, -r.amount FROM hms.refund AS r WHERE r.tenant_id = ?0) AS x
			GROUP BY x.share_id) AS p ON p.share_id = s.id
		WHERE s.tenant_id = ?0 AND s.paid_amount <> coalesce(p.paid, 0)`},
	{"share credited", `SELECT s.id::text AS id, s.currency, s.credited_amount AS stored,
		coalesce(sum(c.amount), 0) AS computed
		FROM hms.bill_share AS s LEFT JOIN hms.credit_note_share AS c ON c.tenant_id = ?0 AND c.share_id = s.id
		WHERE s.tenant_id = ?0 GROUP BY s.id, s.currency, s.credited_amount
		HAVING s.credited_amount <> coalesce(sum(c.amount), 0)`},
	{"line credited", `SELECT l.id::text AS id, l.currency, l.credited_net + l.credited_tax AS stored,
		coalesce(sum(c.total_amount), 0) AS computed
		FROM hms.bill_line AS l LEFT JOIN hms.credit_note_line AS c ON c.tenant_id = ?0 AND c.bill_line_id = l.id
		WHERE l.tenant_id = ?0 GROUP BY l.id, l.currency, l.credited_net, l.credited_tax
		HAVING l.credited_net + l.credited_tax <> coalesce(sum(c.total_amount), 0)`},
	{"credit note is its shares", `SELECT n.id::text AS id, n.currency, n.total_amount AS stored,
		coalesce(sum(c.amount), 0) AS computed
		FROM hms.credit_note AS n LEFT JOIN hms.credit_note_share AS c ON c.tenant_id = ?0 AND c.note_id = n.id
		WHERE n.tenant_id = ?0 GROUP BY n.id, n.currency, n.total_amount
		HAVING n.total_amount <> coalesce(sum(c.amount), 0)`},
	{"payment refunded", `SELECT p.id::text AS id, p.currency, p.refunded_amount AS stored,
		coalesce(sum(r.amount), 0) AS computed
		FROM hms.payment AS p LEFT JOIN hms.refund AS r ON r.tenant_id = ?0 AND r.payment_id = p.id
		WHERE p.tenant_id = ?0 GROUP BY p.id, p.currency, p.refunded_amount
		HAVING p.refunded_amount <> coalesce(sum(r.amount), 0)`},
	{"bill paid", `SELECT b.id::text AS id, b.currency, b.paid_amount AS stored,
		coalesce(sum(s.paid_amount), 0) AS computed
		FROM hms.bill AS b LEFT JOIN hms.bill_share AS s ON s.tenant_id = ?0 AND s.bill_id = b.id
		WHERE b.tenant_id = ?0 GROUP BY b.id, b.currency, b.paid_amount
		HAVING b.paid_amount <> coalesce(sum(s.paid_amount), 0)`},
	{"bill open", `SELECT b.id::text AS id, b.currency, b.open_amount AS stored,
			coalesce(sum(greatest(s.amount - s.paid_amount - s.credited_amount, 0)), 0) AS computed
		FROM hms.bill AS b LEFT JOIN hms.bill_share AS s ON s.tenant_id = ?0 AND s.bill_id = b.id
		WHERE b.tenant_id = ?0 GROUP BY b.id, b.currency, b.open_amount
		HAVING b.open_amount <> coalesce(sum(greatest(s.amount - s.paid_amount - s.credited_amount, 0)), 0)`},
	{"payment journal", `SELECT p.id::text AS id, p.currency, p.amount AS stored, coalesce(sum(g.amount), 0) AS computed
		FROM hms.payment AS p LEFT JOIN hms.posting AS g ON g.tenant_id = ?0 AND g.journal_id = p.journal_id AND g.amount > 0
		AND g.bill_id = p.bill_id
		WHERE p.tenant_id = ?0 GROUP BY p.id, p.currency, p.amount HAVING p.amount <> coalesce(sum(g.amount), 0)`},
	{"refund journal", `SELECT r.id::text AS id, r.currency, r.amount AS stored, coalesce(sum(g.amount), 0) AS computed
		FROM hms.refund AS r LEFT JOIN hms.posting AS g ON g.tenant_id = ?0 AND g.journal_id = r.journal_id AND g.amount > 0
		AND g.bill_id = r.bill_id
		WHERE r.tenant_id = ?0 GROUP BY r.id, r.currency, r.amount HAVING r.amount <> coalesce(sum(g.amount), 0)`},
	{"patient receivable", receivableProof(AccountReceivablePatient, "s.sequence = 0")},
	{"payer receivable", receivableProof(AccountReceivablePayer, "s.sequence > 0")},
}

// receivableProof holds what the ledger says that is owed of each bill against what its shares say.
func receivableProof(account, shares string) string {
	return `SELECT b.id::text AS id, b.currency, coalesce(g.owed, 0) AS stored, coalesce(x.due, 0) AS computed
		FROM hms.bill AS b
		LEFT JOIN (SELECT p.bill_id, sum(p.amount) AS owed FROM hms.posting AS p
			JOIN hms.ledger_account AS a ON a.tenant_id = ?0 AND a.id = p.account_id AND a.code = '` + account + `'
			WHERE p.tenant_id = ?0 GROUP BY p.bill_id) AS g ON g.bill_id = b.id
		LEFT JOIN (SELECT s.bill_id, sum(s.amount - s.paid_amount - s.credited_amount) AS due FROM hms.bill_share AS s
			WHERE s.tenant_id = ?0 AND ` + shares + ` GROUP BY s.bill_id) AS x ON x.bill_id = b.id
		WHERE b.tenant_id = ?0 AND coalesce(g.owed, 0) <> coalesce(x.due, 0)`
}

const maxDrifts = 100

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "billing.verify", Permission: hmstype.PermBillingRead, Shows: usecase.Nobody[Report](sumsOnly), Quiet: sumsOnly,
}.Declare()

// Verify recomputes what is kept in two places: journals sum to zero and are whole, bills
// are their lines and shares, what is paid and credited is the sum of payments, refunds and notes, and the
// ledger's receivables are what the bills leave open. Numbers of bills and credit notes follow each other, but for
// those that are void on record. It changes nothing. It reads all of the
// tenant's money: a job for the night.
// Permission: [hmstype.PermBillingRead].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, verify)
}

func verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	report := Report{Drifts: []Drift{}}
	err := db.Replanned().QueryRow(ctx, `SELECT (SELECT count(*) FROM hms.journal AS j WHERE j.tenant_id = $1),
		(SELECT count(*) FROM hms.bill AS b WHERE b.tenant_id = $1), (SELECT count(*) FROM hms.payment AS p
		WHERE p.tenant_id = $1)`,
		db.Tenant()).Scan(&report.Journals, &report.Bills, &report.Payments)
	if err != nil {
		return report, err
	}
	for _, p := range proofs {
		var rows []struct {
			ID               string
			Currency         hmstype.Currency
			Stored, Computed decimal.Decimal
		}
		if err := db.Replanned().NewRaw(p.query+" ORDER BY 1 LIMIT ?1", db.Tenant(), maxDrifts).Scan(ctx, &rows); err != nil {
			return report, err
		}
		for _, r := range rows {
			report.Drifts = append(report.Drifts, Drift{
				Rule: p.rule, ID: r.ID, Stored: hmstype.Money{Amount: r.Stored, Currency: r.Currency},
				Computed: hmstype.Money{Amount: r.Computed, Currency: r.Currency},
			})
		}
	}
	return report, verifyNumbers(ctx, db, &report)
}
