package patient

import (
	"fmt"
	"strings"
)

// formatMRN gives the n-th medical record number: eight digits and a check digit.
func formatMRN(n int64) string {
	digits := fmt.Sprintf("%08d", n)
	return digits + string(dammDigit(digits))
}

// ValidMRN tells whether the check digit of a number that this package allocated is right.
// Numbers that a host brought along need not have one.
func ValidMRN(mrn string) bool {
	if len(mrn) < 9 || strings.ContainsFunc(mrn, func(r rune) bool { return r < '0' || r > '9' }) {
		return false
	}
	return dammDigit(mrn) == '0'
}

// damm is a totally anti-symmetric quasigroup of order ten (H. M. Damm, 2004): its check
// digit finds every wrong digit and every swap of neighbours.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

func dammDigit(digits string) byte {
	var interim byte
	for i := range len(digits) {
		interim = damm[interim][digits[i]-'0']
	}
	return '0' + interim
}
