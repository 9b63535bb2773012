package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
)

func TestService_ListWorklist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	var want []string
	numbers := map[lab.Priority]string{}
	for _, priority := range []lab.Priority{lab.PriorityRoutine, lab.PriorityUrgent, lab.PriorityStat, lab.PriorityASAP} {
		for range 2 {
			order, err := b.lab.AddOrder(b.doctor, lab.AddOrderInput{
				Patient: who, OrderDetails: lab.OrderDetails{Priority: priority}, Tests: []hmstype.LabTestID{test.ID},
			})
			require.NoError(t, err)
			numbers[priority] += order.Number + " "
			b.Clock.Advance(time.Minute)
		}
	}
	want = []string{
		numbers[lab.PriorityStat] + numbers[lab.PriorityASAP] + numbers[lab.PriorityUrgent] + numbers[lab.PriorityRoutine],
	}

	var got string
	page := hmstype.Page{Limit: 3}
	for {
		list, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{Page: page})
		require.NoError(t, err)
		for _, entry := range list.Items {
			got += entry.OrderNumber + " "
			require.Equal(t, b.Clock.Now().Sub(entry.Item.CreatedAt), entry.Age)
			require.Equal(t, "K", entry.TestCode)
			require.Equal(t, who, entry.Item.Patient)
			require.Equal(t, lab.ItemOrdered, entry.Item.Status)
			require.EqualValues(t, 1, entry.Item.Version)
		}
		if list.Next == "" {
			break
		}
		page.Cursor = list.Next
	}
	require.Equal(t, want[0], got)

	for _, cursor := range []string{"x", "9.AA", "1.", "1.!!", "11.AA", hmstype.Position{}.Cursor("worklist")} {
		_, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{Page: hmstype.Page{Cursor: cursor}})
		require.ErrorIs(t, err, hmstype.ErrInvalid, cursor)
	}
	_, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{Status: lab.ItemFinal})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.lab.ListWorklist(b.As(t, identity.RolePharmacist), lab.ListWorklistInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	drawn := b.drawn(t, who, test)
	b.Clock.Advance(61 * time.Minute)
	list, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{Status: lab.ItemCollected})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, drawn.Items[0], list.Items[0].Item)
	require.True(t, list.Items[0].Overdue)
	require.Equal(t, drawn.Items[0].CollectedAt.Add(time.Hour), list.Items[0].DueAt)
}

func TestService_ListResultHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k, na, who := b.potassium(t), b.numericTest(t, "NA", "mmol/L"), b.adult(t)
	for _, value := range []string{"4.1", "4.2", "4.3"} {
		b.final(t, k, who, number(value))
		b.final(t, na, who, number("140"))
		b.Clock.Advance(time.Hour)
	}
	b.final(t, k, b.adult(t), number("5"))
	in := lab.ListResultHistoryInput{Patient: who, Analyte: k.Analytes[0].ID, Page: hmstype.Page{Limit: 2}}
	first, err := b.lab.ListResultHistory(b.doctor, in)
	require.NoError(t, err)
	in.Page.Cursor = first.Next
	rest, err := b.lab.ListResultHistory(b.doctor, in)
	require.NoError(t, err)
	var values []string
	for _, r := range append(first.Items, rest.Items...) {
		values = append(values, r.Value.Number)
		require.Equal(t, lab.ResultFinal, r.Status)
		require.Equal(t, "mmol/L", r.Unit)
	}
	require.Equal(t, []string{"4.3", "4.2", "4.1"}, values)
	in.Page, in.IncludeSuperseded = hmstype.Page{}, true
	all, err := b.lab.ListResultHistory(b.doctor, in)
	require.NoError(t, err)
	require.Len(t, all.Items, 6)
	require.Equal(t, 3, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND action = 'read'
		AND entity = 'lab_result' AND patient_id = ?`, b.Tenant, who), "each look is on record")

	report, err := b.lab.GetCumulativeReport(b.doctor, lab.GetCumulativeReportInput{Patient: who})
	require.NoError(t, err)
	require.Len(t, report.Rows, 2)
	require.Equal(t, []string{"K", "NA"}, []string{report.Rows[0].Code, report.Rows[1].Code})
	require.Len(t, report.Rows[0].Results, 3)
	require.Equal(t, "4.3", report.Rows[0].Results[0].Value.Number)
	require.Empty(t, report.Next)

	_, err = b.lab.ListResultHistory(b.As(t, identity.RoleReceptionist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.lab.ListResultHistory(dbtest.New(t).Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	in.Patient = hmstype.PatientID{}
	_, err = b.lab.ListResultHistory(b.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func TestService_ListTurnaroundTimes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	start := b.Clock.Now()
	for minutes := range 10 {
		order := b.drawn(t, who, test)
		b.Clock.Advance(time.Duration(minutes+1)*10*time.Minute + time.Microsecond)
		b.verify(t, b.enter(t, test, order.Items[0], number("4")).Item)
	}
	b.drawn(t, who, test) // not final, does not count
	times, err := b.lab.ListTurnaroundTimes(b.tech, lab.ListTurnaroundTimesInput{
		Period: hmstype.Period{Start: start, End: b.Clock.Now().Add(time.Second)},
	})
	require.NoError(t, err)
	require.Equal(t, []lab.Turnaround{{
		Test: test.ID, Code: "K", Count: 10, Median: 50*time.Minute + time.Microsecond,
		P90:     90*time.Minute + time.Microsecond,
		Longest: 100*time.Minute + time.Microsecond, Target: time.Hour, OnTarget: 5,
	}}, times)
	none, err := b.lab.ListTurnaroundTimes(b.tech, lab.ListTurnaroundTimesInput{
		Period: hmstype.Period{Start: start.AddDate(-1, 0, 0), End: start},
	})
	require.NoError(t, err)
	require.Empty(t, none)
	for _, period := range []hmstype.Period{{}, {Start: start}, {Start: start, End: start.AddDate(2, 0, 0)}} {
		_, err = b.lab.ListTurnaroundTimes(b.tech, lab.ListTurnaroundTimesInput{Period: period})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	}
}
