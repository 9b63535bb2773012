package clinical

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// Condition is a problem or diagnosis of a patient (FHIR Condition).
type Condition struct {
	ID           hmstype.ConditionID
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID // where it was found; zero for an earlier one
	Code         hmstype.Code        // the display is required
	Status       string              // FHIR condition-clinical: active, recurrence, relapse, inactive, remission, resolved
	Verification string              // FHIR condition-ver-status: unconfirmed, provisional, differential, confirmed, refuted
	OnsetDate    hmstype.Date        // zero means unknown
	CreatedAt    time.Time           // UTC
	Version      int64
}

type conditionRow struct {
	bun.BaseModel `bun:"table:hms.condition,alias:c"`
	dbx.Tenanted
	ID                 hmstype.ConditionID `bun:"id,pk"`
	PatientID          hmstype.PatientID
	EncounterID        hmstype.EncounterID
	CodeSystem         string
	CodeValue          string
	CodeDisplay        string
	Status             string
	VerificationStatus string
	OnsetDate          hmstype.Date
	CreatedAt          time.Time
	Version            int64
}

// AddConditionInput describes a problem.
type AddConditionInput struct {
	Encounter    hmstype.EncounterID // required, open
	Code         hmstype.Code        // the display is required
	Verification string              // empty means confirmed
	OnsetDate    hmstype.Date        // not in the future
}

// Validate implements the rules above.
func (in AddConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Nested("code", in.Code.Validate())
	v.Required(in.Code.Display != "", "code.display")
	hmstype.OneOf(&v, in.Verification, "verification", "", "unconfirmed", "provisional", "differential", "confirmed", "refuted")
	return v.Err()
}

// AddCondition adds an active problem to the patient of an open encounter.
func (s *Service) AddCondition(ctx context.Context, in AddConditionInput) (Condition, error) {
	op := service.Op{Name: "condition.add", Permission: hmstype.PermClinicalWrite}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in AddConditionInput) (Condition, error) {
		encounter, err := requireOpen(ctx, db, in.Encounter)
		if err != nil {
			return Condition{}, err
		}
		today, err := db.Today(ctx)
		if err != nil {
			return Condition{}, err
		}
		if in.OnsetDate.After(today) {
			return Condition{}, hmstype.Invalid("onsetDate", "must not lie in the future")
		}
		c := Condition{
			ID: hmstype.NewID[hmstype.ConditionID](), Patient: encounter.PatientID, Encounter: encounter.ID, Code: in.Code,
			Status: "active", Verification: in.Verification, OnsetDate: in.OnsetDate, CreatedAt: db.Now, Version: 1,
		}
		if c.Verification == "" {
			c.Verification = "confirmed"
		}
		return c, dbx.Insert(ctx, db, conditionRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: c.ID, PatientID: c.Patient, EncounterID: c.Encounter,
			CodeSystem: c.Code.System, CodeValue: c.Code.Value, CodeDisplay: c.Code.Display, Status: c.Status,
			VerificationStatus: c.Verification, OnsetDate: c.OnsetDate, CreatedAt: c.CreatedAt, Version: 1,
		})
	})
}

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
	Criticality  string       // low, high, unable-to-assess
	Status       AllergyStatus
	Verification string // unconfirmed, confirmed, refuted, entered-in-error
	CreatedAt    time.Time
	Version      int64
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
	Criticality        string
	Status             AllergyStatus
	VerificationStatus string
	CreatedAt          time.Time
	Version            int64
}

func (r allergyRow) allergy() Allergy {
	return Allergy{
		ID: r.ID, Patient: r.PatientID, NoneKnown: r.NoneKnown, Criticality: r.Criticality, Status: r.Status,
		Substance:    hmstype.Code{System: r.SubstanceSystem, Value: r.SubstanceValue, Display: r.SubstanceDisplay},
		Verification: r.VerificationStatus, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// RecordAllergyInput describes an allergy, or that none is known.
type RecordAllergyInput struct {
	Patient     hmstype.PatientID // required
	Substance   hmstype.Code      // the display is required unless NoneKnown
	NoneKnown   bool
	Criticality string // low, high or unable-to-assess, which empty means
}

// Validate implements the rules above.
func (in RecordAllergyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("substance", in.Substance.Validate())
	v.Check(in.NoneKnown == (strings.TrimSpace(in.Substance.Display) == ""), "substance.display", "required unless none is known, and only then")
	hmstype.OneOf(&v, in.Criticality, "criticality", "", "low", "high", "unable-to-assess")
	return v.Err()
}

// RecordAllergy records an allergy, or that none is known. [ErrAllergyContradiction] where
// the patient's active record says otherwise.
func (s *Service) RecordAllergy(ctx context.Context, in RecordAllergyInput) (Allergy, error) {
	op := service.Op{Name: "allergy.record", Permission: hmstype.PermVitalsWrite}
	return service.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in RecordAllergyInput) (Allergy, error) {
		if _, err := s.ports.Patients.Require(ctx, db.Conn(), in.Patient); err != nil {
			return Allergy{}, err
		}
		row := allergyRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.AllergyID](), PatientID: in.Patient,
			SubstanceSystem: in.Substance.System, SubstanceValue: in.Substance.Value, SubstanceDisplay: in.Substance.Display,
			SubstanceKey: substanceKey(in.Substance.Display), NoneKnown: in.NoneKnown, Criticality: in.Criticality,
			Status: AllergyActive, VerificationStatus: "confirmed", CreatedAt: db.Now, Version: 1,
		}
		if row.Criticality == "" {
			row.Criticality = "unable-to-assess"
		}
		done, err := dbx.InsertIfFree(ctx, db, &row)
		if err == nil && !done {
			err = ErrAllergyContradiction
		}
		return row.allergy(), err
	})
}

// Allergies lists what is recorded of a patient; an empty list says that nothing is.
func (s *Service) Allergies(ctx context.Context, patient hmstype.PatientID) ([]Allergy, error) {
	op := service.Op{Name: "allergy.list", Permission: hmstype.PermClinicalRead}
	return service.Read(ctx, &s.base, op, service.ByID[hmstype.PatientID]{ID: patient},
		func(ctx context.Context, db dbx.DB, in service.ByID[hmstype.PatientID]) ([]Allergy, error) {
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
		})
}

// substanceKey makes names of substances comparable.
func substanceKey(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(name), " "))
}

// AllergyMatches gives the patient's active allergies whose code is among the codes, or whose
// substance is a word of one of the names. It runs in the caller's transaction.
func (s *Service) AllergyMatches(
	ctx context.Context, conn bun.IConn, patient hmstype.PatientID, codes []hmstype.Code, names []string,
) ([]hmstype.AllergyID, error) {
	db, err := s.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[allergyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("al.patient_id = ?", patient).Where("al.status = ?", AllergyActive).Where("NOT al.none_known").
			Where("al.verification_status IN ('unconfirmed', 'confirmed')").Order("al.id")
	})
	var matches []hmstype.AllergyID
	for _, r := range rows {
		if slices.ContainsFunc(codes, func(c hmstype.Code) bool { return c.Value != "" && c.Same(r.allergy().Substance) }) ||
			slices.ContainsFunc(names, func(n string) bool { return containsWords(substanceKey(n), r.SubstanceKey) }) {
			matches = append(matches, r.ID)
		}
	}
	return matches, err
}

// containsWords tells whether the words of part stand in text, as whole words.
func containsWords(text, part string) bool {
	return part != "" && strings.Contains(" "+text+" ", " "+part+" ")
}
