package day

import (
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
)

func (d *Day) labTest() lab.Test {
	s := d.H.Lab
	// the library wants capitals
	code := func() string { return strings.ToUpper(d.Pen.Text("lab.CreateTest.TestDetails.Code")) }
	test := run(d, d.Ctx, s.CreateTest, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: code(), TurnaroundMinutes: 60, ServiceCode: d.service.Code},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueNumeric, Unit: "mmol/L"}},
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueCoded}, Answers: []lab.Answer{{}}},
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueText}},
		},
	})
	for _, active := range []bool{false, true} {
		test = run(d, d.Ctx, s.SetTestActive, lab.SetTestActiveInput{ID: test.ID, Version: test.Version, Active: active})
	}
	run(d, d.Ctx, s.GetTest, test.ID)
	run(d, d.Ctx, s.ListTests, lab.ListTestsInput{})
	limit := decimal.NewFromInt(5)
	add := lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{
			Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2020, time.January, 1),
			Bounds: lab.Bounds{High: &limit, CriticalHigh: &limit},
		},
	}
	run(d, d.Ctx, s.AddReferenceRange, add)
	add.Sex = lab.SexMale
	ended := run(d, d.Ctx, s.AddReferenceRange, add)
	ended = run(d, d.Ctx, s.EndReferenceRange,
		lab.EndReferenceRangeInput{ID: ended.ID, Version: ended.Version, ValidTo: hmstype.NewDate(2030, time.January, 1)})
	run(d, d.Ctx, s.VoidReferenceRange, lab.VoidReferenceRangeInput{ID: ended.ID, Version: ended.Version})
	run(d, d.Ctx, s.ListReferenceRanges, lab.ListReferenceRangesInput{Analyte: test.Analytes[0].ID})
	return test
}

func (d *Day) labOrder(test lab.Test) lab.Order {
	return run(d, d.Ctx, d.H.Lab.AddOrder, lab.AddOrderInput{
		Patient: d.Who.ID, Tests: []hmstype.LabTestID{test.ID}, OrderDetails: lab.OrderDetails{Requester: d.user.ID},
	})
}

func itemRef(i lab.Item) lab.ItemRef {
	return lab.ItemRef{Order: i.Order, Item: i.ID, Version: i.Version}
}

func (d *Day) collected(order lab.Order) (lab.Specimen, lab.Order) {
	s := d.H.Lab
	specimen := run(d, d.Ctx, s.CollectSpecimen,
		lab.CollectSpecimenInput{Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true})
	return specimen, run(d, d.Ctx, s.GetOrder, order.ID)
}

func (d *Day) laboratory() {
	s := d.H.Lab
	test := d.labTest()
	d.test = test
	order := d.labOrder(test)
	order = run(d, d.Ctx, s.HoldOrder, lab.HoldOrderInput{ID: order.ID, Version: order.Version})
	order = run(d, d.Ctx, s.ActivateOrder, lab.ActivateOrderInput{ID: order.ID, Version: order.Version})
	revoked, mistaken, cancelled := d.labOrder(test), d.labOrder(test), d.labOrder(test)
	run(d, d.Ctx, s.RevokeOrder, lab.RevokeOrderInput{ID: revoked.ID, Version: revoked.Version})
	run(d, d.Ctx, s.EnterOrderInError, lab.EnterOrderInErrorInput{ID: mistaken.ID, Version: mistaken.Version})
	run(d, d.Ctx, s.CancelItem, lab.CancelItemInput{ItemRef: itemRef(cancelled.Items[0])})
	one := d.labOrder(test)
	run(d, d.Ctx, s.EnterItemInError, lab.EnterItemInErrorInput{ItemRef: itemRef(one.Items[0])})
	perform(d, d.Ctx, s.VerifyOrders)
	bad, _ := d.collected(d.labOrder(test))
	run(d, d.Ctx, s.RejectSpecimen, lab.RejectSpecimenInput{ID: bad.ID, Version: bad.Version})
	specimen, order := d.collected(order)
	run(d, d.Ctx, s.ReceiveSpecimen, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
	order = run(d, d.Ctx, s.GetOrder, order.ID)
	run(d, d.Ctx, s.ListOrders, lab.ListOrdersInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.ListWorklist, lab.ListWorklistInput{})
	d.results(test, order)
}

func (d *Day) results(test lab.Test, order lab.Order) {
	s := d.H.Lab
	number := func(path string) lab.Value { return lab.Value{Number: d.Pen.Phone(path)} }
	values := []lab.EnteredValue{
		{Analyte: test.Analytes[0].ID, Value: number("lab.EnterResult.Values.Value.Number")},
		{Analyte: test.Analytes[1].ID, Value: lab.Value{Code: test.Analytes[1].Answers[0].Code}},
		{Analyte: test.Analytes[2].ID, Value: lab.Value{Text: d.Pen.Text("lab.EnterResult.Values.Value.Text")}},
	}
	entered := run(d, d.Ctx, s.EnterResult,
		lab.EnterResultInput{ItemRef: itemRef(order.Items[0]), Values: values})
	d.Clock.Advance(time.Hour)
	run(d, d.Ctx, s.EscalateCritical, lab.EscalateCriticalInput{AsOf: d.Clock.Now(), Role: d.Role})
	alerts := run(d, d.Ctx, s.ListCriticalAlerts, lab.ListCriticalAlertsInput{})
	alert := run(d, d.me, s.AcknowledgeCritical, lab.AcknowledgeCriticalInput{ID: alerts.Items[0].ID, ReadBack: true})
	run(d, d.me, s.CloseCritical, lab.CloseCriticalInput{ID: alert.ID, ReadBack: true})
	verified := run(d, d.other, s.VerifyResult, lab.VerifyResultInput{ItemRef: itemRef(entered.Item)})
	released := run(d, d.other, s.ReleaseResult, lab.ReleaseResultInput{ItemRef: itemRef(verified.Item)})
	item := run(d, d.me, s.ReviewResult, lab.ReviewResultInput{ItemRef: itemRef(released.Item)})
	corrected := run(d, d.other, s.CorrectResult, lab.CorrectResultInput{
		ItemRef: itemRef(item), Analyte: test.Analytes[0].ID, Value: number("lab.CorrectResult.Value.Number"),
	})
	run(d, d.other, s.CorrectResult, lab.CorrectResultInput{
		ItemRef: itemRef(corrected.Item), Analyte: test.Analytes[2].ID,
		Value: lab.Value{Text: d.Pen.Text("lab.CorrectResult.Value.Text")},
	})
	run(d, d.Ctx, s.GetReport, order.ID)
	run(d, d.Ctx, s.GetOrderHistory, order.ID)
	run(d, d.Ctx, s.GetItemHistory, item.ID)
	run(d, d.Ctx, s.GetSpecimenHistory, item.Specimen)
	run(d, d.Ctx, s.GetCriticalAlertHistory, alert.ID)
	run(d, d.Ctx, s.ListResultHistory, lab.ListResultHistoryInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.GetCumulativeReport, lab.GetCumulativeReportInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.ListTurnaroundTimes,
		lab.ListTurnaroundTimesInput{Period: hmstype.Period{Start: d.Clock.Now().Add(-48 * time.Hour), End: d.Clock.Now()}})
}
