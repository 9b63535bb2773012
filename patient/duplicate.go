package patient

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// checkDuplicates makes desks take turns on (birth date, family name) and then looks for
// records that may be the same person's. Without a birth date or a given name too little is
// known to tell people apart.
func checkDuplicates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, in RegisterInput) error {
	if in.BirthDate.IsZero() || in.FirstName == "" {
		return nil
	}
	if err := db.LockName(ctx, registrationLock(in.Details)); err != nil {
		return err
	}
	candidates, err := findCandidates(ctx, db, keys, in.Details)
	if err != nil || len(candidates) == 0 {
		return err
	}
	if in.OverrideReason == "" {
		return &DuplicateError{Candidates: candidates}
	}
	overridden := make([]dbx.Access, len(candidates))
	for i, id := range candidates {
		overridden[i] = dbx.Access{Action: "duplicate_override", Entity: "patient", ID: id.String(), Patient: id}
	}
	return db.RecordAccess(ctx, overridden...)
}

// registrationLock names the turn; hashed, because locks outlive the use case and are nobody's
// record.
func registrationLock(d Details) string {
	sum := sha256.Sum256([]byte(d.BirthDate.String() + "/" + letters(d.LastName)))
	return "patient.register/" + hex.EncodeToString(sum[:16])
}

// findCandidates gives the patients who may be this person, the likeliest first.
func findCandidates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, d Details) ([]hmstype.PatientID, error) {
	phone, err := patientTexts.Token(keys, "phone_normalized", d.PhoneNumber)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[patientRow](ctx, db, dbx.OneOf("birth_date", likeBirthDates(d)),
		dbx.OneOf("status", []Status{StatusActive, StatusInactive}), dbx.OrderBy("p.id"))
	if err != nil {
		return nil, err
	}
	type candidate struct {
		id       hmstype.PatientID
		likeness int
	}
	var found []candidate
	for _, row := range rows {
		if n := likenessOf(d, row.Details, phone != "" && phone == row.PhoneNormalized); n >= matchThreshold {
			found = append(found, candidate{row.ID, n})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(b.likeness, a.likeness) })
	ids := make([]hmstype.PatientID, len(found))
	for i, c := range found {
		ids[i] = c.id
	}
	return ids, nil
}

// likeBirthDates gives the dates under which a person may have been registered: as given,
// with day and month swapped, and as the month or the year alone.
func likeBirthDates(d Details) []hmstype.Date {
	birth := d.BirthDate
	dates := []hmstype.Date{birth}
	if d.BirthDatePrecision == PrecisionYear {
		return dates
	}
	dates = append(dates, hmstype.NewDate(birth.Year(), time.January, 1), hmstype.NewDate(birth.Year(), birth.Month(), 1))
	if birth.Day() <= 12 {
		dates = append(dates, hmstype.NewDate(birth.Year(), time.Month(birth.Day()), int(birth.Month())))
	}
	return dates
}
