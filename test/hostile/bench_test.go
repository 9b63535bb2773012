package hostile_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// benchmarked is a database in which the benchmarks' acts can be done.
type benchmarked struct {
	*hmstest.Env
	who   hmstype.PatientID
	stock hmstest.Stock
	n     int
}

func newBenchmarked(b *testing.B, change ...func(*hms.Config)) *benchmarked {
	b.Helper()
	return &benchmarked{Env: hmstest.NewOwn(b, change...)}
}

func (e *benchmarked) fill(b *testing.B) {
	b.Helper()
	e.Service(b, "TABLET", "0.35")
	e.who, e.stock = e.Patient(b).ID, e.Stock(b, 1_000_000, "TABLET")
}

func (e *benchmarked) get() error { _, err := e.H.Patient.Get(e.Ctx, e.who); return err }

func (e *benchmarked) register() error {
	e.n++
	_, err := e.H.Patient.Register(e.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Bench " + strconv.Itoa(e.n), Gender: patient.GenderUnknown},
	})
	return err
}

func (e *benchmarked) dispense() error {
	_, err := e.H.Pharmacy.Dispense(e.Ctx, pharmacy.DispenseInput{
		Patient: e.who, Item: e.stock.Item.ID, Location: e.stock.Location, Quantity: 1, OverrideReason: "benchmark",
	})
	return err
}

// without are walls and what takes each down in a database of its own.
var without = map[string]string{
	"search_path": `DO $$ DECLARE f text; BEGIN
		FOR f IN SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'hms'::regnamespace
			AND NOT p.prosecdef AND p.proconfig IS NOT NULL
		LOOP EXECUTE 'ALTER FUNCTION ' || f || ' RESET search_path'; END LOOP; END $$`,
	"definer": `GRANT INSERT ON hms.audit_event TO hms_app;
		GRANT EXECUTE ON FUNCTION hms.audit_write(uuid, text, text, text, uuid, jsonb) TO hms_app;
		ALTER FUNCTION hms.audit_insert() SECURITY INVOKER; ALTER FUNCTION hms.audit_update() SECURITY INVOKER;
		ALTER FUNCTION hms.record_access(uuid, text, text, text, uuid) SECURITY INVOKER`,
}

// BenchmarkWalls does the same without a wall and with it in turn, on two databases of one server: machines' speeds
// vary, and a ratio of neighbours stands. It reports both medians and the median of the pairs' ratios.
//
//	go test ./test/hostile -run '^$' -bench Walls -benchtime 1000x
func BenchmarkWalls(b *testing.B) {
	key, err := hms.NewContextKey()
	require.NoError(b, err)
	plain, hardened := newBenchmarked(b), newBenchmarked(b, func(c *hms.Config) { c.ContextKey = key })
	require.NoError(b, hardened.H.Harden(b.Context(), key))
	pairs := map[string][2]*benchmarked{"hardened": {plain, hardened}}
	for wall, down := range without {
		pairs[wall] = [2]*benchmarked{newBenchmarked(b), plain}
		_, err := pairs[wall][0].DB.DB.ExecContext(b.Context(), down)
		require.NoError(b, err, wall)
		pairs[wall][0].fill(b)
	}
	plain.fill(b)
	hardened.fill(b)
	for wall, pair := range pairs {
		for name, do := range map[string]func(*benchmarked) error{
			"Get": (*benchmarked).get, "Register": (*benchmarked).register, "Dispense": (*benchmarked).dispense,
		} {
			b.Run(wall+"/"+name, func(b *testing.B) {
				dbtest.InTurn(b, func() error { return do(pair[0]) }, func() error { return do(pair[1]) })
			})
		}
	}
}
