package billing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
)

var anyService = billing.ServiceDetails{Name: "x", Category: "x"}

func TestService_ServiceCode_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, code := range []string{"consult", "CONSULT ", "Con sult", "ＣＯＮＳＵＬＴ", "CON\u200bSULT"} {
		_, err := b.s.CreateServiceItem(b.Ctx, billing.CreateServiceItemInput{Code: code, ServiceDetails: anyService})
		require.ErrorIs(t, err, billing.ErrServiceCodeTaken, "%q", code)

		captured, err := b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{Patient: b.patient, Service: code})
		require.NoError(t, err, "%q", code)
		require.Equal(t, b.service.ID, captured.Service)
		require.Equal(t, "CONSULT", captured.ServiceCode, "a charge holds the catalogue's spelling")
		posted, err := b.s.GetCharge(b.Ctx, b.post(t, b.request(code, "1")))
		require.NoError(t, err)
		require.Equal(t, b.service.ID, posted.Service, "%q", code)
	}
	nothing := []hmstype.FieldError{{Path: "code", Rule: "must have a letter, digit or sign"}}
	_, err := b.s.CreateServiceItem(b.Ctx, billing.CreateServiceItemInput{Code: "\u200b", ServiceDetails: anyService})
	require.Equal(t, nothing, hmstype.Fields(err))
	_, err = b.s.CaptureCharge(b.Ctx, billing.CaptureChargeInput{Patient: b.patient, Service: "C0NSULT"})
	require.ErrorIs(t, err, billing.ErrUnknownService, "look-alikes are others")
}

// One cheque pays once, and one transfer gives back once, however its number is typed.
func TestService_Reference_TypedDifferently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bill := b.billOf100(t)
	pay := func(reference string) (billing.Payment, error) {
		return b.s.Pay(b.Ctx, billing.PayInput{
			Bill: bill.ID, Amount: usd("5"),
			PaymentDetails: billing.PaymentDetails{Method: billing.MethodCard, ReferenceNumber: reference},
		})
	}
	first, err := pay("T-4711 a")
	require.NoError(t, err)
	require.Equal(t, "T-4711 a", first.ReferenceNumber)
	for _, typed := range []string{"t-4711a", "T\u20134711 A ", "Ｔ-4711a"} {
		_, err := pay(typed)
		require.ErrorIs(t, err, billing.ErrReferenceTaken, "%q", typed)
	}
	for range 2 {
		_, err = pay("")
		require.NoError(t, err, "cash needs no reference")
	}
	_, err = pay("\u200b")
	require.Equal(
		t, []hmstype.FieldError{{Path: "referenceNumber", Rule: "must have a letter, digit or sign"}}, hmstype.Fields(err),
	)

	refund := func(reference string) error {
		_, err := b.s.Refund(b.Ctx, billing.RefundInput{
			Payment: first.ID, Amount: usd("1"),
			RefundDetails: billing.RefundDetails{Reason: "x", ReferenceNumber: reference},
		})
		return err
	}
	require.NoError(t, refund("R 1"))
	require.ErrorIs(t, refund("r1"), billing.ErrReferenceTaken)
	require.NoError(t, refund(""))
	require.NoError(t, refund(""))
}
