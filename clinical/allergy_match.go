package clinical

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
)

func allergyMatches(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID, codes []hmstype.Code, called []string,
) ([]hmstype.AllergyID, error) {
	rows, err := standingAllergies(ctx, db, patient)
	if err != nil {
		return nil, err
	}
	var matches []hmstype.AllergyID
	for _, r := range rows {
		if !r.NoneKnown && r.matches(codes, called) {
			matches = append(matches, r.ID)
		}
	}
	return matches, nil
}

func (r allergyRow) matches(codes []hmstype.Code, called []string) bool {
	return slices.ContainsFunc(codes, r.isCoded) ||
		slices.ContainsFunc(called, func(name string) bool {
			key := names.SubstanceKey(name)
			return names.ContainsWords(key, r.SubstanceKey) || names.ContainsWords(r.SubstanceKey, key)
		})
}

// isCoded tells whether the allergy is to what the code names, however it is typed: a code in small
// letters must not hide an allergy.
func (r allergyRow) isCoded(c hmstype.Code) bool {
	code := names.CodeKey(c.Value)
	return code != "" && code == names.CodeKey(r.Substance.Value) &&
		names.CodeKey(c.System) == names.CodeKey(r.Substance.System)
}
