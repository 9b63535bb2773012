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
	"github.com/chelal/hms/internal/names"
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
		return duplicate(db, candidates)
	}
	overridden := make([]dbx.Access, len(candidates))
	for i, c := range candidates {
		overridden[i] = dbx.Access{Action: "duplicate_override", Entity: "patient", ID: c.ID.String(), Patient: c.ID}
	}
	return db.RecordAccess(ctx, overridden...)
}

// duplicate names the candidates, but for those whose record the actor may not see.
func duplicate(db dbx.DB, candidates []patientRow) *DuplicateError {
	refusal := &DuplicateError{}
	for _, c := range candidates {
		if c.IsRestricted && !db.SeesRestricted() {
			refusal.Restricted, refusal.hidden = true, append(refusal.hidden, c.ID)
		} else {
			refusal.Candidates = append(refusal.Candidates, c.ID)
		}
	}
	return refusal
}

// registrationLock names the turn; hashed, because locks outlive the use case and are nobody's
// record.
func registrationLock(d Details) string {
	sum := sha256.Sum256([]byte(d.BirthDate.String() + "/" + names.Same(d.LastName)))
	return "patient.register/" + hex.EncodeToString(sum[:16])
}

// findCandidates gives the patients who may be this person, the likeliest first.
func findCandidates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, d Details) ([]patientRow, error) {
	phone, err := patientTexts.Token(keys, "phone_normalized", d.PhoneNumber)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[patientRow](ctx, db, dbx.OneOf("birth_date", likeBirthDates(d)),
		dbx.OneOf("status", []Status{StatusActive, StatusInactive}), dbx.OrderBy("p.id"))
	if err != nil {
		return nil, err
	}
	like := func(row patientRow) int {
		return likenessOf(d, row.Details, phone != "" && phone == row.PhoneNormalized)
	}
	found := slices.DeleteFunc(rows, func(row patientRow) bool { return like(row) < matchThreshold })
	slices.SortStableFunc(found, func(a, b patientRow) int { return cmp.Compare(like(b), like(a)) })
	return found, nil
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
