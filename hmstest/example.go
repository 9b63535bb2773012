package hmstest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/chelal/hms"
)

// Example tells a story on a real database, for an Example function, which has no testing.T:
//
//	func ExampleWard() {
//		hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
//			stay, err := env.H.Facility.Admit(env.As(tb, identity.RoleNurse), ...)
//			if err != nil {
//				return err
//			}
//			fmt.Println(stay.Status)
//			return nil
//		})
//		// Output: active
//	}
//
// The story gets what [New] gives a test: the binary's database, a tenant of its own, a clock that
// stands still at [Start], and a tb for the builders of [Env]. So its output is the same each time,
// unless it prints an id. An error, and whatever tb reports, is printed, and so fails the example by
// its Output. What the story left to tb.Cleanup is done before Example returns; the database goes with
// [Main], which the package's TestMain calls.
func Example(story func(tb testing.TB, env *Env) error, change ...func(*hms.Config)) {
	tell(story, func(tb testing.TB) *Env { return New(tb, change...) })
}

// ExampleOwn is [Example] on a database of the story's own, as [NewOwn] gives one.
func ExampleOwn(story func(tb testing.TB, env *Env) error, change ...func(*hms.Config)) {
	tell(story, func(tb testing.TB) *Env { return NewOwn(tb, change...) })
}

// tell runs the story on a goroutine of its own, which FailNow ends.
func tell(story func(testing.TB, *Env) error, open func(testing.TB) *Env) {
	ctx, cancel := context.WithCancel(context.Background())
	tb := &storyTB{ctx: ctx}
	tb.run(func() {
		if err := story(tb, open(tb)); err != nil {
			tb.Error(err)
		}
	})
	cancel() // before the cleanups, as a test's
	for _, cleanup := range slices.Backward(tb.cleanups) {
		tb.run(cleanup)
	}
}

// storyTB is the testing.TB of an Example: it prints what a test would report. What it does not
// have, an Example has no use for; the nil inside refuses it.
type storyTB struct {
	testing.TB
	ctx context.Context //nolint:containedctx // a testing.TB carries its context

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

func (s *storyTB) run(fn func()) {
	var wg sync.WaitGroup
	wg.Go(fn)
	wg.Wait()
}

func (s *storyTB) Helper()                  {}
func (s *storyTB) Name() string             { return "Example" }
func (s *storyTB) Context() context.Context { return s.ctx }
func (s *storyTB) Log(...any)               {} // tests tell where their database is; nobody asked
func (s *storyTB) Logf(string, ...any)      {}

func (s *storyTB) Cleanup(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, fn)
}

func (s *storyTB) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

func (s *storyTB) Fail() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = true
}

func (s *storyTB) FailNow() {
	s.Fail()
	runtime.Goexit()
}

func (s *storyTB) Error(args ...any) {
	s.Fail()
	fmt.Fprintln(os.Stdout, append([]any{"failed:"}, args...)...)
}

func (s *storyTB) Errorf(format string, args ...any) { s.Error(fmt.Sprintf(format, args...)) }

func (s *storyTB) Fatal(args ...any) {
	s.Error(args...)
	s.FailNow()
}

func (s *storyTB) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	s.FailNow()
}

// TempDir gives a folder that goes in the end.
func (s *storyTB) TempDir() string {
	folder, err := os.MkdirTemp("", "hms-example-")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			s.Error(err)
		}
	})
	return folder
}
