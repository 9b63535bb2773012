package patient

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// mrnAttempts bounds the search for a free number where a host brought numbers of its own
// that look like ours.
const mrnAttempts = 1000

// RegisterInput describes a new patient.
type RegisterInput struct {
	Details
	MRN            string       // empty: the next free number is allocated; up to 20 characters
	Identifiers    []Identifier // at most 20
	Restricted     bool
	OverrideReason string // why to register although a like person exists; empty refuses that
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RegisterInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	v.Text(in.MRN, "mrn", 0, 20)
	v.Text(in.OverrideReason, "overrideReason", 0, 500)
	v.Check(len(in.Identifiers) <= 20, "identifiers", "must be at most 20")
	for i, id := range in.Identifiers {
		v.Text(id.System, fmt.Sprintf("identifiers[%d].system", i), 1, 200)
		v.Text(id.Value, fmt.Sprintf("identifiers[%d].value", i), 1, 200)
	}
	return v.Err()
}

// Register adds a patient and allocates the medical record number. Two desks that register
// the same person at once take turns, so that the second one sees the first one's patient.
// A person with the same birth date, gender and names (up to case and diacritics) is a
// [DuplicateError] unless OverrideReason is given; a taken identifier is
// [ErrIdentifierTaken] in any case.
func (s *Service) Register(ctx context.Context, in RegisterInput) (Patient, error) {
	op := service.Op{Name: "patient.register", Permission: hmstype.PermPatientWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, register)
}

func register(ctx context.Context, db dbx.DB, in RegisterInput) (Patient, error) {
	if err := refuseFutureBirth(ctx, db, in.BirthDate); err != nil {
		return Patient{}, err
	}
	if err := refuseDuplicate(ctx, db, in); err != nil {
		return Patient{}, err
	}
	row := patientRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.PatientID](), MRN: in.MRN,
		Status: StatusActive, IsRestricted: in.Restricted, OverrideReason: in.OverrideReason, CreatedAt: db.Now, Version: 1,
	}
	row.setDetails(in.Details)
	if err := insertWithMRN(ctx, db, &row); err != nil {
		return Patient{}, err
	}
	if err := insertTokens(ctx, db, row); err != nil {
		return Patient{}, err
	}
	identifiers := make([]identifierRow, len(in.Identifiers))
	for i, id := range in.Identifiers {
		identifiers[i] = identifierRow{
			Tenanted: row.Tenanted, ID: hmstype.NewID[hmstype.PatientIdentifierID](), PatientID: row.ID,
			System: id.System, Value: id.Value, ValueNormalized: normalizeIdentifier(id.Value),
		}
	}
	if err := dbx.Insert(ctx, db, identifiers...); err != nil {
		return Patient{}, err
	}
	err := db.Emit(ctx, dbx.Event{Type: "patient.registered", Entity: "patient", ID: row.ID, Data: map[string]string{"id": row.ID.String()}})
	return row.patient(in.Identifiers), err
}

func refuseFutureBirth(ctx context.Context, db dbx.DB, birth hmstype.Date) error {
	today, err := db.Today(ctx)
	if err == nil && birth.After(today) {
		err = hmstype.Invalid("birthDate", "must not lie in the future")
	}
	return err
}

// refuseDuplicate makes desks take turns on (birth date, family name) and then looks.
func refuseDuplicate(ctx context.Context, db dbx.DB, in RegisterInput) error {
	if in.BirthDate.IsZero() || in.FirstName == "" {
		return nil // too little is known to tell people apart
	}
	name := fold(in.LastName)
	if err := db.LockName(ctx, "patient.register/"+in.BirthDate.String()+"/"+name); err != nil {
		return err
	}
	if in.OverrideReason != "" {
		return nil
	}
	same, err := dbx.All[patientRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("p.birth_date = ?", in.BirthDate).Where("p.status IN (?)", bun.In([]Status{StatusActive, StatusInactive})).Order("p.id")
	})
	if err != nil {
		return err
	}
	var candidates []hmstype.PatientID
	for _, row := range same {
		if fold(row.LastName) == name && fold(row.FirstName) == fold(in.FirstName) && row.Gender == in.Gender {
			candidates = append(candidates, row.ID)
		}
	}
	if len(candidates) > 0 {
		return &DuplicateError{Candidates: candidates}
	}
	return nil
}

// insertWithMRN inserts the patient under the next number that is free.
func insertWithMRN(ctx context.Context, db dbx.DB, row *patientRow) error {
	if row.MRN != "" {
		return dbx.Insert(ctx, db, *row)
	}
	for range mrnAttempts {
		n, err := db.NextNumber(ctx, "patient.mrn")
		if err != nil {
			return err
		}
		row.MRN = formatMRN(n)
		if done, err := dbx.InsertIfFree(ctx, db, row); done || err != nil {
			return err
		}
	}
	return ErrMRNTaken
}

func insertTokens(ctx context.Context, db dbx.DB, row patientRow) error {
	words := tokens(row.FirstName, row.LastName)
	rows := make([]tokenRow, len(words))
	for i, w := range words {
		rows[i] = tokenRow{Tenanted: row.Tenanted, Token: w, PatientID: row.ID}
	}
	return dbx.Insert(ctx, db, rows...)
}
