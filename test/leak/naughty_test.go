package leak_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/patient"
)

// naughty are texts that have broken programs, after the Big List of Naughty Strings: each is
// stored as it is, or refused as invalid.
var naughty = []string{
	// words that some language reads as a value
	"undefined", "null", "NULL", "(null)", "nil", "None", "true", "NaN", "-Infinity", "hasOwnProperty", "__proto__",
	"\\N", "\\.",
	// numbers that are none, or not what they look like
	"0", "1/0", "-1", "1e1000", "0x0", "1,000.00", "1'000,00", "٣", "１２３", "9223372036854775808", "00", "--1", "²",
	// characters of SQL, of Bun's placeholders, of shells, of templates
	"'", "''", `"`, "`", "1;DROP TABLE users", "1'; DROP TABLE hms.patient-- 1", "' OR 1=1 -- 1", "' OR '1'='1", "$1",
	"$$", "?", "??", "?0", "?TableAlias",
	"%", "_", `\`, `\\`, `\'`, `E'\''`, "/*", "*/", "--", "%s%n", "{0}", "{{.}}", "${HOME}", "$(touch /tmp/x)",
	"`touch /tmp/x`", "|", "&", ";",
	// scripts, markup, paths, formulas
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "&lt;b&gt;", "<?xml version=\"1.0\"?>",
	"<!ENTITY x SYSTEM 'file:///etc/passwd'>",
	"../../../../etc/passwd", `..\..\windows`, "/dev/null; touch /tmp/x", "CON", "=1+1", "+1", "@SUM(1)",
	"=HYPERLINK(\"http://x\")", "-2+3",
	// letters of everywhere, of two forms, of two directions, of none
	"Ω≈ç√∫˜µ≤≥÷", "ÅÍÎÏ˝ÓÔÒÚÆ☃", "ЁЂЃЄЅІЇЈ", "田中さんにあげて下さい", "찦차를 타고 온 펲시맨과", "𠜎𠜱𠝹𠱓", "Ⱥ", "Ⱦ", "ß", "ﬁ", "İ", "ı", "ﷺ",
	"é", "e\u0301", "Å", "\u212b",
	"الكل في المجمو عة", "‪‪test‪", "‫test‫", "⁦test⁧", "\u202eevil\u202c", "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮",
	"Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮", "ด้้้้้็็็็็้้้้้็็็็็",
	"😍", "👩🏽‍⚕️", "👨‍👩‍👦", "🇺🇸🇷🇺", "❤️", "(╯°□°)╯︵ ┻━┻", "˙ɐnbᴉlɐ", "𝕿𝖍𝖊", "ｆｕｌｌ", "\ufeffbom", "zero\u200bwidth",
	"soft\u00adhyphen", "nb\u00a0sp", "ideo\u3000graphic",
	"\ufffd", "\ufffe", "\uffff", "\U000e0001", "\U0010ffff", "\u2028", "\u2029", "a\u0300\u0301\u0302\u0303",
	// space, and what is none
	" lead", "trail ", "  ", "\t", "a\nb", "a\r\nb", "a\tb",
	// what no text may hold
	"\x00", "a\x00b", "\x01", "\x1b[31m", "\x7f", "\u0085", "\x80", "\xff", "\xc3\x28", "\xed\xa0\x80",
	"\xf0\x28\x8c\xbc", "\xfe\xfe\xff\xff",
}

// isText tells what may be stored: valid UTF-8 without control characters but tab and line ends.
func isText(s string) bool {
	return !hasField(func(v *hmstype.Validator) { v.Text(s, "x", 0, 1<<21) })
}

func hasField(check func(*hmstype.Validator)) bool {
	var v hmstype.Validator
	check(&v)
	return v.Err() != nil
}

// detailFields are the texts of a registration.
var detailFields = map[string]func(*patient.RegisterInput) *string{
	"firstName":             func(in *patient.RegisterInput) *string { return &in.FirstName },
	"lastName":              func(in *patient.RegisterInput) *string { return &in.LastName },
	"phoneNumber":           func(in *patient.RegisterInput) *string { return &in.PhoneNumber },
	"email":                 func(in *patient.RegisterInput) *string { return &in.Email },
	"address":               func(in *patient.RegisterInput) *string { return &in.Address },
	"emergencyContactName":  func(in *patient.RegisterInput) *string { return &in.EmergencyContactName },
	"emergencyContactPhone": func(in *patient.RegisterInput) *string { return &in.EmergencyContactPhone },
	"mrn":                   func(in *patient.RegisterInput) *string { return &in.MRN },
	"overrideReason":        func(in *patient.RegisterInput) *string { return &in.OverrideReason },
	"identifiers[0].system": func(in *patient.RegisterInput) *string { return &in.Identifiers[0].System },
	"identifiers[0].value":  func(in *patient.RegisterInput) *string { return &in.Identifiers[0].Value },
}

func newRegistration() patient.RegisterInput {
	unique := hmstype.NewID[hmstype.PatientID]().String()
	return patient.RegisterInput{
		Details:        patient.Details{LastName: "Test " + unique, Gender: patient.GenderUnknown},
		Identifiers:    []patient.Identifier{{System: "urn:" + unique, Value: unique}},
		OverrideReason: "another person", // names like "null" come back
	}
}

func TestNaughtyStrings_InARegistration(t *testing.T) {
	t.Parallel()
	for field, at := range detailFields {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			env := hmstest.New(t)
			stored, refused, taken := 0, 0, 0
			numbers := map[string]bool{}
			for _, text := range append([]string{strings.Repeat("x", 1<<20), strings.Repeat(" ", 1<<20) + "x"}, naughty...) {
				in := newRegistration()
				*at(&in) = text
				p, err := env.H.Patient.Register(env.Ctx, in)
				if errors.Is(err, patient.ErrMRNTaken) { // "NULL" after "null"
					taken++
					require.True(t, numbers[names.CodeKey(text)], "%.100q", text)
					continue
				}
				if err != nil {
					refused++
					require.Equal(t, hmstype.KindInvalid, hmstype.KindOf(err), "%.100q: %v", text, err)
					require.Equal(t, field, hmstype.Fields(err)[0].Path, "%.100q", text)
					continue
				}
				stored++
				require.False(t, numbers[names.CodeKey(p.MRN)], "%q is two patients' number", text)
				numbers[names.CodeKey(p.MRN)] = true
				require.True(t, isText(text), "%.100q", text)
				got, err := env.H.Patient.Get(env.Ctx, p.ID)
				require.NoError(t, err)
				in.MRN = p.MRN // where none was given
				require.Equal(t, in.Details, withoutPrecision(got.Details), "%q comes back as it went in", text)
				for i := range got.Identifiers {
					require.False(t, got.Identifiers[i].ID.IsZero())
					got.Identifiers[i].ID = hmstype.PatientIdentifierID{}
				}
				require.Equal(t, in.Identifiers, got.Identifiers)
				require.Equal(t, in.OverrideReason, got.OverrideReason)
			}
			require.Greater(t, stored+taken, 100)
			require.Less(t, taken, 10, "few are spellings of another")
			require.Greater(t, refused, 12)
		})
	}
}

// withoutPrecision takes away what registration fills in.
func withoutPrecision(d patient.Details) patient.Details {
	d.BirthDatePrecision = ""
	return d
}

func TestNaughtyStrings_InANote(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	visit := env.Encounter(t, env.Patient(t).ID, clinical.ClassAmbulatory)
	stored := 0
	for _, text := range append([]string{strings.Repeat("x", 1<<20)}, naughty...) {
		for part, at := range map[string]func(*clinical.NoteBody) *string{
			"chiefComplaint":          func(b *clinical.NoteBody) *string { return &b.ChiefComplaint },
			"historyOfPresentIllness": func(b *clinical.NoteBody) *string { return &b.HistoryOfPresentIllness },
			"physicalExamination":     func(b *clinical.NoteBody) *string { return &b.PhysicalExamination },
			"assessment":              func(b *clinical.NoteBody) *string { return &b.Assessment },
			"plan":                    func(b *clinical.NoteBody) *string { return &b.Plan },
		} {
			in := clinical.WriteNoteInput{Encounter: visit.ID, NoteBody: clinical.NoteBody{ChiefComplaint: "x"}}
			*at(&in.NoteBody) = text
			note, err := env.H.Clinical.WriteNote(env.Ctx, in)
			if err != nil {
				require.Equal(t, part, hmstype.Fields(err)[0].Path, "%.100q: %v", text, err)
				require.True(t, !isText(text) || len(text) > 20_000, "%.100q is a text", text)
				continue
			}
			stored++
			signed, err := env.H.Clinical.SignNote(env.Ctx, note.ID)
			require.NoError(t, err)
			got, err := env.H.Clinical.GetNote(env.Ctx, note.ID)
			require.NoError(t, err)
			require.Equal(t, in.NoteBody, got.NoteBody, "%q comes back as it went in", text)
			require.NoError(t, got.Verify())
			require.Equal(t, signed.Hash, got.Hash)
		}
	}
	require.Greater(t, stored, 500)
}

// What is searched for may be as naughty as what is stored: it finds what it means, or nothing.
func TestNaughtyStrings_InASearch(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	env.Patient(t)
	for _, text := range naughty {
		for _, in := range []patient.SearchInput{
			{Name: text}, {MRN: text}, {PhoneNumber: text}, {Identifier: &patient.Identifier{System: text, Value: text}},
			{Name: "test", Page: hmstype.Page{Cursor: text}},
		} {
			found, err := env.H.Patient.Search(env.Ctx, in)
			if err != nil {
				require.Equal(t, hmstype.KindInvalid, hmstype.KindOf(err), "%q: %v", text, err)
				require.NotEmpty(t, hmstype.Fields(err), "%q: refused before the database", text)
			}
			if in.Page.Cursor == "" && !strings.Contains(strings.ToLower(text), "test") {
				require.Empty(t, found.Items, "%q", text)
			}
		}
	}
}
