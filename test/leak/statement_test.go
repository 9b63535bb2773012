package leak_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// statements notes every text that reaches the driver.
type statements struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[data.SQL] = true
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take gives what was noted since the last time.
func (s *statements) take() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = map[string]bool{}
	return seen
}

// isSetting tells whether it is one of the few statements that take no parameters.
func isSetting(text string) bool { return strings.HasPrefix(text, "SET LOCAL ") }

// traced gives the library on the environment's database, and what it sends there.
func traced(t *testing.T, env *hmstest.Env) (*hms.HMS, *statements) {
	t.Helper()
	config, err := pgx.ParseConfig(env.DSN)
	require.NoError(t, err)
	seen := &statements{seen: map[string]bool{}}
	config.Tracer = seen
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	key, err := fieldcrypt.NewLocalKey()
	require.NoError(t, err)
	settings := hms.Config{Now: env.Now, KeyEncryptionKey: key, EncryptNarrative: true}
	day.WithLog(t)(&settings)
	h, err := hms.New(bun.NewDB(pool, pgdialect.New()), settings)
	require.NoError(t, err)
	return h, seen
}

var quoted = regexp.MustCompile(`'(?:[^']|'')*'`)

// What a statement says in quotes stands in our source, for a value travels as a parameter.
func TestStatements_QuoteOnlyOurSource(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	ours := *env
	h, seen := traced(t, env)
	ours.H = h
	fixture.LivedDay(t, &ours).RequireAllReached()
	source, checked := goSource(t), 0
	for text := range seen.take() {
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
	env := hmstest.NewOwn(t)
	h, seen := traced(t, env)
	live := func(e *hmstest.Env) map[string]bool {
		ours := *e
		ours.H = h
		fixture.LivedDay(t, &ours)
		return seen.take()
	}
	first := live(env)
	require.Less(t, len(first), 2000)
	fresh := 0
	for text := range live(env.Neighbour(t)) {
		if !isSetting(text) && !first[text] {
			fresh++
			t.Logf("new: %.600s", text)
		}
	}
	require.Zero(t, fresh, "texts that the first day did not hold")
}
