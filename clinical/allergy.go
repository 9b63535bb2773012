package clinical

import (
	"context"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
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

// AllergyDetails are what people say of an allergy.
type AllergyDetails struct {
	Substance hmstype.Code `bun:"embed:substance_" json:"substance"` // with a display; zero where NoneKnown
	NoneKnown bool         `bun:"none_known"       json:"noneKnown"` // asked, and none is known
	// of FHIR allergy-intolerance-category, or empty
	Category    string `bun:"category"    json:"category,omitempty"`
	Criticality string `bun:"criticality" json:"criticality"`        // low, high or unable-to-assess
	Reaction    string `bun:"reaction"    json:"reaction,omitempty"` // what happened, up to 500 characters
}

func (d AllergyDetails) validate(v *hmstype.Validator) {
	v.Nested("substance", d.Substance.Validate())
	key := names.SubstanceKey(d.Substance.Display)
	named := key != ""
	v.Check(len(key) <= utf8.UTFMax*300, "substance.display", "is too long when its signs are written out")
	v.Check(named != d.NoneKnown, "substance.display", "required unless none is known, and only then")
	v.Check(!d.NoneKnown || d.Substance.IsZero(), "substance", "must not be given where none is known")
	hmstype.OneOf(v, d.Category, "category", "", "food", "medication", "environment", "biologic")
	hmstype.OneOf(v, d.Criticality, "criticality", "", "low", "high", "unable-to-assess")
	v.Text(d.Reaction, "reaction", 0, 500)
}

// Allergy is an allergy or intolerance of a patient, or the statement that none is known
// (FHIR AllergyIntolerance). That nothing is recorded says neither.
type Allergy struct {
	ID      hmstype.AllergyID `json:"id"`
	Patient hmstype.PatientID `json:"patient"`
	AllergyDetails
	Status       AllergyStatus    `json:"status"`
	Verification Verification     `json:"verification"`           // unconfirmed, confirmed, refuted, entered-in-error
	StatusReason string           `json:"statusReason,omitempty"` // why it was revised last
	CreatedBy    hmstype.ActorRef `json:"createdBy"`              // who recorded it
	CreatedAt    time.Time        `json:"createdAt,omitzero"`     // UTC
	Version      int64            `json:"version"`                // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

type allergyRow struct {
	bun.BaseModel `bun:"table:hms.allergy,alias:al"`
	dbx.Header[hmstype.AllergyID]
	PatientID hmstype.PatientID
	AllergyDetails
	SubstanceKey       string
	Status             AllergyStatus
	VerificationStatus Verification
	StatusReason       string
}

func (r allergyRow) allergy() Allergy {
	return Allergy{
		ID: r.ID, Patient: r.PatientID, AllergyDetails: r.AllergyDetails, Status: r.Status,
		Verification: r.VerificationStatus, StatusReason: r.StatusReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// standing tells whether the record counts: it is active, and neither refuted nor an error.
func (r allergyRow) standing() bool {
	return r.Status == AllergyActive && (r.VerificationStatus == Unconfirmed || r.VerificationStatus == Confirmed)
}

// allergySteps is how an allergy changes its clinical state.
var allergySteps = dbx.Machine[allergyRow, AllergyStatus]{
	Table: "allergy", Transitions: AllergyTransitions,
	State:   func(r *allergyRow) *AllergyStatus { return &r.Status },
	Columns: []string{"verification_status", "status_reason"},
}

// allergyTexts are what of an allergy is sealed.
var allergyTexts = fieldcrypt.Table[AllergyDetails]{
	Name: "allergy", Subject: "patient_id", Narrative: true,
	Texts: func(d *AllergyDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "reaction", Text: &d.Reaction}}
	},
}.Declare()

// allergies is what every use case that shows allergies shows of whom.
var allergies = usecase.Entity[Allergy]{
	Table:   "allergy",
	Patient: func(a *Allergy) hmstype.PatientID { return a.Patient },
	ID:      func(a *Allergy) string { return a.ID.String() },
	Texts: func(a *Allergy) []fieldcrypt.Record {
		return []fieldcrypt.Record{allergyTexts.Of(a.Patient.UUID(), a.ID, &a.AllergyDetails)}
	},
}

var opListAllergies = usecase.Query[usecase.ByID[hmstype.PatientID], []Allergy]{
	Name: "clinical.list_allergies", Permission: hmstype.PermAllergyRead, Shows: allergies.All(),
}.Declare()

// ListAllergies lists what is recorded of a patient; an empty list says that nothing is. What was
// entered in error is left out.
// Permission: [hmstype.PermAllergyRead].
func (s *Service) ListAllergies(ctx context.Context, patient hmstype.PatientID) ([]Allergy, error) {
	return opListAllergies.Run(ctx, &s.base, usecase.ID(patient), listAllergies)
}

func listAllergies(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PatientID]) ([]Allergy, error) {
	db.About(in.ID)
	rows, err := dbx.All[allergyRow](ctx, db, dbx.Equal("patient_id", in.ID),
		dbx.Where("al.verification_status <> ?", EnteredInError), dbx.OrderBy("al.id"))
	return shown(rows, allergyRow.allergy), err
}

func standingAllergies(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]allergyRow, error) {
	return dbx.All[allergyRow](ctx, db, dbx.Equal("patient_id", patient), dbx.Equal("status", AllergyActive),
		dbx.OneOf("verification_status", []Verification{Unconfirmed, Confirmed}), dbx.OrderBy("al.id"))
}
