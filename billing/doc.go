// Package billing keeps what is owed and what was paid: the service catalogue and its
// prices, charges, bills, payments, refunds, credit notes, and a ledger that proves them.
//
// It owns the price of a service on a day, charges (FHIR ChargeItem), bills (FHIR Invoice)
// with the shares of payers and patient, and the double-entry ledger. It does not own the
// use cases that are charged (they arrive through [charge.Poster], which [Service] implements),
// nor the patient's coverage (package patient).
//
// # States
//
//	charge   planned -> billable -> billed; planned, billable -> not-billable | aborted
//	         not-billable -> billable; any but billed -> entered-in-error
//	bill     draft -> issued <-> balanced; draft -> balanced (nothing to pay); draft -> cancelled
//	payment  active -> cancelled
//	refund request  requested -> approved | rejected | withdrawn
//
// Each step is kept with its instant, who took it and why: [Service.GetBillHistory] and its neighbours.
// Balanced is never set: the database derives it from payments, refunds and credits,
// whoever writes them. A billed charge is taken back by a credit note, not by its status.
//
// # Amounts
//
// A line is gross = round(quantity x unit price), net = gross - discount, tax =
// round(net x percent), total = net + tax, each rounded by [hmstype.RoundMoney]. Payers, in
// the order of their priority on the day of service, pay their percentage of what those before them
// left to the patient; the patient's share is the rest, so the shares are the line to the
// last minor unit. Nothing but a credit note changes an issued bill.
//
// # The ledger
//
// Accounts are kept per tenant and currency, opened on first use: see [AccountReceivablePatient]
// and its neighbours. Each issue, payment, cancellation, refund and credit note posts one journal
// that sums to zero, which the database checks as the lines arrive. [Service.Verify]
// recomputes everything that is kept in two places.
//
// # Transactions and errors
//
// Every write is one transaction, or a savepoint in the host's. Use cases on one patient's
// bills take turns on the patient's account, then lock the bill. [OverpaymentError],
// [RefundLimitError], [CreditLimitError], [PriceOverlapError] and [ChargeBilledError] tell what is possible.
//
// Of a patient whose record is restricted, reads are refused, and lists and results of commands
// withhold texts and amounts; totals of reports are nobody's.
//
// Not here yet: approval of discounts by a second person, deposits, claims,
// payments over several bills, cash drawers and the day's close.
package billing
