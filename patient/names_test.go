package patient_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// nameTables are this module's table of names, and one beside it, where that is there.
var nameTables = []string{"../internal/names/testdata/names.tsv", "../../shared/cases/names.tsv"}

// namesOf reads the lines of a table that this module need not have but the first.
func namesOf(t *testing.T, path string) (lines [][]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && path != nameTables[0] {
		return nil
	}
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.Split(strings.TrimRight(line, "\n"), "\t"))
		}
	}
	require.NotEmpty(t, lines)
	return lines
}

// Every person of the tables is found by what the tables say.
func TestService_Search_NamesInEveryScript(t *testing.T) {
	t.Parallel()
	for _, path := range nameTables {
		for _, c := range namesOf(t, path) {
			if c[0] != "find" {
				continue
			}
			env := dbtest.New(t)
			s := patient.New(env.Base, patient.Ports{})
			in := person(c[1])
			in.FirstName = c[2]
			p, err := s.Register(env.Ctx, in)
			require.NoError(t, err)
			_, err = s.Register(env.Ctx, patient.RegisterInput{
				Details: patient.Details{LastName: "Unlike", FirstName: "Zebra", Gender: patient.GenderUnknown},
			})
			require.NoError(t, err)
			list, err := s.Search(env.Ctx, patient.SearchInput{Name: c[3]})
			require.NoError(t, err, c)
			require.Len(t, list.Items, 1, c)
			require.Equal(t, p.ID, list.Items[0].ID)
		}
	}
}
