package billing_test

import (
	"context"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestService_Post(t *testing.T) {
	t.Parallel()

	t.Run("CopiesPriceTaxAndText", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		id := b.post(t, b.request("SPECTACLES", "2"))
		_, err := b.s.UpdateServiceItem(b.Ctx, billing.UpdateServiceItemInput{
			ID: b.taxed.ID, Version: 1,
			ServiceDetails: billing.ServiceDetails{Name: "Other", Category: "Other", TaxPercent: decimal.NewFromInt(99)},
			Active:         false,
		})
		require.NoError(t, err)
		_, err = b.s.SetPrice(b.Ctx, billing.SetPriceInput{
			Service: b.taxed.ID, Amount: usd("999"), From: hmstype.NewDate(2026, 1, 1),
		})
		require.NoError(t, err)

		c, err := b.s.GetCharge(b.Ctx, id)
		require.NoError(t, err)
		require.Equal(t, usd("19.99"), c.UnitPrice)
		require.Equal(t, "7.5000", c.TaxPercent.StringFixed(4))
		require.Equal(t, "Name of SPECTACLES", c.Text)
		require.Equal(t, billing.ChargeBillable, c.Status)
		require.Equal(t, hmstype.NewDate(2026, time.March, 2), c.ServiceDate)
	})

	t.Run("SameSourceIsChargedOnce", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		req := b.request("CONSULT", "1")
		first := b.post(t, req)
		req.Quantity, req.Service = decimal.NewFromInt(7), "GONE"
		require.Equal(
			t, first, b.post(t, req), "the second path changes nothing, not even with a code that is unknown by now",
		)
		require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.charge WHERE tenant_id = ?`, b.Tenant))
		req.Source.Line, req.Service = 1, "CONSULT"
		require.NotEqual(t, first, b.post(t, req), "another line of the act is another charge")
	})
}

func TestService_Post_More(t *testing.T) {
	t.Parallel()

	t.Run("UnknownServiceLeavesTheTransactionUsable", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := b.port.Post(ctx, db.Conn(), b.request("NOTHING", "1"))
			require.ErrorIs(t, err, billing.ErrUnknownService)
			require.ErrorIs(t, err, hmstype.ErrInvalid)
			early := b.request("CONSULT", "1")
			early.At = time.Date(2019, 12, 31, 12, 0, 0, 0, time.UTC)
			_, err = b.port.Post(ctx, db.Conn(), early)
			require.ErrorIs(t, err, billing.ErrNoPrice)
			_, err = b.port.Post(ctx, db.Conn(), b.request("CONSULT", "1"))
			return err
		})
		require.NoError(t, err)
	})

	t.Run("RefusesImpossibleRequests", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, change := range map[string]func(*charge.Request){
			"source.kind":      func(r *charge.Request) { r.Source.Kind = "" },
			"source.id":        func(r *charge.Request) { r.Source.ID = "" },
			"source.line":      func(r *charge.Request) { r.Source.Line = -1 },
			"patient":          func(r *charge.Request) { r.Patient = hmstype.PatientID{} },
			"service":          func(r *charge.Request) { r.Service = "" },
			"quantity":         func(r *charge.Request) { r.Quantity = decimal.Zero },
			"at":               func(r *charge.Request) { r.At = time.Time{} },
			"unitPrice.amount": func(r *charge.Request) { m := usd("-1"); r.UnitPrice = &m },
		} {
			req := b.request("CONSULT", "1")
			change(&req)
			_, err := b.port.Post(b.Ctx, b.DB, req)
			require.NotEmpty(t, hmstype.Fields(err), name)
			require.Equal(t, name, hmstype.Fields(err)[0].Path)
		}
		for _, quantity := range []decimal.Decimal{
			decimal.RequireFromString("-1"), decimal.RequireFromString("0.00001"), decimal.New(1, 2_000_000_000),
			decimal.New(1, -2_000_000_000),
		} {
			req := b.request("CONSULT", "1")
			req.Quantity = quantity
			_, err := b.port.Post(b.Ctx, b.DB, req)
			require.ErrorIs(t, err, hmstype.ErrInvalid)
		}
	})

	t.Run("EncounterOfAnotherPatient", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		req := b.request("CONSULT", "1")
		req.Encounter = b.encounter(t, b.newPatient(t))
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := b.port.Post(ctx, db.Conn(), req)
			return err
		})
		require.Equal(t, "encounter", hmstype.Fields(err)[0].Path)
		req.Source.ID, req.Encounter = "own", b.encounter(t, b.patient)
		b.post(t, req)
		list, err := b.s.ListCharges(b.Ctx, billing.ListChargesInput{Patient: b.patient, Encounter: req.Encounter})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, req.Encounter, list.Items[0].Encounter)
	})

	t.Run("RollsBackWithTheTransaction", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := b.port.Post(ctx, db.Conn(), b.request("CONSULT", "1"))
			require.NoError(t, err)
			return context.Canceled
		})
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.charge WHERE tenant_id = ?`, b.Tenant))
	})
}

func TestService_Post_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := b.request("CONSULT", "1")
	ids := make([]hmstype.ChargeID, 64)
	errs := together(64, func(i int) error {
		return b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
			ids[i], err = b.port.Post(ctx, db.Conn(), req)
			return err
		})
	})
	require.Equal(t, 64, succeeded(errs), "%v", errs)
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.charge WHERE tenant_id = ?`, b.Tenant))
}

func TestService_CaptureCharge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := billing.CaptureChargeInput{Patient: b.patient, Service: "CONSULT", IdempotencyKey: "k"}
	c, err := b.s.CaptureCharge(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, "1", c.Quantity.String())
	require.Equal(t, billing.SourceManual, c.Source.Kind)
	require.Equal(t, b.Clock.Now(), c.ServiceAt)
	again, err := b.s.CaptureCharge(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, c.ID, again.ID, "one key, one charge")

	_, err = b.s.CaptureCharge(b.As(t, identity.RoleNurse), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{Patient: b.patient, Service: "CONSULT", Currency: "EUR"})
	require.ErrorIs(t, err, billing.ErrNoPrice)
	other := setup(t)
	_, err = b.s.CaptureCharge(other.Ctx, billing.CaptureChargeInput{Patient: b.patient, Service: "CONSULT"})
	require.ErrorIs(t, err, hmstype.ErrNotFound, "the patient is another tenant's")
	_, err = b.s.GetCharge(other.Ctx, c.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_SetChargeStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "charge", billing.ChargeTransitions.Pairs())

	planned, err := b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{
		Patient: b.patient, Service: "CONSULT", Planned: true,
	})
	require.NoError(t, err)
	_, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient, Charges: []hmstype.ChargeID{planned.ID}})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "a planned charge is not billed")
	_, err = b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.ErrorIs(t, err, billing.ErrNothingToBill)

	c, err := b.s.SetChargeStatus(b.Ctx, billing.SetChargeStatusInput{
		ID: planned.ID, Version: 1, Status: billing.ChargeBillable,
	})
	require.NoError(t, err)
	_, err = b.s.SetChargeStatus(b.Ctx, billing.SetChargeStatusInput{
		ID: c.ID, Version: 1, Status: billing.ChargeAborted, Reason: "x",
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = b.s.SetChargeStatus(b.Ctx, billing.SetChargeStatusInput{ID: c.ID, Version: 2, Status: billing.ChargeAborted})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a reason is needed")

	draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
	require.NoError(t, err)
	_, err = b.s.SetChargeStatus(b.Ctx, billing.SetChargeStatusInput{
		ID: c.ID, Version: 2, Status: billing.ChargeNotBillable, Reason: "goodwill",
	})
	var billed *billing.ChargeBilledError
	require.ErrorAs(t, err, &billed)
	require.Equal(t, draft.ID, billed.Bill)
	_, err = b.s.CancelBill(b.Ctx, billing.CancelBillInput{ID: draft.ID, Reason: "again"})
	require.NoError(t, err)
	c, err = b.s.SetChargeStatus(b.Ctx, billing.SetChargeStatusInput{
		ID: c.ID, Version: 2, Status: billing.ChargeNotBillable, Reason: "goodwill",
	})
	require.NoError(t, err)
	require.Equal(t, "goodwill", c.StatusReason)
}

// TestCharge_Transitions walks every pair of states past the service, by SQL.
func TestCharge_Transitions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	states := billing.ChargeTransitions.States()
	for _, from := range states {
		for _, to := range states {
			if from == to {
				continue
			}
			id := hmstype.NewID[hmstype.ChargeID]()
			_, err := b.DB.NewRaw(`INSERT INTO hms.charge (tenant_id, id, patient_id, source_kind, source_id, source_line,
				service_id,
				service_code, category, description, quantity, unit_price, currency, tax_percent, service_at, service_date,
				status, status_reason,
				created_at, created_by)
				VALUES (?, ?, ?, 'walk', ?, 0, ?, 'X', 'X', 'X', 1, 1, 'USD', 0, now(), now()::date,
				?, 'reason', now(), 'system:test')`,
				b.Tenant, id, b.patient, id.String(), b.service.ID, from).Exec(t.Context())
			require.NoError(t, err)
			_, err = b.DB.NewRaw(
				`UPDATE hms.charge SET status = ? WHERE tenant_id = ? AND id = ?`, to, b.Tenant, id,
			).Exec(t.Context())
			require.Equal(t, billing.ChargeTransitions.Allows(from, to), err == nil, "%s > %s: %v", from, to, err)
		}
	}
}

func TestService_Reverse(t *testing.T) {
	t.Parallel()

	t.Run("NeverCharged", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		require.NoError(t, b.reverse(t, charge.Source{Kind: "test", ID: "nobody"}))
	})

	t.Run("UnbilledIsAborted", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		req := b.request("CONSULT", "1")
		first := b.post(t, req)
		req.Source.Line = 1
		second := b.post(t, req)
		require.NoError(t, b.reverse(t, req.Source))
		require.NoError(t, b.reverse(t, req.Source), "twice is once")
		for _, id := range []hmstype.ChargeID{first, second} {
			c, err := b.s.GetCharge(b.Ctx, id)
			require.NoError(t, err)
			require.Equal(t, billing.ChargeAborted, c.Status, "all lines of the source")
		}
		require.Equal(t, second, b.post(t, req), "a source that was taken back is not charged anew")
	})

	t.Run("DraftLosesTheLine", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		req := b.request("CONSULT", "1")
		b.post(t, req)
		b.post(t, b.request("SPECTACLES", "1"))
		draft, err := b.s.CreateBill(b.Ctx, billing.CreateBillInput{Patient: b.patient})
		require.NoError(t, err)
		require.Equal(t, usd("61.49"), draft.Total)
		require.NoError(t, b.reverse(t, req.Source))
		draft = b.bill(t, draft.ID)
		require.Equal(t, usd("21.49"), draft.Total)
		require.Len(t, draft.Lines, 1)
		bill, err := b.s.IssueBill(b.Ctx, billing.IssueBillInput{ID: draft.ID})
		require.NoError(t, err)
		require.Equal(t, usd("21.49"), bill.Open)
		b.requireProof(t)
	})

	t.Run("BilledIsCredited", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cover(t, "First", 1, "80")
		req := b.request("SPECTACLES", "3")
		b.post(t, req)
		bill := b.issued(t)
		require.NoError(t, b.reverse(t, req.Source))
		require.NoError(t, b.reverse(t, req.Source), "twice is once")
		bill = b.bill(t, bill.ID)
		require.Equal(t, bill.Total, bill.Credited)
		require.Equal(t, billing.BillBalanced, bill.Status)
		notes, err := b.s.ListCreditNotes(b.Ctx, bill.ID)
		require.NoError(t, err)
		require.Len(t, notes, 1)
		require.Equal(t, "CN-2026-000001", notes[0].Number)
		for _, account := range []string{
			billing.AccountReceivablePatient, billing.AccountReceivablePayer, billing.AccountTax,
		} {
			require.Equal(t, "0.00 USD", b.balance(t, account), account)
		}
		b.requireProof(t)
	})
}
