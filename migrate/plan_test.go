package migrate

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// replan writes steps.txt anew: go test ./migrate -run TestPlan -replan.
var replan = flag.Bool("replan", false, "write steps.txt anew")

// planHead explains steps.txt. What is released is never written anew.
const planHead = `# The schema as one linear list; see Steps. Written by: go test ./migrate -run TestPlan -replan
# number, file, SHA-256 of its text, and where an older library goes on with it the last step of the oldest.
# Steps up to this number are released and never change:
# released %d
`

var (
	releasedLine = regexp.MustCompile(`(?m)^# released (\d+)$`)
	// needsLine names the routines that must be there before a file is applied, such as
	// "-- needs: core/minor_units".
	needsLine = regexp.MustCompile(`(?m)^-- needs: (.+)$`)
	// compatibleLine stands in the file of a step with which the library of the release before goes on.
	compatibleLine = regexp.MustCompile(`(?m)^-- compatible$`)
)

// makePlan writes the list of steps: those that are released as they stand, then what of the files is
// new or was changed since.
func makePlan(old string, source fs.FS) (string, error) {
	released := 0
	if m := releasedLine.FindStringSubmatch(old); m != nil {
		if _, err := fmt.Sscan(m[1], &released); err != nil {
			return "", err
		}
	}
	lines, latest := []string{}, map[string]string{}
	for line := range strings.Lines(old) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] != "#" && len(lines) < released {
			lines, latest[fields[1]] = append(lines, strings.TrimSpace(line)), fields[2]
		}
	}
	order, err := filesInOrder(source)
	if err != nil {
		return "", err
	}
	checked, err := checkedRoutines(source)
	if err != nil {
		return "", err
	}
	for _, file := range order {
		body, err := fs.ReadFile(source, file)
		if err != nil {
			return "", err
		}
		sum := checksum(body)
		if latest[file] == sum {
			continue
		}
		if kind, _, _ := nameOf(file); kind == KindTable && latest[file] != "" {
			return "", fmt.Errorf("%s is released: what changes tables is a new file", file)
		}
		if slices.Contains(checked, file) && latest[file] != "" {
			return "", fmt.Errorf(
				"%s is released, and a CHECK calls it: PostgreSQL does not look at the rows again, so a new rule is a new name",
				file,
			)
		}
		line := fmt.Sprintf("%04d %s %s", len(lines)+1, file, sum)
		if compatibleLine.Match(body) && released > 0 {
			line += fmt.Sprintf(" %04d", released)
		}
		lines = append(lines, line)
	}
	return fmt.Sprintf(planHead, released) + strings.Join(lines, "\n") + "\n", nil
}

var (
	checkClause  = regexp.MustCompile(`(?s)\bCHECK \(.*?(?:,\n|\n\))`)
	routineCalls = regexp.MustCompile(`hms\.(\w+)\(`)
)

// checkedRoutines gives the core's routines that CHECKs call, and those that these need.
func checkedRoutines(source fs.FS) (checked []string, err error) {
	tables, err := fs.Glob(source, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		body, err := fs.ReadFile(source, table)
		if err != nil {
			return nil, err
		}
		for _, clause := range checkClause.FindAll(body, -1) {
			for _, call := range routineCalls.FindAllSubmatch(clause, -1) {
				checked = append(checked, "routine/core/"+string(call[1])+".sql")
			}
		}
	}
	for i := 0; i < len(checked); i++ {
		body, err := fs.ReadFile(source, checked[i])
		if err != nil {
			return nil, err
		}
		for _, needed := range needsOf(body) {
			if !slices.Contains(checked, needed) {
				checked = append(checked, needed)
			}
		}
	}
	return checked, nil
}

// filesInOrder gives every file after those that it needs.
func filesInOrder(source fs.FS) ([]string, error) {
	core, err := routinesInOrder(source, "routine/core/*.sql")
	if err != nil {
		return nil, err
	}
	tables, err := fs.Glob(source, "sql/*.sql")
	if err != nil {
		return nil, err
	}
	routines, err := routinesInOrder(source, "routine/*/*.sql")
	if err != nil {
		return nil, err
	}
	order := append(append([]string{"bootstrap.sql"}, core...), tables...)
	for _, file := range routines {
		if !slices.Contains(core, file) {
			order = append(order, file)
		}
	}
	return append(order, "partition.sql"), nil
}

func routinesInOrder(source fs.FS, pattern string) (order []string, err error) {
	names, err := fs.Glob(source, pattern)
	if err != nil {
		return nil, err
	}
	var visit func(file string, above []string) error
	visit = func(file string, above []string) error {
		if slices.Contains(order, file) {
			return nil
		}
		if slices.Contains(above, file) {
			return fmt.Errorf("%s needs itself: %v", file, above)
		}
		body, err := fs.ReadFile(source, file)
		if err != nil {
			return err
		}
		for _, needed := range needsOf(body) {
			if err := visit(needed, append(above, file)); err != nil {
				return err
			}
		}
		order = append(order, file)
		return nil
	}
	for _, name := range names {
		if err := visit(name, nil); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// needsOf gives the files that a routine names.
func needsOf(body []byte) (needed []string) {
	for _, m := range needsLine.FindAllSubmatch(body, -1) {
		for name := range strings.SplitSeq(string(m[1]), ", ") {
			needed = append(needed, "routine/"+name+".sql")
		}
	}
	return needed
}

// The list holds every file, and every file's text is the one that its last step names.
func TestPlan_IsWhatTheFilesAre(t *testing.T) {
	t.Parallel()
	want, err := makePlan(plan, files)
	require.NoError(t, err)
	if *replan {
		require.NoError(t, os.WriteFile("steps.txt", []byte(want), 0o644))
		return
	}
	require.Equal(t, want, plan, "a file was added or changed; -replan writes the list anew")
}

// schemaOf makes files of a schema as small as can be.
func schemaOf(changes map[string]string) fstest.MapFS {
	texts := map[string]string{
		"bootstrap.sql": "SELECT 0;", "partition.sql": "SELECT 9;", "sql/0001_core.sql": "SELECT 1;",
		"routine/core/a.sql": "-- needs: core/b\nSELECT 'a';", "routine/core/b.sql": "SELECT 'b';",
		"routine/lab/c.sql": "-- needs: lab/d\nSELECT 'c';", "routine/lab/d.sql": "SELECT 'd';",
	}
	maps.Copy(texts, changes)
	source := fstest.MapFS{}
	for name, text := range texts {
		source[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return source
}

// stepsOf plans a release after another, and gives its steps by name.
func stepsOf(t *testing.T, old string, source fs.FS) (list string, steps []Step, names []string) {
	t.Helper()
	list, err := makePlan(old, source)
	require.NoError(t, err)
	steps, err = parsePlan(list, source)
	require.NoError(t, err)
	for _, step := range steps {
		names = append(names, step.String())
	}
	return list, steps, names
}

// release tells that all of a list is out.
func release(t *testing.T, list string, steps []Step) string {
	t.Helper()
	return releasedLine.ReplaceAllString(list, fmt.Sprintf("# released %d", len(steps)))
}

func TestPlan_Order(t *testing.T) {
	t.Parallel()
	_, steps, names := stepsOf(t, "", schemaOf(nil))
	require.Equal(t, []string{
		"0001_bootstrap", "0002_routine_core_b", "0003_routine_core_a", "0004_table_core",
		"0005_routine_lab_d", "0006_routine_lab_c", "0007_partition",
	}, names)
	require.Equal(t, "SELECT 'b';", steps[1].SQL)
	require.Equal(t, 2, steps[1].CompatibleFrom, "nobody goes on with it unless it says so")
}

// A routine that a release changes, and a table that it adds, get numbers above all that is out.
func TestPlan_AfterARelease(t *testing.T) {
	t.Parallel()
	list, steps, before := stepsOf(t, "", schemaOf(nil))
	list = release(t, list, steps)
	source := schemaOf(map[string]string{
		"routine/core/b.sql": "SELECT 'b2';", "routine/lab/d.sql": "-- compatible\nSELECT 'd2';",
		"sql/0002_lab.sql": "SELECT 2;",
	})
	list, steps, names := stepsOf(t, list, source)
	require.Equal(t, append(before, "0008_routine_core_b", "0009_table_lab", "0010_routine_lab_d"), names)
	require.Equal(t, "SELECT 'b2';", steps[1].SQL, "tables lean on it, so that it must be there before them")
	require.Equal(t, "SELECT 'b2';", steps[7].SQL)
	require.Empty(t, steps[4].SQL, "it may speak of tables that are not there yet")
	require.NotEmpty(t, steps[9].SQL)
	require.NotEqual(t, steps[4].Checksum, steps[9].Checksum, "the step that is out stays what it was")
	require.Equal(t, 8, steps[7].CompatibleFrom)
	require.Equal(t, 7, steps[9].CompatibleFrom, "the release before goes on with it")

	again, err := makePlan(release(t, list, steps), source)
	require.NoError(t, err)
	require.Equal(t, release(t, list, steps), again, "nothing is new")
}

// What a CHECK calls lies in the core.
func TestPlan_CheckedRoutines(t *testing.T) {
	t.Parallel()
	checked, err := checkedRoutines(files)
	require.NoError(t, err)
	require.Subset(t, checked, []string{
		"routine/core/is_money.sql", "routine/core/minor_units.sql", "routine/core/actor_person.sql",
	})
}

func TestPlan_Refuses(t *testing.T) {
	t.Parallel()
	list, steps, _ := stepsOf(t, "", schemaOf(nil))
	_, err := makePlan(release(t, list, steps), schemaOf(map[string]string{"sql/0001_core.sql": "SELECT 'edited';"}))
	require.ErrorContains(t, err, "sql/0001_core.sql is released")
	checked := "CREATE TABLE hms.t (\n    n integer,\n    CONSTRAINT t_n_check CHECK (hms.a(n))\n);"
	list, steps, _ = stepsOf(t, "", schemaOf(map[string]string{"sql/0001_core.sql": checked}))
	_, err = makePlan(
		release(t, list, steps),
		schemaOf(map[string]string{"sql/0001_core.sql": checked, "routine/core/b.sql": "SELECT 'b2';"}),
	)
	require.ErrorContains(t, err, "routine/core/b.sql is released, and a CHECK calls it")
	_, err = makePlan("", schemaOf(map[string]string{"routine/core/b.sql": "-- needs: core/a\nSELECT 1;"}))
	require.ErrorContains(t, err, "needs itself")
	_, err = makePlan("", schemaOf(map[string]string{"routine/core/b.sql": "-- needs: core/z\nSELECT 1;"}))
	require.ErrorIs(t, err, fs.ErrNotExist)
	for name, text := range map[string]string{
		"Gap": "0002 bootstrap.sql x", "NoNumber": "one bootstrap.sql x", "NoFile": "0001 sql/0009_none.sql x",
		"NoStep":   "0001 doc.go x",
		"TooShort": "0001 bootstrap.sql", "NoCompatible": "0001 bootstrap.sql x y",
	} {
		_, err := parsePlan(text, schemaOf(nil))
		require.ErrorIs(t, err, errPlan, name)
	}
}
