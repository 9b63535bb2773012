package hmstype

import (
	"fmt"
	"slices"
	"time"
)

// SafetyKind is one thing that a medicine is checked for before a patient gets it.
type SafetyKind string

// The kinds. Each verdict says of all of them what came of them.
const (
	SafetyAllergySubstance SafetyKind = "allergy-substance" // a recorded allergy to the substance itself
	SafetyAllergyClass     SafetyKind = "allergy-class"     // to a class that it belongs to
	SafetyCrossReactivity  SafetyKind = "cross-reactivity"  // to what it resembles
	SafetyDuplicate        SafetyKind = "duplicate-therapy" // the same, or the like, is taken already
	SafetyInteraction      SafetyKind = "interaction"       // with what is taken
	SafetyDose             SafetyKind = "dose"              // more than is given at once or in a day
)

// SafetyKinds lists the kinds, in the order in which a verdict has them.
func SafetyKinds() []SafetyKind {
	return []SafetyKind{
		SafetyAllergySubstance, SafetyAllergyClass, SafetyCrossReactivity, SafetyDuplicate, SafetyInteraction, SafetyDose,
	}
}

// CheckOutcome says whether a check was made. Only a check that was made says that nothing was found.
type CheckOutcome string

// The outcomes.
const (
	Checked     CheckOutcome = "checked"
	NotChecked  CheckOutcome = "not-checked" // or not wholly: what was found all the same is there
	CheckFailed CheckOutcome = "failed"      // who was asked did not answer
)

// SafetyGap says why a check was not made, or failed.
type SafetyGap string

// The gaps.
const (
	GapNoSource        SafetyGap = "no-source"             // nobody is connected who could
	GapNeverAsked      SafetyGap = "allergies-never-asked" // neither an allergy is on record nor that none is known
	GapNoKnowledge     SafetyGap = "no-knowledge"          // names and codes do not tell, and no knowledge was loaded
	GapUnknownMedicine SafetyGap = "unknown-medicine"      // the knowledge does not have the medicine
	GapUnknownAllergy  SafetyGap = "unknown-allergy"       // nor something that the patient is allergic to
	GapUnknownTaken    SafetyGap = "unknown-taken"         // nor something that he takes
	GapNoLimit         SafetyGap = "no-limit"              // the knowledge has no limit for the dose
	GapNoDose          SafetyGap = "no-dose"               // it is not told in what can be compared
	GapNotAnswered     SafetyGap = "not-answered"          // the host's knowledge does not answer this
	GapUnavailable     SafetyGap = "unavailable"           // the host's knowledge could not be asked
)

// Severity is FHIR R4 detectedissue-severity.
type Severity string

// The severities. What is of low severity is shown and needs no override.
const (
	SeverityHigh     Severity = "high"
	SeverityModerate Severity = "moderate"
	SeverityLow      Severity = "low"
)

// OverrideReason is why a medicine is given against a finding.
type OverrideReason string

// The reasons.
const (
	OverrideTolerated     OverrideReason = "tolerated"      // the patient has had it since, and tolerated it
	OverrideBenefit       OverrideReason = "benefit"        // it does more good than harm
	OverrideMonitored     OverrideReason = "monitored"      // he is watched for it
	OverrideNoAlternative OverrideReason = "no-alternative" // nothing else helps
	OverrideIntended      OverrideReason = "intended"       // it is meant so: a change of therapy, two strengths
	OverrideNotRelevant   OverrideReason = "not-relevant"   // the finding does not concern this patient
	OverrideOther         OverrideReason = "other"          // see the words beside it
)

// Override gives a reason for one finding.
type Override struct {
	Finding string         `json:"finding"` // its key
	Reason  OverrideReason `json:"reason"`
}

// CheckOverrides notes what is wrong with a list of overrides: at most 50, each with a key of up to 200 characters and
// a reason.
func CheckOverrides(v *Validator, path string, overrides []Override) {
	v.Check(len(overrides) <= 50, path, "must be at most 50")
	for i, o := range overrides {
		at := fmt.Sprintf("%s[%d]", path, i)
		v.Text(o.Finding, at+".finding", 1, 200)
		OneOf(v, o.Reason, at+".reason", OverrideTolerated, OverrideBenefit, OverrideMonitored, OverrideNoAlternative,
			OverrideIntended, OverrideNotRelevant, OverrideOther)
	}
}

// Finding is what a check found (FHIR DetectedIssue).
type Finding struct {
	Key          string         `json:"key"` // its kind and what it is with: the same finding has the same key again
	Kind         SafetyKind     `json:"kind"`
	Severity     Severity       `json:"severity"`
	Allergy      AllergyID      `json:"allergy,omitzero"`      // the record that speaks against it; zero for none
	Prescription PrescriptionID `json:"prescription,omitzero"` // what is taken beside it; zero for none
	Concept      string         `json:"concept,omitempty"`     // the class or substance in question
	Text         string         `json:"text,omitempty"`        // what the knowledge says of it; up to 500 characters
	Override     OverrideReason `json:"override,omitempty"`    // why it was given all the same; empty where nobody said
}

// Check is what came of one kind of check.
type Check struct {
	Kind     SafetyKind   `json:"kind"`
	Outcome  CheckOutcome `json:"outcome"`
	Why      SafetyGap    `json:"why,omitempty"`      // empty where it was checked
	Source   string       `json:"source,omitempty"`   // the knowledge that said so; empty where there was none
	Edition  string       `json:"edition,omitempty"`  // of the source
	Findings []Finding    `json:"findings,omitempty"` // empty means none found, where the outcome is Checked
}

// Verdict is what the checks said of a medicine for a patient at an instant. It is a value: it is kept with what was
// prescribed or handed out, and made anew for the next. The zero Verdict is none.
type Verdict struct {
	At time.Time `json:"at,omitzero"` // UTC
	// AllergyVersion and MedicationVersion are the patient's lists that it was made of: they grow with each change.
	AllergyVersion    int64   `json:"allergyVersion"`
	MedicationVersion int64   `json:"medicationVersion"`
	Checks            []Check `json:"checks,omitempty"` // one of each kind
}

// Of gives the check of a kind; the zero Check where the verdict has none.
func (v Verdict) Of(kind SafetyKind) Check {
	for _, c := range v.Checks {
		if c.Kind == kind {
			return c
		}
	}
	return Check{}
}

// Findings gives what all checks found.
func (v Verdict) Findings() []Finding {
	var all []Finding
	for _, c := range v.Checks {
		all = append(all, c.Findings...)
	}
	return all
}

// Open gives the findings that stand in the way: of more than low severity, without an override.
func (v Verdict) Open() []Finding {
	return slices.DeleteFunc(v.Findings(), func(f Finding) bool { return f.Severity == SeverityLow || f.Override != "" })
}

// Overridden tells whether something was found and overridden.
func (v Verdict) Overridden() bool {
	return slices.ContainsFunc(v.Findings(), func(f Finding) bool { return f.Override != "" })
}

// WithOverrides gives the verdict with reasons for its findings; one for what was not found is left out.
func (v Verdict) WithOverrides(overrides []Override) Verdict {
	v.Checks = slices.Clone(v.Checks)
	for i := range v.Checks {
		v.Checks[i].Findings = slices.Clone(v.Checks[i].Findings)
		for j := range v.Checks[i].Findings {
			f := &v.Checks[i].Findings[j]
			for _, o := range overrides {
				if o.Finding == f.Key {
					f.Override = o.Reason
				}
			}
		}
	}
	return v
}

// NoVerdict says that nothing was checked.
func NoVerdict(at time.Time, why SafetyGap) Verdict {
	v := Verdict{At: at.UTC()}
	for _, kind := range SafetyKinds() {
		v.Checks = append(v.Checks, Check{Kind: kind, Outcome: NotChecked, Why: why})
	}
	return v
}

// ErrFindings: something speaks against the medicine; see [FindingsError].
var ErrFindings = fmt.Errorf("%w: something speaks against it for this patient", ErrPrecondition)

// FindingsError lists what speaks against a medicine and was not overridden. Its text holds nothing of the patient.
type FindingsError struct {
	Findings []Finding `json:"findings"`
	// Withheld says that the patient's record is restricted and the actor may not see it: what is left of the findings
	// are keys, kinds and severities.
	Withheld bool `json:"withheld,omitempty"`
}

// Error implements error.
func (e *FindingsError) Error() string {
	return fmt.Sprintf("%v (%d findings)", ErrFindings, len(e.Findings))
}

// Unwrap gives [ErrFindings].
func (e *FindingsError) Unwrap() error { return ErrFindings }

// WithheldError gives the error as whoever may not see the patient's record gets it.
func (e *FindingsError) WithheldError() error {
	withheld := &FindingsError{Withheld: true}
	for _, f := range e.Findings {
		withheld.Findings = append(withheld.Findings, Finding{Key: f.Key, Kind: f.Kind, Severity: f.Severity})
	}
	return withheld
}
