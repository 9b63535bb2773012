package dbtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// theatre is a package's source: its use cases are named by their domain, and so are another room's.
const theatre = `package theatre

var opRun = usecase.Command[usecase.None, int]{
	Name: "theatre.run", Permission: hmstype.PermVitalsWrite, Shows: usecase.Nobody[int]("a test's"),
}.Declare()

var opForgotten = usecase.Query[usecase.ByID[hmstype.PatientID], []int]{Name: "theatre.forgotten"}.Declare()

var opProved = usecase.Proof{Name: "theatre.proved", Why: "a test's"}.Declare()
`

func TestNotRun(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "theatre.go"), []byte(theatre), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "theatre_test.go"), []byte(theatre), 0o600))
	noteSuccess("theatre.run")
	missing, err := notRun(folder)
	require.NoError(t, err)
	require.Equal(t, []string{
		"no test runs theatre.forgotten with success", "no test runs theatre.proved with success",
	}, missing)
	missing, err = notRun(filepath.Join(folder, "nowhere"))
	require.NoError(t, err)
	require.Empty(t, missing)
}
