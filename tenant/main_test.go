package tenant_test

import (
	"testing"

	"github.com/chelal/hms/hmstest"
)

func TestMain(m *testing.M) { hmstest.Main(m) }
