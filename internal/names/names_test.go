package names_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/names"
)

func TestRelated(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"Garcia", "GARCÍA", true},
		{"García López", "Ruiz García", true},
		{"O'Neill", "Oneill", true},
		{"Li", "Li", true},
		{"van der Berg", "Berg", true},
		{"van der Berg", "van der Meer", false},
		{"Li", "Liu", false},
		{"Smith", "Smithson", false},
		{"", "Smith", false},
		{"-", "-", false},
	} {
		require.Equal(t, tt.want, names.Related(tt.a, tt.b), "%s, %s", tt.a, tt.b)
		require.Equal(t, tt.want, names.Related(tt.b, tt.a), "%s, %s", tt.b, tt.a)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"anne", "annemarie", "marie", "neill", "o", "oneill"}, names.Words("Anne-Marie", "O'Neill"))
	require.Equal(t, []string{"cormier289", "zoe"}, names.Words("Zoë", "Cormier289"))
	require.Equal(t, names.Words("Müller", "Straße"), names.Words("MULLER", "strasse"))
	require.Empty(t, names.Words("", " - "))
}
