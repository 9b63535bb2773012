package clinical

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RelationKind says what one concept of medicines is to another.
type RelationKind string

// The kinds of relation.
const (
	RelationMember        RelationKind = "member"         // Concept belongs to the class Other
	RelationCrossReactive RelationKind = "cross-reactive" // who is allergic to one may be to the other; both ways
	RelationInteracts     RelationKind = "interacts"      // taken together they do harm; both ways
	RelationDuplicate     RelationKind = "duplicate"      // two of the class Concept are one too many
	RelationDose          RelationKind = "dose"           // Concept is a substance, and has limits
)

// DrugTerm is by what a concept of the knowledge is known.
type DrugTerm struct {
	Concept string `json:"concept"` // a name of the base's own for a substance or a class; 1 to 100 characters
	System  string `json:"system"`  // of the code; empty where Term is a name; up to 200 characters
	Term    string `json:"term"`    // a code, or a name in any spelling that [names] folds; 1 to 200 characters
}

// DrugRelation is one thing that a base of knowledge says of concepts.
type DrugRelation struct {
	Kind     RelationKind     `json:"kind"`
	Concept  string           `json:"concept"`            // 1 to 100 characters
	Other    string           `json:"other,omitempty"`    // the same; empty for a dose and a duplicate
	Severity hmstype.Severity `json:"severity,omitempty"` // of a finding; empty for a member
	Note     string           `json:"note,omitempty"`     // what is told of a finding; up to 500 characters
	// MaxSingleMg and MaxDailyMg are the most of a dose and of a day, in milligrams, 0 to 100,000,000; zero is no limit.
	MaxSingleMg decimal.Decimal `json:"maxSingleMg,omitzero"`
	MaxDailyMg  decimal.Decimal `json:"maxDailyMg,omitzero"`
}

// Knowledge is a base of what is known of medicines, without its contents. The one that was loaded last is in force;
// those before it stay, for verdicts name them.
type Knowledge struct {
	ID        hmstype.DrugBaseID `json:"id"`
	Name      string             `json:"name"`
	Edition   string             `json:"edition"`
	Terms     int                `json:"terms"`
	Relations int                `json:"relations"`
	LoadedBy  hmstype.ActorRef   `json:"loadedBy"`
	LoadedAt  time.Time          `json:"loadedAt,omitzero"` // UTC
}

type drugBaseRow struct {
	bun.BaseModel `bun:"table:hms.drug_base,alias:db"`
	dbx.Header[hmstype.DrugBaseID]
	Name          string
	Edition       string
	TermCount     int
	RelationCount int
}

func (r drugBaseRow) knowledge() Knowledge {
	return Knowledge{
		ID: r.ID, Name: r.Name, Edition: r.Edition, Terms: r.TermCount, Relations: r.RelationCount,
		LoadedBy: r.CreatedBy, LoadedAt: r.CreatedAt.UTC(),
	}
}

type drugTermRow struct {
	bun.BaseModel `bun:"table:hms.drug_term,alias:dt"`
	dbx.Tenanted
	ID      hmstype.DrugTermID `bun:"id,pk"`
	BaseID  hmstype.DrugBaseID
	System  string
	Term    string
	Concept string
}

type drugRelationRow struct {
	bun.BaseModel `bun:"table:hms.drug_relation,alias:dr"`
	dbx.Tenanted
	ID          hmstype.DrugRelationID `bun:"id,pk"`
	BaseID      hmstype.DrugBaseID
	Kind        RelationKind
	Concept     string
	Other       string
	Severity    hmstype.Severity
	Note        string
	MaxSingleMg decimal.Decimal
	MaxDailyMg  decimal.Decimal
}

// loadKnowledge reads what of the base in force concerns a case.
func loadKnowledge(ctx context.Context, db dbx.DB, c safetyCase) (knowledge, error) {
	base, ok, err := newestBase(ctx, db)
	if err != nil || !ok {
		return knowledge{}, err
	}
	k := knowledge{loaded: true, base: base, terms: map[term][]string{}, classes: map[string][]string{},
		isClass: map[string]bool{}}
	if err := k.resolve(ctx, db, c.terms()); err != nil {
		return k, err
	}
	direct := []string{}
	for _, list := range k.terms {
		direct = append(direct, list...)
	}
	err = each(ctx, db, func(rows *sql.Rows) error {
		var concept, class string
		err := rows.Scan(&concept, &class)
		k.classes[concept] = append(k.classes[concept], class)
		return err
	}, `SELECT concept, other FROM hms.drug_relation WHERE tenant_id = $1 AND base_id = $2 AND kind = 'member'
		AND concept = ANY ($3::text[]) ORDER BY concept, other`, db.Tenant(), base.ID, direct)
	if err != nil {
		return k, err
	}
	concerned := slices.Clone(direct)
	for _, classes := range k.classes {
		concerned = append(concerned, classes...)
		for _, class := range classes {
			k.isClass[class] = true
		}
	}
	return k, k.relate(ctx, db, direct, concerned)
}

// terms gives all under which the medicine, the allergies and what is taken may be known.
func (c safetyCase) terms() []term {
	list := termsOf(c.Medicine, c.AlsoCalled...)
	for _, a := range c.allergies {
		list = append(list, termsOf(hmstype.Medicine{Name: a.Substance.Display, Codes: []hmstype.Code{a.Substance}})...)
	}
	for _, rx := range c.taken {
		list = append(list, termsOf(rx.medicine())...)
	}
	return list
}

// resolve finds the concepts that terms stand for.
func (k *knowledge) resolve(ctx context.Context, db dbx.DB, terms []term) error {
	systems, keys := make([]string, len(terms)), make([]string, len(terms))
	for i, t := range terms {
		systems[i], keys[i] = t.system, t.key
	}
	return each(ctx, db, func(rows *sql.Rows) error {
		var t term
		var concept string
		err := rows.Scan(&t.system, &t.key, &concept)
		if !slices.Contains(k.terms[t], concept) {
			k.terms[t] = append(k.terms[t], concept)
		}
		return err
	}, `SELECT system, term, concept FROM hms.drug_term WHERE tenant_id = $1 AND base_id = $2 AND (system, term) IN
		(SELECT * FROM unnest($3::text[], $4::text[])) ORDER BY concept`, db.Tenant(), k.base.ID, systems, keys)
}

// relate reads what the base says of the concepts beside their classes, and which of them are classes.
func (k *knowledge) relate(ctx context.Context, db dbx.DB, direct, concerned []string) error {
	err := each(ctx, db, func(rows *sql.Rows) error {
		var r DrugRelation
		err := rows.Scan(&r.Kind, &r.Concept, &r.Other, &r.Severity, &r.Note, &r.MaxSingleMg, &r.MaxDailyMg)
		k.relations = append(k.relations, r)
		return err
	}, `SELECT kind, concept, other, severity, note, max_single_mg, max_daily_mg FROM hms.drug_relation
		WHERE tenant_id = $1 AND base_id = $2 AND kind <> 'member' AND concept = ANY ($3::text[])
		  AND (other = '' OR other = ANY ($3::text[])) ORDER BY kind, concept, other`, db.Tenant(), k.base.ID, concerned)
	if err != nil {
		return err
	}
	return each(ctx, db, func(rows *sql.Rows) error {
		var class string
		err := rows.Scan(&class)
		k.isClass[class] = true
		return err
	}, `SELECT DISTINCT other FROM hms.drug_relation WHERE tenant_id = $1 AND base_id = $2 AND kind = 'member'
		AND other = ANY ($3::text[])`, db.Tenant(), k.base.ID, direct)
}

var opGetKnowledge = usecase.Query[usecase.None, Knowledge]{
	Name: "clinical.get_knowledge", Permission: hmstype.PermPrescriptionRead,
	Shows: usecase.Nobody[Knowledge](ofMedicines), Quiet: ofMedicines,
}.Declare()

// ofMedicines is why the knowledge shows nothing of a patient.
const ofMedicines = "what is known of medicines, nobody's data"

// GetKnowledge gives the base of knowledge that verdicts are made by; not found where none was loaded.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) GetKnowledge(ctx context.Context) (Knowledge, error) {
	return opGetKnowledge.Run(ctx, &s.base, usecase.None{}, getKnowledge)
}

func getKnowledge(ctx context.Context, db dbx.DB, _ usecase.None) (Knowledge, error) {
	row, ok, err := newestBase(ctx, db)
	if err == nil && !ok {
		err = &hmstype.Error{Entity: "drug_base", Err: hmstype.ErrNotFound}
	}
	return row.knowledge(), err
}
