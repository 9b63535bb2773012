package billing_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
)

const claimsFile = "../../shared/data/synthea-2024/csv/claims_transactions.csv"

// claimEvent is a row of a synthetic claims history that moved money.
type claimEvent struct {
	id, kind, method, code        string
	at                            time.Time
	amount, payments, adjustments decimal.Decimal
}

// readClaims gives the events by claim, and the patient of each claim.
func readClaims(t *testing.T) (map[string][]claimEvent, map[string]string) {
	t.Helper()
	file, err := os.Open(claimsFile)
	if os.IsNotExist(err) {
		t.Skip("the data set is not here")
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	events, patients := map[string][]claimEvent{}, map[string]string{}
	for _, row := range rows[1:] {
		get := func(name string) string { return row[column[name]] }
		amount := func(name string) decimal.Decimal {
			if get(name) == "" {
				return decimal.Zero
			}
			return decimal.RequireFromString(get(name))
		}
		at, err := time.Parse(time.RFC3339, get("FROMDATE"))
		require.NoError(t, err)
		claim := get("CLAIMID")
		patients[claim] = get("PATIENTID")
		events[claim] = append(events[claim], claimEvent{
			id: get("ID"), kind: get("TYPE"), method: get("METHOD"), code: get("PROCEDURECODE"), at: at,
			amount: amount("AMOUNT"), payments: amount("PAYMENTS"), adjustments: amount("ADJUSTMENTS"),
		})
	}
	return events, patients
}

var claimMethods = map[string]billing.Method{
	"CASH": billing.MethodCash, "COPAY": billing.MethodCash, "CC": billing.MethodCard,
	"CHECK": billing.MethodCheque, "ECHECK": billing.MethodInsurance,
}

// TestClaims_SharedData posts, bills and pays every claim: what was charged is what was paid
// and adjusted, to the cent, and the ledger sums to zero.
func TestClaims_SharedData(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("replays some 5,000 acts")
	}
	claims, owners := readClaims(t)
	b := setup(t)
	people := map[string]hmstype.PatientID{}
	services := map[string]bool{}
	for claim, list := range claims {
		if _, ok := people[owners[claim]]; !ok {
			people[owners[claim]] = b.newPatient(t)
		}
		for _, e := range list {
			if code := e.code; e.kind == "CHARGE" && !services[code] {
				services[code] = true
				_, err := b.s.CreateServiceItem(b.Ctx, billing.CreateServiceItemInput{
					Code: code, ServiceDetails: billing.ServiceDetails{Name: "Procedure " + code, Category: "Claims"},
				})
				require.NoError(t, err)
			}
		}
	}
	require.Len(t, claims, 561)

	queue := make(chan string)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for claim := range queue {
				if err := b.settleClaim(people[owners[claim]], claims[claim]); err != nil {
					t.Errorf("claim %s: %v", claim, err)
				}
			}
		})
	}
	for claim := range claims {
		queue <- claim
	}
	close(queue)
	wg.Wait()

	proof := b.requireProof(t)
	require.Equal(t, int64(561), proof.Bills)
	require.Equal(t, "0.00 USD", b.balance(t, billing.AccountReceivablePatient))
	require.Equal(t, "-1219867.22 USD", b.balance(t, billing.AccountRevenue))
}

// settleClaim replays one claim: its charges go on one bill, which its payments and adjustments balance.
func (b *bundle) settleClaim(who hmstype.PatientID, events []claimEvent) error {
	ids := []hmstype.ChargeID{}
	charged, settled := decimal.Zero, decimal.Zero
	for _, e := range events {
		settled = settled.Add(e.payments).Add(e.adjustments)
		if e.kind != "CHARGE" {
			continue
		}
		charged = charged.Add(e.amount)
		price := hmstype.Money{Amount: e.amount, Currency: "USD"}
		id, err := b.postAlone(charge.Request{
			Source: charge.Source{Kind: "claim", ID: e.id}, Patient: who, Service: e.code,
			Quantity: decimal.NewFromInt(1), UnitPrice: &price, At: e.at,
		})
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if !charged.Equal(settled) {
		return fmt.Errorf("charged %s, settled %s", charged, settled)
	}
	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: who, Charges: ids})
	if err != nil {
		return err
	}
	if _, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID}); err != nil {
		return err
	}
	for _, e := range events {
		if err := b.settleEvent(draft, e); err != nil {
			return err
		}
	}
	bill, err := b.s.GetBill(b.Ctx, draft.ID)
	if err == nil && (!bill.IsPaid() || !bill.Total.Amount.Equal(charged)) {
		err = fmt.Errorf("total %v, open %v", bill.Total, bill.Open)
	}
	return err
}

func (b *bundle) settleEvent(bill billing.Bill, e claimEvent) error {
	if e.payments.IsPositive() {
		in := billing.PayInput{
			Bill: bill.ID, Amount: hmstype.Money{Amount: e.payments, Currency: "USD"},
			PaymentDetails: billing.PaymentDetails{Method: claimMethods[e.method], ReferenceNumber: e.id},
		}
		if _, err := b.s.Pay(b.Ctx, in); err != nil {
			return err
		}
	}
	if e.adjustments.IsPositive() {
		amount := hmstype.Money{Amount: e.adjustments, Currency: "USD"}
		line := billing.CreditLine{Line: bill.Lines[0].ID, Amount: &amount}
		_, err := b.s.IssueCreditNote(b.Ctx, billing.IssueCreditNoteInput{
			Bill: bill.ID, Reason: "adjustment", Lines: []billing.CreditLine{line},
		})
		return err
	}
	return nil
}
