package dbtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
)

var (
	opRun = usecase.Command[usecase.None, int]{
		Name: "theatre.run", Permission: hmstype.PermVitalsWrite, Shows: usecase.Nobody[int]("a test's"),
	}.Declare()
	opForgotten = usecase.Query[usecase.None, int]{
		Name: "theatre.forgotten", Permission: hmstype.PermVitalsWrite, Shows: usecase.Nobody[int]("a test's"),
	}.Declare()
)

func TestNotRun(t *testing.T) {
	t.Parallel()
	noteSuccess(opRun.Name)
	require.Equal(t, []string{"no test runs " + opForgotten.Name + " with success"},
		notRun("github.com/chelal/hms/internal/dbtest"))
	require.Empty(t, notRun("github.com/chelal/hms/internal"))
}
