package day

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstype"
)

func (d *Day) charge() billing.Charge {
	return run(d, d.Ctx, d.H.Billing.CaptureCharge,
		billing.CaptureChargeInput{Patient: d.Who.ID, Service: d.service.Code, Quantity: decimal.NewFromInt(3)})
}

func (d *Day) bills() {
	s := d.H.Billing
	discount := hmstype.MustMoney("1", "USD")
	draft := run(d, d.Ctx, s.CreateBill, billing.CreateBillInput{Patient: d.Who.ID, Discount: &discount})
	run(d, d.Ctx, s.CancelBill, billing.CancelBillInput{ID: draft.ID})
	charge := d.charge()
	run(d, d.Ctx, s.GetCharge, charge.ID)
	run(d, d.Ctx, s.SetChargeStatus,
		billing.SetChargeStatusInput{ID: charge.ID, Version: charge.Version, Status: billing.ChargeAborted})
	run(d, d.Ctx, s.ListCharges, billing.ListChargesInput{Patient: d.Who.ID})
}

// paid gives two payments of a bill that the patient pays alone.
func (d *Day) paid() (billing.Bill, billing.Payment, billing.Payment) {
	s := d.H.Billing
	d.charge()
	draft := run(d, d.Ctx, s.CreateBill, billing.CreateBillInput{Patient: d.Who.ID})
	bill := run(d, d.Ctx, s.IssueBill, billing.IssueBillInput{ID: draft.ID, SelfPay: true})
	pay := func() billing.Payment {
		cash := billing.PaymentDetails{Method: billing.MethodCash}
		return run(d, d.Ctx, s.Pay, billing.PayInput{
			Bill: bill.ID, Amount: hmstype.MustMoney("5", "USD"), PaymentDetails: cash,
		})
	}
	return bill, pay(), pay()
}

func (d *Day) refunds() {
	s := d.H.Billing
	bill, first, second := d.paid()
	d.Bill = bill
	one := hmstype.MustMoney("1", "USD")
	refund := billing.RefundInput{Payment: first.ID, Amount: one}
	request := run(d, d.me, s.RequestRefund, billing.RequestRefundInput(refund))
	run(d, d.other, s.DecideRefund, billing.DecideRefundInput{ID: request.ID, Status: billing.RefundApproved})
	request = run(d, d.me, s.RequestRefund, billing.RequestRefundInput(refund))
	run(d, d.me, s.WithdrawRefund, request.ID)
	run(d, d.Ctx, s.GetRefundRequestHistory, request.ID)
	run(d, d.Ctx, s.ListRefundRequests, billing.ListRefundRequestsInput{})
	run(d, d.Ctx, s.Refund, refund)
	run(d, d.Ctx, s.CancelPayment, billing.CancelPaymentInput{Payment: second.ID})
	run(d, d.Ctx, s.IssueCreditNote,
		billing.IssueCreditNoteInput{Bill: bill.ID, Lines: []billing.CreditLine{{Line: bill.Lines[0].ID, Amount: &one}}})
	run(d, d.Ctx, s.ListCreditNotes, bill.ID)
	run(d, d.Ctx, s.ListPayments, bill.ID)
	run(d, d.Ctx, s.GetPaymentHistory, second.ID)
	run(d, d.Ctx, s.GetBillHistory, bill.ID)
	run(d, d.Ctx, s.GetChargeHistory, bill.Lines[0].Charge)
	run(d, d.Ctx, s.GetBill, bill.ID)
	run(d, d.Ctx, s.ListBills, billing.ListBillsInput{})
	today := hmstype.DateOf(d.Clock.Now(), time.UTC)
	run(d, d.Ctx, s.GetRevenueByDay, billing.GetRevenueByDayInput{From: today.AddDays(-9), Until: today})
	run(d, d.Ctx, s.GetPayerMix, billing.GetPayerMixInput{From: today.AddDays(-9), Until: today})
	run(d, d.Ctx, s.GetDaySummary, billing.GetDaySummaryInput{Day: today})
	perform(d, d.Ctx, s.ListBalances)
	perform(d, d.Ctx, s.GetReceivablesAgeing)
	perform(d, d.Ctx, s.Verify)
}
