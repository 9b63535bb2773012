package dbtest

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// InTurn times an act without something and with it, one after the other and the order changing from pair to pair:
// machines' speeds vary, and a ratio of neighbours stands. It reports both medians and the median of the pairs' ratios.
func InTurn(b *testing.B, without, with func() error) {
	b.Helper()
	acts := [2]func() error{without, with}
	var took [2][]float64
	var ratios []float64
	for turn := 0; b.Loop(); turn++ {
		var now [2]float64
		for k := range acts {
			i := (turn + k) % 2
			start := time.Now()
			require.NoError(b, acts[i]())
			now[i] = float64(time.Since(start).Microseconds())
			took[i] = append(took[i], now[i])
		}
		ratios = append(ratios, now[1]/now[0])
	}
	b.ReportMetric(median(took[0]), "without-us")
	b.ReportMetric(median(took[1]), "with-us")
	b.ReportMetric(median(ratios), "ratio")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}
