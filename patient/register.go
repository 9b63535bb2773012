package patient

import (
	"context"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// mrnNumbers number the medical records.
var mrnNumbers = dbx.DeclareSeries("patient.mrn")

// mrnAttempts bounds the search for a free number where a host brought numbers of its own
// that look like ours.
const mrnAttempts = 1000

// RegisterInput describes a new patient.
type RegisterInput struct {
	Details
	MRN         string       `json:"mrn"`         // empty: the next free number is allocated; up to 20 characters
	Identifiers []Identifier `json:"identifiers"` // at most 20, none twice
	Restricted  bool         `json:"restricted"`
	Deceased    bool         `json:"deceased"` // a record of somebody who has died, as an import brings it
	// zero means alive, or, where Deceased, at an unknown instant; not in the future
	DeceasedAt time.Time `json:"deceasedAt,omitzero"`
	// why to register although a like person exists; empty refuses that
	OverrideReason string `json:"overrideReason"`
	IdempotencyKey string `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in RegisterInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	names.CheckOptional(&v, names.CodeKey, in.MRN, "mrn", 20)
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	v.Check(in.MRN == strings.TrimSpace(in.MRN), "mrn", "must not begin or end with a space")
	validateIdentifiers(&v, in.Identifiers)
	return v.Err()
}

var opRegister = usecase.Command[RegisterInput, Patient]{
	Name: "patient.register", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Key:   func(in RegisterInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(p Patient) hmstype.PatientID { return p.ID }, get),
	Sample: RegisterInput{
		Details: sampleDetails, MRN: "A-17", Identifiers: []Identifier{{System: "urn:national", Value: "AB 12"}},
		OverrideReason: "another person, passport seen",
	},
}.Declare()

// sampleDetails pass validation.
var sampleDetails = Details{
	FirstName: "Ada", LastName: "Lovelace", BirthDate: hmstype.NewDate(1980, time.May, 17),
	BirthDatePrecision: PrecisionDay,
	Gender:             GenderFemale, PhoneNumber: "+254 700 000000", Email: "ada@example.org", Address: "1 Long Street",
	EmergencyContactName: "Bob", EmergencyContactPhone: "12345",
}

// Register adds a patient and allocates the medical record number. Two desks that register
// the same person at once take turns, so that the second one sees the first one's patient.
//
// Where somebody with like names, birth date and gender is registered, it gives a
// [DuplicateError] with the candidates and how like they are. From [ProbableScore] on OverrideReason may say why
// this is another person; the reason stays with the record and the override in the trail of every candidate. From
// [CertainScore] on no reason does: names, birth date and gender are equal and nothing recorded tells the two apart,
// neither a telephone number nor an identifier of one system nor a mark. Two children who are marked as of a multiple
// birth or as newborn never stand in each other's way. An identifier that another patient has is an
// [IdentifierError], a taken number an [MRNError], in any case.
// Who registers a restricted record without seeing such is given it withheld.
// Permission: [hmstype.PermPatientWrite].
func (s *Service) Register(ctx context.Context, in RegisterInput) (Patient, error) {
	return opRegister.Run(ctx, &s.base, in, s.register)
}

func (s *Service) register(ctx context.Context, db dbx.DB, in RegisterInput) (Patient, error) {
	if err := refuseFutureBirth(ctx, db, in.BirthDate); err != nil {
		return Patient{}, err
	}
	if in.DeceasedAt.After(db.Now) {
		return Patient{}, hmstype.Invalid("deceasedAt", "must not lie in the future")
	}
	id := hmstype.NewID[hmstype.PatientID]()
	keys, err := s.base.Crypt.Ensure(ctx, db, id.UUID())
	if err != nil {
		return Patient{}, err
	}
	traits, err := traitsOf(ctx, db, keys, in.Details)
	if err != nil {
		return Patient{}, err
	}
	if err := checkDuplicates(ctx, db, keys, in, traits); err != nil {
		return Patient{}, err
	}
	row := patientRow{
		Header: dbx.HeaderOf(db, id),
		Status: StatusActive, IsRestricted: in.Restricted, OverrideReason: in.OverrideReason,
	}
	if err := row.setDetails(keys, in.Details); err != nil {
		return Patient{}, err
	}
	row.setDeceased(in.Deceased, in.DeceasedAt)
	if err := insertWithMRN(ctx, db, &row, in.MRN); err != nil {
		return Patient{}, err
	}
	if err := insertTraits(ctx, db, row.ID, in.Details, traits); err != nil {
		return Patient{}, err
	}
	if err := insertIdentifierKeys(ctx, db, keys, row.ID, in.Identifiers); err != nil {
		return Patient{}, err
	}
	db.KnowRestricted(row.ID, row.IsRestricted)
	p := row.patient()
	if p.Identifiers, err = insertIdentifiers(ctx, db, keys, row.ID, in.Identifiers); err != nil {
		return Patient{}, err
	}
	return p, db.Emit(ctx, dbx.Event{
		Type: eventRegistered, ID: row.ID, Data: map[string]string{"id": row.ID.String()},
	})
}

func refuseFutureBirth(ctx context.Context, db dbx.DB, birth hmstype.Date) error {
	today, err := db.Today(ctx)
	if err == nil && birth.After(today) {
		err = hmstype.Invalid("birthDate", "must not lie in the future")
	}
	return err
}

// insertWithMRN inserts the patient under this number; where there is none, under the next that is free.
func insertWithMRN(ctx context.Context, db dbx.DB, row *patientRow, mrn string) error {
	if mrn != "" {
		row.setMRN(mrn)
		done, err := dbx.InsertIfFree(ctx, db, row)
		if done || err != nil {
			return err
		}
		return mrnTaken(ctx, db, row.MRNKey)
	}
	for range mrnAttempts {
		n, err := db.NextNumber(ctx, mrnNumbers, 0)
		if err != nil {
			return err
		}
		row.setMRN(formatMRN(n))
		if done, err := dbx.InsertIfFree(ctx, db, row); done || err != nil {
			return err
		}
	}
	return ErrMRNTaken
}

// mrnTaken says who has a number, unless the actor may not see his record.
func mrnTaken(ctx context.Context, db dbx.DB, key string) error {
	rows, err := dbx.All[patientRow](ctx, db, dbx.Equal("mrn_key", key))
	switch {
	case err != nil:
		return err
	case len(rows) == 0:
		return ErrMRNTaken
	case rows[0].IsRestricted && !db.SeesRestricted():
		return &MRNError{Restricted: true, hidden: rows[0].ID}
	default:
		return &MRNError{Patient: rows[0].ID}
	}
}
