package clinical

import (
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

// dose is what a dosage says: the greatest of the amounts that it names.
type dose struct {
	amount decimal.Decimal
	unit   string // in normal form; empty where units of the medicine are counted
}

var maxDose = decimal.NewFromInt(100_000_000)

// dosageForm is an amount, perhaps a fraction or the end of a range, the word behind it, and the rest. A unit may be
// one of a rate: "10 ml/h".
var dosageForm = regexp.MustCompile(
	`^([0-9]+/[0-9]+|[0-9]+(?:[.,][0-9]+)?)(?: ?- ?([0-9]+(?:[.,][0-9]+)?))?(?: ?([^\s0-9/()]+)(?:[/\s(].*)?)?$`)

// measures are the units that a dose may have beside those of the medicine itself: of mass, volume, activity and
// substance (UCUM's, as they are written on prescriptions), and what is counted by hand.
var measures = map[string]bool{
	"": true, "kg": true, "g": true, "mg": true, "mcg": true, "\u03bcg": true, "ug": true, "ng": true,
	"l": true, "dl": true, "cl": true, "ml": true, "mmol": true, "mol": true, "meq": true, "kcal": true,
	"iu": true, "ie": true, "u": true, "unit": true, "units": true, "mbq": true, "%": true,
	"tablet": true, "tablets": true, "tab": true, "capsule": true, "capsules": true, "cap": true, "pill": true,
	"pills": true, "drop": true, "drops": true, "puff": true, "puffs": true, "spray": true, "sprays": true,
	"sachet": true, "sachets": true, "suppository": true, "suppositories": true, "patch": true, "patches": true,
	"ampoule": true, "ampoules": true, "vial": true, "vials": true, "injection": true, "injections": true,
	"lozenge": true, "lozenges": true, "spoon": true, "spoons": true, "teaspoon": true, "teaspoons": true,
	"application": true, "applications": true, "dose": true, "doses": true, "piece": true, "pieces": true,
}

// parseDose reads a dosage, of which "½" is "1/2" and the sign of micro is the Greek letter. It tells whether it is
// one: an amount in bounds with a unit that is known, or that is the medicine's own.
func parseDose(dosage string, own ...string) (dose, bool) {
	m := dosageForm.FindStringSubmatch(strings.ReplaceAll(names.NameKey(dosage), "\u2044", "/"))
	if m == nil {
		return dose{}, false
	}
	amount, ok := parseAmount(m[1])
	if m[2] != "" && ok {
		var upTo decimal.Decimal
		upTo, ok = parseAmount(m[2])
		ok = ok && upTo.GreaterThanOrEqual(amount)
		amount = upTo
	}
	unit := strings.TrimRight(m[3], ".,;")
	known := measures[unit]
	for _, o := range own {
		known = known || unit != "" && names.SubstanceKey(o) == names.SubstanceKey(unit)
	}
	if !ok || !known || !amount.IsPositive() || amount.GreaterThan(maxDose) {
		return dose{}, false
	}
	return dose{amount: amount, unit: unit}, true
}

func parseAmount(text string) (decimal.Decimal, bool) {
	over, under, isFraction := strings.Cut(text, "/")
	amount, err := decimal.NewFromString(strings.Replace(over, ",", ".", 1))
	if err != nil || !isFraction {
		return amount, err == nil
	}
	divisor, err := decimal.NewFromString(under)
	if err != nil || divisor.IsZero() {
		return amount, false
	}
	return amount.DivRound(divisor, 6), true
}

// perMilligram are the units of mass, in milligrams.
var perMilligram = map[string]decimal.Decimal{
	"kg": decimal.New(1, 6), "g": decimal.New(1, 3), "mg": decimal.New(1, 0), "mcg": decimal.New(1, -3),
	"\u03bcg": decimal.New(1, -3), "ug": decimal.New(1, -3), "ng": decimal.New(1, -6),
}

// milligrams gives the mass of a dose of a medicine: its own, or that of so many units of the strength. It tells
// whether that can be said: "5 ml" of nothing that is known, and "1 puff", cannot.
func (d dose) milligrams(strength, unit string) (decimal.Decimal, bool) {
	if factor, ok := perMilligram[d.unit]; ok {
		return d.amount.Mul(factor), true
	}
	one, ok := parseDose(strength)
	factor, isMass := perMilligram[one.unit]
	if !ok || !isMass || strings.Contains(strength, "/") ||
		d.unit != "" && names.SubstanceKey(d.unit) != names.SubstanceKey(unit) {
		return decimal.Decimal{}, false
	}
	return d.amount.Mul(one.amount).Mul(factor), true
}

// checkDosage refuses a dosage that is none, of a medicine whose unit and form are known.
func (d PrescriptionDetails) checkDosage(v *hmstype.Validator) {
	_, ok := parseDose(d.Dosage, d.Unit, d.Form)
	v.Check(ok, "dosage", `must begin with an amount and a known unit, such as "500 mg"`)
}
