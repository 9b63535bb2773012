package dbx

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
)

// unquote reads an SQL literal as PostgreSQL does, to hold it against quoteLiteral.
func unquote(t interface{ Fatalf(string, ...any) }, literal string) string {
	escape := strings.HasPrefix(literal, " E'")
	body := strings.TrimPrefix(strings.TrimPrefix(literal, " E"), "'")
	var out strings.Builder
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '\'' && i+1 < len(body) && body[i+1] == '\'':
			out.WriteByte('\'')
			i++
		case body[i] == '\'':
			if i != len(body)-1 {
				t.Fatalf("the literal ends before its text does: %q", literal)
			}
			return out.String()
		case escape && body[i] == '\\':
			i++
			out.WriteByte(body[i])
		default:
			out.WriteByte(body[i])
		}
	}
	t.Fatalf("the literal does not end: %q", literal)
	return ""
}

func FuzzQuoteLiteral(f *testing.F) {
	for _, s := range []string{"", "a", "it's", `\`, `\'`, "'; DROP TABLE hms.patient; --", "''", "ß\n", `E'\x00`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, text, unquote(t, quoteLiteral(text)))
	})
}

func TestQuoteRole(t *testing.T) {
	t.Parallel()
	require.Equal(t, "NONE", quoteRole("none"))
	require.Equal(t, "NONE", quoteRole(""))
	require.Equal(t, `"a""b"`, quoteRole(`a"b`))
}

func TestSettingsOf_PartsStayApart(t *testing.T) {
	t.Parallel()
	actor := hmstype.SystemActor(hmstype.NewID[hmstype.TenantID](), "job")
	for name, text := range map[string]string{"Separator": "a" + separator + "b", "NUL": "a\x00b"} {
		named, asked := actor, actor
		named.Name, asked.RequestID = text, text
		for _, a := range []hmstype.Actor{named, asked} {
			_, err := settingsOf(t.Context(), a, "test", time.Now())
			require.ErrorIs(t, err, hmstype.ErrInvalid, name)
		}
	}
	want, err := settingsOf(SeesRestricted(t.Context(), true), actor, "test.it", time.Unix(0, 0).UTC())
	require.NoError(t, err)
	require.Equal(t, []string{"system:job", "", "", "HOPERAT", "test.it", "yes", "1970-01-01T00:00:00Z"},
		strings.Split(want.context, separator))
}
