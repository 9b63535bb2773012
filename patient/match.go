package patient

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// Scores of likeness; see [Service.Register].
const (
	// ProbableScore is from where two records may be one person's.
	ProbableScore = 5
	// CertainScore is from where they are: nothing that is recorded tells the two apart.
	CertainScore = 7
)

// candidate is a patient who may be the person that is being registered.
type candidate struct {
	ID           hmstype.PatientID
	IsRestricted bool
	Score        int
}

// findCandidates compares a person with the patients who have a key in common with him. It is mutual: who finds whom
// does not depend on who was registered first.
//
//	names   4 equal (internal/names.Same); 3 equal as they are found, or family and given name swapped; 2 one of the
//	        two equal and the other like it (one letter, an initial, a further given name); 1 the family name equal
//	        and one of the two without a given name
//	birth   3 the same day; 2 the same month or year, and no more is known of either; 1 day and month swapped, or one
//	        is known less exactly; with the same telephone number also: one digit of the year, or one is not known
//	phone   1 one of the telephone numbers is the same
//
// Known genders that differ, and two children of a multiple birth or newborns, are never alike. What is no equal name
// and day, and what something tells apart, is never certain: no telephone number in common, where both have some, an
// identifier of one system with another value and none in common, a mark of a multiple birth or newborn.
const findCandidates = `
	SELECT p.id, p.is_restricted, CASE WHEN n.points < 4 OR b.points < 3 OR a.apart
		THEN least(6, n.points + b.points + f.points) ELSE n.points + b.points + f.points END
	FROM (SELECT DISTINCT k.patient_id FROM hms.patient_key AS k
		WHERE k.tenant_id = $1 AND k.kind IN ('match', 'number') AND k.key = ANY ($2::text[])) AS c
	JOIN hms.patient AS p ON p.tenant_id = $1 AND p.id = c.patient_id
	JOIN hms.patient_likeness AS l ON l.tenant_id = $1 AND l.patient_id = c.patient_id
	CROSS JOIN LATERAL (SELECT CASE
		WHEN l.same_names = ANY ($3::bigint[]) THEN 4
		WHEN l.whole_names && $4::bigint[] THEN 3
		WHEN l.family && $5::bigint[] AND (l.near_given && $8::bigint[] OR l.first_given <> 0
			AND (l.first_given = ANY ($9::bigint[]) OR l.first_given = ANY ($10::bigint[])
				OR l.initial = ANY ($9::bigint[]))) THEN 2
		WHEN l.given && $6::bigint[] AND l.near_family && $7::bigint[] THEN 2
		WHEN l.given = '{}' AND $6::bigint[] = '{}' AND l.near_family && $7::bigint[] THEN 2
		WHEN l.family && $5::bigint[] AND (l.given = '{}' OR $6::bigint[] = '{}') THEN 1
		ELSE 0 END AS points) AS n
	CROSS JOIN LATERAL (SELECT count(*) AS known, count(*) FILTER (WHERE k.key = ANY ($11::text[])) AS same,
			least(1, count(*) FILTER (WHERE k.key = ANY ($11::text[]))) AS points
		FROM hms.patient_key AS k WHERE k.tenant_id = $1 AND k.patient_id = p.id AND k.kind = 'phone') AS f
	CROSS JOIN LATERAL (SELECT $12::date AS day, $13::text AS precision, extract(year FROM $12::date)::text AS year,
			extract(year FROM p.birth_date)::text AS other_year) AS i
	CROSS JOIN LATERAL (SELECT CASE
		WHEN p.birth_date IS NULL OR i.day IS NULL THEN f.points
		WHEN p.birth_date = i.day AND p.birth_date_precision = i.precision
			THEN CASE i.precision WHEN 'day' THEN 3 ELSE 2 END
		WHEN p.birth_date_precision = 'day' AND i.precision = 'day' THEN CASE
			WHEN i.year = i.other_year AND extract(month FROM p.birth_date) = extract(day FROM i.day)
				AND extract(day FROM p.birth_date) = extract(month FROM i.day) THEN 1
			WHEN extract(month FROM p.birth_date) = extract(month FROM i.day)
				AND extract(day FROM p.birth_date) = extract(day FROM i.day)
				AND (SELECT count(*) FROM generate_series(1, 4) AS g (at)
					WHERE substr(i.year, g.at, 1) <> substr(i.other_year, g.at, 1)) = 1 THEN f.points
			ELSE 0 END
		WHEN i.year <> i.other_year THEN 0
		WHEN p.birth_date_precision = 'year' OR i.precision = 'year' THEN 1
		WHEN extract(month FROM p.birth_date) = extract(month FROM i.day) THEN 1
		ELSE 0 END AS points) AS b
	CROSS JOIN LATERAL (SELECT $15::boolean OR p.is_multiple_birth OR p.is_newborn
		OR f.known > 0 AND f.same = 0 AND cardinality($11::text[]) > 0
		OR EXISTS (SELECT 1 FROM hms.patient_identifier AS d WHERE d.tenant_id = $1 AND d.patient_id = p.id
			AND d.system_key = ANY ($16::text[]))
		AND NOT EXISTS (SELECT 1 FROM hms.patient_identifier AS d
			JOIN unnest($16::text[], $17::text[]) AS o (system, value) ON d.system_key = o.system AND d.value_key = o.value
			WHERE d.tenant_id = $1 AND d.patient_id = p.id) AS apart) AS a
	WHERE p.status IN ('active', 'inactive') AND n.points > 0 AND b.points > 0
		AND n.points + b.points + f.points >= 5
		AND (p.gender = $14 OR p.gender = 'unknown' OR $14 = 'unknown')
		AND NOT ($15::boolean AND (p.is_multiple_birth OR p.is_newborn))
	ORDER BY 3 DESC, p.id`

// match gives the patients who may be this person, the likeliest first.
func match(
	ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, in RegisterInput, t traits,
) (found []candidate, err error) {
	all, err := t.withClear(ctx, db, keys, in.Details)
	if err != nil {
		return nil, err
	}
	systems, values, err := numbersOf(keys, in.Identifiers)
	if err != nil {
		return nil, err
	}
	var birth any
	if !in.BirthDate.IsZero() {
		birth = in.BirthDate.String()
	}
	rows, err := db.Query(
		ctx, findCandidates, db.Tenant(), all.keys, all.same, all.WholeNames, all.Family, all.Given, all.NearFamily,
		all.NearGiven, all.first, all.initials, all.phones, birth, cmp.Or(in.BirthDatePrecision, PrecisionDay), in.Gender,
		in.MultipleBirth || in.Newborn, systems, values,
	)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.ID, &c.IsRestricted, &c.Score); err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

// ownSystems begin the systems of the library's own, under which records are numbered and not people.
const ownSystems = "urn:hms:"

// numbersOf gives the identifiers that tell people apart, as they are stored.
func numbersOf(keys fieldcrypt.Keys, identifiers []Identifier) (systems, values []string, err error) {
	systems, values = []string{}, []string{}
	for _, i := range identifiers {
		system := names.CodeKey(i.System)
		if strings.HasPrefix(system, ownSystems) {
			continue
		}
		value, err := identifierTexts.Token(keys, "value_key", i.Value)
		if err != nil {
			return nil, nil, err
		}
		systems, values = append(systems, system), append(values, value)
	}
	return systems, values, nil
}

// sought are a person's traits as they are looked for.
type sought struct {
	likeness
	keys, phones          []string
	same, first, initials []int64
}

// withClear adds, while there are patients from before encryption, the traits that these have.
func (t traits) withClear(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, d Details) (sought, error) {
	s := sought{likeness: t.likeness, keys: t.keys(), phones: t.phones}
	s.add(t)
	if !keys.On() {
		return s, nil
	}
	clear, err := dbx.Exists[likenessRow](ctx, db, dbx.Where("NOT l.is_keyed"))
	if err != nil || !clear {
		return s, err
	}
	old, err := traitsOf(ctx, db, fieldcrypt.Keys{}, d)
	if err != nil {
		return s, err
	}
	s.keys, s.phones = slices.Concat(s.keys, old.keys()), slices.Concat(s.phones, old.phones)
	s.WholeNames, s.Family = slices.Concat(s.WholeNames, old.WholeNames), slices.Concat(s.Family, old.Family)
	s.Given, s.NearFamily = slices.Concat(s.Given, old.Given), slices.Concat(s.NearFamily, old.NearFamily)
	s.NearGiven = slices.Concat(s.NearGiven, old.NearGiven)
	s.add(old)
	return s, nil
}

func (s *sought) add(t traits) {
	s.same = append(s.same, t.SameNames)
	if t.FirstGiven != 0 {
		s.first, s.initials = append(s.first, t.FirstGiven), append(s.initials, t.Initial)
	}
}
