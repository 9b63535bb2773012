package patient

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// minPhoneDigits is the least that a telephone number is compared by.
const minPhoneDigits = 3

// phoneDigits gives the digits of a telephone number, of whatever script, and the sign before them.
func phoneDigits(number string) string {
	return strings.Map(func(r rune) rune {
		if digit, ok := names.Digit(r); ok {
			return '0' + digit
		}
		if r == '+' {
			return r
		}
		return -1
	}, names.Fold(number))
}

// normalizePhone makes telephone numbers comparable: the digits of the international form (E.164), by the numbering
// plan of the country that the number names or, where it names none, of the given one (ISO 3166-1 alpha-2; empty for
// none). What no plan knows is compared by its digits.
func normalizePhone(number, country string) string {
	digits := phoneDigits(number)
	if rest, ok := strings.CutPrefix(digits, "00"); ok && country == "" {
		digits = "+" + rest // what most countries dial before a foreign number
	}
	if parsed, err := phonenumbers.Parse(digits, country); err == nil && phonenumbers.IsPossibleNumber(parsed) {
		return strings.TrimPrefix(phonenumbers.Format(parsed, phonenumbers.E164), "+")
	}
	return strings.TrimPrefix(strings.ReplaceAll(digits, "+", ""), "00")
}

// phoneField is under which field the keys of all telephone numbers are made: any of them finds any.
const phoneField fieldcrypt.Field = "patient.phone_number"

// phoneKeys gives the keys of a person's telephone numbers, each once.
func phoneKeys(keys fieldcrypt.Keys, country string, d Details) ([]string, error) {
	list := []string{}
	for _, number := range []string{d.PhoneNumber, d.SecondPhoneNumber, d.EmergencyContactPhone} {
		normal := normalizePhone(number, country)
		if len(normal) < minPhoneDigits {
			continue
		}
		key, err := keys.Index(phoneField, normal)
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
