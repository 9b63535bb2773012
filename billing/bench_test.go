package billing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/internal/dbx"
)

// BenchmarkService_Post captures charges, each in a transaction of its own.
func BenchmarkService_Post(b *testing.B) {
	env := setup(b)
	for i := 0; b.Loop(); i++ {
		req := env.request("CONSULT", "1")
		req.Source.ID = fmt.Sprint(i)
		err := env.Base.DB.InTx(env.Ctx, "bench", func(ctx context.Context, db dbx.DB) error {
			_, err := env.port.Post(ctx, db.Conn(), req)
			return err
		})
		require.NoError(b, err)
	}
}

// BenchmarkService_Pay pays one cent of a large bill at a time.
func BenchmarkService_Pay(b *testing.B) {
	env := setup(b)
	env.post(b, env.priced("CONSULT", "1", "99999999.00", "USD"))
	bill := env.issued(b)
	in := billing.PayInput{Bill: bill.ID, Amount: usd("0.01"), PaymentDetails: by(billing.MethodCash)}
	for b.Loop() {
		_, err := env.s.Pay(env.Ctx, in)
		require.NoError(b, err)
	}
}
