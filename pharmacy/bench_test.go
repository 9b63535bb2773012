package pharmacy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

// BenchmarkService_Dispense sells one unit a use case, of one item that all want and of two hundred.
func BenchmarkService_Dispense(bench *testing.B) {
	for _, items := range []int{1, 200} {
		bench.Run(fmt.Sprintf("items=%d", items), func(bench *testing.B) {
			b := setup(bench, pharmacy.Ports{})
			ids := make([]hmstype.MedicationItemID, items)
			for i := range ids {
				ids[i] = b.newItem(bench, fmt.Sprint("Item ", i))
				in := b.delivery("B", 1_000_000, 30)
				in.Item = ids[i]
				_, err := b.ReceiveBatch(b.Ctx, in)
				require.NoError(bench, err)
			}
			bench.ResetTimer()
			bench.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					in := b.sell(1)
					in.Item = ids[rand.IntN(items)]
					if _, err := b.Dispense(b.Ctx, in); err != nil {
						bench.Error(err)
						return
					}
				}
			})
		})
	}
}
