package names_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

// The levels of UTS #39, section 5.2, and what is no sign of a name at all.
func TestCheckLook(t *testing.T) {
	t.Parallel()
	const unseen, scripts, signs = "must not hold characters that nobody sees", "must not mix scripts that look alike",
		"must be of letters, digits and plain punctuation"
	for rule, texts := range map[string][]string{
		"": {
			"admin", "a.odhiambo-1@x", "Zoë van\u2013Dyk", "D’Arcy", "col·legi", "Łukasz", "дмитрий", "Дмитрий 2",
			"γιώργος", "محمد علي",
			"דוד", "देवी", "น้อง", "អូន", "山田", "山田たろう", "山田タロウtaro", "김민수", "金민수kim", "陳ㄔㄣˊ", "taro山田",
			"devi देवी", "ali محمد",
			"ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "ⓐdmin", "Արամ", "გიორგი", "ቴዎድሮስ", "١٢٣", "lab 1/2 (night)", "Ɗan-ɓawa", "ʻOkina", "Əli",
		},
		unseen: {
			"ad\u00admin", "ad\u200bmin", "admin\u200d", "admin\ufe0f", "admin\ufe00", "\u2060admin", "admin\u202e",
			"\u202dadmin", "admin\U000e0020",
			"admin\U000e0100", "admin\u034f", "admin\u180e", "admin\ufeff", "admin\u2063", "admin\u061c",
			"admin\u115f", "admin\u1160", "admin\u3164",
			"admin\uffa0", "ad\u17b4min", "\u180badmin", "admin\u2065", "admin\ufff0", "admin\U000e0fff",
			"admin\U0001d173",
		},
		scripts: {
			"аdmin", "αdmin", "admіn", "dmitrийy", "Дaвид", "ᎠᎠ", "ꓮꓓ", "Ⲁⲇ", "𐐀𐐁", "山田ทดสอบ", "देवीবাংলা", "かなᄒ하",
			"ㄅあ", "xγμ", "ᏚᎪᎷ",
		},
		signs: {"admin♥", "☃", "ad→min", "€100", "adm\ufffcin", "💊", "½", "admin²⁄", "ɑdmin", "admiɴ", "ᴀdmin", "a™\u00a9"},
	} {
		for _, text := range texts {
			var v hmstype.Validator
			names.CheckLook(&v, text, "name")
			if rule == "" {
				require.NoError(t, v.Err(), "%+q", text)
				continue
			}
			require.NotEmpty(t, hmstype.Fields(v.Err()), "%+q", text)
			require.Equal(t, rule, hmstype.Fields(v.Err())[0].Rule, "%+q", text)
		}
	}
}

func alike(looks func(string) []string, a, b string) bool {
	return slices.ContainsFunc(looks(a), func(look string) bool { return slices.Contains(looks(b), look) })
}

func TestLooks(t *testing.T) {
	t.Parallel()
	for name, like := range map[string][]string{
		"admin": {
			"Admin", "ADMIN", "ａｄｍｉｎ", "𝐚𝐝𝐦𝐢𝐧", "adm1n", "admln", "admIn", "adm|n", "adrnin", "adm\u0131n", "ádmin",
			"admin\u0300", "admin\u0335",
			"admin.", "ad-min", "ad min", "ad_min", "ad\u2010min", "aɗmin", "admi\u0307n", "ADM\u0130N",
			"ⓐdmin",
		},
		"раура": {"paypa", "PAYPA"}, "СОВЕТ": {"COBET"}, "ΒΟΒ": {"BOB", "bob", "B0B"}, "lan": {"Ian", "1an", "ian"},
		"bill":  {"bi11", "BILL"},
		"user0": {"usero", "userO", "user 0"}, "Søren": {"Soren", "SØREN"}, "lab-1-12": {"lab 1.12", "lab-1/12"},
	} {
		for _, other := range like {
			require.True(t, alike(names.Looks, name, other), "%+q, %+q", name, other)
			require.True(t, alike(names.Looks, other, name), "%+q, %+q", name, other)
		}
	}
	for name, unlike := range map[string][]string{
		"admin": {"adminna", "badmin", "administrator", "admim"}, "lab-1-12": {"lab-11-2", "lab112"}, "がく": {"かく"},
		"कि":     {"कु", "क"},
		"user 1": {"user 2", "user 11"}, "дмитрий": {"dmitry"}, "山田": {"山本"},
	} {
		for _, other := range unlike {
			require.False(t, alike(names.Looks, name, other), "%+q, %+q", name, other)
		}
	}
	require.Empty(t, names.Looks("+-."))
	for a, b := range map[string]string{
		"mike@example.org": "mıke@example.org", "MIKE@example.org": "mlke@example.org",
		"mike@exаmple.org": "mike@example.org",
		"ｍike@example.org": "mike@example.org", "anna1@example.org": "annal@example.org",
		"rnike@example.org": "mike@examp1e.org",
	} {
		require.True(t, alike(names.EmailLooks, a, b), "%+q, %+q", a, b)
	}
	for a, b := range map[string]string{
		"mike@example.org": "mike@example.com", "j.smith@example.org": "jsmith@example.org",
		"josé@example.org": "jose@example.org",
	} {
		require.False(t, alike(names.EmailLooks, a, b), "%+q, %+q", a, b)
	}
	require.Empty(t, names.EmailLooks(""))
}

// Names that are one name look alike, so that the look never lets in what the key refuses.
func TestLooks_OfOneName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[A-Za-z0-9 ._ßſİΣéµﬃ-]*`)).Draw(t, "text")
		if len(names.Looks(text)) == 0 {
			return
		}
		for _, same := range []string{names.NameKey(text), strings.ToUpper(text), strings.ToLower(text)} {
			if names.NameKey(same) == names.NameKey(text) {
				require.True(t, alike(names.Looks, text, same), "%+q", same)
			}
		}
	})
}
