package clinical

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/names"
)

// wordsSource names the check that knows names and codes alone.
const wordsSource = "names and codes"

// judge makes the checks of all kinds, of what was read and what is known.
func (c safetyCase) judge(k knowledge) []hmstype.Check {
	m := k.concepts(c.Medicine, c.AlsoCalled...)
	by := map[hmstype.SafetyKind]*hmstype.Check{}
	checks := make([]hmstype.Check, 0, len(hmstype.SafetyKinds()))
	for _, kind := range hmstype.SafetyKinds() {
		checks = append(checks, k.check(kind, m))
	}
	for i := range checks {
		by[checks[i].Kind] = &checks[i]
	}
	if !c.asked {
		for _, kind := range []hmstype.SafetyKind{
			hmstype.SafetyAllergySubstance, hmstype.SafetyAllergyClass, hmstype.SafetyCrossReactivity,
		} {
			by[kind].Outcome, by[kind].Why = hmstype.NotChecked, hmstype.GapNeverAsked
		}
	}
	for _, a := range c.allergies {
		if !a.NoneKnown {
			c.judgeAllergy(k, m, a, by)
		}
	}
	for _, rx := range c.taken {
		c.judgeTaken(k, m, rx, by)
	}
	c.judgeDose(k, m, by[hmstype.SafetyDose])
	return checks
}

// check begins the check of a kind of a medicine: by names and codes alone allergies to the substance and duplicates
// can be told, and nothing else.
func (k knowledge) check(kind hmstype.SafetyKind, m concepts) hmstype.Check {
	check := hmstype.Check{Kind: kind, Outcome: hmstype.Checked, Source: k.base.Name, Edition: k.base.Edition}
	isOfWords := kind == hmstype.SafetyAllergySubstance || kind == hmstype.SafetyDuplicate
	switch {
	case isOfWords && (!k.loaded || m.unknown()):
		check.Source, check.Edition = wordsSource, ""
	case !k.loaded:
		check.Outcome, check.Why, check.Source, check.Edition = hmstype.NotChecked, hmstype.GapNoKnowledge, "", ""
	case m.unknown():
		check.Outcome, check.Why = hmstype.NotChecked, hmstype.GapUnknownMedicine
	}
	return check
}

// lacks notes why a check is not whole, unless something is noted already.
func lacks(check *hmstype.Check, why hmstype.SafetyGap) {
	if check.Outcome == hmstype.Checked {
		check.Outcome, check.Why = hmstype.NotChecked, why
	}
}

func found(check *hmstype.Check, of string, f hmstype.Finding) {
	f.Kind, f.Key = check.Kind, string(check.Kind)+":"+of
	if !slices.ContainsFunc(check.Findings, func(g hmstype.Finding) bool { return g.Key == f.Key }) {
		check.Findings = append(check.Findings, f)
	}
}

// judgeAllergy holds the medicine against one allergy: to itself, or else to a class of it, or else to what it
// resembles.
func (c safetyCase) judgeAllergy(
	k knowledge, m concepts, a allergyRow, by map[hmstype.SafetyKind]*hmstype.Check,
) {
	finding := hmstype.Finding{Allergy: a.ID, Severity: a.severity()}
	substance := k.concepts(hmstype.Medicine{Name: a.Substance.Display, Codes: []hmstype.Code{a.Substance}})
	called := append([]string{c.Medicine.Name, c.Medicine.GenericName}, c.AlsoCalled...)
	if same, ok := common(m.direct, substance.direct); ok || a.matches(c.Medicine.Codes, called) {
		finding.Concept = same
		found(by[hmstype.SafetyAllergySubstance], a.ID.String(), finding)
		return
	}
	if substance.unknown() {
		lacks(by[hmstype.SafetyAllergyClass], hmstype.GapUnknownAllergy)
		lacks(by[hmstype.SafetyCrossReactivity], hmstype.GapUnknownAllergy)
		return
	}
	if class, ok := common(m.all, substance.direct); ok {
		finding.Concept = class
		found(by[hmstype.SafetyAllergyClass], a.ID.String(), finding)
		return
	}
	for _, r := range k.between(RelationCrossReactive, m.all, substance.all) {
		finding.Severity, finding.Concept, finding.Text = r.Severity, r.Concept+", "+r.Other, r.Note
		found(by[hmstype.SafetyCrossReactivity], a.ID.String(), finding)
	}
}

// severity is that of whoever recorded the allergy: one of low criticality is one all the same.
func (r allergyRow) severity() hmstype.Severity {
	if r.Criticality == "low" {
		return hmstype.SeverityModerate
	}
	return hmstype.SeverityHigh
}

// judgeTaken holds the medicine against one that is taken beside it.
func (c safetyCase) judgeTaken(
	k knowledge, m concepts, rx prescriptionRow, by map[hmstype.SafetyKind]*hmstype.Check,
) {
	taken := k.concepts(rx.medicine())
	finding := hmstype.Finding{Prescription: rx.ID, Severity: hmstype.SeverityModerate}
	duplicate := by[hmstype.SafetyDuplicate]
	same, ok := common(m.substances(k), taken.substances(k))
	switch {
	case ok || c.isSame(rx):
		finding.Concept = same
		found(duplicate, rx.ID.String(), finding)
	default:
		for _, r := range k.between(RelationDuplicate, m.all, taken.all) {
			finding.Severity, finding.Concept, finding.Text = r.Severity, r.Concept, r.Note
			found(duplicate, rx.ID.String(), finding)
		}
	}
	if taken.unknown() {
		lacks(by[hmstype.SafetyInteraction], hmstype.GapUnknownTaken)
		return
	}
	for _, r := range k.between(RelationInteracts, m.all, taken.all) {
		finding := hmstype.Finding{
			Prescription: rx.ID, Severity: r.Severity, Concept: r.Concept + ", " + r.Other, Text: r.Note,
		}
		found(by[hmstype.SafetyInteraction], rx.ID.String()+":"+finding.Concept, finding)
	}
}

// isSame tells by names and codes whether a prescription is of the same medicine.
func (c safetyCase) isSame(rx prescriptionRow) bool {
	if !c.Medicine.Item.IsZero() && c.Medicine.Item == rx.Medication {
		return true
	}
	for _, code := range c.Medicine.Codes {
		if slices.ContainsFunc(rx.Codes, func(other hmstype.Code) bool { return isSameCode(code, other) }) {
			return true
		}
	}
	for _, name := range append([]string{c.Medicine.Name, c.Medicine.GenericName}, c.AlsoCalled...) {
		key := names.SubstanceKey(name)
		for _, other := range []string{rx.MedicationName, rx.GenericName} {
			other := names.SubstanceKey(other)
			if names.ContainsWords(key, other) || names.ContainsWords(other, key) {
				return true
			}
		}
	}
	return false
}

// judgeDose holds the dose, and what a day's doses come to, against the limits of the substances.
func (c safetyCase) judgeDose(k knowledge, m concepts, check *hmstype.Check) {
	limits := k.between(RelationDose, m.direct, nil)
	if len(limits) == 0 {
		lacks(check, hmstype.GapNoLimit)
		return
	}
	one, ok := parseDose(c.Dosage, c.Medicine.Unit, c.Medicine.Form)
	var mass decimal.Decimal
	if ok {
		mass, ok = one.milligrams(c.Medicine.Strength, c.Medicine.Unit)
	}
	if !ok || len(m.direct) > 1 { // of a strength of several substances nobody knows whose it is
		lacks(check, hmstype.GapNoDose)
		return
	}
	for _, r := range limits {
		if !r.MaxSingleMg.IsZero() && mass.GreaterThan(r.MaxSingleMg) {
			found(check, r.Concept+":single", hmstype.Finding{Severity: r.Severity, Concept: r.Concept, Text: r.Note})
		}
		switch {
		case r.MaxDailyMg.IsZero():
		case mass.Mul(decimal.NewFromInt(int64(max(1, c.DosesPerDay)))).GreaterThan(r.MaxDailyMg):
			found(check, r.Concept+":daily", hmstype.Finding{Severity: r.Severity, Concept: r.Concept, Text: r.Note})
		case c.DosesPerDay == 0:
			lacks(check, hmstype.GapNoDose)
		}
	}
}

// common gives the first of the concepts that stand in both lists.
func common(a, b []string) (string, bool) {
	for _, c := range a {
		if slices.Contains(b, c) {
			return c, true
		}
	}
	return "", false
}

// concepts are what the knowledge has of a medicine or an allergy: what it is, and that with all its classes.
type concepts struct{ direct, all []string }

// unknown tells that the knowledge does not have it.
func (c concepts) unknown() bool { return len(c.direct) == 0 }

// substances are those of the concepts that are no class of anything: two of one class are no duplicates by that alone.
func (c concepts) substances(k knowledge) []string {
	return slices.DeleteFunc(slices.Clone(c.direct), func(concept string) bool { return k.isClass[concept] })
}

// knowledge is what of the base in force concerns one case; the zero knowledge knows nothing.
type knowledge struct {
	loaded    bool
	base      drugBaseRow
	terms     map[term][]string
	classes   map[string][]string // of a concept, all the way up
	isClass   map[string]bool
	relations []DrugRelation
}

// asName stands for the system of what is a name and no code.
const asName = "name"

// term is by what a concept is known, in normal form: a code of a system, or a name.
type term struct{ system, key string }

// concepts finds what the knowledge has under a medicine's codes and under the words of its names.
func (k knowledge) concepts(m hmstype.Medicine, alsoCalled ...string) concepts {
	var c concepts
	for _, t := range termsOf(m, alsoCalled...) {
		for _, concept := range k.terms[t] {
			if !slices.Contains(c.direct, concept) {
				c.direct = append(c.direct, concept)
			}
		}
	}
	c.direct = slices.DeleteFunc(slices.Clone(c.direct), func(concept string) bool { // the more special says it
		return slices.ContainsFunc(c.direct, func(other string) bool { return slices.Contains(k.classes[other], concept) })
	})
	c.all = slices.Clone(c.direct)
	for _, concept := range c.direct {
		for _, class := range k.classes[concept] {
			if !slices.Contains(c.all, class) {
				c.all = append(c.all, class)
			}
		}
	}
	return c
}

// between gives the relations of a kind of which one side is among a and the other among b, or which have no other.
func (k knowledge) between(kind RelationKind, a, b []string) []DrugRelation {
	var list []DrugRelation
	for _, r := range k.relations {
		other := r.Other
		if kind == RelationDuplicate { // with another of the same class
			other = r.Concept
		}
		joins := slices.Contains(a, r.Concept) && (other == "" || slices.Contains(b, other)) ||
			slices.Contains(a, other) && slices.Contains(b, r.Concept)
		if r.Kind == kind && joins {
			list = append(list, r)
		}
	}
	return list
}

// termsOf gives all under which a medicine may be known, each once.
func termsOf(m hmstype.Medicine, alsoCalled ...string) []term {
	var list []term
	add := func(t term) {
		if t.key != "" && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, c := range m.Codes {
		if c.System != "" {
			add(term{strings.TrimSpace(names.CodeKey(c.System)), names.CodeKey(c.Value)})
		}
	}
	for _, name := range append([]string{m.GenericName, m.Name}, alsoCalled...) {
		for _, words := range names.SubstanceTerms(names.SubstanceKey(name)) {
			add(term{asName, words})
		}
	}
	return list
}
