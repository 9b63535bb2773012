package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/chelal/hms"
)

// report is what the Verify of each service gives.
type report interface {
	fmt.Stringer
	Clean() bool
}

// check is one proof of the whole, by what it shows.
type check struct {
	what   string
	verify func(context.Context) (report, error)
}

// verified makes one kind of report of all.
func verified[R report](verify func(context.Context) (R, error)) func(context.Context) (report, error) {
	return func(ctx context.Context) (report, error) { return verify(ctx) }
}

// checksOf gives what recomputes a hospital from its records.
func checksOf(h *hms.HMS) []check {
	return []check{
		{"the stock is what was moved", verified(h.Pharmacy.Verify)},
		{"ledger sums to zero", verified(h.Billing.Verify)},
		{"nobody shares a bed", verified(h.Facility.Verify)},
		{"nobody is in two places", verified(h.Scheduling.VerifyCalendar)},
		{"results rest on good blood", verified(h.Lab.VerifyOrders)},
		{"nobody stays twice", verified(h.Clinical.Verify)},
		{"the trail explains every row", verified(h.AuditLog.Verify)},
	}
}

// verdictOf says what the reports say first.
func verdictOf(isClean bool) string {
	if isClean {
		return "clean"
	}
	return "NOT CLEAN"
}

// prove recomputes everything from the records and tells whether it all fits.
func (d *hospital) prove(_ context.Context) (bool, error) {
	var rows []table.Row
	proved := true
	if d.lived != nil {
		var err error
		if rows, proved, err = d.lived.prove(); err != nil {
			return false, err
		}
	}
	for _, c := range checksOf(d.h) {
		found, err := c.verify(d.system)
		if err != nil {
			return false, err
		}
		proved = proved && found.Clean()
		verdict, figures, _ := strings.Cut(found.String(), ": ")
		rows = append(rows, table.Row{c.what, verdict, figures})
	}
	show("Proof", table.Row{"What", "Verdict", "Figures"}, rows)
	return proved, nil
}
