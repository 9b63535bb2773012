package leak_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// isSetting tells whether it is one of the few statements that take no parameters.
func isSetting(text string) bool { return strings.HasPrefix(text, "SET LOCAL ") }

func withNarrative(c *hms.Config) { c.EncryptNarrative = true }

var quoted = regexp.MustCompile(`'(?:[^']|'')*'`)

// What a statement says in quotes stands in our source, for a value travels as a parameter.
func TestStatements_QuoteOnlyOurSource(t *testing.T) {
	t.Parallel()
	env, seen := fixture.Traced(t, hmstest.New(t), withNarrative)
	fixture.LivedDay(t, env).RequireAllReached()
	source, checked := goSource(t), 0
	for text := range seen.Take() {
		if isSetting(text) {
			continue
		}
		for _, literal := range quoted.FindAllString(text, -1) {
			checked++
			constant := `"` + strings.Trim(literal, "'") + `"` // which a constant text is put together from
			isOurs := strings.Contains(source, literal) || strings.Contains(source, constant)
			assert.True(t, isOurs, "%s in %s", literal, text)
		}
	}
	require.Greater(t, checked, 100)
}

// goSource is what the library itself says.
func goSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		body, err := os.ReadFile(path)
		all.Write(body)
		return err
	}))
	return all.String()
}

// A connection keeps a few hundred prepared statements: the texts of a day are those of every day.
func TestStatements_OfAnotherDayAreTheSame(t *testing.T) {
	t.Parallel()
	env, seen := fixture.Traced(t, hmstest.NewOwn(t), withNarrative)
	neighbour := env.Neighbour(t)
	live := func(e *hmstest.Env) map[string][]any {
		fixture.LivedDay(t, e)
		return seen.Take()
	}
	first := live(env)
	require.Less(t, len(first), 2000)
	fresh := 0
	for text := range live(neighbour) {
		if _, known := first[text]; !known && !isSetting(text) {
			fresh++
			t.Logf("new: %.600s", text)
		}
	}
	require.Zero(t, fresh, "texts that the first day did not hold")
}
