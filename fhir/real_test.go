package fhir_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// sharedCases gives the files of published examples beside this repository; none where they are not there.
func sharedCases(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "shared", "cases", "fhir-patients", "*.ndjson"))
	require.NoError(t, err)
	return paths
}

// imported is what became of the patients of some files.
type imported struct {
	service *patient.Service
	reasons map[string]int // what became of how many: "registered", or why not
	known   map[hmstype.PatientID]patient.RegisterInput
}

// reasonOf says in a word why a patient was not registered.
func reasonOf(t *testing.T, err error) string {
	t.Helper()
	var duplicate *patient.DuplicateError
	switch {
	case errors.As(err, &duplicate) && duplicate.Certain:
		return "certainly registered"
	case errors.As(err, &duplicate):
		return "probably registered"
	case errors.Is(err, patient.ErrIdentifierTaken):
		return "somebody else has the number"
	default:
		require.NoError(t, err)
		return "registered"
	}
}

// read registers the patients of a file.
func (i *imported) read(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	for record, err := range fhir.ReadPatients(open(t, path), path) {
		var refused *fhir.RecordError
		if errors.As(err, &refused) {
			i.reasons[refused.Reason]++
			continue
		}
		require.NoError(t, err)
		p, err := i.service.Register(ctx, record.Input)
		reason := reasonOf(t, err)
		i.reasons[reason]++
		if err == nil {
			i.known[p.ID] = record.Input
		}
	}
}

// requireOut holds that a patient comes out as he went in, and is found by each of what was told.
func (i *imported) requireOut(ctx context.Context, t *testing.T, id hmstype.PatientID) {
	t.Helper()
	in := i.known[id]
	out, err := i.service.Get(ctx, id)
	require.NoError(t, err)
	want := in.Details
	if want.BirthDatePrecision == "" {
		want.BirthDatePrecision = patient.PrecisionDay
	}
	require.Equal(t, want, out.Details)
	require.Equal(t, in.Deceased || !in.DeceasedAt.IsZero(), out.Deceased)
	require.Len(t, out.Identifiers, len(in.Identifiers))
	for _, one := range in.Identifiers {
		require.True(t, slices.ContainsFunc(out.Identifiers, one.Same))
	}

	found := func(what string, sought patient.SearchInput) {
		sought.Page.Limit = 200
		list, err := i.service.Search(ctx, sought)
		require.NoError(t, err, what)
		require.True(t, slices.ContainsFunc(list.Items, func(p patient.Patient) bool { return p.ID == id }), "by %s", what)
	}
	found("family and given name", patient.SearchInput{Name: in.LastName + " " + firstWord(in.FirstName)})
	found("given and family name", patient.SearchInput{Name: firstWord(in.FirstName) + " " + in.LastName})
	found("capitals", patient.SearchInput{Name: strings.ToUpper(in.LastName), BirthDate: in.BirthDate})
	for what, number := range map[string]string{
		"phone": in.PhoneNumber, "second phone": in.SecondPhoneNumber, "emergency phone": in.EmergencyContactPhone,
	} {
		if number != "" {
			found(what, patient.SearchInput{PhoneNumber: number})
		}
	}
	for _, one := range in.Identifiers {
		found("identifier", patient.SearchInput{Identifier: &one})
		bare := patient.Identifier{Value: strings.NewReplacer("-", "", " ", "", ".", "").Replace(one.Value)}
		found("bare identifier", patient.SearchInput{Identifier: &bare})
	}
}

func firstWord(name string) string {
	word, _, _ := strings.Cut(name, " ")
	return word
}

// importAll reads files into a tenant of their own and looks for everybody.
func importAll(t *testing.T, paths ...string) map[string]int {
	t.Helper()
	env := dbtest.New(t)
	i := &imported{
		service: patient.New(env.Base, patient.Ports{}), reasons: map[string]int{},
		known: map[hmstype.PatientID]patient.RegisterInput{},
	}
	for _, path := range paths {
		i.read(env.Ctx, t, path)
	}
	require.Len(t, i.known, i.reasons["registered"])
	for id := range maps.Keys(i.known) {
		i.requireOut(env.Ctx, t, id)
	}
	return i.reasons
}

// The examples that the specification and six countries' guides publish: 139 patients, each registered and found by
// all that was told, or refused for a reason. Their numbers and people repeat from file to file.
func TestReadPatients_SharedCasesInAndOut(t *testing.T) {
	t.Parallel()
	paths := sharedCases(t)
	if len(paths) == 0 {
		return
	}
	require.Equal(t, map[string]int{
		"registered": 70, "has no name": 34, "somebody else has the number": 13, "certainly registered": 20,
		"probably registered": 2,
	}, importAll(t, paths...))
}

// The generated patients: bundles, bulk data, and a list in which driver's licences repeat.
func TestReadPatients_SharedDataInAndOut(t *testing.T) {
	t.Parallel()
	for pattern, reasons := range map[string]map[string]int{
		"synthea-2024/fhir/*.json":        {"registered": 10},
		"synthea-bulk-10/Patient*.ndjson": {"registered": 13},
	} {
		paths, err := filepath.Glob(filepath.Join("..", "..", "shared", "data", pattern))
		require.NoError(t, err)
		if len(paths) > 0 {
			require.Equal(t, reasons, importAll(t, paths...), pattern)
		}
	}
}
