package fhir_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// collect reads everything: the records, and the errors as they must be.
func collect(t *testing.T, r io.Reader, name string) ([]fhir.PatientRecord, []*fhir.RecordError, fhir.Stats) {
	t.Helper()
	var records []fhir.PatientRecord
	var failures []*fhir.RecordError
	reader := fhir.NewPatientReader(r, name)
	for record, err := range reader.All() {
		if err == nil {
			require.NoError(t, record.Input.Validate())
			records = append(records, record)
			continue
		}
		var failure *fhir.RecordError
		require.ErrorAs(t, err, &failure)
		require.NotContains(t, err.Error(), "SECRET")
		require.NotContains(t, err.Error(), name)
		failures = append(failures, failure)
	}
	stats := reader.Stats()
	require.Equal(t, len(records), stats.Patients)
	require.Equal(t, len(failures), stats.Failed)
	return records, failures, stats
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return file
}

func TestReadPatients_Bundle(t *testing.T) {
	t.Parallel()
	records, failures, stats := collect(t, open(t, "testdata/bundle.json"), "SECRET name.json")
	require.Len(t, records, 2)
	require.Equal(t, map[string]int{"Observation": 1, "other": 1}, stats.PassedOver)

	full := records[0]
	require.Equal(t, patient.RegisterInput{
		Details: patient.Details{
			FirstName: "Ada Zoë-Marie", LastName: "Cormier289", OtherNames: "Ada Before", Gender: patient.GenderFemale,
			BirthDate: hmstype.NewDate(1943, time.March, 1), BirthDatePrecision: patient.PrecisionMonth,
			PhoneNumber: "555-1", SecondPhoneNumber: "555-2", Email: "ada@example.org",
			Address:              "1 Long Street\nFlat 2\nSalina, KS 67401\nUS",
			EmergencyContactName: "Bob Cormier", EmergencyContactPhone: "555-9",
		},
		Identifiers: []patient.Identifier{
			{System: "http://hl7.org/fhir/sid/us-ssn", Value: "999-00-0001"},
			{System: fhir.SystemUnstated, Value: "no system"},
			{System: fhir.SystemResourceID, Value: "00000000-0000-4000-8000-000000000001"},
		},
		Restricted: true, Deceased: true, DeceasedAt: time.Date(2020, 2, 3, 1, 5, 6, 789_000_000, time.UTC),
	}, full.Input)
	require.Equal(t, "00000000-0000-4000-8000-000000000001", full.ID)
	require.Equal(t, 5, full.Line)
	require.Equal(t, 1, full.Entry)
	require.False(t, full.Inactive)

	bare := records[1]
	require.True(t, bare.Inactive)
	require.Equal(t, "Unidentified man", bare.Input.LastName)
	require.Equal(t, patient.GenderMale, bare.Input.Gender)
	require.True(t, bare.Input.Deceased)
	require.True(t, bare.Input.DeceasedAt.IsZero())
	require.Equal(
		t, []patient.Identifier{{System: fhir.SystemResourceID, Value: "00000000-0000-4000-8000-000000000002"}},
		bare.Input.Identifiers,
	)

	require.Len(t, failures, 1)
	require.Equal(t, 3, failures[0].Entry)
	require.Equal(t, "birthDate is not a FHIR date", failures[0].Reason)
	require.Equal(t, "SECRET name.json", failures[0].File)
	require.ErrorIs(t, failures[0], hmstype.ErrInvalid)
	text, err := os.ReadFile("testdata/bundle.json")
	require.NoError(t, err)
	require.True(
		t, strings.HasPrefix(string(text[failures[0].Offset:]), `{"resource": {"resourceType": "Patient", "id": "bad"`),
	)
}

func TestReadPatients_Lines(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/patients.ndjson")
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"SECRET.ndjson": text,
		"SECRET":        text, // known by its content
		"SECRET.crlf":   bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")),
		"SECRET.bom":    append([]byte("\uFEFF"), text...),
		"SECRET.end":    bytes.TrimRight(text, "\n"),
	} {
		records, failures, stats := collect(t, iotest.OneByteReader(bytes.NewReader(content)), name)
		require.Len(t, records, 3, name)
		require.Equal(t, map[string]int{"Encounter": 1}, stats.PassedOver)
		require.Equal(t, []int{1, 6, 8}, []int{records[0].Line, records[1].Line, records[2].Line}, name)
		require.Equal(t, "Suharto", records[1].Input.LastName, "who has one name has it as the family name")
		require.Equal(t, patient.PrecisionYear, records[1].Input.BirthDatePrecision)
		require.Equal(t, time.Date(2001, 2, 3, 12, 0, 0, 0, time.UTC), records[2].Input.DeceasedAt)

		require.Len(t, failures, 3, name)
		require.Equal(t, []int{2, 3, 7}, []int{failures[0].Line, failures[1].Line, failures[2].Line}, name)
		require.Equal(t, "has the wrong JSON type in name", failures[1].Reason)
		for _, f := range failures {
			require.Contains(t, []byte("{n"), content[f.Offset], "the offset is the record's first byte")
		}
	}
}

type readForm struct {
	name, in         string
	patients, failed int
	passed           map[string]int
	reason           string
}

// readForms are the shapes in which files come, and what is told of each.
func readForms() []readForm {
	const one = `{"resourceType":"Patient","id":"1","name":[{"family":"A"}]}`
	long := `"` + strings.Repeat("x", 10<<20) + `"`
	return []readForm{
		{name: "Empty", in: " \n\t"},
		{name: "OnlyAMark", in: "\uFEFF"},
		{name: "Single", in: one, patients: 1},
		{
			name: "SinglePretty", in: "{\n  \"name\": [\n{\"family\": \"A\"}],\n \"resourceType\" : \"Patient\"\n}\n",
			patients: 1,
		},
		{name: "EmptyObject", in: "{ }", passed: map[string]int{"other": 1}},
		{name: "SingleOther", in: `{"resourceType":"Group"}`, passed: map[string]int{"Group": 1}},
		{name: "OddType", in: `{"resourceType":"SECRET of somebody"}`, passed: map[string]int{"other": 1}},
		{name: "OneAfterTheOther", in: one + "\n\n" + one + "\n", patients: 2},
		{name: "EmptyBundle", in: `{"resourceType":"Bundle","entry":[ ]}`},
		{name: "BundleWithoutEntry", in: `{"resourceType":"Bundle"}`},
		{
			name: "TypeComesLast", in: `{"entry":[{"resource":` + one + `}],"type":"batch","resourceType":"Bundle"}`,
			patients: 1,
		},
		{
			name: "BundlesInLines",
			in: `{"resourceType":"Bundle","entry":[{"resource":` + one + `}]}` + "\n" +
				`{"resourceType":"Bundle","entry":[{"resource":` + one + `},{"resource":` + one + "}]}\n",
			patients: 3,
		},
		{
			name: "ListHasEntriesToo", in: `{"resourceType":"List","entry":[{"item":{"reference":"Patient/1"}}]}`,
			passed: map[string]int{"List": 1},
		},
		{
			name: "ContainedIsNoPatient", in: `{"resourceType":"Group","contained":[` + one + `]}`,
			passed: map[string]int{"Group": 1},
		},
		{
			name: "BadEntryGoesOn", in: `{"resourceType":"Bundle","entry":[{"resource":{"a":tru}},7,{"resource":` + one + `}]}`,
			patients: 1, failed: 2, reason: "is not an entry of a Bundle",
		},
		{
			name: "Truncated", in: `{"resourceType":"Bundle","entry":[{"resource":` + one + `},{"resource":{"SECRET`,
			patients: 1, failed: 1, reason: "the file ends inside a value",
		},
		{name: "NotJSON", in: "MSH|^~\\&|SECRET", failed: 1, reason: "is not JSON from here on"},
		{name: "Array", in: "[" + one + "]", failed: 1, reason: "is not JSON from here on"},
		{name: "ClosesTooOften", in: `{"resourceType":"Bundle","entry":[]]}`, failed: 1, reason: "is not JSON from here on"},
		{
			name: "NotUTF8", in: "{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"M\xfcller\"}]}\n" + one, patients: 1,
			failed: 1, reason: "is not UTF-8",
		},
		{name: "NoName", in: `{"resourceType":"Patient","name":[{"use":"official"}]}`, failed: 1, reason: "has no name"},
		{
			name: "TooLargeEntry",
			in: `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Binary","data":` + long +
				`}},{"resource":` + one + `}]}`,
			patients: 1, failed: 1, reason: "is larger than 10 MB",
		},
		{
			name: "TooLargeLine", in: one + "\n" + `{"resourceType":"Binary","data":` + long + "}\n" + one, patients: 2,
			failed: 1, reason: "is larger than 10 MB",
		},
		{
			name: "TooLargeSingle", in: `{"resourceType":"Patient","text":` + long + `}`, failed: 1,
			reason: "is larger than 10 MB",
		},
		{
			name:   "TooDeep",
			in:     `{"resourceType":"Patient","name":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
			failed: 1,
			reason: "is not a FHIR Patient",
		},
		{name: "BracketsInStrings", in: `{"resourceType":"Patient","name":[{"family":"A}]\"\\"}]}`, patients: 1},
	}
}

// ambiguousForms are texts that two readers understand differently.
func ambiguousForms() []readForm {
	const one = `{"resourceType":"Patient","id":"1","name":[{"family":"A"}]}`
	return []readForm{
		{
			name: "MemberTwice", in: `{"resourceType":"Patient","name":[{"family":"SECRET"}],"name":[{"family":"B"}]}`,
			failed: 1, reason: "has a member twice",
		},
		{
			name: "TypeTwice", in: `{"resourceType":"Patient","resourceType":"Observation","name":[{"family":"SECRET"}]}`,
			failed: 1, reason: "has a member twice",
		},
		{
			name: "TypeTwiceInALine", in: one + "\n" + `{"resourceType":"Patient","resourceType":"Group"}` + "\n" + one,
			patients: 2, failed: 1, reason: "invalid input: resourceType: must be given once",
		},
		{
			name: "MemberTwiceBelow", in: `{"resourceType":"Patient","name":[{"family":"A","Family":"SECRET"}]}`, failed: 1,
			reason: "invalid input: name[0].Family: must be given once",
		},
		{
			name: "ResourceTwice", in: `{"resourceType":"Bundle","entry":[{"resource":` + one + `,"resource":{}},{"resource":` +
				one + `}]}`,
			patients: 1, failed: 1, reason: "invalid input: resource: must be given once",
		},
		{
			name: "HalfASurrogatePair", in: `{"resourceType":"Patient","name":[{"family":"A\ud800"}]}`, failed: 1,
			reason: "invalid input: name[0].family: must not hold half of a surrogate pair",
		},
	}
}

func TestReadPatients_Forms(t *testing.T) {
	t.Parallel()
	for _, tt := range append(readForms(), ambiguousForms()...) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			records, failures, stats := collect(t, strings.NewReader(tt.in), "SECRET")
			require.Len(t, records, tt.patients)
			require.Len(t, failures, tt.failed)
			if tt.passed == nil {
				tt.passed = map[string]int{}
			}
			require.Equal(t, tt.passed, stats.PassedOver)
			for _, f := range failures {
				require.Equal(t, tt.reason, f.Reason)
			}
		})
	}
}

// named gives the elements a name where they have none.
func named(elements string) string {
	if strings.Contains(elements, `"name":[{"family"`) {
		return elements
	}
	return `"name":[{"family":"A"}],` + elements
}

func TestReadPatients_MapsElements(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, elements string
		check          func(*testing.T, patient.RegisterInput)
		reason         string
	}{
		{name: "GenderOdd", elements: `"gender":"x"`, check: func(t *testing.T, in patient.RegisterInput) {
			t.Helper()
			require.Equal(t, patient.GenderUnknown, in.Gender)
		}},
		{name: "NoBirthDate", elements: `"gender":"F"`, check: func(t *testing.T, in patient.RegisterInput) {
			t.Helper()
			require.True(t, in.BirthDate.IsZero())
			require.Equal(t, patient.GenderFemale, in.Gender)
		}},
		{name: "BirthDateWithTime", elements: `"birthDate":"1980-05-17T00:00:00Z"`, reason: "birthDate is not a FHIR date"},
		{name: "BirthDateImpossible", elements: `"birthDate":"1981-02-29"`, reason: "birthDate is not a FHIR date"},
		{
			name: "BirthDateTooEarly", elements: `"birthDate":"1700"`,
			reason: "invalid input: birthDate: must not lie before 1850",
		},
		{name: "DeceasedYear", elements: `"deceasedDateTime":"2001"`, check: func(t *testing.T, in patient.RegisterInput) {
			t.Helper()
			require.True(t, in.Deceased)
			require.True(t, in.DeceasedAt.IsZero())
		}},
		{
			name: "DeceasedWithoutZone", elements: `"deceasedDateTime":"2001-01-01T00:00:00"`,
			reason: "deceasedDateTime is not a FHIR dateTime",
		},
		{name: "Alive", elements: `"deceasedBoolean":false`, check: func(t *testing.T, in patient.RegisterInput) {
			t.Helper()
			require.False(t, in.Deceased)
		}},
		{name: "AddressText", elements: `"address":[{"text":"Somewhere"}]`, check: func(
			t *testing.T, in patient.RegisterInput,
		) {
			t.Helper()
			require.Equal(t, "Somewhere", in.Address)
		}},
		{name: "NullsAreAbsent", elements: `"telecom":null,"birthDate":null,"address":[{"line":[null,"x"]}]`, check: func(
			t *testing.T, in patient.RegisterInput,
		) {
			t.Helper()
			require.Equal(t, "x", in.Address)
		}},
		{name: "UnmarkedContact", elements: `"contact":[{"telecom":[{"system":"sms","value":"1"}]}]`, check: func(
			t *testing.T, in patient.RegisterInput,
		) {
			t.Helper()
			require.Equal(t, "1", in.EmergencyContactPhone)
		}},
		{
			name: "TooManyIdentifiers", elements: `"identifier":[` + manyIdentifiers(21) + `]`,
			reason: "invalid input: identifiers: must be at most 20",
		},
		{
			name: "LongName", elements: `"name":[{"family":"` + strings.Repeat("SECRET", 20) + `"}]`,
			reason: "invalid input: lastName: must have at most 100 characters",
		},
		{name: "WrongType", elements: `"telecom":[{"rank":"SECRET"}]`, reason: "has the wrong JSON type in telecom.rank"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			records, failures, _ := collect(t, strings.NewReader(`{"resourceType":"Patient",`+named(tt.elements)+`}`), "SECRET")
			if tt.reason != "" {
				require.Len(t, failures, 1)
				require.Equal(t, tt.reason, failures[0].Reason)
				require.Equal(t, hmstype.KindInvalid, hmstype.KindOf(failures[0]))
				return
			}
			require.Len(t, records, 1)
			tt.check(t, records[0].Input)
		})
	}
}

func manyIdentifiers(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`{"system":"urn:x","value":"%d"}`, i)
	}
	return strings.Join(list, ",")
}

func TestReadPatients_StopsWithTheCallerAndTheFile(t *testing.T) {
	t.Parallel()
	seen := 0
	for range fhir.ReadPatients(open(t, "testdata/patients.ndjson"), "x.ndjson") {
		seen++
		break
	}
	require.Equal(t, 1, seen)
	for range fhir.ReadPatients(open(t, "testdata/bundle.json"), "x.json") {
		seen++
		break
	}
	require.Equal(t, 2, seen)

	broken := errors.New("disk SECRET broken")
	for _, name := range []string{"x.json", "x.ndjson"} {
		in := io.MultiReader(strings.NewReader("{\n"), iotest.ErrReader(broken))
		_, failures, _ := collect(t, in, name)
		last := failures[len(failures)-1]
		require.ErrorIs(t, last, broken)
		require.Equal(t, "the file cannot be read", last.Reason)
	}
}

// endless is a Bundle without end: reading it must not keep it.
type endless struct{ rest string }

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		e.rest = `{"resource":{"resourceType":"Patient","name":[{"family":"A"}]}},`
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestReadPatients_HoldsOneEntryAtATime(t *testing.T) {
	t.Parallel()
	n := 0
	for _, err := range fhir.ReadPatients(&endless{rest: `{"resourceType":"Bundle","entry":[`}, "x") {
		require.NoError(t, err)
		if n++; n == 100_000 {
			return
		}
	}
}

func FuzzReadPatients(f *testing.F) {
	for _, path := range []string{"testdata/bundle.json", "testdata/patients.ndjson"} {
		text, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("\uFEFF{\"resourceType\":\"Bundle\",\"entry\":[{}]}"))
	f.Add([]byte(`{"a":"\\\"","entry":[{"resource":[]},1,""]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		last := int64(-1)
		for record, err := range fhir.ReadPatients(bytes.NewReader(in), "x") {
			offset := record.Offset
			if err != nil {
				var failure *fhir.RecordError
				require.ErrorAs(t, err, &failure)
				require.Equal(t, hmstype.KindInvalid, hmstype.KindOf(err))
				require.GreaterOrEqual(t, failure.Line, 1)
				offset = failure.Offset
			} else {
				require.NoError(t, record.Input.Validate())
			}
			require.GreaterOrEqual(t, offset, last, "records come in the order of the file")
			require.LessOrEqual(t, offset, int64(len(in)))
			last = offset
		}
	})
}

// shared gives the files of the data sets that lie beside the repository, where they do.
func shared(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "shared", "data", pattern))
	require.NoError(t, err)
	if len(paths) == 0 {
		t.Skip("the shared data sets are not here")
	}
	return paths
}

func TestReadPatients_SharedData(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{
		"synthea-patients-1144/Patient.000.ndjson": 1144,
		"synthea-2024/fhir/*.json":                 10,
		"synthea-bulk-10/Patient.000.ndjson":       13,
		"synthea-bulk-10/Encounter.000.ndjson":     0,
	} {
		t.Run(strings.ReplaceAll(pattern, "/", "_"), func(t *testing.T) {
			t.Parallel()
			got := 0
			for _, path := range shared(t, pattern) {
				records, failures, _ := collect(t, open(t, path), path)
				require.Empty(t, failures)
				got += len(records)
				for _, r := range records {
					require.NotEmpty(t, r.Input.FirstName)
					require.False(t, r.Input.BirthDate.IsZero())
					require.NotEmpty(t, r.Input.Identifiers)
				}
			}
			require.Equal(t, want, got)
		})
	}
}
