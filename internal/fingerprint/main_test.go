package fingerprint_test

import (
	"testing"

	"github.com/chelal/hms/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
