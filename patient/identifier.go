package patient

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

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

// insertIdentifiers writes a new patient's identifiers; [IdentifierError] where another
// patient has one. They go in one order, so that two registrations never wait for each other.
func insertIdentifiers(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, patient hmstype.PatientID, identifiers []Identifier) error {
	if len(identifiers) == 0 {
		return nil
	}
	rows := make([]identifierRow, len(identifiers))
	for i, id := range identifiers {
		row := identifierRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.PatientIdentifierID](), PatientID: patient,
			System: id.System, SystemKey: names.CodeKey(id.System),
		}
		var err error
		if row.Value, err = keys.Seal(patient.UUID(), fieldIdentifier, row.ID, id.Value); err != nil {
			return err
		}
		if row.ValueKey, err = keys.Index(fieldIdentifier, names.CodeKey(id.Value)); err != nil {
			return err
		}
		rows[i] = row
	}
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b identifierRow) int {
		return cmp.Or(cmp.Compare(a.SystemKey, b.SystemKey), cmp.Compare(a.ValueKey, b.ValueKey))
	})
	res, err := db.NewInsert().Model(&sorted).On("CONFLICT DO NOTHING").Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == int64(len(rows)) {
		return err
	}
	return identifierInTheWay(ctx, db, rows)
}

func identifierInTheWay(ctx context.Context, db dbx.DB, rows []identifierRow) error {
	for i, row := range rows {
		taken, err := dbx.All[identifierRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("i.system_key = ?", row.SystemKey).Where("i.value_key = ?", row.ValueKey).
				Where("i.patient_id <> ?", row.PatientID)
		})
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return &IdentifierError{Index: i, Patient: taken[0].PatientID}
		}
	}
	return ErrIdentifierTaken
}
