package patient

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Service keeps the patients of the actor's tenant.
type Service struct {
	base usecase.Base
}

// New makes the service; hms.New calls it.
func New(base usecase.Base) *Service { return &Service{base: base} }

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
	System string `json:"system"` // URI of who gave it, 1 to 200 characters
	Value  string `json:"value"`  // 1 to 200 characters; unique in its system up to case and spaces
}

// Details are what a person tells at the desk.
type Details struct {
	FirstName             string       `json:"firstName"` // given names; empty for a person who is unknown yet; up to 100 characters
	LastName              string       `json:"lastName"`  // required, up to 100 characters
	BirthDate             hmstype.Date `json:"birthDate"` // zero means unknown; not in the future, not before 1850
	BirthDatePrecision    Precision    `json:"birthDatePrecision"`
	Gender                Gender       `json:"gender"`
	PhoneNumber           string       `json:"phoneNumber"` // up to 30 characters
	Email                 string       `json:"email"`       // up to 254 characters
	Address               string       `json:"address"`     // up to 500 characters, lines parted by line ends
	EmergencyContactName  string       `json:"emergencyContactName"`
	EmergencyContactPhone string       `json:"emergencyContactPhone"`
}

func (d *Details) validate(v *hmstype.Validator) {
	v.Text(d.FirstName, "firstName", 0, 100)
	v.Text(d.LastName, "lastName", 1, 100)
	v.Check(d.BirthDatePrecision != PrecisionMonth || d.BirthDate.IsZero() || d.BirthDate.Day() == 1,
		"birthDate", "must be the first of the month where only the month is known")
	v.Check(d.BirthDatePrecision != PrecisionYear || d.BirthDate.IsZero() || d.BirthDate.Day() == 1 && d.BirthDate.Month() == time.January,
		"birthDate", "must be the first of January where only the year is known")
	v.Check(d.BirthDate.IsZero() || d.BirthDate.Year() >= 1850, "birthDate", "must not lie before 1850")
	hmstype.OneOf(v, d.BirthDatePrecision, "birthDatePrecision", PrecisionDay, PrecisionMonth, PrecisionYear, "")
	hmstype.OneOf(v, d.Gender, "gender", GenderMale, GenderFemale, GenderOther, GenderUnknown)
	v.Text(d.PhoneNumber, "phoneNumber", 0, 30)
	v.Text(d.Email, "email", 0, 254)
	v.Text(d.Address, "address", 0, 500)
	v.Text(d.EmergencyContactName, "emergencyContactName", 0, 200)
	v.Text(d.EmergencyContactPhone, "emergencyContactPhone", 0, 30)
}

// Patient is a person whom the hospital treats (FHIR Patient).
type Patient struct {
	ID  hmstype.PatientID
	MRN string // medical record number, unique in the tenant, never used again
	Details
	Status         Status
	StatusReason   string // why the record got its status; empty for one that was never changed
	Identifiers    []Identifier
	Deceased       bool              // whether the person has died (FHIR Patient.deceased)
	DeceasedAt     time.Time         // UTC; zero means alive, or, where Deceased, at an unknown instant
	Restricted     bool              // see the package's documentation
	OverrideReason string            // why the person was registered although a like one exists
	MergedInto     hmstype.PatientID // the surviving record, where Status is merged
	Erased         bool              // the person was erased (encryption.Service.Erase): what was sealed is empty now
	CreatedAt      time.Time         // UTC
	Version        int64             // counts changes, from 1
}

type patientRow struct {
	bun.BaseModel `bun:"table:hms.patient,alias:p"`
	dbx.Tenanted
	ID                    hmstype.PatientID `bun:"id,pk"`
	MRN                   string            `bun:"mrn"`
	MRNKey                string            `bun:"mrn_key"` // twin of MRN
	Status                Status
	StatusReason          string
	FirstName             string
	LastName              string
	BirthDate             hmstype.Date
	BirthDatePrecision    Precision
	Gender                Gender
	PhoneNumber           string
	PhoneNormalized       string `bun:",nullzero"`
	Email                 string
	Address               string
	EmergencyContactName  string
	EmergencyContactPhone string
	IsDeceased            bool
	DeceasedAt            time.Time `bun:",nullzero"`
	IsRestricted          bool
	OverrideReason        string
	MergedIntoID          hmstype.PatientID `bun:"merged_into_id"`
	CreatedAt             time.Time
	Version               int64
}

func (r patientRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

// setMRN gives a new patient the number by which he is known.
func (r *patientRow) setMRN(mrn string) { r.MRN, r.MRNKey = mrn, names.CodeKey(mrn) }

// setDeceased notes a death; an instant alone says that the person has died, too.
func (r *patientRow) setDeceased(deceased bool, at time.Time) {
	r.IsDeceased, r.DeceasedAt = deceased || !at.IsZero(), time.Time{}
	if !at.IsZero() {
		r.DeceasedAt = hmstype.Instant(at)
	}
}

type identifierRow struct {
	bun.BaseModel `bun:"table:hms.patient_identifier,alias:i"`
	dbx.Tenanted
	ID        hmstype.PatientIdentifierID `bun:"id,pk"`
	PatientID hmstype.PatientID
	System    string
	SystemKey string // twin of System
	Value     string
	ValueKey  string // twin of Value; with field encryption a keyed token of it
}

type tokenRow struct {
	bun.BaseModel `bun:"table:hms.patient_token,alias:t"`
	dbx.Tenanted
	Token     string            `bun:"token,pk"`
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
}
