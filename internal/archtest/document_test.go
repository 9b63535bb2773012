package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testNames gives the names of all tests, fuzz targets and examples of the repository, its nested modules included.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && testName.MatchString("`"+f.Name.Name+"`") {
				names[f.Name.Name] = true
			}
		}
		return nil
	}))
	return names
}

var testName = regexp.MustCompile("`((?:Test|Fuzz|Example)[A-Za-z0-9_]+)`")

// parts splits a page into its rows of tables, and into its parts: from a bold lead or a heading to the next.
func parts(page string) (rows, bold []string) {
	var header []string
	code := false
	for _, line := range strings.Split(page, "\n") {
		switch {
		case strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "| "):
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if header == nil {
				header = cells
			} else if slices.Contains(header, "test") {
				rows = append(rows, line)
			}
		default:
			header = nil
		}
		code = code != strings.HasPrefix(line, "```")
		switch {
		case !code && (strings.HasPrefix(line, "**") || strings.HasPrefix(line, "#")):
			bold = append(bold, line)
		case len(bold) > 0:
			bold[len(bold)-1] += "\n" + line
		}
	}
	return rows, bold
}

// What the two pages say of security and operation a test keeps: each row of a table says which, and so does each part
// of the page on operations. A test that is renamed or gone takes its promise with it.
func TestDocuments_NameTheirTests(t *testing.T) {
	t.Parallel()
	names := testNames(t)
	for _, name := range []string{"security.md", "operations.md"} {
		page, err := os.ReadFile("../../docs/" + name)
		require.NoError(t, err)
		for _, m := range testName.FindAllStringSubmatch(string(page), -1) {
			assert.True(t, names[m[1]], "%s names %s, which is no test", name, m[1])
		}
		rows, leads := parts(string(page))
		require.NotEmpty(t, rows)
		for _, row := range rows {
			cells := strings.Split(strings.Trim(row, "| "), " | ")
			assert.Regexp(t, testName, cells[len(cells)-1], "%s: a row without its test: %.80s", name, row)
		}
		for _, lead := range leads {
			if name == "operations.md" && strings.HasPrefix(lead, "**") {
				assert.Regexp(t, testName, lead, "%s: a part without its test: %.80s", name, lead)
			}
		}
	}
}

// The walk finds what it is there to find.
func TestDocuments_RowsWithoutATestAreFound(t *testing.T) {
	t.Parallel()
	rows, leads := parts("# A\n\n| rule | test |\n|---|---|\n| one | `TestOne` |\n| two | |\n\n" +
		"| no | column |\n|---|---|\n| x | y |\n\n**Lead.** Text\n```sh\n# more\n```\n\n**Other.** Text")
	require.Equal(t, []string{"| one | `TestOne` |", "| two | |"}, rows)
	require.Equal(t, []string{"**Lead.** Text\n```sh\n# more\n```\n", "**Other.** Text"}, leads[1:])
}
