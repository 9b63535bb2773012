package fingerprint

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"CHECK (((a AND b) AND c))", "CHECK ((a AND b AND c))"},
		{"CHECK ((((a) AND (b)) AND ((c) AND (d)) AND (e)))", "CHECK (((a) AND (b) AND ((c) AND (d)) AND (e)))"},
		{"CHECK (((((a AND b) AND c) OR d) OR e))", "CHECK (((a AND b AND c) OR d OR e))"},
		{"CHECK (((a OR b) AND c))", "CHECK (((a OR b) AND c))"},
		{"CHECK (((a AND b) OR c))", "CHECK (((a AND b) OR c))"},
		{"CHECK ((f(a) AND b))", "CHECK ((f(a) AND b))"},
		{"CHECK ((NOT ((a AND b) AND c)))", "CHECK ((NOT (a AND b AND c)))"},
		{"CHECK ((f((a AND b) AND c)))", "CHECK ((f(a AND b AND c)))"},
		{`CHECK (((a = ')'::text) AND ("b(" = 'it''s ('::text)))`, `CHECK (((a = ')'::text) AND ("b(" = 'it''s ('::text)))`},
		{`CHECK (((a <> E'\')'::text) AND (b)))`, `CHECK (((a <> E'\')'::text) AND (b)))`},
		{"CHECK (((a AND b) AND ' OR '::text = c))", "CHECK (((a AND b) AND ' OR '::text = c))"}, // in doubt as it stands
		{"((", "(())"},
	} {
		require.Equal(t, tt.want, canonical(tt.text), tt.text)
		require.Equal(t, tt.want, canonical(canonical(tt.text)))
	}
}
