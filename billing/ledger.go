package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// The accounts of the ledger, per tenant and currency. A debit is positive, a credit
// negative: receivables, cash, discounts and credits given grow upwards, revenue and tax
// downwards. Money in hand has one account per method: "cash-card", "cash-mobile-money", ...
const (
	AccountReceivablePatient = "receivable-patient" // what patients owe
	AccountReceivablePayer   = "receivable-payer"   // what payers owe
	AccountRevenue           = "revenue"            // gross amounts of issued bills
	AccountDiscount          = "discount"           // what was let off at issue
	AccountTax               = "tax"                // collected for the tax office
	AccountCredited          = "revenue-credited"   // net amounts of credit notes
	AccountCashPrefix        = "cash-"              // followed by the payment's method
)

// The kinds of journal; each belongs to one use case.
const (
	journalBill   = "bill"
	journalCredit = "credit-note"
)

type journalRow struct {
	bun.BaseModel `bun:"table:hms.journal,alias:j"`
	dbx.Tenanted
	ID           hmstype.JournalID `bun:"id,pk"`
	Kind         string
	SourceID     string `bun:"type:uuid"`
	Currency     hmstype.Currency
	LineCount    int
	BusinessDate hmstype.Date
	PostedAt     time.Time
}

type postingRow struct {
	bun.BaseModel `bun:"table:hms.posting,alias:p"`
	dbx.Tenanted
	JournalID hmstype.JournalID `bun:"journal_id,pk"`
	LineNo    int               `bun:"line_no,pk"`
	AccountID hmstype.AccountID
	Currency  hmstype.Currency
	Amount    decimal.Decimal
	BillID    hmstype.BillID `bun:",nullzero"`
}

// entry is one line of a journal before it is posted.
type entry struct {
	account string
	amount  decimal.Decimal // debit positive, credit negative; zero is left out
}

// postJournal writes a journal on one bill; all its lines go by one statement, as the database's
// check of their sum asks.
// In SQL: migrate/routine/billing/ledger_account_id.sql.
func postJournal(ctx context.Context, db dbx.DB, j journalRow, bill hmstype.BillID, entries []entry) error {
	j.Tenanted, j.PostedAt = tenanted(db), db.Now
	lines := []postingRow{}
	for _, e := range entries {
		if e.amount.IsZero() {
			continue
		}
		var account hmstype.AccountID
		err := db.QueryRow(
			ctx, `SELECT hms.ledger_account_id($1, $2, $3, $4)`, db.Tenant(), string(j.Currency), e.account, db.Now,
		).
			Scan(&account)
		if err != nil {
			return err
		}
		lines = append(lines, postingRow{
			Tenanted: tenanted(db), JournalID: j.ID, LineNo: len(lines) + 1, AccountID: account,
			Currency: j.Currency, Amount: e.amount, BillID: bill,
		})
	}
	j.LineCount = len(lines)
	if err := dbx.Insert(ctx, db, j); err != nil {
		return err
	}
	return dbx.Insert(ctx, db, lines...)
}

// AccountBalance is the sum of an account's postings.
type AccountBalance struct {
	Account  string        `json:"account"`  // such as [AccountRevenue]
	Balance  hmstype.Money `json:"balance"`  // debits less credits
	Postings int64         `json:"postings"` // how many lines make it
}

var opListBalances = usecase.Query[usecase.None, []AccountBalance]{
	Name: "billing.list_balances", Permission: hmstype.PermBillingRead,
	Shows: usecase.Nobody[[]AccountBalance](sumsOnly), Quiet: sumsOnly,
}.Declare()

// ListBalances gives every account of the ledger with its balance. Per currency they sum to zero.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListBalances(ctx context.Context) ([]AccountBalance, error) {
	return opListBalances.Run(ctx, &s.base, usecase.None{}, balances)
}

func balances(ctx context.Context, db dbx.DB, _ usecase.None) ([]AccountBalance, error) {
	var rows []struct {
		Code     string
		Currency hmstype.Currency
		Balance  decimal.Decimal
		Postings int64
	}
	err := db.NewRaw(`SELECT a.code, a.currency, coalesce(sum(p.amount), 0) AS balance, count(p.line_no) AS postings
		FROM hms.ledger_account AS a
		LEFT JOIN hms.posting AS p ON p.tenant_id = ? AND p.account_id = a.id AND p.currency = a.currency
		WHERE a.tenant_id = ? GROUP BY a.code, a.currency ORDER BY a.currency, a.code`, db.Tenant(), db.Tenant()).
		Scan(ctx, &rows)
	list := make([]AccountBalance, len(rows))
	for i, r := range rows {
		list[i] = AccountBalance{Account: r.Code, Balance: money(r.Balance, r.Currency), Postings: r.Postings}
	}
	return list, err
}
