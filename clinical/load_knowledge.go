package clinical

import (
	"context"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// LoadKnowledgeInput is a base of what is known of medicines. Each concept is known by its own name beside its terms.
type LoadKnowledgeInput struct {
	Name      string         `json:"name"`      // 1 to 100 characters
	Edition   string         `json:"edition"`   // such as "2026-03"; 1 to 50 characters
	Terms     []DrugTerm     `json:"terms"`     // at most 20,000
	Relations []DrugRelation `json:"relations"` // at most 20,000; classes may be members of classes
}

// maxKnowledge bounds the terms and the relations of one base.
const maxKnowledge = 20_000

// Validate implements the rules above.
func (in LoadKnowledgeInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Name, "name", 1, 100)
	v.Text(in.Edition, "edition", 1, 50)
	v.Check(len(in.Terms)+len(in.Relations) > 0, "terms", "nothing is known")
	v.Check(len(in.Terms) <= maxKnowledge, "terms", "must be at most 20000")
	v.Check(len(in.Relations) <= maxKnowledge, "relations", "must be at most 20000")
	if err := v.Err(); err != nil {
		return err
	}
	for i, t := range in.Terms {
		at := fmt.Sprintf("terms[%d].", i)
		v.Text(t.Concept, at+"concept", 1, 100)
		v.Text(t.System, at+"system", 0, 200)
		v.Text(t.Term, at+"term", 1, 200)
		key := t.key()
		v.Check(len(key.key) <= 800 && len(key.system) <= 800, at+"term", "is too long when its signs are written out")
		v.Check(key.key != "", at+"term", "must have a letter or a digit")
	}
	for i, r := range in.Relations {
		r.validate(&v, fmt.Sprintf("relations[%d].", i))
	}
	return v.Err()
}

// key gives the term in normal form.
func (t DrugTerm) key() term {
	if t.System == "" {
		return term{asName, names.SubstanceKey(t.Term)}
	}
	return term{names.CodeKey(t.System), names.CodeKey(t.Term)}
}

func (r DrugRelation) validate(v *hmstype.Validator, at string) {
	hmstype.OneOf(v, r.Kind, at+"kind", RelationMember, RelationCrossReactive, RelationInteracts, RelationDuplicate,
		RelationDose)
	v.Text(r.Concept, at+"concept", 1, 100)
	least := 1
	if r.Kind == RelationDose || r.Kind == RelationDuplicate {
		least = 0
		v.Check(r.Other == "", at+"other", "must not be given")
	}
	v.Text(r.Other, at+"other", least, 100)
	if r.Kind == RelationMember {
		v.Check(r.Severity == "", at+"severity", "must not be given")
	} else {
		hmstype.OneOf(v, r.Severity, at+"severity", hmstype.SeverityHigh, hmstype.SeverityModerate, hmstype.SeverityLow)
	}
	v.Text(r.Note, at+"note", 0, 500)
	for path, limit := range map[string]decimal.Decimal{"maxSingleMg": r.MaxSingleMg, "maxDailyMg": r.MaxDailyMg} {
		v.Check(!limit.IsNegative() && limit.LessThanOrEqual(maxDose) && limit.Exponent() >= -6, at+path,
			"must lie between 0 and 100000000, with at most 6 digits behind the point")
		v.Check(r.Kind == RelationDose || limit.IsZero(), at+path, "must not be given")
	}
}

var opLoadKnowledge = usecase.Command[LoadKnowledgeInput, Knowledge]{
	Name: "clinical.load_knowledge", Permission: hmstype.PermKnowledge, Shows: usecase.Nobody[Knowledge](ofMedicines),
	Sample: LoadKnowledgeInput{
		Name: "Sample", Edition: "1",
		Terms: []DrugTerm{{Concept: "amoxicillin", System: hmstype.SystemATC, Term: "J01CA04"}},
		Relations: []DrugRelation{
			{Kind: RelationInteracts, Concept: "warfarin", Other: "aspirin", Severity: hmstype.SeverityHigh, Note: "bleeding"},
		},
	},
}.Declare()

// LoadKnowledge loads a base of what is known of medicines, which is in force at once for all verdicts that are made
// from now on. [SampleKnowledge] is a small one for tests and demonstrations.
// Permission: [hmstype.PermKnowledge].
func (s *Service) LoadKnowledge(ctx context.Context, in LoadKnowledgeInput) (Knowledge, error) {
	return opLoadKnowledge.Run(ctx, &s.base, in, storeKnowledge)
}

func storeKnowledge(ctx context.Context, db dbx.DB, in LoadKnowledgeInput) (Knowledge, error) {
	base := drugBaseRow{Header: dbx.NewHeader[hmstype.DrugBaseID](db), Name: in.Name, Edition: in.Edition}
	terms, relations := base.terms(in), base.relations(in)
	base.TermCount, base.RelationCount = len(terms), len(relations)
	if err := dbx.Insert(ctx, db, base); err != nil {
		return Knowledge{}, err
	}
	if err := dbx.Insert(ctx, db, terms...); err != nil {
		return Knowledge{}, err
	}
	return base.knowledge(), dbx.Insert(ctx, db, relations...)
}

// terms gives the rows of the terms, each once, with the concepts' own names.
func (r drugBaseRow) terms(in LoadKnowledgeInput) []drugTermRow {
	all := slices.Clone(in.Terms)
	for _, t := range in.Terms {
		all = append(all, DrugTerm{Concept: t.Concept, Term: t.Concept})
	}
	for _, rel := range in.Relations {
		all = append(all, DrugTerm{Concept: rel.Concept, Term: rel.Concept}, DrugTerm{Concept: rel.Other, Term: rel.Other})
	}
	var rows []drugTermRow
	seen := map[string]map[term]bool{}
	for _, t := range all {
		key := t.key()
		if key.key == "" || seen[t.Concept][key] {
			continue
		}
		if seen[t.Concept] == nil {
			seen[t.Concept] = map[term]bool{}
		}
		seen[t.Concept][key] = true
		rows = append(rows, drugTermRow{
			Tenanted: r.Tenanted, ID: hmstype.NewID[hmstype.DrugTermID](), BaseID: r.ID,
			System: key.system, Term: key.key, Concept: t.Concept,
		})
	}
	return rows
}

// relations gives the rows of the relations. Of what is a member of a class it makes a member of all classes above,
// so that nobody climbs when a prescription waits; a circle of classes is climbed once.
func (r drugBaseRow) relations(in LoadKnowledgeInput) []drugRelationRow {
	var rows []drugRelationRow
	add := func(rel DrugRelation) {
		rows = append(rows, drugRelationRow{
			Tenanted: r.Tenanted, ID: hmstype.NewID[hmstype.DrugRelationID](), BaseID: r.ID, Kind: rel.Kind,
			Concept: rel.Concept, Other: rel.Other, Severity: rel.Severity, Note: rel.Note,
			MaxSingleMg: rel.MaxSingleMg, MaxDailyMg: rel.MaxDailyMg,
		})
	}
	above := map[string][]string{}
	var members []string
	for _, rel := range in.Relations {
		if rel.Kind != RelationMember {
			add(rel)
			continue
		}
		if above[rel.Concept] == nil {
			members = append(members, rel.Concept)
		}
		above[rel.Concept] = append(above[rel.Concept], rel.Other)
	}
	for _, member := range members {
		classes := slices.Clone(above[member])
		for i := 0; i < len(classes); i++ {
			for _, class := range above[classes[i]] {
				if class != member && !slices.Contains(classes, class) {
					classes = append(classes, class)
				}
			}
		}
		slices.Sort(classes)
		for _, class := range slices.Compact(classes) {
			add(DrugRelation{Kind: RelationMember, Concept: member, Other: class})
		}
	}
	return rows
}
