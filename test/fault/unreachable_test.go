package fault_test

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// Whoever calls a use case while the database cannot be reached is told that it is unavailable, and may try again:
// not that something is broken, wherever in the use case the connection is first wanted.
func TestMethods_AnUnreachableDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, day.WithLog(t))
	lived := fixture.LivedDay(t, env)
	db, err := hms.OpenDB("postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	h, err := hms.New(db, hms.Config{Now: env.Now, MaxAttempts: 1})
	require.NoError(t, err)
	id := func(kind reflect.Type) reflect.Value {
		if known := lived.IDs[kind]; len(known) > 0 {
			return known[0]
		}
		return reflect.Value{}
	}
	declared, asked := method.Declared(), 0
	for _, m := range method.Public(h) {
		info, ok := declared[method.Operation(m.Name)]
		if !ok || info.Proof != "" {
			continue
		}
		for _, omit := range append([][]string{nil}, method.Omissions[m.Name]...) {
			args := append(
				[]reflect.Value{reflect.ValueOf(env.Ctx)}, method.Arguments(m.Fn.Type(), info, env.Now(), id, omit...)...,
			)
			out := method.Drained(m.Fn.Call(args))
			err, _ := out[len(out)-1].Interface().(error)
			if hmstype.KindOf(err) == hmstype.KindInvalid {
				continue // fields that exclude each other, or an id that the day has not
			}
			asked++
			assert.Equal(t, hmstype.KindUnavailable, hmstype.KindOf(err), "%s without %v: %v", m.Name, omit, err)
		}
	}
	require.Greater(t, asked, 150)
}
