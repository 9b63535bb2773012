package isolation_test

import (
	"fmt"
	"testing"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstest/isolation"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

// A host's own test: two hospitals with a patient each, and one that is hostile to the other. In a
// file of tests it begins with t.Parallel() and env := hmstest.New(t).
func ExampleRequire() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		hostile := env.Neighbour(tb)
		env.Patient(tb)
		hostile.Patient(tb)
		found := isolation.Require(tb, env, hostile)
		fmt.Println("leaks:", len(found.Leaks), "checked:", found.Checks > 1000)
		return nil
	})
	// Output: leaks: 0 checked: true
}
