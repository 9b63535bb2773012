package usecase

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
)

type search struct {
	Words []string
	Since *time.Time
	Of    hmstype.PatientID
	Page  hmstype.Page
}

// What is asked for decides, however it is written, and not which page of it.
func TestMarkOf(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	there := at.In(time.FixedZone("", 3600))
	asked := search{Words: []string{"a", "b"}, Since: &at, Of: hmstype.NewID[hmstype.PatientID]()}
	mark := markOf("list", asked)
	same := asked
	same.Since, same.Page = &there, hmstype.Page{Limit: 3, Cursor: "x"}
	require.Equal(t, mark, markOf("list", same))
	require.Equal(t, markOf("list", search{}), markOf("list", search{Words: []string{}}))

	for name, other := range map[string]search{
		"Words": {Words: []string{"ab"}, Since: &at, Of: asked.Of}, "NoInstant": {Words: asked.Words, Of: asked.Of},
		"AnotherOf": {Words: asked.Words, Since: &at, Of: hmstype.NewID[hmstype.PatientID]()},
	} {
		require.NotEqual(t, mark, markOf("list", other), name)
	}
	require.NotEqual(t, mark, markOf("another", asked))
}

func TestQuery_DeclareWantsTheNextPage(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "usecase: theatre.pages takes a page, and its result has no Next", func() {
		Query[Paged, int]{Name: "theatre.pages"}.Declare()
	})
}
