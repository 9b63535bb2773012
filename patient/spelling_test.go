package patient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// A person is found, and known again, by a name as another keyboard or a passport writes it.
func TestService_Search_SpellingsOfOneName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ registered, typed string }{
		"TurkishDotless":      {"Yıldız", "YILDIZ"},
		"TurkishDotted":       {"İpek", "ipek"},
		"TurkishUpper":        {"IŞIK", "ışık"},
		"SharpS":              {"Straße", "STRASSE"},
		"Decomposed":          {"Mu\u0308ller", "Müller"},
		"FullWidth":           {"Ｔanaka", "tanaka"},
		"PersianArabicYeh":    {"علی", "علي"},
		"PersianArabicKaf":    {"کریم", "كريم"},
		"ArabicTatweel":       {"محمد", "محـمد"},
		"ArabicHarakat":       {"محمد", "مُحَمَّد"},
		"ArabicHamza":         {"أحمد", "احمد"},
		"AlefMaksura":         {"مصطفى", "مصطفي"},
		"ZeroWidthNonJoiner":  {"علی\u200cرضا", "علیرضا"},
		"ZeroWidthSpace":      {"Love\u200blace", "Lovelace"},
		"SoftHyphen":          {"Love\u00adlace", "Lovelace"},
		"TypedWithZeroWidth":  {"Lovelace", "Love\u200blace"},
		"TypedWithSoftHyphen": {"Lovelace", "Love\u00adlace"},
		"Dashes":              {"Lovelace‑King", "Lovelace-King"},
		"NoBreakSpace":        {"van\u00a0Dyck", "van Dyck"},
		"Apostrophes":         {"O’Neill", "O'Neill"},
		"RunTogether":         {"O’Neill", "oneill"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := dbtest.New(t)
			s := patient.New(env.Base, patient.Ports{})
			p, err := s.Register(env.Ctx, person(tt.registered))
			require.NoError(t, err)
			list, err := s.Search(env.Ctx, patient.SearchInput{Name: tt.typed})
			require.NoError(t, err)
			require.Len(t, list.Items, 1, "found")
			require.Equal(t, p.ID, list.Items[0].ID)
			_, err = s.Register(env.Ctx, person(tt.typed))
			require.ErrorIs(t, err, patient.ErrDuplicate, "known again")
		})
	}
}

// A telephone number is the same in the digits of another script.
func TestService_Search_PhoneInOtherDigits(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Lovelace")
	in.PhoneNumber = "+٩٦٢ ٧٩٠ ١٢٣٤٥٦"
	_, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	for _, typed := range []string{"+962 790 123456", "٠٠٩٦٢٧٩٠١٢٣٤٥٦", "۰۰۹۶۲۷۹۰۱۲۳۴۵۶"} {
		list, err := s.Search(env.Ctx, patient.SearchInput{PhoneNumber: typed})
		require.NoError(t, err, typed)
		require.Len(t, list.Items, 1, typed)
	}
}
