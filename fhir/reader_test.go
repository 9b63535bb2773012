package fhir_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/patient"
)

func read(t *testing.T, r io.Reader) (records []fhir.PatientRecord, bad []*fhir.RecordError) {
	t.Helper()
	for record, err := range fhir.ReadPatients(r, "test") {
		var refused *fhir.RecordError
		if errors.As(err, &refused) {
			bad = append(bad, refused)
			continue
		}
		require.NoError(t, err)
		records = append(records, record)
	}
	return records, bad
}

func TestReadPatients_NDJSON(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/mixed.ndjson")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	records, bad := read(t, file)
	require.Len(t, records, 2)
	first := records[0].Input
	require.Equal(t, "Ana María Q", first.FirstName)
	require.Equal(t, "Cormier289", first.LastName)
	require.Equal(t, "1980-02-01", first.BirthDate.String())
	require.Equal(t, patient.PrecisionMonth, first.BirthDatePrecision)
	require.Equal(t, "1 Road\nTown", first.Address)
	require.Equal(t, []string{"555", "a@example.org", "Kin", "77"}, []string{first.PhoneNumber, first.Email, first.EmergencyContactName, first.EmergencyContactPhone})
	require.Equal(t, []patient.Identifier{{System: fhir.SystemResourceID, Value: "p1"}, {System: "urn:ssn", Value: "999-1"}}, first.Identifiers)
	require.Equal(t, patient.PrecisionYear, records[1].Input.BirthDatePrecision)

	require.Len(t, bad, 3)
	for _, b := range bad {
		require.NotContains(t, b.Error(), "Bad", "a reason holds nothing of the patient")
	}
	require.Contains(t, bad[0].Reason, "birthDate")
	require.Contains(t, bad[1].Reason, "lastName")
	require.Contains(t, bad[2].Reason, "resourceType")
	require.Less(t, bad[0].Position, bad[1].Position)
}

func TestReadPatients_Bundle(t *testing.T) {
	t.Parallel()
	records, bad := read(t, strings.NewReader("\xef\xbb\xbf"+`{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","name":[{"family":"One"}]}},
		{"resource":{"resourceType":"Encounter"}}, {}, 
		{"resource":{"resourceType":"Patient","name":[{"family":"Two"}]}}]}`))
	require.Len(t, records, 2)
	require.Len(t, bad, 1)
	_, bad = read(t, strings.NewReader(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Pat`))
	require.Len(t, bad, 1)
	_, bad = read(t, strings.NewReader(`MSH|^~\&|`))
	require.Len(t, bad, 1)
	records, bad = read(t, strings.NewReader(""))
	require.Empty(t, records)
	require.Empty(t, bad)
	for range fhir.ReadPatients(strings.NewReader(`{"resourceType":"Patient","name":[{"family":"One"}]} {"resourceType":"Patient"}`), "test") {
		break // a caller may stop
	}
}

func TestReadPatients_SharedData(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{
		"../../shared/data/synthea-patients-1144/Patient.000.ndjson": 1144,
		"../../shared/data/synthea-bulk-10/Patient.000.ndjson":       13,
		"../../shared/data/synthea-2024/fhir/*.json":                 10,
	} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		count := 0
		for _, name := range files {
			file, err := os.Open(name)
			require.NoError(t, err)
			records, bad := read(t, file)
			require.NoError(t, file.Close())
			require.Empty(t, bad, name)
			count += len(records)
		}
		if len(files) > 0 { // a fresh clone has none of them
			require.Equal(t, want, count, pattern)
		}
	}
}

func FuzzReadPatients(f *testing.F) {
	seed, err := os.ReadFile("testdata/mixed.ndjson")
	require.NoError(f, err)
	f.Add(string(seed))
	f.Add(`{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","birthDate":"2000"}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		for record, err := range fhir.ReadPatients(strings.NewReader(text), "fuzz") {
			if err == nil {
				require.NoError(t, record.Input.Validate(), "what is given can be registered")
			}
		}
	})
}
