package hospital_test

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
)

// potassium is a test of the catalogue, critical above 6.5.
func (w *work) potassium() lab.Test {
	w.Helper()
	return w.catalogued(w.Ctx)
}

// catalogued puts a test with a range into the catalogue.
func (w *work) catalogued(as context.Context) lab.Test {
	w.Helper()
	test := does(w, as, w.H.Lab.CreateTest, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "K", Name: "Potassium", SpecimenType: "serum", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{{
			AnalyteDetails: lab.AnalyteDetails{Code: "K", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L"},
		}},
	})
	low, high, critical := decimal.RequireFromString("3.5"), decimal.RequireFromString("5.1"), decimal.NewFromInt(6)
	does(w, as, w.H.Lab.AddReferenceRange, lab.AddReferenceRangeInput{RangeDetails: lab.RangeDetails{
		Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2000, time.January, 1),
		Bounds: lab.Bounds{Low: &low, High: &high, CriticalHigh: &critical},
	}})
	return test
}

// ordered is an order that a doctor wrote.
func (w *work) ordered(test lab.Test) lab.Order {
	w.Helper()
	return does(w, w.Ctx, w.H.Lab.AddOrder, lab.AddOrderInput{
		Patient: w.who, Tests: []hmstype.LabTestID{test.ID}, OrderDetails: lab.OrderDetails{Requester: w.doctor},
	})
}

// entered draws, and enters a value.
func (w *work) entered(as context.Context, order lab.Order, value string) lab.ItemResult {
	w.Helper()
	w.drawn(as, order)
	item := does(w, as, w.H.Lab.GetOrder, order.ID).Items[0]
	analyte := does(w, as, w.H.Lab.GetTest, item.Test).Analytes[0].ID
	return does(w, as, w.H.Lab.EnterResult, lab.EnterResultInput{
		ItemRef: at(item), Values: []lab.EnteredValue{{Analyte: analyte, Value: lab.Value{Number: value}}},
	})
}

func (w *work) drawn(as context.Context, order lab.Order) lab.Specimen {
	w.Helper()
	return does(w, as, w.H.Lab.CollectSpecimen, lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
}

func at(item lab.Item) lab.ItemRef {
	return lab.ItemRef{Order: item.Order, Item: item.ID, Version: item.Version}
}

func (w *work) phlebotomy() {
	s := w.H.Lab
	order := w.ordered(w.potassium())
	waiting := does(w, w.me, s.ListWorklist, lab.ListWorklistInput{Status: lab.ItemOrdered})
	require.Len(w, waiting.Items, 1)
	does(w, w.me, w.H.Patient.Get, w.who)
	clotted := w.drawn(w.me, order)
	does(w, w.me, s.RejectSpecimen, lab.RejectSpecimenInput{
		ID: clotted.ID, Version: clotted.Version, Reason: "clotted", Recollect: true,
	})
	specimen := w.drawn(w.me, order)
	does(w, w.me, s.ReceiveSpecimen, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
}

func (w *work) bench() {
	s := w.H.Lab
	entered := w.entered(w.me, w.ordered(w.potassium()), "4.2")
	work := does(w, w.me, s.ListWorklist, lab.ListWorklistInput{Status: lab.ItemPreliminary})
	require.Len(w, work.Items, 1)
	_, err := s.VerifyResult(w.me, lab.VerifyResultInput{ItemRef: at(entered.Item)})
	require.ErrorIs(w, err, hmstype.ErrSeparationOfDuties, "a colleague looks at it")
	verified := does(w, w.other, s.VerifyResult, lab.VerifyResultInput{ItemRef: at(entered.Item)})
	does(w, w.me, s.ReleaseResult, lab.ReleaseResultInput{ItemRef: at(verified.Item)})
	report := does(w, w.me, s.GetReport, entered.Item.Order)
	require.Equal(w, lab.OrderCompleted, report.Order.Status)
}

func (w *work) labCatalogue() {
	s := w.H.Lab
	test := w.catalogued(w.me)
	does(w, w.me, w.H.Billing.ListServiceItems, hmstype.Page{})
	off := does(w, w.me, s.SetTestActive, lab.SetTestActiveInput{ID: test.ID, Version: test.Version})
	does(w, w.me, s.SetTestActive, lab.SetTestActiveInput{ID: test.ID, Version: off.Version, Active: true})
	entered := w.entered(w.other, w.ordered(test), "4.2")
	released := does(w, w.me, s.VerifyResult, lab.VerifyResultInput{ItemRef: at(entered.Item), Release: true})
	does(w, w.me, s.CorrectResult, lab.CorrectResultInput{
		ItemRef: at(released.Item), Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "4.3"}, Reason: "recalibrated",
	})
	does(w, w.me, s.ListTurnaroundTimes, lab.ListTurnaroundTimesInput{
		Period: hmstype.Period{Start: w.Now().Add(-time.Hour), End: w.Now().Add(time.Hour)},
	})
}
