package dbtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// succeeded are the use cases that a test of this binary ran with success, and so under the probe.
var succeeded struct {
	mu    sync.Mutex
	names map[string]bool
}

func noteSuccess(op string) {
	succeeded.mu.Lock()
	defer succeeded.mu.Unlock()
	if succeeded.names == nil {
		succeeded.names = map[string]bool{}
	}
	succeeded.names[op] = true
}

// notRun lists the use cases that a package declares and that no test ran with success: none of them may
// forget its trail unseen, and none may go untested.
func notRun(folder string) ([]string, error) {
	declared, err := declaredIn(folder)
	if err != nil {
		return nil, err
	}
	succeeded.mu.Lock()
	defer succeeded.mu.Unlock()
	var missing []string
	for _, name := range declared {
		if !succeeded.names[name] {
			missing = append(missing, fmt.Sprintf("no test runs %s with success", name))
		}
	}
	return missing, nil
}

// declaration finds a use case's declaration, and its name. The names do not tell the package: the rooms of
// a domain share its prefix.
var declaration = regexp.MustCompile(`= usecase\.(?:Command|Query|Proof)[^{]*\{\s*Name:\s*"([^"]+)"`)

// declaredIn lists the use cases that the source in a folder declares, in the order of its files.
func declaredIn(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, found := range declaration.FindAllStringSubmatch(string(body), -1) {
			names = append(names, found[1])
		}
	}
	return names, nil
}

// isWholeRun tells whether all tests of the binary ran, rather than some that somebody chose.
func isWholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}
