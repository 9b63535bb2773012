package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/pharmacy"
)

func show(title string, header table.Row, rows []table.Row) {
	w := table.NewWriter()
	w.SetOutputMirror(os.Stdout)
	w.SetStyle(table.StyleLight)
	w.SetTitle(title)
	w.AppendHeader(header)
	w.AppendRows(rows)
	w.Render()
	fmt.Println()
}

// report prints what a manager would read at the end of the day.
func (d *hospital) report(_ context.Context, took time.Duration) error {
	fmt.Println()
	for _, part := range []func() error{d.reportWards, d.reportShelf, d.reportLab, d.reportRevenue} {
		if err := part(); err != nil {
			return err
		}
	}
	d.reportRefusals()
	n := len(d.tally.durations)
	fmt.Printf("%d commands in %.1f s: %.0f per second, p50 %.1f ms, p99 %.1f ms\n\n", n, took.Seconds(),
		float64(n)/took.Seconds(),
		float64(d.tally.quantile(0.5).Microseconds())/1000, float64(d.tally.quantile(0.99).Microseconds())/1000)
	return nil
}

func (d *hospital) reportWards() error {
	census, err := d.h.Facility.GetCensus(d.system, facility.GetCensusInput{At: time.Now()})
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, c := range census {
		rows = append(rows, table.Row{c.Name, c.Beds, c.Patients, fmt.Sprintf("%d %%", 100*c.Patients/max(1, c.Beds))})
	}
	show("Ward occupancy", table.Row{"Ward", "Beds", "Patients", "Occupied"}, rows)
	return nil
}

func (d *hospital) reportShelf() error {
	shelf, err := d.h.Pharmacy.ListShelf(d.system, pharmacy.ListShelfInput{})
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, l := range shelf {
		state := string(l.Status)
		if l.Expired {
			state = "expired"
		}
		rows = append(rows, table.Row{l.ItemName, l.BatchNumber, l.ExpiryDate, state, l.OnHand, l.Quarantined})
	}
	show("Shelf by expiry", table.Row{"Item", "Batch", "Expiry", "State", "On hand", "Quarantined"}, rows)
	return nil
}

func (d *hospital) reportLab() error {
	times, err := d.h.Lab.ListTurnaroundTimes(d.system, lab.ListTurnaroundTimesInput{
		Period: hmstype.Period{Start: d.started.Add(-time.Hour), End: time.Now().Add(time.Minute)},
	})
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, t := range times {
		rows = append(rows, table.Row{
			t.Code, t.Count, t.Median.Round(time.Millisecond), t.P90.Round(time.Millisecond),
			fmt.Sprintf("%d of %d", t.OnTarget, t.Count),
		})
	}
	show("Laboratory turn-around", table.Row{"Test", "Final", "Median", "P90", "On target"}, rows)
	waiting, err := d.h.Lab.ListWorklist(d.system, lab.ListWorklistInput{})
	if err != nil {
		return err
	}
	fmt.Printf("%d tests still wait on the worklist\n\n", len(waiting.Items))
	return nil
}

func (d *hospital) reportRevenue() error {
	today := hmstype.DateOf(d.started, time.UTC)
	mix, err := d.h.Billing.GetPayerMix(d.system, billing.GetPayerMixInput{From: today, Until: today.AddDays(2)})
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, r := range mix {
		payer := r.Payer
		if payer == "" {
			payer = "(patients)"
		}
		rows = append(rows, table.Row{payer, r.Bills, r.Net})
	}
	show("Revenue by payer", table.Row{"Payer", "Bills", "Net"}, rows)
	return nil
}

func (d *hospital) reportRefusals() {
	reasons := make([]string, 0, len(d.tally.refused))
	for r := range d.tally.refused {
		reasons = append(reasons, r)
	}
	slices.Sort(reasons)
	var rows []table.Row
	for _, r := range reasons {
		rows = append(rows, table.Row{r, d.tally.refused[r]})
	}
	show("Refused commands", table.Row{"Reason", "Count"}, rows)
}
