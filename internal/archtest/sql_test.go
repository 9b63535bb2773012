package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxTableLines bounds a numbered file of tables.
const maxTableLines = 300

var (
	sqlFunction = regexp.MustCompile(`CREATE (?:OR REPLACE )?FUNCTION hms\.(\w+)`)
	sqlTrigger  = regexp.MustCompile(`(?s)CREATE (OR REPLACE )?(?:CONSTRAINT )?TRIGGER \w+.*?EXECUTE FUNCTION hms\.(\w+)`)
	sqlCall     = regexp.MustCompile(`hms\.([a-z_0-9]+)\s*\(`)
)

// cutComments gives SQL or Go without what stands behind "--" or "//".
func cutComments(text, mark string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, mark)
		b.WriteString(strings.TrimRight(code, "\n") + "\n")
	}
	return b.String()
}

// routines gives the text of each routine by its function's name.
func routines(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "/migrate/routine/*/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	texts := map[string]string{}
	for _, path := range files {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(path), ".sql")
		require.NotContains(t, texts, name, "a function stands once")
		texts[name] = string(body)
	}
	return texts
}

// A numbered file holds tables and data, of a length that can be read.
func TestTables_HoldNoFunctions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/migrate/sql/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.LessOrEqual(t, strings.Count(string(body), "\n"), maxTableLines, path)
		code := cutComments(string(body), "--")
		assert.Empty(t, sqlFunction.FindString(code), "%s: a function has a file of its own in migrate/routine", path)
		assert.Empty(t, sqlTrigger.FindString(code), "%s: a trigger stands with its function, in migrate/routine", path)
	}
}

// sqlPath says where a function's names are looked for, and what else it sets for itself.
var sqlPath = regexp.MustCompile(` SET search_path = pg_catalog, pg_temp( SET \w+ = '\w+')* AS \$\$`)

// A routine is one function, named as its file, with the triggers that call it: so that it may be
// applied again, and so that a reader finds it.
func TestRoutines_AreOneFunctionEach(t *testing.T) {
	t.Parallel()
	texts := routines(t)
	for name, text := range texts {
		code := cutComments(text, "--")
		made := sqlFunction.FindAllStringSubmatch(code, -1)
		if assert.Len(t, made, 1, name) {
			assert.Equal(t, "CREATE OR REPLACE FUNCTION hms."+name, made[0][0])
		}
		for _, trigger := range sqlTrigger.FindAllStringSubmatch(code[strings.Index(code, "CREATE"):], -1) {
			if strings.Contains(trigger[0], "format(") {
				continue // an installer makes the triggers of tables
			}
			assert.NotEmpty(t, trigger[1], "%s: a trigger is replaced where it is there", name)
			assert.Equal(t, name, trigger[2], "a trigger stands with its function")
		}
		// Names in a body are ours whoever calls it: it says where they are looked for, or is bound when it is made.
		isBound := strings.Contains(code, "LANGUAGE sql") && strings.Contains(code, "\n    RETURN ")
		assert.True(t, isBound || sqlPath.MatchString(code), "%s is resolved by the caller's search_path", name)
		if strings.HasPrefix(name, "audit_") && strings.Contains(code, "to_jsonb(") {
			assert.Contains(t, code, " SET TimeZone = 'UTC' SET bytea_output = 'hex'", "%s: a row's text is the session's", name)
		}
		if !strings.Contains(code, "LANGUAGE sql") {
			continue // only SQL's own functions are looked at when they are made
		}
		for _, call := range sqlCall.FindAllStringSubmatch(code, -1) {
			if _, ok := texts[call[1]]; ok && call[1] != name {
				assert.Regexp(t, `(?m)^-- needs: .*\b`+call[1]+`\b`, text, "%s names what it needs first", name)
			}
		}
	}
}

// Which rules live in SQL can be seen from Go: where a function of ours is called, its file is named.
func TestGo_NamesTheRoutinesThatItCalls(t *testing.T) {
	t.Parallel()
	texts := routines(t)
	found := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.Contains(path, "/migrate/") || strings.Contains(path, "/hmstest/") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, call := range sqlCall.FindAllStringSubmatch(cutComments(string(body), "//"), -1) {
			if _, ok := texts[call[1]]; ok {
				found++
				assert.Contains(t, string(body), "/"+call[1]+".sql", "%s calls hms.%s", path, call[1])
			}
		}
		return nil
	}))
	require.Greater(t, found, 10)
}
