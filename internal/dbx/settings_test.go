package dbx

import (
	"strings"
	"testing"

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
		literal, err := quoteLiteral(text)
		if strings.ContainsRune(text, 0) {
			require.ErrorIs(t, err, hmstype.ErrInvalid)
			return
		}
		require.NoError(t, err)
		require.Equal(t, text, unquote(t, literal))
	})
}

func TestQuoteRole(t *testing.T) {
	t.Parallel()
	require.Equal(t, "NONE", quoteRole("none"))
	require.Equal(t, "NONE", quoteRole(""))
	require.Equal(t, `"a""b"`, quoteRole(`a"b`))
}
