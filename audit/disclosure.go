package audit

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// DisclosureStatus is the state of a disclosure's record.
type DisclosureStatus string

// The states of a disclosure's record.
const (
	DisclosureRecorded DisclosureStatus = "recorded"         // stands in the accounting
	DisclosureInError  DisclosureStatus = "entered-in-error" // did not happen so; terminal, and kept
)

// DisclosureTransitions are the allowed steps between the states.
var DisclosureTransitions = hmstype.Transitions[DisclosureStatus]{DisclosureRecorded: {DisclosureInError}}

// Basis is what allowed a disclosure; the comments name the paragraph of 45 CFR 164. What is
// disclosed for treatment, payment, operations or by the patient's authorization needs no
// accounting in the United States (164.528(a)(1)); other laws ask for it (GDPR article 15).
type Basis string

// The bases.
const (
	BasisTreatment           Basis = "treatment"            // 506
	BasisPayment             Basis = "payment"              // 506
	BasisOperations          Basis = "operations"           // 506
	BasisAuthorization       Basis = "authorization"        // 508: the patient agreed in writing
	BasisRequiredByLaw       Basis = "required-by-law"      // 512(a)
	BasisPublicHealth        Basis = "public-health"        // 512(b)
	BasisAbuse               Basis = "abuse"                // 512(c): of abuse, neglect or domestic violence
	BasisOversight           Basis = "oversight"            // 512(d): a health oversight agency
	BasisJudicial            Basis = "judicial"             // 512(e)
	BasisLawEnforcement      Basis = "law-enforcement"      // 512(f)
	BasisDecedent            Basis = "decedent"             // 512(g): coroners and funeral directors
	BasisDonation            Basis = "donation"             // 512(h): of organs and tissue
	BasisResearch            Basis = "research"             // 512(i)
	BasisThreat              Basis = "threat"               // 512(j): to avert a serious threat
	BasisGovernment          Basis = "government"           // 512(k): specialized functions
	BasisWorkersCompensation Basis = "workers-compensation" // 512(l)
	BasisSecretary           Basis = "secretary"            // 502(a)(2)(ii): the Secretary of HHS
	BasisImpermissible       Basis = "impermissible"        // nothing allowed it: a breach is a disclosure, too
	BasisOther               Basis = "other"                // another law; the purpose says
)

// Bases lists them all.
func Bases() []Basis {
	return append([]Basis{
		BasisTreatment, BasisPayment, BasisOperations, BasisAuthorization, BasisImpermissible, BasisOther,
	}, summarised...)
}

// summarised are the bases whose repeated disclosures to one recipient for one purpose may be
// told as the first, the last and the number (164.528(b)(3)).
var summarised = []Basis{
	BasisRequiredByLaw, BasisPublicHealth, BasisAbuse, BasisOversight, BasisJudicial, BasisLawEnforcement, BasisDecedent,
	BasisDonation, BasisResearch, BasisThreat, BasisGovernment, BasisWorkersCompensation, BasisSecretary,
}

// suspendable tells whether an agency may have the accounting suspended (164.528(a)(2)(i)).
func (b Basis) suspendable() bool { return b == BasisOversight || b == BasisLawEnforcement }

// Recipient is who got the data (164.528(b)(2)(ii)).
type Recipient struct {
	// Name of the entity or person, 1 to 200 characters; repeated disclosures are found by it, as it is written.
	Name    string `bun:"name"    json:"name"`
	Address string `bun:"address" json:"address"` // up to 500 characters; empty where it is not known
}

// maxOral is how long an oral statement suspends at most (164.528(a)(2)(ii)(C)).
const maxOral = 30 * 24 * time.Hour

// Suspension is an agency's demand that a disclosure be kept from the patient for a time,
// because telling it would be reasonably likely to impede the agency (164.528(a)(2)).
type Suspension struct {
	// from then on the patient is told; zero suspends nothing
	Until time.Time `bun:"until,nullzero" json:"until,omitzero"`
	// agency or official that made the statement, 1 to 200 characters
	Agency    string `bun:"agency"         json:"agency"`
	Statement string `bun:"statement"      json:"statement"` // what was said or written, 3 to 2000 characters
	// not in writing: then it lasts for 30 days at most from At
	Oral bool      `bun:"oral"           json:"oral"`
	At   time.Time `bun:"at,nullzero"    json:"at,omitzero"` // when the statement was made; not in the future
}

// stored is the suspension as the database keeps its instants.
func (s Suspension) stored() Suspension {
	if !s.IsZero() {
		s.Until, s.At = hmstype.Instant(s.Until), hmstype.Instant(s.At)
	}
	return s
}

// IsZero tells whether nothing is suspended.
func (s Suspension) IsZero() bool { return s == Suspension{} }

func (s Suspension) validate(v *hmstype.Validator) {
	if s.IsZero() {
		return
	}
	v.Required(!s.Until.IsZero(), "suspension.until")
	v.Required(!s.At.IsZero(), "suspension.at")
	v.Text(s.Agency, "suspension.agency", 1, 200)
	v.Text(s.Statement, "suspension.statement", 3, 2000)
	v.Check(s.Until.After(s.At), "suspension.until", "must be after the statement")
	v.Check(!s.Oral || s.Until.Sub(s.At) <= maxOral, "suspension.until", "must lie within 30 days of an oral statement")
	v.Check(s.Until.Year() <= 9999, "suspension.until", "must lie in the years 1800 to 9999")
}

// DisclosureDetails are what an accounting tells of a disclosure. Nothing in Recipient.Name and
// Purpose should be the patient's own data: these two are never encrypted.
type DisclosureDetails struct {
	DisclosedAt time.Time `bun:"disclosed_at"     json:"disclosedAt,omitzero"` // UTC; not in the future
	Recipient   Recipient `bun:"embed:recipient_" json:"recipient"`
	Description string    `bun:"description"      json:"description"` // what was disclosed, 1 to 2000 characters
	// why, a brief statement or a code, 1 to 500 characters
	Purpose string `bun:"purpose"          json:"purpose"`
	Basis   Basis  `bun:"basis"            json:"basis"` //
	// who in the hospital allowed it, up to 200 characters, or empty
	AuthorizedBy string `bun:"authorized_by"    json:"authorizedBy"`
}

func (d DisclosureDetails) validate(v *hmstype.Validator) {
	v.Required(!d.DisclosedAt.IsZero(), "disclosedAt")
	v.Check(d.DisclosedAt.IsZero() || d.DisclosedAt.UTC().Year() >= 1800,
		"disclosedAt", "must lie in the years 1800 to 9999")
	v.Text(d.Recipient.Name, "recipient.name", 1, 200)
	v.Text(d.Recipient.Address, "recipient.address", 0, 500)
	v.Text(d.Description, "description", 1, 2000)
	v.Text(d.Purpose, "purpose", 1, 500)
	hmstype.OneOf(v, d.Basis, "basis", Bases()...)
	v.Text(d.AuthorizedBy, "authorizedBy", 0, 200)
}

// stored are the details as the database keeps them: recipients and purposes are found by what
// they say, without the blanks around it.
func (d DisclosureDetails) stored() DisclosureDetails {
	d.DisclosedAt = hmstype.Instant(d.DisclosedAt)
	d.Recipient.Name, d.Purpose = strings.TrimSpace(d.Recipient.Name), strings.TrimSpace(d.Purpose)
	return d
}

// Disclosure is one release of a patient's data outside the hospital, as an accounting of
// disclosures tells it (45 CFR 164.528(b)).
type Disclosure struct {
	ID      hmstype.DisclosureID `json:"id"`
	Patient hmstype.PatientID    `json:"patient"`
	Status  DisclosureStatus     `json:"status"`
	DisclosureDetails
	// the last one, also where it is over; zero where there was none
	Suspension  Suspension       `json:"suspension"`
	RecordedAt  time.Time        `json:"recordedAt,omitzero"` // UTC
	RecordedBy  hmstype.ActorRef `json:"recordedBy"`
	ErrorReason string           `json:"errorReason,omitempty"` // why it is in error; empty for one that stands
	ErrorAt     time.Time        `json:"errorAt,omitzero"`      // UTC; zero for one that stands
	ErrorBy     hmstype.ActorRef `json:"errorBy"`               // zero for one that stands
	Version     int64            `json:"version"`               // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, the state and instants.
	Withheld bool `json:"withheld,omitempty"`
}

// Suspended tells whether the disclosure must be kept from the patient at an instant.
func (d Disclosure) Suspended(at time.Time) bool { return at.Before(d.Suspension.Until) }

// disclosureTexts are what of a disclosure is encrypted where the host gave a key, by the patient's.
var disclosureTexts = fieldcrypt.Table[DisclosureDetails]{
	Name: "disclosure", Subject: "patient_id", Fixed: true,
	Texts: func(d *DisclosureDetails) []fieldcrypt.Text {
		return []fieldcrypt.Text{
			{Column: "recipient_address", Text: &d.Recipient.Address}, {Column: "description", Text: &d.Description},
		}
	},
}.Declare()

// disclosures is what every use case that shows disclosures shows of whom.
var disclosures = usecase.Entity[Disclosure]{
	Table:   "disclosure",
	Patient: func(d *Disclosure) hmstype.PatientID { return d.Patient },
	ID:      func(d *Disclosure) string { return d.ID.String() },
	Texts: func(d *Disclosure) []fieldcrypt.Record {
		return []fieldcrypt.Record{disclosureTexts.Of(d.Patient.UUID(), d.ID, &d.DisclosureDetails)}
	},
}

type disclosureRow struct {
	bun.BaseModel `bun:"table:hms.disclosure,alias:d"`
	dbx.Header[hmstype.DisclosureID]
	PatientID hmstype.PatientID
	Status    DisclosureStatus
	DisclosureDetails
	Suspension  Suspension `bun:"embed:suspension_"`
	ErrorReason string
	ErrorAt     time.Time `bun:",nullzero"`
	ErrorBy     hmstype.ActorRef
}

func (r disclosureRow) Position() hmstype.Position {
	return hmstype.Position{At: r.DisclosedAt, ID: r.ID.UUID()}
}

// suspend checks what depends on the record and the time, and takes the suspension over; the zero
// one lifts it.
func (r *disclosureRow) suspend(s Suspension, now time.Time) error {
	if !s.IsZero() && !r.Basis.suspendable() {
		return ErrNotSuspendable
	}
	if s.At.After(now) {
		return hmstype.Invalid("suspension.at", "must not lie in the future")
	}
	r.Suspension = s.stored()
	return nil
}

func (r disclosureRow) disclosure() Disclosure {
	d := Disclosure{
		ID: r.ID, Patient: r.PatientID, Status: r.Status, DisclosureDetails: r.DisclosureDetails, Suspension: r.Suspension,
		RecordedAt: r.CreatedAt.UTC(), RecordedBy: r.CreatedBy,
		ErrorReason: r.ErrorReason, ErrorAt: r.ErrorAt.UTC(), ErrorBy: r.ErrorBy, Version: r.Version,
	}
	d.DisclosedAt = d.DisclosedAt.UTC()
	d.Suspension.Until, d.Suspension.At = d.Suspension.Until.UTC(), d.Suspension.At.UTC()
	return d
}

// disclosureSteps is how a disclosure's record changes its state.
var disclosureSteps = dbx.Machine[disclosureRow, DisclosureStatus]{
	Table: "disclosure", Transitions: DisclosureTransitions,
	State:   func(r *disclosureRow) *DisclosureStatus { return &r.Status },
	Columns: []string{"error_reason", "error_at", "error_by"},
}

// suspendedDisclosures gives the ids of those of a patient that are kept from him now.
func suspendedDisclosures(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]string, error) {
	ids := []string{}
	err := db.NewSelect().Model((*disclosureRow)(nil)).ColumnExpr("d.id::text").Where("d.tenant_id = ?", db.Tenant()).
		Where("d.patient_id = ?", patient).Where("d.suspension_until > ?", db.Now).Scan(ctx, &ids)
	return ids, err
}
