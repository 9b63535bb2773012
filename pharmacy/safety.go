package pharmacy

import (
	"context"

	"github.com/chelal/hms/internal/dbx"
)

// SafetyCheck is the outcome of the allergy check. "Not checked" is not "none found".
type SafetyCheck string

func (s *Service) checkSafety(ctx context.Context, db dbx.DB, in DispenseInput, item Item) (SafetyCheck, error) {
	if s.ports.Allergies == nil {
		return SafetyNotChecked, nil
	}
	names := []string{item.Name, item.GenericName}
	matches, err := s.ports.Allergies.AllergyMatches(ctx, db.Conn(), in.Patient, item.medicine().Codes, names)
	switch {
	case err != nil:
		return "", err
	case len(matches) == 0:
		return SafetyNoneFound, nil
	case in.OverrideReason == "":
		return "", ErrAllergy
	default:
		return SafetyOverridden, nil
	}
}

// The outcomes.
const (
	SafetyNoneFound  SafetyCheck = "none-found"
	SafetyOverridden SafetyCheck = "overridden" // an allergy was found, and a reason given
	SafetyNotChecked SafetyCheck = "not-checked"
)
