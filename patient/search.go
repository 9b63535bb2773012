package patient

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// SearchInput says who is sought. All that is given must hold; something must be given.
type SearchInput struct {
	// words or beginnings of words of the names, in any order, in the spelling of any keyboard; a single letter of an
	// alphabet counts only where it is all, and is then a whole name
	Name      string       `json:"name"`
	MRN       string       `json:"mrn"`       // exact
	BirthDate hmstype.Date `json:"birthDate"` // exact
	// any of a patient's, in national or international form; at least 3 digits
	PhoneNumber string `json:"phoneNumber"`
	// exact up to case, space and punctuation; an empty system means any
	Identifier *Identifier  `json:"identifier"`
	Page       hmstype.Page `json:"page"`
}

// maxSearchWords bounds the joins of one search.
const maxSearchWords = 6

// Validate implements the rules above.
func (in SearchInput) Validate() error {
	var v hmstype.Validator
	words := names.Wanted(in.Name)
	v.Text(in.Name, "name", 0, 200)
	v.Check(len(words) <= maxSearchWords, "name", "must have at most 6 words")
	v.Check(in.Name == "" || len(words) > 0, "name", "must have a letter or digit")
	v.Check(
		len(words) > 0 || in.MRN != "" || !in.BirthDate.IsZero() || in.PhoneNumber != "" || in.Identifier != nil, "name",
		"some criterion is required",
	)
	names.CheckOptional(&v, names.CodeKey, in.MRN, "mrn", 20)
	v.Text(in.PhoneNumber, "phoneNumber", 0, 30)
	if in.Identifier != nil {
		v.Text(in.Identifier.System, "identifier.system", 0, 200)
		v.Text(in.Identifier.Value, "identifier.value", 0, 200)
	}
	v.Check(in.PhoneNumber == "" || len(normalizePhone(in.PhoneNumber, "")) >= minPhoneDigits, "phoneNumber",
		"must have at least 3 digits")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opSearch = usecase.Query[SearchInput, hmstype.List[Patient]]{
	Name: "patient.search", Permission: hmstype.PermPatientRead, Shows: patients.Found(),
	Sample: SearchInput{Name: "Ada Love"},
}.Declare()

// Search lists the active and inactive patients who fit, ordered by id, without their
// identifiers. It records the search, also one that finds nobody, and each patient that it shows.
// Restricted records are left out for those who may not see them.
// Permission: [hmstype.PermPatientRead].
func (s *Service) Search(ctx context.Context, in SearchInput) (hmstype.List[Patient], error) {
	return opSearch.Run(ctx, &s.base, in, s.search)
}

func (s *Service) search(ctx context.Context, db dbx.DB, in SearchInput) (hmstype.List[Patient], error) {
	criteria, err := in.criteria(ctx, db, s.base.Crypt)
	if err != nil {
		return hmstype.List[Patient]{}, err
	}
	criteria = append(criteria, dbx.When(!db.SeesRestricted(), dbx.Where("NOT p.is_restricted")))
	list, err := dbx.List(ctx, db, in.Page, dbx.Order{}, patientRow.patient, criteria...)
	for _, p := range list.Items {
		db.KnowRestricted(p.ID, p.Restricted)
	}
	return list, err
}

func (in SearchInput) criteria(ctx context.Context, db dbx.DB, crypt *fieldcrypt.Cipher) ([]dbx.Apply, error) {
	keys, err := crypt.Load(ctx, db)
	if err != nil {
		return nil, err
	}
	criteria := []dbx.Apply{
		dbx.OneOf("status", []Status{StatusActive, StatusInactive}),
		dbx.When(in.MRN != "", dbx.Equal("mrn_key", names.CodeKey(in.MRN))),
		dbx.When(!in.BirthDate.IsZero(), dbx.Equal("birth_date", in.BirthDate)),
	}
	for _, ranges := range names.Wanted(in.Name) {
		first, past := make([]string, len(ranges)), make([]string, len(ranges))
		for i, r := range ranges {
			first[i], past[i] = r.From, r.To
		}
		criteria = append(criteria, dbx.Where(`EXISTS (SELECT 1 FROM hms.patient_token AS t
			JOIN unnest(?::text[], ?::text[]) AS w (first, past)
			ON t.token >= w.first COLLATE "C" AND t.token < w.past COLLATE "C"
			WHERE t.tenant_id = ? AND t.patient_id = p.id)`, dbx.Array(first), dbx.Array(past), db.Tenant()))
	}
	if in.PhoneNumber != "" {
		tenant, err := db.TenantInfo(ctx)
		if err != nil {
			return nil, err
		}
		key, err := keys.Index(phoneField, normalizePhone(in.PhoneNumber, tenant.Country))
		if err != nil {
			return nil, err
		}
		criteria = append(criteria, hasKey(db, kindPhone, key))
	}
	if in.Identifier != nil {
		key, err := identifierKey(keys, *in.Identifier)
		if err != nil {
			return nil, err
		}
		criteria = append(criteria, hasKey(db, kindIdentifier, key))
	}
	return criteria, nil
}

// hasKey selects the patients who have a key.
func hasKey(db dbx.DB, kind, key string) dbx.Apply {
	return dbx.Where(`EXISTS (SELECT 1 FROM hms.patient_key AS k WHERE k.tenant_id = ? AND k.kind = ? AND k.key = ?
		AND k.patient_id = p.id)`, db.Tenant(), kind, key)
}
