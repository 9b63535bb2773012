package migrate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sql  string
		want []string
	}{
		"Empty":            {"", nil},
		"OnlyComments":     {"-- a; b\n/* c; /* d; */ e; */ ;", nil},
		"Two":              {"SELECT 1; SELECT 2;", []string{"SELECT 1", "SELECT 2"}},
		"WithoutTheLast":   {"SELECT 1; SELECT 2", []string{"SELECT 1", "SELECT 2"}},
		"Comment":          {"-- why;\nSELECT 1; -- behind", []string{"-- why;\nSELECT 1"}},
		"Text":             {"SELECT 'a;b', 'it''s; --'; SELECT 2", []string{"SELECT 'a;b', 'it''s; --'", "SELECT 2"}},
		"BackslashIsPlain": {`SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		"EscapedText":      {`SELECT E'\';', e'\\'; SELECT 2`, []string{`SELECT E'\';', e'\\'`, "SELECT 2"}},
		"NameEndsWithE":    {`SELECT type'\'; SELECT 2`, []string{`SELECT type'\'`, "SELECT 2"}},
		"Name":             {`SELECT "a;""b"; SELECT 2`, []string{`SELECT "a;""b"`, "SELECT 2"}},
		"Body":             {"DO $$ BEGIN; $q$ ; $$; SELECT 2", []string{"DO $$ BEGIN; $q$ ; $$", "SELECT 2"}},
		"TaggedBody":       {"DO $a$ $$;$$ ; $a$; SELECT 2", []string{"DO $a$ $$;$$ ; $a$", "SELECT 2"}},
		"Parameters":       {"SELECT $1; SELECT $2", []string{"SELECT $1", "SELECT $2"}},
		"DollarInName":     {"SELECT a$b$ ; SELECT b$b$", []string{"SELECT a$b$", "SELECT b$b$"}},
		"NeverClosed":      {"SELECT 'a; b", []string{"SELECT 'a; b"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, statements(tt.sql))
		})
	}
}

// Nothing of a file gets lost between its statements, and each is one.
func FuzzStatements(f *testing.F) {
	for _, step := range Steps()[:3] {
		f.Add(step.SQL)
	}
	f.Add("SELECT E'\\'; /* ;")
	f.Add("$a$;$b$;$a$;''\";")
	f.Fuzz(func(t *testing.T, sql string) {
		list := statements(sql)
		rest := sql
		for _, s := range list {
			require.NotEmpty(t, s)
			at := strings.Index(rest, s)
			require.GreaterOrEqual(t, at, 0, "it stands in the file, behind the one before")
			rest = rest[at+len(s):]
			require.Equal(t, []string{s}, statements(s), "a statement is one statement")
		}
		require.LessOrEqual(t, len(list), strings.Count(sql, ";")+1)
	})
}
