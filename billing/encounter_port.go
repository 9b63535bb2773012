package billing

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// Standing locks the patient's account and lists the charges of an encounter that are billed and not credited in full:
// the bill is cancelled, or a credit note issued, before the encounter is entered in error.
func (p Port) Standing(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID,
) ([]patient.Open, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := lockAccount(ctx, db, whose); err != nil {
		return nil, dbx.Map(err)
	}
	charges, err := chargesIn(ctx, db, id, ChargeBilled)
	if err != nil || len(charges) == 0 {
		return nil, dbx.Map(err)
	}
	ids := make([]hmstype.ChargeID, len(charges))
	for i, c := range charges {
		ids[i] = c.ID
	}
	lines, err := dbx.All[lineRow](ctx, db, dbx.OneOf("charge_id", ids), isLive, dbx.OrderBy("l.id"))
	if err != nil {
		return nil, dbx.Map(err)
	}
	owed := map[hmstype.ChargeID]bool{}
	for _, l := range lines {
		owed[l.ChargeID] = owed[l.ChargeID] || l.restTotal().IsPositive()
	}
	var standing []patient.Open
	for _, c := range charges {
		if owed[c.ID] {
			standing = append(standing, patient.Open{Entity: "charge", ID: c.ID.String()})
		}
	}
	return standing, nil
}

// TakeBack aborts the charges of an encounter that nobody was billed for.
func (p Port) TakeBack(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID, whose hmstype.PatientID, reason string,
) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	if err := lockAccount(ctx, db, whose); err != nil {
		return dbx.Map(err)
	}
	charges, err := chargesIn(ctx, db, id, ChargePlanned, ChargeBillable)
	for i := 0; err == nil && i < len(charges); i++ {
		err = abortCharge(ctx, db, &charges[i], reason)
	}
	return dbx.Map(err)
}

// chargesIn gives the charges of an encounter that are in one of some states, in the order of their ids.
func chargesIn(ctx context.Context, db dbx.DB, id hmstype.EncounterID, in ...ChargeStatus) ([]chargeRow, error) {
	return dbx.All[chargeRow](
		ctx, db, dbx.Equal("encounter_id", id), dbx.OneOf("status", in), dbx.OrderBy("c.id"),
	)
}
