package hospital_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// report is what the checks of the whole give.
type report interface {
	fmt.Stringer
	Clean() bool
}

func check[R report](verify func(context.Context) (R, error)) func(context.Context) (report, error) {
	return func(ctx context.Context) (report, error) { return verify(ctx) }
}

// A day calls every public method of every service with success, and all that it leaves adds up.
func TestDay(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, day.WithLog(t))
	d := fixture.LivedDay(t, env)
	d.RequireAllReached()
	require.Equal(t, hmstest.Start, env.Now(), "the day ended now")
	for name, verify := range map[string]func(context.Context) (report, error){
		"pharmacy": check(env.H.Pharmacy.Verify),
		"billing":  check(env.H.Billing.Verify),
		"facility": check(env.H.Facility.Verify),
		"clinical": check(env.H.Clinical.Verify),
		"lab":      check(env.H.Lab.VerifyOrders),
		"calendar": check(env.H.Scheduling.VerifyCalendar),
		"trail":    check(env.H.AuditLog.Verify),
		"log":      check(env.H.AuditLog.VerifyLog),
	} {
		found, err := verify(env.Ctx)
		require.NoError(t, err, name)
		assert.True(t, found.Clean(), "%s: %s", name, found)
	}
}
