package billing_test

import (
	"context"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/billing/charge/chargetest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

func TestService_Poster(t *testing.T) {
	t.Parallel()
	chargetest.RunPoster(t, func(t *testing.T) chargetest.Harness { return setup(t).harness(t, false) })
}

// TestService_Poster_Billed runs the suite on charges that are billed as soon as they are captured, so
// that everything that is taken back is credited.
func TestService_Poster_Billed(t *testing.T) {
	t.Parallel()
	chargetest.RunPoster(t, func(t *testing.T) chargetest.Harness { return setup(t).harness(t, true) })
}

func (b *bundle) harness(t *testing.T, bills bool) chargetest.Harness {
	t.Helper()
	h := chargetest.Harness{
		Poster: b.port, Patient: b.patient, Service: "CONSULT", At: b.Clock.Now(), Ctx: b.Ctx,
		Charged: func(source charge.Source) hmstype.Money { return b.charged(t, source) },
		InTx: func(fn func(context.Context, bun.IConn) error) error {
			return b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error { return fn(ctx, db.Conn()) })
		},
	}
	if bills {
		h.Poster = billsAtOnce{b}
	}
	return h
}

// charged sums what the source's charges cost, less what stands on credit notes.
func (b *bundle) charged(t *testing.T, source charge.Source) hmstype.Money {
	t.Helper()
	var sum decimal.Decimal
	err := b.DB.NewRaw(`SELECT coalesce(sum(c.quantity * c.unit_price - coalesce(l.credited_net, 0)), 0)
		FROM hms.charge AS c
		LEFT JOIN hms.bill_line AS l ON l.tenant_id = c.tenant_id AND l.charge_id = c.id AND l.released_at IS NULL
		WHERE c.tenant_id = ? AND c.source_kind = ? AND c.source_id = ? AND c.status <> 'aborted'`,
		b.Tenant, source.Kind, source.ID).Scan(t.Context(), &sum)
	require.NoError(t, err)
	return hmstype.RoundMoney(sum, "USD")
}

// billsAtOnce issues a bill for every charge in the use case's own transaction.
type billsAtOnce struct{ *bundle }

func (p billsAtOnce) Post(ctx context.Context, conn bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	id, err := p.port.Post(ctx, conn, req)
	if err != nil {
		return id, err
	}
	bound := billing.New(p.Base.Bind(conn, p.Base.Authorizer), billing.Ports{Patients: patient.NewPort(p.Base)})
	draft, err := bound.CreateBill(ctx, billing.CreateBillInput{Patient: req.Patient, Charges: []hmstype.ChargeID{id}})
	if hmstype.KindOf(err) == hmstype.KindPrecondition { // billed by an earlier Post
		return id, nil
	}
	if err != nil {
		return id, err
	}
	_, err = bound.IssueBill(ctx, billing.IssueBillInput{ID: draft.ID})
	return id, err
}

func (p billsAtOnce) Reverse(ctx context.Context, conn bun.IConn, source charge.Source, reason string) error {
	return p.port.Reverse(ctx, conn, source, reason)
}
