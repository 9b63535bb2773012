package patient

import (
	"context"
	"slices"

	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// checkDuplicates makes desks take turns on everything by which the matcher would find one desk's person for
// another's, and then looks for records that may be the same person's.
func checkDuplicates(ctx context.Context, db dbx.DB, keys fieldcrypt.Keys, in RegisterInput, t traits) error {
	if len(t.keys()) == 0 {
		return nil // too little is known to tell people apart
	}
	var locks []string
	for _, key := range t.keys() {
		locks = append(locks, "patient/"+key)
	}
	if err := db.LockNames(ctx, locks...); err != nil {
		return err
	}
	candidates, err := match(ctx, db, keys, in, t)
	if err != nil || len(candidates) == 0 {
		return err
	}
	certain := slices.ContainsFunc(candidates, func(c candidate) bool { return c.Score >= CertainScore })
	if in.OverrideReason == "" || certain {
		return duplicate(db, candidates, certain)
	}
	overridden := make([]dbx.Access, len(candidates))
	for i, c := range candidates {
		overridden[i] = dbx.Access{Action: "duplicate_override", Entity: "patient", ID: c.ID.String(), Patient: c.ID}
	}
	return db.RecordAccess(ctx, overridden...)
}

// duplicate names the candidates, but for those whose record the actor may not see.
func duplicate(db dbx.DB, candidates []candidate, certain bool) *DuplicateError {
	refusal := &DuplicateError{Certain: certain}
	for _, c := range candidates {
		if c.IsRestricted && !db.SeesRestricted() {
			refusal.Restricted, refusal.hidden = true, append(refusal.hidden, c.ID)
		} else {
			refusal.Candidates, refusal.Scores = append(refusal.Candidates, c.ID), append(refusal.Scores, c.Score)
		}
	}
	return refusal
}
