package billing

import (
	"context"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

func reverse(ctx context.Context, db dbx.DB, source charge.Source, reason string) error {
	ofSource := []dbx.Apply{
		dbx.Equal("source_kind", source.Kind), dbx.Equal("source_id", source.ID), dbx.OrderBy("c.id"),
	}
	charges, err := dbx.All[chargeRow](ctx, db, ofSource...)
	if err != nil || len(charges) == 0 {
		return err
	}
	for _, patient := range patientsOf(charges) {
		if err := lockAccount(ctx, db, patient); err != nil {
			return err
		}
	}
	// What was read before the lock may have been billed meanwhile.
	if charges, err = dbx.All[chargeRow](ctx, db, ofSource...); err != nil {
		return err
	}
	billed := []hmstype.ChargeID{}
	for i := range charges {
		switch c := &charges[i]; c.Status {
		case ChargePlanned, ChargeBillable:
			if err := abortCharge(ctx, db, c, reason); err != nil {
				return err
			}
		case ChargeBilled:
			billed = append(billed, c.ID)
		case ChargeNotBillable, ChargeAborted, ChargeEnteredInError: // nobody owes it
		}
	}
	return creditCharges(ctx, db, billed, reason)
}

func patientsOf(charges []chargeRow) []hmstype.PatientID {
	ids := make([]hmstype.PatientID, len(charges))
	for i, c := range charges {
		ids[i] = c.PatientID
	}
	slices.SortFunc(ids, func(a, b hmstype.PatientID) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(ids)
}

// abortCharge takes back a charge that nobody was billed for. The patient's account is locked.
func abortCharge(ctx context.Context, db dbx.DB, c *chargeRow, reason string) error {
	lines, err := dbx.All[lineRow](ctx, db, dbx.Equal("charge_id", c.ID), isLive)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if err := releaseLine(ctx, db, l); err != nil {
			return err
		}
	}
	return dbx.Move(ctx, db, chargeSteps, c, dbx.Change[chargeRow, ChargeStatus]{
		To: ChargeAborted, Reason: reason, Apply: func(c *chargeRow) error { c.StatusReason = reason; return nil },
	})
}

// releaseLine takes a line off a draft and sums the draft again.
func releaseLine(ctx context.Context, db dbx.DB, l lineRow) error {
	bill, err := dbx.Get[billRow](ctx, db, "bill", l.BillID, dbx.ForUpdate)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `UPDATE hms.bill_line AS l SET released_at = $1 WHERE l.tenant_id = $2 AND l.id = $3`,
		db.Now, db.Tenant(), l.ID)
	if err != nil {
		return err
	}
	rest, err := liveLines(ctx, db, bill.ID)
	if err != nil {
		return err
	}
	bill.sum(rest)
	return bill.saveDraft(ctx, db)
}

// creditCharges credits what is left of the charges' lines: one note per bill.
func creditCharges(ctx context.Context, db dbx.DB, charges []hmstype.ChargeID, reason string) error {
	if len(charges) == 0 {
		return nil
	}
	lines, err := dbx.All[lineRow](ctx, db, dbx.OneOf("charge_id", charges), isLive, dbx.OrderBy("l.bill_id", "l.line_no"))
	if err != nil {
		return err
	}
	notes := []IssueCreditNoteInput{}
	for _, l := range lines {
		if !l.restTotal().IsPositive() {
			continue // credited before, or free of charge
		}
		if n := len(notes); n == 0 || notes[n-1].Bill != l.BillID {
			notes = append(notes, IssueCreditNoteInput{Bill: l.BillID, Reason: reason})
		}
		note := &notes[len(notes)-1]
		note.Lines = append(note.Lines, l.creditRest())
	}
	for _, n := range notes {
		if _, err := issueCreditNote(ctx, db, n); err != nil {
			return err
		}
	}
	return nil
}

// creditRest asks for all that is left of a line: by units while there are any.
func (r lineRow) creditRest() CreditLine {
	if rest := r.Quantity.Sub(r.CreditedQuantity); rest.GreaterThan(decimal.Zero) {
		return CreditLine{Line: r.ID, Quantity: rest}
	}
	amount := money(r.restTotal(), r.Currency)
	return CreditLine{Line: r.ID, Amount: &amount}
}
