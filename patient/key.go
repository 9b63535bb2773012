package patient

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// Kinds of keys; see migrate/sql/0002_patient.sql.
const (
	kindIdentifier = "identifier"
	kindMatch      = "match"
	kindNumber     = "number"
	kindPhone      = "phone"
)

type keyRow struct {
	bun.BaseModel `bun:"table:hms.patient_key,alias:k"`
	dbx.Tenanted
	Kind      string            `bun:"kind,pk"`
	Key       string            `bun:"key,pk"`
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
}

type likenessRow struct {
	bun.BaseModel `bun:"table:hms.patient_likeness,alias:l"`
	dbx.Tenanted
	PatientID hmstype.PatientID `bun:"patient_id,pk"`
	likeness
}

// traits are by what a person is compared: what is stored of a patient, or would be.
type traits struct {
	likeness
	match, number, phones []string
}

// keys gives under what the person is locked, and sought.
func (t traits) keys() []string { return append(append([]string{}, t.match...), t.number...) }

// traitsOf gives the traits of what was told, in clear.
func traitsOf(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, d Details) (t traits, err error) {
	tenant, err := db.TenantInfo(ctx)
	if err != nil {
		return t, err
	}
	if t.phones, err = phoneKeys(keys, tenant.Country, d); err != nil {
		return t, err
	}
	h := &hasher{keys: keys}
	t.likeness = h.likeness(d)
	t.match, t.number = h.matchKeys(d, t.likeness, t.phones)
	return t, h.err
}

// insertTraits stores by what a patient is found and compared, but for the identifiers.
func insertTraits(ctx context.Context, db dbx.DB, id hmstype.PatientID, d Details, t traits) error {
	tenant := dbx.Tenanted{TenantID: db.Tenant()}
	var tokens []tokenRow
	for _, word := range names.Tokens(d.LastName, d.FirstName, d.OtherNames) {
		tokens = append(tokens, tokenRow{Tenanted: tenant, Token: word, PatientID: id})
	}
	if err := dbx.Insert(ctx, db, tokens...); err != nil {
		return err
	}
	var keys []keyRow
	for kind, list := range map[string][]string{kindMatch: t.match, kindNumber: t.number, kindPhone: t.phones} {
		for _, key := range list {
			keys = append(keys, keyRow{Tenanted: tenant, Kind: kind, Key: key, PatientID: id})
		}
	}
	if err := dbx.Insert(ctx, db, keys...); err != nil {
		return err
	}
	return dbx.Insert(ctx, db, likenessRow{Tenanted: tenant, PatientID: id, likeness: t.likeness})
}

// identifierForm gives an identifier as people copy it: without what stands between its letters and digits.
func identifierForm(value string) string { return names.Same(names.CodeKey(value)) }

// identifierKey gives the key by which an identifier is found, of one system or, where that is empty, of any.
func identifierKey(keys fieldcrypt.Keys, i Identifier) (string, error) {
	form := identifierForm(i.Value)
	if form == "" {
		form = names.CodeKey(i.Value)
	}
	if system := names.CodeKey(i.System); system != "" {
		form = system + "\n" + form
	}
	return keys.Index("patient_identifier.value", form)
}

// insertIdentifierKeys stores by what a patient's identifiers are found; they come in clear.
func insertIdentifierKeys(
	ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, id hmstype.PatientID, identifiers []Identifier,
) error {
	known := map[string]bool{}
	var rows []keyRow
	for _, i := range identifiers {
		for _, system := range []string{"", i.System} {
			key, err := identifierKey(keys, Identifier{System: system, Value: i.Value})
			if err != nil {
				return err
			}
			if strings.TrimSpace(i.Value) != "" && !known[key] {
				known[key] = true
				rows = append(rows, keyRow{
					Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, Kind: kindIdentifier, Key: key, PatientID: id,
				})
			}
		}
	}
	return dbx.Insert(ctx, db, rows...)
}

// Where encryption is switched on later, what was stored of patients in clear is made anew; where one is erased,
// what was made of his numbers goes.
var _ = fieldcrypt.DeclareDerived(fieldcrypt.Derived{
	Outdated: func(ctx context.Context, db dbx.DB) (n int64, err error) {
		err = db.QueryRow(ctx, `SELECT count(*) FROM hms.patient_likeness AS l WHERE l.tenant_id = $1 AND NOT l.is_keyed`,
			db.Tenant()).Scan(&n)
		return n, err
	},
	Remake: remakeTraits,
	// In SQL: migrate/routine/patient/forget_numbers.sql.
	Forget: func(ctx context.Context, db dbx.DB, subject uuid.UUID) error {
		_, err := db.Exec(ctx, `SELECT hms.forget_numbers($1, $2)`, db.Tenant(), subject.String())
		return err
	},
})

func remakeTraits(ctx context.Context, db dbx.DB, c *fieldcrypt.Cipher, limit int) (int, error) {
	rows, err := dbx.All[likenessRow](ctx, db, dbx.Where("NOT l.is_keyed"), dbx.OrderBy("l.patient_id"), dbx.Limit(limit))
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := remakeTraitsOf(ctx, db, c, r.PatientID); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

func remakeTraitsOf(ctx context.Context, db dbx.DB, c *fieldcrypt.Cipher, id hmstype.PatientID) error {
	row, err := dbx.Get[patientRow](ctx, db, "patient", id, dbx.ForUpdate)
	if err != nil {
		return err
	}
	p := row.patient()
	if p.Identifiers, err = storedIdentifiers(ctx, db, id); err != nil {
		return err
	}
	if err := c.OpenTexts(ctx, db, patients.Texts(&p)...); err != nil {
		return err
	}
	keys, err := c.Load(ctx, db)
	if err != nil {
		return err
	}
	t, err := traitsOf(ctx, db, keys, p.Details)
	if err != nil {
		return err
	}
	// In SQL: migrate/routine/patient/forget_tokens.sql.
	if _, err := db.Exec(ctx, `SELECT hms.forget_tokens($1, $2, true)`, db.Tenant(), id); err != nil {
		return err
	}
	if err := insertTraits(ctx, db, id, p.Details, t); err != nil {
		return err
	}
	return insertIdentifierKeys(ctx, db, keys, id, p.Identifiers)
}
