package migrate

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed bootstrap.sql partition.sql sql routine
var files embed.FS

//go:embed steps.txt
var plan string

// Kind says what a step makes.
type Kind string

// The kinds of step.
const (
	KindBootstrap Kind = "bootstrap" // roles, schema, extension and the table of steps; see [Bootstrap]
	KindTable     Kind = "table"     // tables and data of a domain: a numbered file, applied once
	KindRoutine   Kind = "routine"   // one function with its triggers: a file that may be applied again
	KindPartition Kind = "partition" // the audit trail's partitions; see [EnsurePartitions]
)

// Step is one step of the schema's linear list.
type Step struct {
	Number         int    // 1, 2, 3, ... without a gap
	Name           string // such as "table_core" or "routine_billing_pay_bill": the file's, without its number
	Kind           Kind
	SQL            string // empty where a later step applies the routine's present text
	Checksum       string // SHA-256 of the text that the step was released with, hexadecimal
	CompatibleFrom int    // the last step of the oldest library that goes on with a database that has this one
}

// Statements gives the step's SQL one by one, as they are sent.
func (s Step) Statements() []string { return statements(s.SQL) }

// String is the number and the name, as the files are called.
func (s Step) String() string { return fmt.Sprintf("%04d_%s", s.Number, s.Name) }

// Steps gives the whole schema as one linear list: bootstrap, the routines that tables lean on, the
// tables, all other routines with their triggers, the audit trail's partitions; then, release by
// release, what was added. A routine that a release changes is a step again, with a number of its
// own, and its present text is all that the files hold.
//
// Every step but the bootstrap runs as role hms_owner, in one transaction together with the row of
// hms.migration that records it.
func Steps() []Step { return slices.Clone(theSteps()) }

var theSteps = sync.OnceValue(func() []Step {
	steps, err := parsePlan(plan, files)
	if err != nil {
		panic(err) // the files are embedded, and a test reads them
	}
	return steps
})

var errPlan = errors.New("migrate: steps.txt")

// parsePlan reads the list: a line holds number, file, checksum and, where an older library goes on
// with the step, the last step of the oldest one.
func parsePlan(text string, source fs.FS) ([]Step, error) {
	var list []Step
	last := map[string]int{}
	paths := map[int]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		step, file, err := parseStep(fields)
		if err != nil || step.Number != len(list)+1 {
			return nil, fmt.Errorf("%w: line %d is not step %d", errPlan, len(list)+1, len(list)+1)
		}
		body, err := fs.ReadFile(source, file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPlan, err)
		}
		step.SQL = string(body)
		last[file], paths[step.Number] = step.Number, file
		list = append(list, step)
	}
	for i, step := range list {
		// Tables lean on the core's routines between this step and the one that changes them; others
		// wait for their last one, since they may speak of tables that are not there yet.
		if step.Kind == KindRoutine && last[paths[step.Number]] != step.Number && !leansOn(paths[step.Number]) {
			list[i].SQL = ""
		}
	}
	return list, nil
}

func parseStep(fields []string) (Step, string, error) {
	if len(fields) < 3 || len(fields) > 4 {
		return Step{}, "", errPlan
	}
	number, err := strconv.Atoi(fields[0])
	if err != nil {
		return Step{}, "", err
	}
	file := fields[1]
	step := Step{Number: number, Checksum: fields[2], CompatibleFrom: number}
	if len(fields) == 4 {
		if step.CompatibleFrom, err = strconv.Atoi(fields[3]); err != nil {
			return Step{}, "", err
		}
	}
	step.Kind, step.Name, err = nameOf(file)
	return step, file, err
}

// nameOf gives the kind and the name of the step that applies a file.
func nameOf(file string) (Kind, string, error) {
	base := strings.TrimSuffix(path.Base(file), ".sql")
	switch dir := path.Dir(file); {
	case file == "bootstrap.sql":
		return KindBootstrap, base, nil
	case file == "partition.sql":
		return KindPartition, base, nil
	case dir == "sql":
		_, name, _ := strings.Cut(base, "_")
		return KindTable, "table_" + name, nil
	case path.Dir(dir) == "routine":
		return KindRoutine, "routine_" + path.Base(dir) + "_" + base, nil
	default:
		return "", "", fmt.Errorf("%w: %s is no step", errPlan, file)
	}
}

// leansOn tells whether tables lean on the routine, so that it comes before them.
func leansOn(file string) bool { return strings.HasPrefix(file, "routine/core/") }

// checksum is how a text is told from another.
func checksum(body []byte) string { return fmt.Sprintf("%x", sha256.Sum256(body)) }

// Bootstrap gives the first step's SQL: idempotent, to run in a transaction as a role that may
// create roles, a schema and extensions. It makes the library's roles also where nothing else is
// wanted, as before a backup is restored into an empty cluster.
func Bootstrap() string {
	body, err := files.ReadFile("bootstrap.sql")
	if err != nil {
		panic(err) // it is embedded
	}
	return string(body)
}
