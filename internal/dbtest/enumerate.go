package dbtest

import (
	"flag"
	"fmt"
	"sync"
	"testing"

	"github.com/chelal/hms/internal/usecase"
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

// notRun lists the use cases that a package declares and that no test ran with success: none of them
// may forget its trail unseen, and none may go untested.
func notRun(pkg string) []string {
	succeeded.mu.Lock()
	defer succeeded.mu.Unlock()
	var missing []string
	for _, info := range usecase.Declared() {
		if info.Package == pkg && !succeeded.names[info.Name] {
			missing = append(missing, fmt.Sprintf("no test runs %s with success", info.Name))
		}
	}
	return missing
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
