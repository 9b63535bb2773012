package interop

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/migrate"
)

// The demo's day passes its proofs on a database made by each way, and refuses one that is not
// migrated.
func TestDemo(t *testing.T) {
	t.Parallel()
	demo := filepath.Join(t.TempDir(), "hospitalday")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", demo, "./examples/hospitalday")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	run := func(dsn string) (string, error) {
		out, err := exec.CommandContext(t.Context(), demo, "-n", "20", "-database", dsn).CombinedOutput()
		return string(out), err
	}
	refusal, err := run(newDatabase(t))
	require.Error(t, err)
	require.Contains(t, refusal, migrate.ErrSchema.Error())
	require.Contains(t, refusal, "never migrated")
	t.Run("ways", func(t *testing.T) {
		for _, w := range ways() {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				dsn := newDatabase(t)
				require.NoError(t, w.to(t.Context(), dsn, last))
				out, err := run(dsn)
				require.NoError(t, err, "%s", out)
				require.Contains(t, out, "the trail explains every row")
				require.NotContains(t, out, "FAILED")
			})
		}
	})
}
