package patient

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// maxIdentifiers bounds what one registration brings.
const maxIdentifiers = 20

// Same tells whether two identifiers are equal in the sense of their uniqueness: the same
// system and value, each up to case, space, kind of dash and Unicode form.
func (i Identifier) Same(other Identifier) bool {
	return names.CodeKey(i.System) == names.CodeKey(other.System) && names.CodeKey(i.Value) == names.CodeKey(other.Value)
}

func validateIdentifiers(v *hmstype.Validator, identifiers []Identifier) {
	v.Check(len(identifiers) <= maxIdentifiers, "identifiers", "must be at most 20")
	for i, id := range identifiers {
		path := fmt.Sprintf("identifiers[%d]", i)
		names.Check(v, names.CodeKey, id.System, path+".system", 200)
		names.Check(v, names.CodeKey, id.Value, path+".value", 200)
		v.Check(!slices.ContainsFunc(identifiers[:min(i, maxIdentifiers)], id.Same), path, "must not repeat another")
	}
}

// insertIdentifiers writes a new patient's identifiers and gives them as they are stored;
// [IdentifierError] where another patient has one. They go in one order, so that two registrations never wait for
// each other.
func insertIdentifiers(
	ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, patient hmstype.PatientID, identifiers []Identifier,
) ([]Identifier, error) {
	if len(identifiers) == 0 {
		return []Identifier{}, nil
	}
	rows := make([]identifierRow, len(identifiers))
	for i, id := range identifiers {
		row := identifierRow{Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, Identifier: id, PatientID: patient}
		row.ID, row.SystemKey = hmstype.NewID[hmstype.PatientIdentifierID](), names.CodeKey(id.System)
		var err error
		if row.ValueKey, err = identifierTexts.Token(keys, "value_key", id.Value); err != nil {
			return nil, err
		}
		if err := identifierTexts.SealBy(keys, patient.UUID(), row.ID, &row.Identifier); err != nil {
			return nil, err
		}
		rows[i] = row
	}
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b identifierRow) int {
		return cmp.Or(cmp.Compare(a.SystemKey, b.SystemKey), cmp.Compare(a.ValueKey, b.ValueKey))
	})
	if n, err := dbx.InsertFree(ctx, db, sorted); err != nil || n == int64(len(rows)) {
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
		taken, err := dbx.All[identifierRow](ctx, db, dbx.Equal("system_key", row.SystemKey),
			dbx.Equal("value_key", row.ValueKey), dbx.Where("i.patient_id <> ?", row.PatientID))
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return identifierTaken(ctx, db, i, taken[0].PatientID)
		}
	}
	return ErrIdentifierTaken
}

// identifierTaken says who has an identifier, unless the actor may not see his record.
func identifierTaken(ctx context.Context, db dbx.DB, index int, by hmstype.PatientID) error {
	holder, err := dbx.Get[patientRow](ctx, db, "patient", by)
	if err != nil {
		return err
	}
	if holder.IsRestricted && !db.SeesRestricted() {
		return &IdentifierError{Index: index, Restricted: true, hidden: by}
	}
	return &IdentifierError{Index: index, Patient: by}
}
