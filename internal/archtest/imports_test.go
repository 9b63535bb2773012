package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tiers are the packages from the leaf upwards: a package imports those of lower tiers only.
var tiers = [][]string{
	{"hmstype", "audit/proof", "internal/pgxtx"},
	{"internal/dbx", "internal/names", "internal/fingerprint"},
	{"internal/fieldcrypt"},
	{"internal/usecase"},
	{"audit", "outbox", "encryption", "billing/charge", "migrate"},
	{"audit/sealed", "identity", "patient"},
	{"clinical", "pharmacy", "lab", "facility", "billing", "inbox", "tenant"},
	{""},
	{"fhir", "hmstest", "hmsotel"},
	{"hmstest/isolation"},
	{"examples"},
}

// floors are the rooms of each domain that has any, from the ground: a room imports those of lower floors of its
// own domain, and no room of another.
var floors = map[string][][]string{
	"clinical": {{"clinical/scheduling"}, {"clinical"}},
}

// floorOf gives the floor of a room in its domain; -1 for what is none.
func floorOf(pkg string) int {
	return slices.IndexFunc(floors[Domain(pkg)], func(floor []string) bool { return slices.Contains(floor, pkg) })
}

// isDownstairs tells whether a package is a room of the same domain, of a lower floor.
func isDownstairs(from, to string) bool {
	return Domain(from) == Domain(to) && floorOf(to) >= 0 && floorOf(to) < floorOf(from)
}

// aside are the packages of tests, which only tests and their own kind import. The lived day is not of
// tests alone: the demo lives it, too, so it stands beside internal/dbtest (see
// TestPrograms_LinkNoTests).
var aside = []string{
	"internal/dbtest", "internal/dbtest/catalogue", "internal/dbtest/fixture", "internal/day", "internal/day/method",
	"internal/archtest",
	"hmstest/pgserver", "billing/charge/chargetest",
}

// sameTier are the imports inside a tier that are meant.
var sameTier = map[string]string{"patient": "", "hmstest": ""}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
	Standard   bool
}

// list asks the go command about packages.
func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(
		t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps,Module,Standard"}, args...)...,
	)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	var packages []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

// name gives a package's path inside the module; ok is false for others.
func name(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func tierOf(pkg string) int {
	if strings.HasPrefix(pkg, "examples/") || floorOf(pkg) >= 0 {
		pkg = Domain(pkg)
	}
	return slices.IndexFunc(tiers, func(tier []string) bool { return slices.Contains(tier, pkg) })
}

// breach says what is wrong with an import, empty where nothing is.
func breach(from, to string) string {
	switch {
	case slices.Contains(aside, from):
		return ""
	case slices.Contains(aside, to):
		if from == "hmstest" || strings.HasPrefix(from, "examples/") {
			return ""
		}
		return from + " imports " + to + ", which is for tests only"
	case tierOf(from) < 0:
		return from + " has no tier: give it one in tiers, and in docs/architecture.md"
	case tierOf(to) < tierOf(from), sameTier[from] == to && to != "", isDownstairs(from, to):
		return ""
	default:
		return from + " imports " + to + ", which is not below it: declare a port and let hms.go fill it in"
	}
}

func TestImportsGoDownOnly(t *testing.T) {
	t.Parallel()
	packages := list(t, "./...")
	require.Greater(t, len(packages), 15)
	for _, p := range packages {
		from, _ := name(p.ImportPath)
		for _, i := range p.Imports {
			if to, ours := name(i); ours {
				require.Empty(t, breach(from, to))
			}
		}
	}
}

func TestBreach(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		ok       bool
	}{
		{"pharmacy", "patient", true}, {"pharmacy", "clinical", false}, {"patient", "pharmacy", false},
		{"hmstype", "internal/dbx", false},
		{"audit/sealed", "audit", true}, {"audit", "audit/sealed", false}, {"audit/sealed", "identity", false},
		{"lab", "internal/dbtest", false}, {"", "lab", true}, {"lab", "", false}, {"examples/x", "hmstest/pgserver", true},
		{"new", "hmstype", false},
		{"clinical", "clinical/scheduling", true}, {"clinical/scheduling", "clinical", false},
		{"clinical/scheduling", "patient", true}, {"clinical/scheduling", "pharmacy", false},
		{"pharmacy", "clinical/scheduling", false}, {"", "clinical/scheduling", true}, {"clinical/new", "hmstype", false},
	} {
		require.Equal(t, tt.ok, breach(tt.from, tt.to) == "", "%s -> %s", tt.from, tt.to)
	}
}

// A program of ours is an ordinary one, though it lives the tests' day: their database, clock and
// assertions are not linked into it.
func TestPrograms_LinkNoTests(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", "./examples/...") {
		from, ours := name(p.ImportPath)
		isTest := from == "hmstest" || strings.HasPrefix(from+"/", "internal/dbtest/")
		require.False(t, ours && isTest, "a program links %s", from)
	}
	for _, p := range list(t, "-deps", "./internal/day") {
		require.NotEqual(t, "testing", p.ImportPath, "internal/day links package testing, and so do its programs")
	}
}

// linked are the modules that a host's program gets from us.
var linked = []string{
	"github.com/chelal/hms",
	"github.com/boombuler/barcode",
	"github.com/google/uuid",
	"github.com/jackc/pgpassfile", "github.com/jackc/pgservicefile", "github.com/jackc/pgx/v5",
	"github.com/jackc/puddle/v2",
	"github.com/jinzhu/inflection",
	"github.com/mattn/go-colorable", "github.com/mattn/go-isatty",
	"github.com/nyaruka/phonenumbers",
	"github.com/pquerna/otp",
	"github.com/puzpuzpuz/xsync/v3",
	"github.com/rs/zerolog",
	"github.com/shopspring/decimal",
	"github.com/tink-crypto/tink-go/v2",
	"github.com/tmthrgd/go-hex",
	"github.com/uptrace/bun", "github.com/uptrace/bun/dialect/pgdialect",
	"github.com/vmihailenco/msgpack/v5", "github.com/vmihailenco/tagparser/v2",
	"go.mau.fi/util",
	"golang.org/x/crypto", "golang.org/x/mod", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/text",
	"google.golang.org/protobuf",
}

func TestHostLinksOnlyTheseModules(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-deps", ".", "./fhir") {
		require.NotEqual(t, "testing", p.ImportPath, "a host's program links package testing")
		if p.Standard || p.Module == nil {
			continue
		}
		require.Contains(
			t, linked, p.Module.Path, "%s is linked: name it here and in docs/dependencies.md, or do without", p.ImportPath,
		)
	}
}
