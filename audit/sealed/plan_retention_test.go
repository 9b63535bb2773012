package sealed_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

func TestService_PlanRetention(t *testing.T) {
	t.Parallel()
	b := older(t, "2018-01", "2018-03", "2018-12")
	b.sealAll(t)
	plan := func(in sealed.PlanRetentionInput) []sealed.RetentionMonth {
		t.Helper()
		list, err := b.s.PlanRetention(b.Ctx, in)
		require.NoError(t, err)
		return list
	}
	all := plan(sealed.PlanRetentionInput{})
	require.Len(t, all, 3, "months without events, and those of this year, are left out")
	require.Equal(t, sealed.Month("2018-01"), all[0].Month)
	require.Equal(t, map[audit.Category]int64{audit.CategoryAccess: 16, audit.CategorySecurity: 16,
		audit.CategoryDisclosure: 8}, all[0].Events)
	require.Equal(t, time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC), all[0].DueAt, "six years from the month's end")
	require.Empty(t, all[0].Obstacles)
	require.Equal(t, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), all[2].DueAt)
	require.Equal(t, all[:2], plan(sealed.PlanRetentionInput{Limit: 2}), "the oldest first")

	before := plan(sealed.PlanRetentionInput{AsOf: all[0].DueAt.Add(-time.Microsecond), Limit: 1})
	require.Equal(t, []sealed.Obstacle{{Kind: sealed.ObstaclePeriod, Until: all[0].DueAt}}, before[0].Obstacles)
	require.Empty(t, plan(sealed.PlanRetentionInput{AsOf: all[0].DueAt, Limit: 1})[0].Obstacles, "due at its very instant")
	require.Empty(t, plan(sealed.PlanRetentionInput{AsOf: time.Date(2019, 1, 31, 0, 0, 0, 0, time.UTC)}),
		"no rule lets a month go within a year")

	_, err := b.s.PlanRetention(b.Ctx, sealed.PlanRetentionInput{Limit: 121})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.s.PlanRetention(b.As(t, identity.RoleDoctor), sealed.PlanRetentionInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}
