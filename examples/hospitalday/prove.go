package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
)

// prove recomputes everything from the records and tells whether it all fits.
func (d *day) prove(_ context.Context) (bool, error) {
	var rows []table.Row
	proved := true
	check := func(what string, ok bool, detail string) {
		verdict := "ok"
		if !ok {
			verdict, proved = "FAILED", false
		}
		rows = append(rows, table.Row{what, verdict, detail})
	}
	items, err := d.h.Pharmacy.Verify(d.system)
	if err != nil {
		return false, err
	}
	for _, i := range items {
		check("stock of "+i.ItemName, i.Clean(), fmt.Sprintf("received %d = on hand %d + quarantined %d + dispensed %d - adjusted %d",
			i.Received, i.OnHand, i.Quarantined, i.Dispensed, i.Adjusted))
	}
	money, err := d.h.Billing.Verify(d.system)
	if err != nil {
		return false, err
	}
	check("ledger sums to zero", money.OK(), fmt.Sprintf("%d journals, %d bills, %d payments", money.Journals, money.Bills, money.Payments))
	beds, err := d.h.Facility.Verify(d.system)
	if err != nil {
		return false, err
	}
	check("nobody shares a bed", beds.Clean(), fmt.Sprintf("%d overlaps", beds.BedOverlaps+beds.PatientOverlaps))
	calendar, err := d.h.Clinical.Verify(d.system)
	if err != nil {
		return false, err
	}
	check("nobody is in two places", calendar.Clean(), fmt.Sprintf("%d overlaps", calendar.PractitionerOverlaps+calendar.PatientOverlaps))
	trail, err := d.h.Audit.Verify(d.system)
	if err != nil {
		return false, err
	}
	check("the trail explains every row", trail.Clean(), fmt.Sprintf("%d changes in %d events", trail.Changes(), trail.Events))
	show("Proof", table.Row{"What", "Verdict", "Figures"}, rows)
	return proved, nil
}
