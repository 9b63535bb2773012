package hmstype_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
)

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	const once, pair = "must be given once", "must not hold half of a surrogate pair"
	for text, want := range map[string][]hmstype.FieldError{
		`{}`: nil, ` [ ] `: nil, `null`: nil, `"a"`: nil, `-1.5e3`: nil, `[1,2 , 3]`: nil,
		`{"a":{"b":[{"c":1},{"c":2}]}}`:       nil,
		`{"a":"\\","b":"\"","c":"\\\\ud800"}`: nil, `{"a":"\ud83d\ude00 \u00e9 😀"}`: nil, `{"a":[{},[]],"b":{ }}`: nil,
		`{"a":1,"a":2}`: {{"a", once}}, `{"a":1,"b":2,"A":3}`: {{"A", once}}, `{"a":1,"\u0061":2}`: {{"a", once}},
		`{"kind":1,"` + "\u212a" + `ind":2}`:        {{"?", once}},
		`{"n":[{"f":"x"},{"f":"y","f":"z"}]}`:       {{"n[1].f", once}},
		`{"a":{"a":1}, "b":{"c":1,"d":{},"c":{} }}`: {{"b.c", once}},
		`"\ud800"`: {{"$", pair}}, `["\udc00"]`: {{"[0]", pair}}, `{"a":"x\ud800y"}`: {{"a", pair}},
		`{"a":"\ud800\ud800"}`: {{"a", pair}}, `{"a":"\ude00\ud83d"}`: {{"a", pair}}, `{"a":"\ud800\n"}`: {{"a", pair}},
		`{"\ud800":1}`: {{"?", pair}}, `{"Ada Lovelace":1,"Ada Lovelace":2}`: {{"?", once}},
		`{"a":1`: {{"$", "must be JSON"}}, `{"a":1}x`: {{"$", "must be JSON"}}, ``: {{"$", "must be JSON"}},
		"\"\xed\xa0\x80\"": {{"$", "must be valid UTF-8"}},
	} {
		err := hmstype.CheckJSON([]byte(text))
		require.Equal(t, want, hmstype.Fields(err), text)
		if want != nil {
			require.ErrorIs(t, err, hmstype.ErrInvalid)
		}
	}
	deep := strings.Repeat(`{"a":[`, 4000) + strings.Repeat(`]}`, 4000)
	require.NoError(t, hmstype.CheckJSON([]byte(deep)))
}

// Whatever is no JSON is refused, and nothing else breaks the walk.
func FuzzCheckJSON(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":"\ud800"}`, `[{"b":[1,true,null,{}]}, "\\"]`, `1e9`, `{"a`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := hmstype.CheckJSON(text)
		if !json.Valid(text) && err == nil {
			t.Errorf("%q is no JSON", text)
		}
	})
}
