package patient

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// maxIdentifiers bounds what one registration brings.
const maxIdentifiers = 20

// Same tells whether two identifiers are equal in the sense of their uniqueness: the same
// system, and values that differ in case and spaces only.
func (i Identifier) Same(other Identifier) bool {
	return i.System == other.System && normalizeIdentifier(i.Value) == normalizeIdentifier(other.Value)
}

func validateIdentifiers(v *hmstype.Validator, identifiers []Identifier) {
	v.Check(len(identifiers) <= maxIdentifiers, "identifiers", "must be at most 20")
	for i, id := range identifiers {
		path := fmt.Sprintf("identifiers[%d]", i)
		v.Text(id.System, path+".system", 1, 200)
		v.Text(id.Value, path+".value", 1, 200)
		v.Check(normalizeIdentifier(id.Value) != "", path+".value", "must have a letter, digit or sign")
		v.Check(!slices.ContainsFunc(identifiers[:min(i, maxIdentifiers)], id.Same), path, "must not repeat another")
	}
}

// insertIdentifiers writes a new patient's identifiers and gives them as they are stored;
// [IdentifierError] where another patient has one. They go in one order, so that two registrations never wait for each other.
func insertIdentifiers(
	ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, patient hmstype.PatientID, identifiers []Identifier,
) ([]Identifier, error) {
	if len(identifiers) == 0 {
		return nil, nil
	}
	rows := make([]identifierRow, len(identifiers))
	for i, id := range identifiers {
		row := identifierRow{Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, Identifier: id, PatientID: patient}
		row.ID = hmstype.NewID[hmstype.PatientIdentifierID]()
		var err error
		if row.ValueNormalized, err = identifierTexts.Token(keys, "value_normalized", id.Value); err != nil {
			return nil, err
		}
		if err := identifierTexts.SealBy(keys, patient.UUID(), row.ID, &row.Identifier); err != nil {
			return nil, err
		}
		rows[i] = row
	}
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b identifierRow) int {
		return cmp.Or(cmp.Compare(a.System, b.System), cmp.Compare(a.ValueNormalized, b.ValueNormalized))
	})
	res, err := db.NewInsert().Model(&sorted).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == int64(len(rows)) {
		return identifiersOf(rows), err
	}
	return nil, identifierInTheWay(ctx, db, rows)
}

// storedIdentifiers reads a patient's identifiers, their values as they are stored.
func storedIdentifiers(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]Identifier, error) {
	rows, err := dbx.All[identifierRow](ctx, db, dbx.Equal("patient_id", patient), dbx.OrderBy("i.id"))
	return identifiersOf(rows), err
}

func identifiersOf(rows []identifierRow) []Identifier {
	identifiers := make([]Identifier, len(rows))
	for i, r := range rows {
		identifiers[i] = r.Identifier
	}
	return identifiers
}

func identifierInTheWay(ctx context.Context, db dbx.DB, rows []identifierRow) error {
	for i, row := range rows {
		taken, err := dbx.All[identifierRow](ctx, db, dbx.Equal("system", row.System),
			dbx.Equal("value_normalized", row.ValueNormalized), dbx.Where("i.patient_id <> ?", row.PatientID))
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return &IdentifierError{Index: i, Patient: taken[0].PatientID}
		}
	}
	return ErrIdentifierTaken
}
