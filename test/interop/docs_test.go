package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/migrate"
)

var block = regexp.MustCompile("(?s)```(go|sh)\n(.*?)```")

// section gives the code of docs/operations.md about migrations, by language.
func section(t *testing.T) map[string][]string {
	t.Helper()
	body, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, text, found := strings.Cut(string(body), "## Migrations your way\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n## ")
	code := map[string][]string{}
	for _, m := range block.FindAllStringSubmatch(text, -1) {
		code[m[1]] = append(code[m[1]], m[2])
	}
	return code
}

// Every line of Go that the operations' guide shows stands in an example, and so it works.
func TestDocs_GoIsRun(t *testing.T) {
	t.Parallel()
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	blocks := section(t)["go"]
	require.Len(t, blocks, 3)
	for _, b := range blocks {
		for line := range strings.Lines(b) {
			line, _, _ = strings.Cut(line, " //")
			require.Contains(t, string(examples), strings.TrimSpace(line))
		}
	}
}

// The shell script that the guide shows migrates from nothing, from the middle, and does nothing at
// the end.
func TestDocs_ShellIsRun(t *testing.T) {
	t.Parallel()
	if psql() == "" {
		t.Log("no psql: not run; TestPsql_IsThere fails for it in CI")
		return
	}
	blocks := section(t)["sh"]
	require.Len(t, blocks, 1)
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "migrations"), migrate.FS()))
	for name, from := range map[string]int{"Nothing": 0, "Half": half} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := newDatabase(t)
			require.NoError(t, byPgx(t.Context(), dsn, from))
			for range 2 {
				cmd := exec.CommandContext(t.Context(), "sh", "-c", blocks[0])
				cmd.Dir = folder
				cmd.Env = append(os.Environ(), "DSN="+dsn, "PATH="+filepath.Dir(psql())+":"+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, "%s", out)
				requireWhole(t, dsn)
			}
		})
	}
}
