package schema_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbx"
)

// root is the module's folder.
const root = "../.."

var update = flag.Bool("update", false, "write the generated documents anew")

// participle is what an event's name holds: it tells what has happened.
var participle = regexp.MustCompile(
	`^[a-z]+\.([a-z]+_)*([a-z]+ed|broken|found|held|left|sent|withdrawn|written)(_in(_error)?)?$`)

// The events that a host may subscribe to are part of the API: which there are, what they hold, and
// which use cases tell them, in one place.
func TestEvents_AreCatalogued(t *testing.T) {
	t.Parallel()
	declared := method.Declared()
	var b strings.Builder
	b.WriteString("# Events\n\nGenerated from the declarations by `go test ./test/schema -run TestEvents -update`.\n\n" +
		"A change of state that others care about is written to the outbox with it, and delivered by\n" +
		"`Outbox.Relay` at least once, in order per entity. Data are ids, codes and quantities.\n")
	types, last := dbx.EventTypes(), ""
	require.Greater(t, len(types), 70)
	for _, e := range types {
		pkg, _, _ := strings.Cut(e.Name, ".")
		if pkg != last {
			fmt.Fprintf(&b, "\n## %s\n\n| event | entity | what has happened | data | told by |\n|---|---|---|---|---|\n", pkg)
			last = pkg
		}
		assert.Regexp(t, participle, e.Name)
		assert.NotEmpty(t, e.When, e.Name)
		assert.NotEmpty(t, e.Data, e.Name)
		assert.NotEmpty(t, e.By, e.Name)
		for _, operation := range e.By {
			info, ok := declared[operation]
			assert.True(t, ok && info.Writes, "%s: %s is no use case that changes anything", e.Name, operation)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", e.Name, e.Entity, e.When, codes(e.Data), codes(e.By))
	}
	requireUpToDate(t, root+"/docs/events.md", b.String())
}

func codes(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// requireUpToDate holds a generated document against its file, or writes it.
func requireUpToDate(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o600))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "%s is generated: go test ./test/schema -run %s -update", path, t.Name())
}
