package hostile_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// BenchmarkHardenedMode does the same in both modes in turn, on two databases of one server: machines' speeds vary,
// and a ratio of neighbours stands. It reports both medians and the median of the pairs' ratios.
//
//	go test ./test/hostile -run '^$' -bench HardenedMode -benchtime 500x
func BenchmarkHardenedMode(b *testing.B) {
	key, err := hms.NewContextKey()
	require.NoError(b, err)
	modes := [2]*hmstest.Env{
		hmstest.NewOwn(b), hmstest.NewOwn(b, func(c *hms.Config) { c.ContextKey = key }),
	}
	require.NoError(b, modes[1].H.Harden(b.Context(), key))
	var who [2]hmstype.PatientID
	var stock [2]hmstest.Stock
	for i, e := range modes {
		e.Service(b, "TABLET", "0.35")
		who[i], stock[i] = e.Patient(b).ID, e.Stock(b, 1_000_000, "TABLET")
	}
	n := 0
	for name, do := range map[string]func(i int, e *hmstest.Env) error{
		"Get": func(i int, e *hmstest.Env) error { _, err := e.H.Patient.Get(e.Ctx, who[i]); return err },
		"Register": func(_ int, e *hmstest.Env) error {
			n++
			_, err := e.H.Patient.Register(e.Ctx, patient.RegisterInput{
				Details: patient.Details{LastName: "Bench " + strconv.Itoa(n), Gender: patient.GenderUnknown},
			})
			return err
		},
		"Dispense": func(i int, e *hmstest.Env) error {
			_, err := e.H.Pharmacy.Dispense(e.Ctx, dispensed(who[i], stock[i]))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) { pairs(b, modes, do) })
	}
}

// pairs times an act in both modes, the order changing from pair to pair.
func pairs(b *testing.B, modes [2]*hmstest.Env, do func(i int, e *hmstest.Env) error) {
	b.Helper()
	var took [2][]float64
	var ratios []float64
	for turn := 0; b.Loop(); turn++ {
		var pair [2]float64
		for k := range modes {
			i := (turn + k) % 2
			start := time.Now()
			require.NoError(b, do(i, modes[i]))
			pair[i] = float64(time.Since(start).Microseconds())
			took[i] = append(took[i], pair[i])
		}
		ratios = append(ratios, pair[1]/pair[0])
	}
	b.ReportMetric(median(took[0]), "ordinary-us")
	b.ReportMetric(median(took[1]), "hardened-us")
	b.ReportMetric(median(ratios), "ratio")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func dispensed(who hmstype.PatientID, s hmstest.Stock) pharmacy.DispenseInput {
	return pharmacy.DispenseInput{
		Patient: who, Item: s.Item.ID, Location: s.Location, Quantity: 1, OverrideReason: "benchmark",
	}
}
