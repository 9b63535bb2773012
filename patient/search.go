package patient

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// SearchInput says who is sought. All that is given must hold; something must be given.
type SearchInput struct {
	Name        string       // words or beginnings of words of the names, in any order; single letters do not count
	MRN         string       // exact
	BirthDate   hmstype.Date // exact
	PhoneNumber string       // exact up to everything but digits; at least 3 digits
	Identifier  *Identifier  // exact up to case and spaces; an empty system means any
	Page        hmstype.Page
}

// maxSearchWords bounds the joins of one search.
const maxSearchWords = 6

// Validate implements the rules above.
func (in SearchInput) Validate() error {
	var v hmstype.Validator
	words := searchWords(in.Name)
	v.Text(in.Name, "name", 0, 200)
	v.Check(len(words) <= maxSearchWords, "name", "must have at most 6 words")
	v.Check(in.Name == "" || len(words) > 0, "name", "must have a word of at least 2 letters")
	v.Check(len(words) > 0 || in.MRN != "" || !in.BirthDate.IsZero() || in.PhoneNumber != "" || in.Identifier != nil, "name", "some criterion is required")
	names.CheckOptional(&v, names.CodeKey, in.MRN, "mrn", 20)
	v.Text(in.PhoneNumber, "phoneNumber", 0, 30)
	if in.Identifier != nil {
		v.Text(in.Identifier.System, "identifier.system", 0, 200)
		v.Text(in.Identifier.Value, "identifier.value", 0, 200)
	}
	v.Check(in.PhoneNumber == "" || len(normalizePhone(in.PhoneNumber)) >= 3, "phoneNumber", "must have at least 3 digits")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// searchWords leaves out single letters, which would select half of all patients.
func searchWords(name string) []string {
	return slices.DeleteFunc(names.Words(name), func(word string) bool { return utf8.RuneCountInString(word) < 2 })
}

// Search lists the active and inactive patients who fit, ordered by id, without their
// identifiers. It records the search, also one that finds nobody, and each patient that it shows.
// Restricted records are left out for those who may not see them.
func (s *Service) Search(ctx context.Context, in SearchInput) (hmstype.List[Patient], error) {
	op := usecase.Op{Name: "patient.search", Permission: hmstype.PermPatientRead}
	return usecase.Read(ctx, &s.base, op, in, s.search)
}

func (s *Service) search(ctx context.Context, db dbx.DB, in SearchInput) (hmstype.List[Patient], error) {
	index, err := s.keys(ctx, db)
	if err != nil {
		return hmstype.List[Patient]{}, err
	}
	criteria, err := in.apply(db, index)
	if err != nil {
		return hmstype.List[Patient]{}, err
	}
	conditions := []dbx.Apply{criteria}
	if !dbx.MaySeeRestricted(ctx) {
		conditions = append(conditions, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("NOT p.is_restricted") })
	}
	rows, next, err := dbx.Page[patientRow](ctx, db, in.Page, dbx.Order{}, conditions...)
	if err != nil {
		return hmstype.List[Patient]{}, err
	}
	keys, err := s.keysOf(ctx, db, rows)
	if err != nil {
		return hmstype.List[Patient]{}, err
	}
	list := hmstype.List[Patient]{Items: make([]Patient, len(rows)), Next: next}
	shown := make([]dbx.Access, len(rows)+1)
	shown[len(rows)] = dbx.Access{Action: "search", Entity: "patient"}
	for i, row := range rows {
		if list.Items[i], err = row.patient(keys, nil); err != nil {
			return hmstype.List[Patient]{}, err
		}
		shown[i] = dbx.Access{Action: "search", Entity: "patient", ID: row.ID.String(), Patient: row.ID}
	}
	return list, db.RecordAccess(ctx, shown...)
}

// keysOf loads the keys of the rows' patients.
func (s *Service) keysOf(ctx context.Context, db dbx.DB, rows []patientRow) (fieldcrypt.Keys, error) {
	ids := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return s.keys(ctx, db, ids...)
}

func (in SearchInput) apply(db dbx.DB, index fieldcrypt.Keys) (dbx.Apply, error) {
	phone, err := index.Index(fieldPhone, normalizePhone(in.PhoneNumber))
	if err != nil {
		return nil, err
	}
	identifier := ""
	if in.Identifier != nil {
		if identifier, err = index.Index(fieldIdentifier, names.CodeKey(in.Identifier.Value)); err != nil {
			return nil, err
		}
	}
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("p.status IN (?)", bun.List([]Status{StatusActive, StatusInactive}))
		for _, word := range searchWords(in.Name) {
			q = q.Where(`EXISTS (SELECT 1 FROM hms.patient_token AS t WHERE t.tenant_id = ? AND t.patient_id = p.id
				AND t.token >= ? AND t.token < ?)`, db.Tenant(), word, word+"\U0010FFFF")
		}
		if in.MRN != "" {
			q = q.Where("p.mrn_key = ?", names.CodeKey(in.MRN))
		}
		if !in.BirthDate.IsZero() {
			q = q.Where("p.birth_date = ?", in.BirthDate)
		}
		if in.PhoneNumber != "" {
			q = q.Where("p.phone_normalized = ?", phone)
		}
		if in.Identifier != nil {
			sub := db.NewSelect().Model((*identifierRow)(nil)).Column("patient_id").Where("i.tenant_id = ?", db.Tenant()).
				Where("i.value_key = ?", identifier)
			if in.Identifier.System != "" {
				sub = sub.Where("i.system_key = ?", names.CodeKey(in.Identifier.System))
			}
			q = q.Where("p.id IN (?)", sub)
		}
		return q
	}, nil
}
