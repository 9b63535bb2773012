package pharmacy

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// judge asks again, at the hand-over, what speaks against the item for this patient: what was found when it was
// prescribed was found for what was known then. It refuses what was not overridden here: *[hmstype.FindingsError].
func (judge Judge) judge(ctx context.Context, db dbx.DB, in DispenseInput, item Item) (hmstype.Verdict, error) {
	if judge == nil {
		return hmstype.NoVerdict(db.Now, hmstype.GapNoSource), nil
	}
	verdict, err := judge(ctx, db.Conn(), in.Patient, item.medicine(), in.Prescription)
	if err != nil {
		return verdict, err
	}
	verdict = verdict.WithOverrides(in.Overrides)
	if open := verdict.Open(); len(open) > 0 {
		return verdict, usecase.Told(ctx, db, in.Patient, "medication_dispense", "", &hmstype.FindingsError{Findings: open})
	}
	return verdict, nil
}
