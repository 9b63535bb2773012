package clinical

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/uptrace/bun"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// AllergyStatus is FHIR R4 allergyintolerance-clinical.
type AllergyStatus string

// The states of an allergy.
const (
	AllergyActive   AllergyStatus = "active"
	AllergyInactive AllergyStatus = "inactive"
	AllergyResolved AllergyStatus = "resolved"
)

// AllergyTransitions are the allowed steps between the states.
var AllergyTransitions = hmstype.Transitions[AllergyStatus]{
	AllergyActive:   {AllergyInactive, AllergyResolved},
	AllergyInactive: {AllergyActive, AllergyResolved},
	AllergyResolved: {AllergyActive},
}

// Allergy is an allergy or intolerance of a patient, or the statement that none is known
// (FHIR AllergyIntolerance). That nothing is recorded says neither.
type Allergy struct {
	ID           hmstype.AllergyID
	Patient      hmstype.PatientID
	Substance    hmstype.Code // zero where NoneKnown
	NoneKnown    bool         // asked, and none is known
	Category     string       // FHIR allergy-intolerance-category: food, medication, environment, biologic; or empty
	Criticality  string       // FHIR allergy-intolerance-criticality: low, high, unable-to-assess
	Reaction     string       // what happened
	Status       AllergyStatus
	Verification Verification // unconfirmed, confirmed, refuted, entered-in-error
	StatusReason string       // why it was revised last
	RecordedBy   string       // an actor, as in the audit trail
	CreatedAt    time.Time    // UTC
	Version      int64        // counts changes, from 1
}

type allergyRow struct {
	bun.BaseModel `bun:"table:hms.allergy,alias:al"`
	dbx.Tenanted
	ID                 hmstype.AllergyID `bun:"id,pk"`
	PatientID          hmstype.PatientID
	SubstanceSystem    string
	SubstanceValue     string
	SubstanceDisplay   string
	SubstanceKey       string
	NoneKnown          bool
	Category           string
	Criticality        string
	Reaction           string
	Status             AllergyStatus
	VerificationStatus Verification
	StatusReason       string
	RecordedBy         string
	CreatedAt          time.Time
	Version            int64
}

func (r allergyRow) allergy() Allergy {
	return Allergy{
		ID: r.ID, Patient: r.PatientID, NoneKnown: r.NoneKnown, Category: r.Category, Criticality: r.Criticality, Reaction: r.Reaction, Status: r.Status,
		Substance:    hmstype.Code{System: r.SubstanceSystem, Value: r.SubstanceValue, Display: r.SubstanceDisplay},
		Verification: r.VerificationStatus, StatusReason: r.StatusReason, RecordedBy: r.RecordedBy,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// standing tells whether the record counts: it is active, and neither refuted nor an error.
func (r allergyRow) standing() bool {
	return r.Status == AllergyActive && (r.VerificationStatus == Unconfirmed || r.VerificationStatus == Confirmed)
}

// Allergies lists what is recorded of a patient; an empty list says that nothing is.
func (s *Service) Allergies(ctx context.Context, patient hmstype.PatientID) ([]Allergy, error) {
	op := usecase.Op{Name: "allergy.list", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.PatientID]{ID: patient},
		fieldcrypt.OpenedAll(s.base.Crypt, allergyText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) ([]Allergy, error) {
			rows, err := dbx.All[allergyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("al.patient_id = ?", in.ID).Where("al.verification_status <> 'entered-in-error'").Order("al.id")
			})
			if err != nil {
				return nil, err
			}
			list := make([]Allergy, len(rows))
			for i, r := range rows {
				list[i] = r.allergy()
			}
			return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "allergy", Patient: in.ID})
		}))
}

// substanceKey makes names of substances comparable: up to case, Unicode form and
// punctuation, so that "Co-Trimoxazole" is "co trimoxazole".
func substanceKey(name string) string {
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	return strings.Join(strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	}), " ")
}

// AllergyMatches gives the patient's active allergies that speak against a medication:
// those whose code is among the codes, and those whose substance stands in one of the names
// word by word, or the other way round. It compares words and knows no classes of substances:
// a host that has a terminology passes the codes of the ingredients and of their classes.
// It runs in the caller's transaction.
func (p Port) AllergyMatches(
	ctx context.Context, conn bun.IConn, patient hmstype.PatientID, codes []hmstype.Code, names []string,
) ([]hmstype.AllergyID, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	return allergyMatches(ctx, db, patient, codes, names)
}

func allergyMatches(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID, codes []hmstype.Code, names []string,
) ([]hmstype.AllergyID, error) {
	rows, err := standingAllergies(ctx, db, patient)
	if err != nil {
		return nil, err
	}
	var matches []hmstype.AllergyID
	for _, r := range rows {
		if !r.NoneKnown && r.matches(codes, names) {
			matches = append(matches, r.ID)
		}
	}
	return matches, nil
}

func (r allergyRow) matches(codes []hmstype.Code, names []string) bool {
	substance := r.allergy().Substance
	return slices.ContainsFunc(codes, func(c hmstype.Code) bool { return c.Value != "" && c.Same(substance) }) ||
		slices.ContainsFunc(names, func(name string) bool {
			key := substanceKey(name)
			return containsWords(key, r.SubstanceKey) || containsWords(r.SubstanceKey, key)
		})
}

// containsWords tells whether the words of part stand in text, as whole words.
func containsWords(text, part string) bool {
	return part != "" && strings.Contains(" "+text+" ", " "+part+" ")
}
