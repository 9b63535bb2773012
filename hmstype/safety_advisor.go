package hmstype

import (
	"context"
	"slices"
	"unicode/utf8"
)

// SafetyAdvisor is a host's own knowledge of medicines, such as a service that it licenses. It is asked before the
// transaction of who prescribes or hands out; what it says holds only where the patient's lists are then still those
// that it was told of ([ErrStale] otherwise). An error, an answer that makes no sense and one that takes longer than
// ten seconds are an outage: every check has then failed, and none is "none found".
type SafetyAdvisor interface {
	Advise(ctx context.Context, question SafetyQuestion) (SafetyAnswer, error)
}

// SafetyQuestion is a medicine and what is known of the patient who is to get it.
type SafetyQuestion struct {
	Tenant         TenantID       `json:"tenant"`
	Patient        PatientID      `json:"patient"`
	Gender         string         `json:"gender"`             // FHIR administrative-gender
	BirthDate      Date           `json:"birthDate,omitzero"` // zero means unknown
	Medicine       Medicine       `json:"medicine"`
	Dosage         string         `json:"dosage,omitempty"`      // one dose, such as "500 mg"; empty where it is not told
	DosesPerDay    int            `json:"dosesPerDay,omitempty"` // zero means not told
	AllergiesAsked bool           `json:"allergiesAsked"`        // whether an allergy is on record, or that none is known
	Allergies      []KnownAllergy `json:"allergies,omitempty"`   // active, and neither refuted nor an error
	Taken          []TakenDrug    `json:"taken,omitempty"`       // what he takes beside it
	// AllergyVersion and MedicationVersion are those of the lists; see [Verdict].
	AllergyVersion    int64 `json:"allergyVersion"`
	MedicationVersion int64 `json:"medicationVersion"`
}

// KnownAllergy is an allergy on record.
type KnownAllergy struct {
	ID          AllergyID `json:"id"`
	Substance   Code      `json:"substance"`
	Criticality string    `json:"criticality"` // low, high or unable-to-assess
}

// TakenDrug is what a prescription has a patient take.
type TakenDrug struct {
	Prescription PrescriptionID `json:"prescription"`
	Medicine     Medicine       `json:"medicine"`
	Dosage       string         `json:"dosage"`
	DosesPerDay  int            `json:"dosesPerDay,omitempty"`
}

// SafetyAnswer is what a [SafetyAdvisor] says. What it does not say of a kind is not checked, but for what names and
// codes and the loaded knowledge tell.
type SafetyAnswer struct {
	Source  string `json:"source"`  // the knowledge's name, 1 to 100 characters
	Edition string `json:"edition"` // up to 50 characters
	// Checks are at most one of each kind, with at most 50 findings each; keys, up to 100 characters, name the finding
	// within its kind, and concepts and texts have up to 500. Source and Edition of a check are those of the answer.
	Checks []Check `json:"checks"`
}

// MakesSense tells whether an answer keeps to what its fields say.
func (a SafetyAnswer) MakesSense() bool {
	ok := within(a.Source, 1, 100) && within(a.Edition, 0, 50)
	seen := map[SafetyKind]bool{}
	for _, c := range a.Checks {
		ok = ok && slices.Contains(SafetyKinds(), c.Kind) && !seen[c.Kind] && len(c.Findings) <= 50 &&
			(c.Outcome == Checked && c.Why == "" || c.Outcome == NotChecked || c.Outcome == CheckFailed) &&
			within(string(c.Why), 0, 50)
		seen[c.Kind] = true
		for _, f := range c.Findings {
			ok = ok && within(f.Key, 1, 100) && within(f.Concept, 0, 500) && within(f.Text, 0, 500) &&
				slices.Contains([]Severity{SeverityHigh, SeverityModerate, SeverityLow}, f.Severity)
		}
	}
	return ok
}

func within(text string, least, most int) bool {
	var v Validator
	v.Text(text, "text", 0, most)
	return v.Err() == nil && utf8.RuneCountInString(text) >= least
}
