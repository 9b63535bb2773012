package patient

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestValidMRN_FindsEveryWrongDigitAndSwap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mrn := formatMRN(rapid.Int64Range(1, 99_999_999).Draw(t, "n"))
		if !ValidMRN(mrn) {
			t.Fatalf("%s is refused", mrn)
		}
		at := rapid.IntRange(0, len(mrn)-1).Draw(t, "at")
		digit := byte(rapid.IntRange(0, 9).Draw(t, "digit")) + '0'
		wrong := mrn[:at] + string(digit) + mrn[at+1:]
		if wrong != mrn && ValidMRN(wrong) {
			t.Fatalf("%s passes for %s", wrong, mrn)
		}
		if at > 0 && mrn[at] != mrn[at-1] {
			swapped := mrn[:at-1] + string(mrn[at]) + string(mrn[at-1]) + mrn[at+1:]
			if ValidMRN(swapped) {
				t.Fatalf("%s passes for %s", swapped, mrn)
			}
		}
	})
	require.False(t, ValidMRN("12"))
	require.False(t, ValidMRN("1234567ab"))
}
