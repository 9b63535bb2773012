package hms_test

import (
	"context"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/outbox"
	"github.com/chelal/hms/patient"
)

func (d *canaryDay) labTest() lab.Test {
	c, s := d.hospital, d.h.Lab
	code := func() string { return strings.ToUpper(d.text("lab.CreateTest.TestDetails.Code")) } // the library wants capitals
	test := run(c, d.sys, s.CreateTest, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: code(), TurnaroundMinutes: 60, ServiceCode: d.service.Code},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueNumeric, Unit: "mmol/L"}},
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueCoded}, Answers: []lab.Answer{{}}},
			{AnalyteDetails: lab.AnalyteDetails{Code: code(), ValueType: lab.ValueText}},
		},
	})
	for _, active := range []bool{false, true} {
		test = run(c, d.sys, s.SetTestActive, lab.SetTestActiveInput{ID: test.ID, Version: test.Version, Active: active})
	}
	run(c, d.sys, s.GetTest, test.ID)
	run(c, d.sys, s.ListTests, lab.ListTestsInput{})
	limit := decimal.NewFromInt(5)
	add := lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2020, time.January, 1), Bounds: lab.Bounds{High: &limit, CriticalHigh: &limit}},
	}
	run(c, d.sys, s.AddReferenceRange, add)
	add.Sex = lab.SexMale
	ended := run(c, d.sys, s.AddReferenceRange, add)
	ended = run(c, d.sys, s.EndReferenceRange, lab.EndReferenceRangeInput{ID: ended.ID, Version: ended.Version, ValidTo: hmstype.NewDate(2030, time.January, 1)})
	run(c, d.sys, s.VoidReferenceRange, lab.VoidReferenceRangeInput{ID: ended.ID, Version: ended.Version})
	run(c, d.sys, s.ListReferenceRanges, lab.ListReferenceRangesInput{Analyte: test.Analytes[0].ID})
	return test
}

func (d *canaryDay) labOrder(test lab.Test) lab.Order {
	return run(d.hospital, d.sys, d.h.Lab.AddOrder, lab.AddOrderInput{Patient: d.patient.ID, Tests: []hmstype.LabTestID{test.ID}, OrderDetails: lab.OrderDetails{Requester: d.user.ID}})
}

func itemRef(i lab.Item) lab.ItemRef {
	return lab.ItemRef{Order: i.Order, Item: i.ID, Version: i.Version}
}

func (d *canaryDay) collected(order lab.Order) (lab.Specimen, lab.Order) {
	c, s := d.hospital, d.h.Lab
	specimen := run(c, d.sys, s.CollectSpecimen, lab.CollectSpecimenInput{Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true})
	return specimen, run(c, d.sys, s.GetOrder, order.ID)
}

func (d *canaryDay) laboratory() {
	c, s := d.hospital, d.h.Lab
	test := d.labTest()
	order := d.labOrder(test)
	order = run(c, d.sys, s.HoldOrder, lab.HoldOrderInput{ID: order.ID, Version: order.Version})
	order = run(c, d.sys, s.ActivateOrder, lab.ActivateOrderInput{ID: order.ID, Version: order.Version})
	revoked, mistaken, cancelled := d.labOrder(test), d.labOrder(test), d.labOrder(test)
	run(c, d.sys, s.RevokeOrder, lab.RevokeOrderInput{ID: revoked.ID, Version: revoked.Version})
	run(c, d.sys, s.EnterOrderInError, lab.EnterOrderInErrorInput{ID: mistaken.ID, Version: mistaken.Version})
	run(c, d.sys, s.CancelItem, lab.CancelItemInput{ItemRef: itemRef(cancelled.Items[0])})
	bad, _ := d.collected(d.labOrder(test))
	run(c, d.sys, s.RejectSpecimen, lab.RejectSpecimenInput{ID: bad.ID, Version: bad.Version})
	specimen, order := d.collected(order)
	run(c, d.sys, s.ReceiveSpecimen, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
	order = run(c, d.sys, s.GetOrder, order.ID)
	run(c, d.sys, s.ListOrders, lab.ListOrdersInput{Patient: d.patient.ID})
	run(c, d.sys, s.ListWorklist, lab.ListWorklistInput{})
	d.results(test, order)
}

func (d *canaryDay) results(test lab.Test, order lab.Order) {
	c, s := d.hospital, d.h.Lab
	number := func(path string) lab.Value { return lab.Value{Number: d.phone(path)} }
	entered := run(c, d.sys, s.EnterResult, lab.EnterResultInput{ItemRef: itemRef(order.Items[0]), Values: []lab.EnteredValue{
		{Analyte: test.Analytes[0].ID, Value: number("lab.EnterResult.Values.Value.Number")},
		{Analyte: test.Analytes[1].ID, Value: lab.Value{Code: test.Analytes[1].Answers[0].Code}},
		{Analyte: test.Analytes[2].ID, Value: lab.Value{Text: d.text("lab.EnterResult.Values.Value.Text")}},
	}})
	d.clock.Advance(time.Hour)
	run(c, d.sys, s.EscalateCritical, d.clock.Now())
	alerts := run(c, d.sys, s.ListCriticalAlerts, lab.ListCriticalAlertsInput{})
	alert := run(c, d.me, s.AcknowledgeCritical, lab.AcknowledgeCriticalInput{ID: alerts.Items[0].ID, ReadBack: true})
	run(c, d.me, s.CloseCritical, lab.CloseCriticalInput{ID: alert.ID, ReadBack: true})
	verified := run(c, d.other, s.VerifyResult, lab.VerifyResultInput{ItemRef: itemRef(entered.Item)})
	item := run(c, d.me, s.ReviewResult, lab.ReviewResultInput{ItemRef: itemRef(verified.Item)})
	corrected := run(c, d.other, s.CorrectResult, lab.CorrectResultInput{
		ItemRef: itemRef(item), Analyte: test.Analytes[0].ID, Value: number("lab.CorrectResult.Value.Number"),
	})
	run(c, d.other, s.CorrectResult, lab.CorrectResultInput{
		ItemRef: itemRef(corrected.Item), Analyte: test.Analytes[2].ID, Value: lab.Value{Text: d.text("lab.CorrectResult.Value.Text")},
	})
	run(c, d.sys, s.GetReport, order.ID)
	run(c, d.sys, s.GetOrderHistory, order.ID)
	run(c, d.sys, s.GetItemHistory, item.ID)
	run(c, d.sys, s.GetSpecimenHistory, item.Specimen)
	run(c, d.sys, s.GetCriticalAlertHistory, alert.ID)
	run(c, d.sys, s.ListResultHistory, lab.ListResultHistoryInput{Patient: d.patient.ID})
	run(c, d.sys, s.GetCumulativeReport, lab.GetCumulativeReportInput{Patient: d.patient.ID})
	run(c, d.sys, s.ListTurnaroundTimes, lab.ListTurnaroundTimesInput{Period: hmstype.Period{Start: d.clock.Now().Add(-48 * time.Hour), End: d.clock.Now()}})
}

func (d *canaryDay) charge() billing.Charge {
	return run(d.hospital, d.sys, d.h.Billing.CaptureCharge, billing.CaptureChargeInput{Patient: d.patient.ID, Service: d.service.Code, Quantity: decimal.NewFromInt(3)})
}

func (d *canaryDay) bills() {
	c, s := d.hospital, d.h.Billing
	discount := hmstype.MustMoney("1", "USD")
	draft := run(c, d.sys, s.CreateBill, billing.CreateBillInput{Patient: d.patient.ID, Discount: &discount})
	run(c, d.sys, s.CancelBill, billing.CancelBillInput{ID: draft.ID})
	charge := d.charge()
	run(c, d.sys, s.GetCharge, charge.ID)
	run(c, d.sys, s.SetChargeStatus, billing.SetChargeStatusInput{ID: charge.ID, Version: charge.Version, Status: billing.ChargeAborted})
	run(c, d.sys, s.ListCharges, billing.ListChargesInput{Patient: d.patient.ID})
}

// paid gives two payments of a bill that the patient pays alone.
func (d *canaryDay) paid() (billing.Bill, billing.Payment, billing.Payment) {
	c, s := d.hospital, d.h.Billing
	d.charge()
	draft := run(c, d.sys, s.CreateBill, billing.CreateBillInput{Patient: d.patient.ID})
	bill := run(c, d.sys, s.IssueBill, billing.IssueBillInput{ID: draft.ID, SelfPay: true})
	pay := func() billing.Payment {
		cash := billing.PaymentDetails{Method: billing.MethodCash}
		return run(c, d.sys, s.Pay, billing.PayInput{
			Bill: bill.ID, Amount: hmstype.MustMoney("5", "USD"), PaymentDetails: cash,
		})
	}
	return bill, pay(), pay()
}

func (d *canaryDay) refunds() {
	c, s := d.hospital, d.h.Billing
	bill, first, second := d.paid()
	one := hmstype.MustMoney("1", "USD")
	refund := billing.RefundInput{Payment: first.ID, Amount: one}
	request := run(c, d.me, s.RequestRefund, billing.RequestRefundInput(refund))
	run(c, d.other, s.DecideRefund, billing.DecideRefundInput{ID: request.ID, Status: billing.RefundApproved})
	request = run(c, d.me, s.RequestRefund, billing.RequestRefundInput(refund))
	run(c, d.me, s.WithdrawRefund, request.ID)
	run(c, d.sys, s.GetRefundRequestHistory, request.ID)
	run(c, d.sys, s.ListRefundRequests, billing.ListRefundRequestsInput{})
	run(c, d.sys, s.Refund, refund)
	run(c, d.sys, s.CancelPayment, billing.CancelPaymentInput{Payment: second.ID})
	run(c, d.sys, s.IssueCreditNote, billing.IssueCreditNoteInput{Bill: bill.ID, Lines: []billing.CreditLine{{Line: bill.Lines[0].ID, Amount: &one}}})
	run(c, d.sys, s.ListCreditNotes, bill.ID)
	run(c, d.sys, s.ListPayments, bill.ID)
	run(c, d.sys, s.GetPaymentHistory, second.ID)
	run(c, d.sys, s.GetBillHistory, bill.ID)
	run(c, d.sys, s.GetChargeHistory, bill.Lines[0].Charge)
	run(c, d.sys, s.GetBill, bill.ID)
	run(c, d.sys, s.ListBills, billing.ListBillsInput{})
	today := hmstype.DateOf(d.clock.Now(), time.UTC)
	run(c, d.sys, s.GetRevenueByDay, billing.GetRevenueByDayInput{From: today.AddDays(-9), Until: today})
	run(c, d.sys, s.GetPayerMix, billing.GetPayerMixInput{From: today.AddDays(-9), Until: today})
	run(c, d.sys, s.GetDaySummary, billing.GetDaySummaryInput{Day: today})
	perform(c, d.sys, s.ListBalances)
	perform(c, d.sys, s.GetReceivablesAgeing)
	perform(c, d.sys, s.Verify)
}

// night is what the host's scheduler and its auditor do.
func (d *canaryDay) night() {
	c, s, log := d.hospital, d.h.Audit, d.h.AuditLog
	run(c, d.sys, d.h.Encryption.Reencrypt, encryption.ReencryptInput{Limit: 500})
	perform(c, d.sys, d.h.Encryption.Rotate)
	d.done("encryption.Rewrap", d.h.Encryption.Rewrap(d.sys), hmstype.Secret(""))
	n, err := d.h.Outbox.Relay(d.sys, d.delivered)
	d.done("outbox.Relay", err, n)
	require.Positive(d.t, n)
	run(c, d.sys, d.h.Outbox.Purge, outbox.PurgeInput{DeliveredBefore: d.clock.Now()})
	run(c, d.sys, log.Seal, sealed.SealInput{Sweep: true})
	list := run(c, d.sys, s.ListEvents, audit.ListEventsInput{})
	require.Empty(d.t, list.Items)
	list, err = s.ListEventsOfPatient(d.sys, d.patient.ID, hmstype.Page{})
	d.done("audit.ListEventsOfPatient", err, list)
	run(c, d.sys, log.ProveEvent, list.Items[len(list.Items)-1].ID)
	run(c, d.sys, log.ProvePatient, sealed.ProvePatientInput{Patient: d.patient.ID})
	perform(c, d.sys, log.Verify)
	perform(c, d.sys, log.VerifyLog)
	d.newEpoch()
}

// newEpoch registers once more after the rotation, so that both epochs' keys are in use.
func (d *canaryDay) newEpoch() {
	p := d.register()
	got, err := d.h.Patient.Get(context.WithoutCancel(d.sys), p.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, p, got)
	_, err = d.h.Patient.Register(d.sys, patient.RegisterInput{Details: patient.Details{LastName: d.text("taken"), Gender: patient.GenderUnknown}, MRN: p.MRN})
	require.ErrorIs(d.t, err, patient.ErrMRNTaken)
	d.requireNoneIn(d.t, err, "patient.Register")
}
