package usecase_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// An observer is told how a use case ended also where it panicked: a span that nobody ends leaks.
func TestObserver_IsToldOfAPanic(t *testing.T) {
	t.Parallel()
	env, w := dbtest.New(t), &watcher{}
	env.Base.Observers = []hmstype.Observer{w}
	require.PanicsWithValue(t, "in the rule", func() {
		_, _ = opCount.Run(env.Ctx, &env.Base, countInput{}, func(context.Context, dbx.DB, countInput) (int64, error) {
			panic("in the rule")
		})
	})
	require.Len(t, w.outcomes, 1)
	require.Equal(t, hmstype.KindInternal, w.outcomes[0].Kind)
}
