package patient

import (
	"cmp"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// Status is the state of a patient's record.
type Status string

// The states of a patient's record.
const (
	StatusActive         Status = "active"
	StatusInactive       Status = "inactive"
	StatusMerged         Status = "merged"
	StatusEnteredInError Status = "entered-in-error"
)

// Transitions are the allowed steps between the states.
var Transitions = hmstype.Transitions[Status]{
	StatusActive:   {StatusInactive, StatusMerged, StatusEnteredInError},
	StatusInactive: {StatusActive, StatusMerged, StatusEnteredInError},
}

// Gender is FHIR R4 administrative-gender.
type Gender string

// The codes of administrative gender.
const (
	GenderMale    Gender = "male"
	GenderFemale  Gender = "female"
	GenderOther   Gender = "other"
	GenderUnknown Gender = "unknown"
)

// Precision says how much of a birth date is known (FHIR date: YYYY, YYYY-MM, YYYY-MM-DD).
type Precision string

// The precisions of a birth date.
const (
	PrecisionDay   Precision = "day"
	PrecisionMonth Precision = "month" // the day is the first of the month
	PrecisionYear  Precision = "year"  // the day is the first of January
)

// Identifier is a number that somebody gave to the patient (FHIR Identifier).
type Identifier struct {
	ID     hmstype.PatientIdentifierID `bun:"id,pk"  json:"id"`     // given by the library; ignored in an input
	System string                      `bun:"system" json:"system"` // URI of who gave it, 1 to 200 characters
	Value  string                      `bun:"value"  json:"value"`  // 1 to 200 characters; unique in its system
}

// Details are what a person tells at the desk.
type Details struct {
	// given names; may be unknown; up to 100
	FirstName string `bun:"first_name"              json:"firstName"`
	LastName  string `bun:"last_name"               json:"lastName"` // required, up to 100 characters
	// how the names are read or written otherwise (kana, pinyin, Latin letters), former names, aliases: the person is
	// found by them; up to 200 characters
	OtherNames         string       `bun:"other_names"             json:"otherNames"`
	BirthDate          hmstype.Date `bun:"birth_date"              json:"birthDate"` // zero means unknown; from 1850 on
	BirthDatePrecision Precision    `bun:"birth_date_precision"    json:"birthDatePrecision"`
	Gender             Gender       `bun:"gender"                  json:"gender"`
	// of twins, triplets and so on (FHIR Patient.multipleBirth)
	MultipleBirth bool `bun:"is_multiple_birth" json:"multipleBirth"`
	// has no given name of its own yet ("Baby of ..")
	Newborn     bool   `bun:"is_newborn"   json:"newborn"`
	PhoneNumber string `bun:"phone_number" json:"phoneNumber"` // up to 30 characters
	// up to 30 characters
	SecondPhoneNumber string `bun:"second_phone_number" json:"secondPhoneNumber"`
	Email             string `bun:"email"                   json:"email"` // up to 254 characters
	// up to 500 characters, with line ends
	Address               string `bun:"address"                 json:"address"`
	EmergencyContactName  string `bun:"emergency_contact_name"  json:"emergencyContactName"`
	EmergencyContactPhone string `bun:"emergency_contact_phone" json:"emergencyContactPhone"`
}

func (d *Details) validate(v *hmstype.Validator) {
	v.Text(d.FirstName, "firstName", 0, 100)
	v.Text(d.LastName, "lastName", 1, 100)
	v.Text(d.OtherNames, "otherNames", 0, 200)
	v.Check(d.BirthDatePrecision != PrecisionMonth || d.BirthDate.IsZero() || d.BirthDate.Day() == 1,
		"birthDate", "must be the first of the month where only the month is known")
	v.Check(d.BirthDatePrecision != PrecisionYear || d.BirthDate.IsZero() || d.BirthDate.Day() == 1 &&
		d.BirthDate.Month() == time.January,
		"birthDate", "must be the first of January where only the year is known")
	v.Check(d.BirthDate.IsZero() || d.BirthDate.Year() >= 1850, "birthDate", "must not lie before 1850")
	hmstype.OneOf(v, d.BirthDatePrecision, "birthDatePrecision", PrecisionDay, PrecisionMonth, PrecisionYear, "")
	hmstype.OneOf(v, d.Gender, "gender", GenderMale, GenderFemale, GenderOther, GenderUnknown)
	v.Text(d.PhoneNumber, "phoneNumber", 0, 30)
	v.Text(d.SecondPhoneNumber, "secondPhoneNumber", 0, 30)
	v.Text(d.Email, "email", 0, 254)
	v.Text(d.Address, "address", 0, 500)
	v.Text(d.EmergencyContactName, "emergencyContactName", 0, 200)
	v.Text(d.EmergencyContactPhone, "emergencyContactPhone", 0, 30)
}

// Patient is a person whom the hospital treats (FHIR Patient).
type Patient struct {
	ID  hmstype.PatientID `json:"id"`
	MRN string            `json:"mrn"` // medical record number, unique in the tenant, never used again
	Details
	Status       Status       `json:"status"`
	StatusReason string       `json:"statusReason,omitempty"` // of its status; empty where it never changed
	Identifiers  []Identifier `json:"identifiers,omitempty"`
	Deceased     bool         `json:"deceased"` // whether the person has died (FHIR Patient.deceased)
	// UTC; zero means alive, or, where Deceased, unknown
	DeceasedAt time.Time `json:"deceasedAt,omitzero" hms:"withheld"`
	// why a death that was noted was none; empty where none was revoked, or another is noted
	DeathRevokedReason string            `json:"deathRevokedReason,omitempty"`
	Restricted         bool              `json:"restricted"`               // see the package's documentation
	OverrideReason     string            `json:"overrideReason,omitempty"` // why registered although a like one exists
	MergedInto         hmstype.PatientID `json:"mergedInto"`               // the surviving record, where Status is merged
	Erased             bool              `json:"erased,omitempty"`         // what was sealed is empty now; see encryption
	CreatedAt          time.Time         `json:"createdAt,omitzero"`       // UTC
	CreatedBy          hmstype.ActorRef  `json:"createdBy"`
	Version            int64             `json:"version"` // counts changes, from 1
	// Withheld says that the record is restricted and the actor may not see it: what is left are
	// ids, the record's number and state, and who made it when.
	Withheld bool `json:"withheld,omitempty"`
}

type patientRow struct {
	bun.BaseModel `bun:"table:hms.patient,alias:p"`
	dbx.Header[hmstype.PatientID]
	MRN          string `bun:"mrn"`
	MRNKey       string `bun:"mrn_key"` // normal form of MRN
	Status       Status
	StatusReason string
	Details
	IsDeceased         bool
	DeceasedAt         time.Time `bun:",nullzero"`
	DeathRevokedReason string
	IsRestricted       bool
	OverrideReason     string
	MergedIntoID       hmstype.PatientID `bun:"merged_into_id"`
}

func (r patientRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

// patient gives the row with its texts as they are stored, and without its identifiers.
func (r patientRow) patient() Patient {
	return Patient{
		ID: r.ID, MRN: r.MRN, Status: r.Status, StatusReason: r.StatusReason, Details: r.Details,
		Deceased: r.IsDeceased, DeceasedAt: r.DeceasedAt.UTC(), DeathRevokedReason: r.DeathRevokedReason,
		Restricted: r.IsRestricted, OverrideReason: r.OverrideReason,
		MergedInto: r.MergedIntoID, CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// setDetails takes over what was told at the desk.
func (r *patientRow) setDetails(keys fieldcrypt.Keys, d Details) error {
	d.BirthDatePrecision = cmp.Or(d.BirthDatePrecision, PrecisionDay)
	r.Details = d
	return patientTexts.SealBy(keys, r.ID.UUID(), r.ID, &r.Details)
}

// setMRN gives a new patient the number by which he is known.
func (r *patientRow) setMRN(mrn string) { r.MRN, r.MRNKey = mrn, names.CodeKey(mrn) }

// setDeceased notes a death; an instant alone says that the person has died, too.
func (r *patientRow) setDeceased(deceased bool, at time.Time) {
	r.IsDeceased, r.DeceasedAt, r.DeathRevokedReason = deceased || !at.IsZero(), time.Time{}, ""
	if !at.IsZero() {
		r.DeceasedAt = hmstype.Instant(at)
	}
}

type identifierRow struct {
	bun.BaseModel `bun:"table:hms.patient_identifier,alias:i"`
	dbx.Tenanted
	Identifier
	PatientID hmstype.PatientID
	SystemKey string // normal form of System
	ValueKey  string // normal form of Value; with field encryption a keyed token of it
}

type tokenRow struct {
	bun.BaseModel `bun:"table:hms.patient_token,alias:t"`
	dbx.Tenanted
	Token     string            `bun:"token,pk"`
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
}
