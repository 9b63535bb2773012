package billing_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// raw runs a statement as the superuser, past the services and past row-level security: what
// refuses it is the database's own guard.
func (b *bundle) raw(tb testing.TB, query string, args ...any) error {
	tb.Helper()
	_, err := b.DB.NewRaw(query, args...).Exec(tb.Context())
	return err
}

const rawPayment = `INSERT INTO hms.payment (tenant_id, id, bill_id, patient_id, share_id, amount, currency, method,
	reference_number,
	reference_number_key, status, journal_id, business_date, created_at, created_by)
	VALUES (?, ?, ?, ?, ?, ?::text::numeric, ?, 'cash', '', '', 'active', ?, now()::date, now(), 'system:test')`

// rawPay inserts a payment of a bill's first share with a journal of its own.
func (b *bundle) rawPay(tb testing.TB, bill billing.Bill, amount string, currency hmstype.Currency) error {
	tb.Helper()
	journal, payment := hmstype.NewID[hmstype.JournalID](), hmstype.NewID[hmstype.PaymentID]()
	require.NoError(tb, b.raw(tb, `INSERT INTO hms.journal (tenant_id, id, kind, source_id, currency, line_count,
		business_date, posted_at)
		VALUES (?, ?, 'payment', ?, 'USD', 2, now()::date, now())`, b.Tenant, journal, payment))
	return b.raw(tb, rawPayment, b.Tenant, payment, bill.ID, bill.Patient, bill.Shares[0].ID, amount, currency, journal)
}

func TestGuard_Payment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	for name, tt := range map[string]struct {
		amount   string
		currency hmstype.Currency
		state    string
	}{
		"negative":        {"-5", "USD", "23514"},
		"zero":            {"0", "USD", "23514"},
		"NaN":             {"NaN", "USD", "23514"},
		"too many places": {"12.505", "USD", "23514"},
		"more than open":  {"100.01", "USD", "HM502"},
		"other currency":  {"5", "EUR", "23503"},
		"infinite":        {"Infinity", "USD", "22003"},
	} {
		require.Equal(t, tt.state, dbx.SQLState(b.rawPay(t, bill, tt.amount, tt.currency)), name)
	}
	require.NoError(t, b.rawPay(t, bill, "100", "USD"))
	require.True(t, b.bill(t, bill.ID).IsPaid(), "the bill follows from the row, whoever wrote it")
	proof, err := b.s.Verify(b.Ctx)
	require.NoError(t, err)
	require.False(t, proof.Clean(), "a payment whose journal has no lines is found")

	for _, statement := range []string{
		`UPDATE hms.payment SET amount = 1 WHERE tenant_id = ?`,
		`UPDATE hms.payment SET refunded_amount = -1 WHERE tenant_id = ?`,
		`UPDATE hms.payment SET refunded_amount = 100.01 WHERE tenant_id = ?`,
		`UPDATE hms.payment SET status = 'cancelled' WHERE tenant_id = ?`,
		`DELETE FROM hms.payment WHERE tenant_id = ?`,
	} {
		require.Error(t, b.raw(t, statement, b.Tenant), statement)
	}
}

func TestGuard_Journal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.billOf100(t)
	var account string
	require.NoError(
		t,
		b.DB.NewRaw(
			`SELECT id FROM hms.ledger_account WHERE tenant_id = ? AND code = 'revenue'`, b.Tenant,
		).Scan(t.Context(), &account),
	)
	journal := hmstype.NewID[hmstype.JournalID]()
	require.NoError(t, b.raw(t, `INSERT INTO hms.journal (tenant_id, id, kind, source_id, currency, line_count,
		business_date, posted_at)
		VALUES (?, ?, 'refund', ?, 'USD', 2, now()::date, now())`, b.Tenant, journal, journal))
	post := func(values string) error {
		return b.raw(t, `INSERT INTO hms.posting (tenant_id, journal_id, line_no, account_id, currency, amount) VALUES `+
			strings.NewReplacer(
				"$T", "'"+b.Tenant.String()+"', '"+journal.String()+"'", "$A", "'"+account+"', 'USD'",
			).Replace(values))
	}
	require.Equal(t, "HM501", dbx.SQLState(post(`($T, 1, $A, 5)`)), "one leg")
	require.Equal(t, "HM501", dbx.SQLState(post(`($T, 1, $A, 5), ($T, 2, $A, -4.99)`)), "a cent is missing")
	require.Equal(t, "23514", dbx.SQLState(post(`($T, 1, $A, 'NaN'), ($T, 2, $A, 'NaN')`)))
	require.Equal(t, "23514", dbx.SQLState(post(`($T, 1, $A, 0.001), ($T, 2, $A, -0.001)`)))
	require.Equal(t, "23514", dbx.SQLState(post(`($T, 1, $A, 0)`)))
	require.NoError(t, post(`($T, 1, $A, 5), ($T, 2, $A, -5)`))
	for _, statement := range []string{
		`UPDATE hms.posting SET amount = 6 WHERE tenant_id = ?`, `DELETE FROM hms.posting WHERE tenant_id = ?`,
		`UPDATE hms.journal SET kind = 'bill' WHERE tenant_id = ?`, `DELETE FROM hms.journal WHERE tenant_id = ?`,
		`DELETE FROM hms.ledger_account WHERE tenant_id = ?`,
	} {
		require.Equal(t, "HM002", dbx.SQLState(b.raw(t, statement, b.Tenant)), statement)
	}
	err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `INSERT INTO hms.posting (tenant_id, journal_id, line_no, account_id, currency, amount)
			VALUES ($1, $2, 3, $3, 'USD', 1)`, db.Tenant(), journal, account)
		return err
	})
	require.ErrorIs(t, err, billing.ErrUnbalanced)
}

func TestGuard_IssuedBill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cover(t, "First", 1, "50")
	bill := b.billOf100(t)
	for _, statement := range []string{
		`UPDATE hms.bill_line SET description = 'other' WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET released_at = now() WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET quantity = 2, gross_amount = 200, net_amount = 200, total_amount = 200, patient_amount = 150
			WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET issued_at = NULL WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET credited_net = -1 WHERE tenant_id = ?`,
		`UPDATE hms.bill SET bill_number = 'INV-X' WHERE tenant_id = ?`,
		`UPDATE hms.bill SET gross_amount = 1, total_amount = 1, patient_amount = 0.5, payer_amount = 0.5, open_amount = 1
			WHERE tenant_id = ?`,
		`UPDATE hms.bill SET status = 'balanced' WHERE tenant_id = ?`,
		`UPDATE hms.bill SET paid_amount = 100 WHERE tenant_id = ?`,
		`UPDATE hms.bill_share SET amount = 60 WHERE tenant_id = ?`,
		`UPDATE hms.bill_share SET paid_amount = 50.01 WHERE tenant_id = ?`,
		`UPDATE hms.bill_line_share SET amount = 1 WHERE tenant_id = ?`,
		`UPDATE hms.charge SET unit_price = 1 WHERE tenant_id = ?`,
		`UPDATE hms.charge SET status = 'billable' WHERE tenant_id = ?`,
		`DELETE FROM hms.bill_line WHERE tenant_id = ?`,
		`DELETE FROM hms.bill_share WHERE tenant_id = ?`,
		`DELETE FROM hms.bill WHERE tenant_id = ?`,
		`DELETE FROM hms.charge WHERE tenant_id = ?`,
		`DELETE FROM hms.service_price WHERE tenant_id = ?`,
	} {
		require.Error(t, b.raw(t, statement, b.Tenant), statement)
	}
	require.Equal(t, "HM503", dbx.SQLState(b.raw(t, `INSERT INTO hms.bill_share (tenant_id, id, bill_id, patient_id,
		sequence, coverage_id, payer, currency, amount)
		VALUES (?, ?, ?, ?, 7, ?, 'x', 'USD',
		1)`, b.Tenant, hmstype.NewID[billing.ShareID](), bill.ID, bill.Patient, bill.Shares[1].Coverage)))
	extra := b.post(t, b.request("CONSULT", "1"))
	require.Equal(t, "HM503", dbx.SQLState(b.raw(t, `INSERT INTO hms.bill_line (tenant_id, id, bill_id, patient_id,
		line_no, charge_id, service_code, category,
		description, service_date, quantity, unit_price, currency, gross_amount, discount_amount, net_amount, tax_percent,
		tax_amount, total_amount, patient_amount, payer_amount)
		VALUES (?, ?, ?, ?, 9, ?, 'X', 'X', 'X', now()::date, 1, 40, 'USD', 40, 0, 40, 0, 0, 40, 40, 0)`,
		b.Tenant, hmstype.NewID[hmstype.BillLineID](), bill.ID, bill.Patient, extra)), "a line after issue")
	require.Equal(t, "HM503", dbx.SQLState(b.raw(t, `INSERT INTO hms.bill_line_share (tenant_id, bill_id, bill_line_id,
		share_id, currency, amount)
		VALUES (?, ?, ?, ?, 'USD',
		1)`, b.Tenant, bill.ID, bill.Lines[0].ID, bill.Shares[0].ID)), "a part of a line after issue")
	require.Equal(t, bill, b.bill(t, bill.ID))
	b.requireProof(t)
}

func TestGuard_DraftThatDoesNotSumUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, b.request("CONSULT", "1"))
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(t, err)
	require.NoError(
		t,
		b.raw(
			t, `UPDATE hms.bill SET gross_amount = 41, total_amount = 41, patient_amount = 41 WHERE tenant_id = ?`, b.Tenant,
		),
	)
	_, err = b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
	require.ErrorIs(t, err, billing.ErrNotSummed, "the database compares the totals with the lines")
	proof, err := b.s.Verify(b.Ctx)
	require.NoError(t, err)
	require.Len(t, proof.Drifts, 1)
	require.Equal(t, "bill total", proof.Drifts[0].Rule)
	for _, statement := range []string{
		`UPDATE hms.bill_line SET gross_amount = 'NaN', net_amount = 'NaN', total_amount = 'NaN', patient_amount = 'NaN'
			WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET unit_price = 40.005 WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET total_amount = 41, patient_amount = 41 WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET patient_amount = 39 WHERE tenant_id = ?`,
		`UPDATE hms.bill_line SET discount_amount = 50, net_amount = -10, total_amount = -10, patient_amount = -10
			WHERE tenant_id = ?`,
	} {
		require.Equal(t, "23514", dbx.SQLState(b.raw(t, statement, b.Tenant)), statement)
	}
}

func TestGuard_Price(t *testing.T) {
	t.Parallel()
	b := setup(t)
	insert := func(amount, from string) error {
		return b.raw(t, `INSERT INTO hms.service_price
			(tenant_id, id, service_id, currency, amount, valid_from, created_at, created_by)
			VALUES (?, ?, ?, 'USD', ?::text::numeric, ?, now(), 'system:test')`,
			b.Tenant, hmstype.NewID[billing.PriceID](), b.service.ID, amount, from)
	}
	require.Equal(t, "23P01", dbx.SQLState(insert("1", "2030-01-01")), "two prices on one day")
	require.Equal(t, "23514", dbx.SQLState(insert("NaN", "2030-01-01")))
	require.Equal(t, "23514", dbx.SQLState(insert("-1", "2030-01-01")))
	require.Equal(t, "23514", dbx.SQLState(insert("1.005", "2030-01-01")))
	require.Error(t, b.raw(t, `UPDATE hms.service_item SET tax_percent = 'NaN' WHERE tenant_id = ?`, b.Tenant))
	require.Error(t, b.raw(t, `UPDATE hms.service_item SET tax_percent = 100.01 WHERE tenant_id = ?`, b.Tenant))
}

func TestService_Verify_FindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	// The attacks switch triggers off for whole tables, so the database is the test's own.
	own := dbtest.NewOwn(t)
	b := setupOn(t, own)
	bill := b.billOf100(t)
	p, err := b.pay(bill.ID, "60")
	require.NoError(t, err)
	_, err = b.s.Refund(b.Ctx, billing.RefundInput{Payment: p.ID, Amount: usd("10"), RefundDetails: because("x")})
	require.NoError(t, err)
	b.requireProof(t)
	for _, tt := range []struct{ attack, undo, rule string }{
		{
			`UPDATE hms.posting SET amount = amount + 1 WHERE line_no = 1`,
			`UPDATE hms.posting SET amount = amount - 1 WHERE line_no = 1`, "journal sums to zero",
		},
		{`UPDATE hms.payment SET amount = amount + 1`, `UPDATE hms.payment SET amount = amount - 1`, "payment journal"},
		{
			`UPDATE hms.bill_share SET paid_amount = paid_amount + 1`, `UPDATE hms.bill_share SET paid_amount = paid_amount - 1`,
			"share paid",
		},
		{`UPDATE hms.refund SET amount = amount - 1`, `UPDATE hms.refund SET amount = amount + 1`, "payment refunded"},
		{`UPDATE hms.bill_line SET credited_net = 1`, `UPDATE hms.bill_line SET credited_net = 0`, "line credited"},
		{`UPDATE hms.journal SET line_count = 3`, `UPDATE hms.journal SET line_count = 2`, "journal has all its lines"},
	} {
		attack := func(statement string) {
			for _, table := range []string{"posting", "payment", "bill_share", "refund", "bill_line", "journal"} {
				require.NoError(t, b.raw(t, "ALTER TABLE hms."+table+" DISABLE TRIGGER USER"))
			}
			require.NoError(t, b.raw(t, statement))
		}
		attack(tt.attack)
		proof, err := b.s.Verify(b.Ctx)
		require.NoError(t, err)
		rules := []string{}
		for _, d := range proof.Drifts {
			rules = append(rules, d.Rule)
		}
		require.Contains(t, rules, tt.rule)
		attack(tt.undo)
		b.requireProof(t)
	}
}
