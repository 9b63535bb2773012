package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
)

// report is what the Verify of each service gives.
type report interface {
	fmt.Stringer
	Clean() bool
}

// verified makes one kind of report of all.
func verified[R report](verify func(context.Context) (R, error)) func(context.Context) (report, error) {
	return func(ctx context.Context) (report, error) { return verify(ctx) }
}

// prove recomputes everything from the records and tells whether it all fits.
func (d *day) prove(_ context.Context) (bool, error) {
	var rows []table.Row
	proved := true
	for _, check := range []struct {
		what   string
		verify func(context.Context) (report, error)
	}{
		{"the stock is what was moved", verified(d.h.Pharmacy.Verify)},
		{"ledger sums to zero", verified(d.h.Billing.Verify)},
		{"nobody shares a bed", verified(d.h.Facility.Verify)},
		{"nobody is in two places", verified(d.h.Scheduling.VerifyCalendar)},
		{"nobody stays twice", verified(d.h.Clinical.Verify)},
		{"the trail explains every row", verified(d.h.AuditLog.Verify)},
	} {
		found, err := check.verify(d.system)
		if err != nil {
			return false, err
		}
		proved = proved && found.Clean()
		verdict, figures, _ := strings.Cut(found.String(), ": ")
		rows = append(rows, table.Row{check.what, verdict, figures})
	}
	show("Proof", table.Row{"What", "Verdict", "Figures"}, rows)
	return proved, nil
}
