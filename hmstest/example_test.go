package hmstest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

func TestMain(m *testing.M) { hmstest.Main(m) } // once in each package of the host's tests

// takeRound is what the host under test does: its own function, on our services.
func takeRound(tb testing.TB, env *hmstest.Env) ([]facility.Stay, error) {
	stays, err := env.H.Facility.ListStays(env.As(tb, identity.RoleNurse), facility.ListStaysInput{Active: true})
	return stays.Items, err
}

// A host's own test. In a file of tests it is func TestRound(t *testing.T), and begins with
// t.Parallel() and env := hmstest.New(t).
func Example_test() {
	hmstest.Example(func(t testing.TB, env *hmstest.Env) error {
		encounter := env.Encounter(t, env.Patient(t).ID, clinical.ClassInpatient)
		_, err := env.H.Facility.Admit(env.As(t, identity.RoleNurse), facility.AdmitInput{
			Encounter: encounter.ID, Bed: env.Bed(t, "").ID,
		})
		require.NoError(t, err)

		stays, err := takeRound(t, env)
		require.NoError(t, err)
		require.Len(t, stays, 1)
		require.Equal(t, hmstest.Start, stays[0].Period.Start, "the clock stands still")
		fmt.Println("ok")
		return nil
	})
	// Output: ok
}

// The test moves the clock: nobody waits until a session has run out.
func ExampleEnv_Advance() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		fmt.Println(env.Now().Format(time.DateTime), env.Today())
		env.Advance(36 * time.Hour)
		fmt.Println(env.Now().Format(time.DateTime), env.Today())
		return nil
	})
	// Output:
	// 2026-03-02 09:00:00 2026-03-02
	// 2026-03-03 21:00:00 2026-03-03
}

// Another hospital on the same database: what is ours, it does not find.
func ExampleEnv_Neighbour() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		ours, theirs := env.Patient(tb), env.Neighbour(tb)
		_, err := theirs.H.Patient.Get(theirs.Ctx, ours.ID)
		fmt.Println(hmstype.KindOf(err))
		return nil
	})
	// Output: not_found
}

// Builders put what a test is not about in place: a shelf, a price, a bed, a patient.
func ExampleEnv_Stock() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Service(tb, "TABLET", "0.35")
		stock := env.Stock(tb, 100, "TABLET")
		fmt.Println(stock.Batch.QuantityReceived, stock.Item.Unit, "until", stock.Batch.ExpiryDate, "charged as",
			stock.Item.ServiceCode)
		return nil
	})
	// Output: 100 tablet until 2027-03-02 charged as TABLET
}

// What goes wrong in a story is printed, so that its Output fails; the cleaning up is done all the same.
func ExampleExample() {
	hmstest.Example(func(tb testing.TB, _ *hmstest.Env) error {
		tb.Cleanup(func() { fmt.Println("cleaned up") })
		return errors.New("the ward is full")
	})
	hmstest.Example(func(tb testing.TB, _ *hmstest.Env) error {
		tb.Fatalf("%d beds too few", 2)
		return nil // not reached
	})
	// Output:
	// failed: the ward is full
	// cleaned up
	// failed: 2 beds too few
}
