package hospital_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/pharmacy"
)

// Every command with an idempotency key, called again at once, gives what it gave, though its key keeps an id only.
func TestDay_EveryRepeatedCallReadsItsFirstResult(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, day.WithLog(t))
	d := fixture.NewDay(t, env)
	repeated := map[string]bool{}
	d.Repeated = func(name string, first, again any, err error) {
		repeated[name] = true
		if dispense, ok := first.(pharmacy.Dispense); ok { // the ledger's, which may be the host's own
			dispense.Charge = again.(pharmacy.Dispense).Charge
			first = dispense
		}
		require.NoError(t, err, name)
		assert.JSONEq(t, inJSON(t, first), inJSON(t, again), name)
	}
	d.Live()
	missed := []string{}
	taking := 0
	for _, m := range method.Public(env.H) {
		if fn := m.Fn.Type(); fn.NumIn() == 2 && method.TakesKey(fn.In(1)) {
			taking++
			if !repeated[m.Name] {
				missed = append(missed, m.Name)
			}
		}
	}
	require.Empty(t, missed)
	declared := 0
	for _, info := range usecase.Declared() {
		if method.TakesKey(info.Input) {
			declared++
		}
	}
	require.Equal(t, declared, taking)
	require.Greater(t, declared, 40)
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
