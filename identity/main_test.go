package identity_test

import (
	"flag"
	"testing"

	"github.com/chelal/hms/internal/dbtest"
)

// A check of a property here is a dozen transactions: a few are enough, and -rapid.checks asks for more.
const propertyChecks = "30"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", propertyChecks); err != nil {
		panic(err)
	}
	dbtest.Main(m)
}
