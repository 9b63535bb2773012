package billing_test

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
)

func TestService_CreateServiceItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.s.CreateServiceItem(b.Ctx, billing.CreateServiceItemInput{
		Code: "CONSULT", ServiceDetails: billing.ServiceDetails{Name: "x", Category: "x"},
	})
	require.ErrorIs(t, err, billing.ErrServiceCodeTaken)
	for path, in := range map[string]billing.CreateServiceItemInput{
		"code":     {ServiceDetails: billing.ServiceDetails{Name: "x", Category: "x"}},
		"name":     {Code: "x", ServiceDetails: billing.ServiceDetails{Category: "x"}},
		"category": {Code: "x", ServiceDetails: billing.ServiceDetails{Name: "x"}},
		"taxPercent": {Code: "x", ServiceDetails: billing.ServiceDetails{
			Name: "x", Category: "x", TaxPercent: decimal.RequireFromString("100.0001"),
		}},
	} {
		_, err := b.s.CreateServiceItem(b.Ctx, in)
		require.Len(t, hmstype.Fields(err), 1)
		require.Equal(t, path, hmstype.Fields(err)[0].Path)
	}
	setup(t) // another tenant has the same codes
	list, err := b.s.ListServiceItems(b.Ctx, hmstype.Page{Limit: 1})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.NotEmpty(t, list.Next)
}

func TestService_UpdateServiceItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := billing.UpdateServiceItemInput{
		ID: b.service.ID, Version: 1, ServiceDetails: billing.ServiceDetails{Name: "New", Category: "New"}, Active: false,
	}
	item, err := b.s.UpdateServiceItem(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, int64(2), item.Version)
	_, err = b.s.UpdateServiceItem(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	_, err = b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{Patient: b.patient, Service: "CONSULT"})
	require.ErrorIs(t, err, billing.ErrUnknownService, "an inactive service takes no charge")
}

func TestService_SetPrice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	day := func(month time.Month, d int) hmstype.Date { return hmstype.NewDate(2026, month, d) }
	dear, err := b.s.SetPrice(b.Ctx, billing.SetPriceInput{
		Service: b.service.ID, Amount: usd("50.00"), From: day(time.March, 10),
	})
	require.NoError(t, err)
	capture := func(at hmstype.Date) string {
		c, err := b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{
			Patient: b.patient, Service: "CONSULT", At: at.In(time.UTC),
		})
		require.NoError(t, err)
		return c.UnitPrice.String()
	}
	require.Equal(t, "40.00 USD", capture(day(time.March, 9)), "the price of the day of service")
	require.Equal(t, "50.00 USD", capture(day(time.March, 10)))

	_, err = b.s.SetPrice(b.Ctx, billing.SetPriceInput{Service: b.service.ID, Amount: usd("45"), From: day(time.March, 5)})
	var overlap *billing.PriceOverlapError
	require.ErrorAs(t, err, &overlap)
	require.Contains(t, []hmstype.Date{day(time.March, 10), hmstype.NewDate(2020, 1, 1)}, overlap.From)
	prices, err := b.s.ListPrices(b.Ctx, b.service.ID)
	require.NoError(t, err)
	require.Len(t, prices, 2)
	require.Equal(t, day(time.March, 10), prices[0].Until, "a refused price changes nothing")

	_, err = b.s.EndPrice(b.Ctx, billing.EndPriceInput{Price: dear.ID, Version: 1, Until: day(time.March, 10)})
	require.NoError(t, err, "withdrawn")
	_, err = b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{
		Patient: b.patient, Service: "CONSULT", At: day(time.March, 10).In(time.UTC),
	})
	require.ErrorIs(t, err, billing.ErrNoPrice)
	_, err = b.s.SetPrice(b.Ctx, billing.SetPriceInput{
		Service: b.service.ID, Amount: usd("48"), From: day(time.March, 10),
	})
	require.NoError(t, err)
	require.Equal(t, "48.00 USD", capture(day(time.March, 10)))
	_, err = b.s.EndPrice(b.Ctx, billing.EndPriceInput{Price: prices[0].ID, Version: 2, Until: day(time.March, 12)})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "ending later is another price")
	_, err = b.s.SetPrice(b.Ctx, billing.SetPriceInput{
		Service: b.service.ID, Amount: hmstype.MustMoney("7", "EUR"), From: day(time.March, 1),
	})
	require.NoError(t, err, "another currency has prices of its own")
}

func TestService_SetPrice_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	errs := together(64, func(int) error {
		return errOf(
			b.s.SetPrice(b.Ctx, billing.SetPriceInput{
				Service: b.service.ID, Amount: usd("50"), From: hmstype.NewDate(2026, 4, 1),
			}),
		)
	})
	require.Equal(t, 1, succeeded(errs), "%v", errs)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.service_price
		WHERE tenant_id = ? AND service_id = ? AND valid_from <= '2026-05-01'
		AND (valid_to IS NULL OR valid_to > '2026-05-01')`, b.Tenant, b.service.ID))
}

func TestService_Audit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	_, err := b.pay(bill.ID, "100")
	require.NoError(t, err)
	b.bill(t, bill.ID)
	trail, err := audit.New(b.Base).ListEvents(b.Ctx, audit.ListEventsInput{
		Entity: "bill", EntityID: bill.ID.String(),
	})
	require.NoError(t, err)
	actions := []string{}
	for _, e := range trail.Items {
		actions = append(actions, string(e.Action)+" "+e.Operation)
		require.Equal(t, b.patient, e.Patient)
	}
	require.ElementsMatch(
		t, []string{"create billing.create_bill", "update billing.issue_bill", "update billing.pay", "read billing.get_bill"},
		actions,
	)
	report, err := sealed.New(b.Base, sealed.Ports{}, sealed.Config{}).Verify(b.Ctx)
	require.NoError(t, err)
	for _, table := range report.Tables {
		require.Zero(t, table.Unexplained+table.Untold+table.Vanished, table.Table)
	}
	require.Equal(
		t, 2,
		dbtest.Scalar[int](
			t, b.Env, `SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND entity_id = ?`, b.Tenant, bill.ID.String(),
		),
	)
}
