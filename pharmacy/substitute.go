package pharmacy

import (
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

// allows refuses an item that is not what was prescribed. Of what was prescribed as an item it is that item; of what
// was prescribed by name any of the formulary that has a name or a code in common with it, and its strength and unit as
// far as both say them: twenty tablets of 500 mg are not twenty of 1 g, nor twenty millilitres.
func (rx LockedPrescription) allows(item Item) error {
	wanted, given := rx.Medicine, item.medicine()
	if !wanted.Item.IsZero() {
		if wanted.Item != given.Item {
			return &PrescriptionError{Reason: PrescriptionOtherMedicine}
		}
		return nil
	}
	switch {
	case !isSame(wanted, given):
		return &PrescriptionError{Reason: PrescriptionOtherMedicine}
	case differ(names.CodeKey, wanted.Strength, given.Strength):
		return &PrescriptionError{Reason: PrescriptionOtherStrength}
	case differ(names.SubstanceKey, wanted.Unit, given.Unit):
		return &PrescriptionError{Reason: PrescriptionOtherUnit}
	default:
		return nil
	}
}

// differ tells whether both texts say something, and not the same.
func differ(key func(string) string, a, b string) bool {
	return a != "" && b != "" && key(a) != key(b)
}

// isSame tells whether two medicines have a code in common, or the same substance, or, where one of them does not name
// its substance, a name that stands in one of the other's: what is more than one substance is not one of them.
func isSame(a, b hmstype.Medicine) bool {
	for _, c := range a.Codes {
		if slices.ContainsFunc(b.Codes, func(d hmstype.Code) bool {
			return names.CodeKey(c.System) == names.CodeKey(d.System) && names.CodeKey(c.Value) == names.CodeKey(d.Value)
		}) {
			return true
		}
	}
	if one, other := names.SubstanceKey(a.GenericName), names.SubstanceKey(b.GenericName); one != "" && other != "" {
		return one == other
	}
	for _, x := range []string{a.Name, a.GenericName} {
		for _, y := range []string{b.Name, b.GenericName} {
			x, y := names.SubstanceKey(x), names.SubstanceKey(y)
			if names.ContainsWords(x, y) || names.ContainsWords(y, x) {
				return true
			}
		}
	}
	return false
}
