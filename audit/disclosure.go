package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
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
	return append([]Basis{BasisTreatment, BasisPayment, BasisOperations, BasisAuthorization, BasisImpermissible, BasisOther}, summarised...)
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
	Name    string // of the entity or person, 1 to 200 characters; repeated disclosures are found by it, as it is written
	Address string // up to 500 characters; empty where it is not known
}

// maxOral is how long an oral statement suspends at most (164.528(a)(2)(ii)(C)).
const maxOral = 30 * 24 * time.Hour

// Suspension is an agency's demand that a disclosure be kept from the patient for a time,
// because telling it would be reasonably likely to impede the agency (164.528(a)(2)).
type Suspension struct {
	Until     time.Time // from then on the patient is told; zero means that nothing is suspended
	Agency    string    // the agency or official that made the statement, 1 to 200 characters
	Statement string    // what was said or written, 3 to 2000 characters
	Oral      bool      // not in writing: then it lasts for 30 days at most from At
	At        time.Time // when the statement was made; not in the future
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

// Disclosure is one release of a patient's data outside the hospital, as an accounting of
// disclosures tells it (45 CFR 164.528(b)).
type Disclosure struct {
	ID           hmstype.DisclosureID
	Patient      hmstype.PatientID
	Status       DisclosureStatus
	DisclosedAt  time.Time // UTC
	Recipient    Recipient
	Description  string // what was disclosed
	Purpose      string // a text or a code: what the patient can see the basis by
	Basis        Basis
	AuthorizedBy string     // who in the hospital allowed it; empty where nobody had to
	Suspension   Suspension // the last one, also where it is over; zero where there was none
	RecordedAt   time.Time  // UTC
	RecordedBy   string     // as Event.Actor
	ErrorReason  string     // why it is in error; empty for one that stands
	ErrorAt      time.Time  // UTC; zero for one that stands
	ErrorBy      string     // as Event.Actor
	Version      int64      // counts changes, from 1
}

// Suspended tells whether the disclosure must be kept from the patient at an instant.
func (d Disclosure) Suspended(at time.Time) bool { return at.Before(d.Suspension.Until) }

// The fields that are encrypted where the host gave a key, by the patient's.
const (
	fieldAddress     fieldcrypt.Field = "disclosure.recipient_address"
	fieldDescription fieldcrypt.Field = "disclosure.description"
)

var _ = fieldcrypt.Declare(
	fieldcrypt.Column{Table: "disclosure", Name: "recipient_address", Field: fieldAddress, Subject: "patient_id", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "disclosure", Name: "description", Field: fieldDescription, Subject: "patient_id", Row: "id", Fixed: true},
)

// Errors about disclosures.
var (
	// ErrNotSuspendable: only what went to health oversight or law enforcement may be kept from
	// the patient.
	ErrNotSuspendable = fmt.Errorf("%w: the accounting of this disclosure cannot be suspended", hmstype.ErrPrecondition)
	// ErrDisclosureInError: the record was marked as an error.
	ErrDisclosureInError = fmt.Errorf("%w: the disclosure was entered in error", hmstype.ErrPrecondition)
)

type disclosureRow struct {
	bun.BaseModel `bun:"table:hms.disclosure,alias:d"`
	dbx.Tenanted
	ID               hmstype.DisclosureID `bun:"id,pk"`
	PatientID        hmstype.PatientID
	Status           DisclosureStatus
	DisclosedAt      time.Time
	RecipientName    string
	RecipientAddress string
	Description      string
	Purpose          string
	Basis            Basis
	AuthorizedBy     string
	SuspendedUntil   time.Time `bun:",nullzero"`
	SuspendedBy      string
	SuspensionText   string
	SuspensionOral   bool
	SuspensionAt     time.Time `bun:",nullzero"`
	RecordedAt       time.Time
	RecordedBy       string
	ErrorReason      string
	ErrorAt          time.Time `bun:",nullzero"`
	ErrorBy          string
	Version          int64
}

func (r disclosureRow) Position() hmstype.Position {
	return hmstype.Position{At: r.DisclosedAt, ID: r.ID.UUID()}
}

// setSuspension takes a suspension over; the zero one lifts it.
func (r *disclosureRow) setSuspension(s Suspension) {
	r.SuspendedUntil, r.SuspensionAt = time.Time{}, time.Time{}
	if !s.IsZero() {
		r.SuspendedUntil, r.SuspensionAt = hmstype.Instant(s.Until), hmstype.Instant(s.At)
	}
	r.SuspendedBy, r.SuspensionText, r.SuspensionOral = s.Agency, s.Statement, s.Oral
}

// suspend checks what depends on the record and the time, and takes the suspension over.
func (r *disclosureRow) suspend(s Suspension, now time.Time) error {
	if !s.IsZero() && !r.Basis.suspendable() {
		return ErrNotSuspendable
	}
	if s.At.After(now) {
		return hmstype.Invalid("suspension.at", "must not lie in the future")
	}
	r.setSuspension(s)
	return nil
}

// disclosure gives the record as people read it.
func (r disclosureRow) disclosure(keys fieldcrypt.Keys) (d Disclosure, err error) {
	d = Disclosure{
		ID: r.ID, Patient: r.PatientID, Status: r.Status, DisclosedAt: r.DisclosedAt.UTC(), Recipient: Recipient{Name: r.RecipientName},
		Purpose: r.Purpose, Basis: r.Basis, AuthorizedBy: r.AuthorizedBy, RecordedAt: r.RecordedAt.UTC(), RecordedBy: r.RecordedBy,
		ErrorReason: r.ErrorReason, ErrorAt: r.ErrorAt.UTC(), ErrorBy: r.ErrorBy, Version: r.Version,
	}
	if !r.SuspendedUntil.IsZero() {
		d.Suspension = Suspension{
			Until: r.SuspendedUntil.UTC(), Agency: r.SuspendedBy, Statement: r.SuspensionText, Oral: r.SuspensionOral, At: r.SuspensionAt.UTC(),
		}
	}
	if d.Recipient.Address, err = keys.Open(r.PatientID.UUID(), fieldAddress, r.ID, r.RecipientAddress); err != nil {
		return Disclosure{}, err
	}
	d.Description, err = keys.Open(r.PatientID.UUID(), fieldDescription, r.ID, r.Description)
	return d, err
}

// disclosures gives records of one patient as people read them.
func (s *Service) disclosures(ctx context.Context, db dbx.DB, patient hmstype.PatientID, rows ...disclosureRow) ([]Disclosure, error) {
	keys, err := s.base.Crypt.Load(ctx, db, patient.UUID())
	if err != nil {
		return nil, err
	}
	list := make([]Disclosure, len(rows))
	for i, r := range rows {
		if list[i], err = r.disclosure(keys); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// suspendedDisclosures gives the ids of those of a patient that are kept from him now.
func suspendedDisclosures(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]string, error) {
	ids := []string{}
	err := db.NewSelect().Model((*disclosureRow)(nil)).ColumnExpr("d.id::text").Where("d.tenant_id = ?", db.Tenant()).
		Where("d.patient_id = ?", patient).Where("d.suspended_until > ?", db.Now).Scan(ctx, &ids)
	return ids, err
}
