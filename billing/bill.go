package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// BillStatus is FHIR R4 Invoice.status.
type BillStatus string

// The states of a bill.
const (
	BillDraft     BillStatus = "draft"     // may still be cancelled; nobody owes it
	BillIssued    BillStatus = "issued"    // has its number; something is open
	BillBalanced  BillStatus = "balanced"  // nothing is open; derived by the database
	BillCancelled BillStatus = "cancelled" // was a draft; its charges are free again
)

// BillTransitions are the allowed steps between the states of a bill.
var BillTransitions = hmstype.Transitions[BillStatus]{
	BillDraft:    {BillIssued, BillBalanced, BillCancelled},
	BillIssued:   {BillBalanced},
	BillBalanced: {BillIssued},
}

// Bill is what a patient and the payers owe for some charges (FHIR Invoice). All amounts
// are of one currency. PatientAmount + PayerAmount = Total = Gross - Discount + Tax.
type Bill struct {
	ID            hmstype.BillID      `json:"id"`
	Patient       hmstype.PatientID   `json:"patient"`
	Encounter     hmstype.EncounterID `json:"encounter"` // zero where it is not for one encounter
	Number        string              `json:"number"`    // such as "INV-2026-000001"; empty for a draft
	Date          hmstype.Date        `json:"date"`      // the tenant's day of issue; zero for a draft
	Status        BillStatus          `json:"status"`
	Gross         hmstype.Money       `json:"gross"` // before discount and tax
	Discount      hmstype.Money       `json:"discount"`
	Tax           hmstype.Money       `json:"tax"`
	Total         hmstype.Money       `json:"total"`         // what was invoiced
	PatientAmount hmstype.Money       `json:"patientAmount"` // the patient's share; the whole for a draft
	PayerAmount   hmstype.Money       `json:"payerAmount"`   // the payers' shares
	Paid          hmstype.Money       `json:"paid"`          // payments less refunds
	Credited      hmstype.Money       `json:"credited"`      // by credit notes
	Open          hmstype.Money       `json:"open"`          // what is still to be paid, over all shares
	// what is to be given back, after a credit of what was paid
	Overpaid       hmstype.Money    `json:"overpaid"`
	DiscountReason string           `json:"discountReason"`
	CancelReason   string           `json:"cancelReason"`
	CreatedAt      time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy      hmstype.ActorRef `json:"createdBy"`
	IssuedAt       time.Time        `json:"issuedAt,omitzero"`    // UTC; zero for a draft
	CancelledAt    time.Time        `json:"cancelledAt,omitzero"` // UTC; zero unless cancelled
	Version        int64            `json:"version"`              // counts changes, from 1
	Lines          []BillLine       `json:"lines"`                // by number; nil in lists
	Shares         []BillShare      `json:"shares"`               // the patient's first; nil in lists and for drafts
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states, instants, and the number and day that the bill is filed by.
	Withheld bool `json:"withheld,omitempty"`
}

// IsPaid tells whether nothing is open on an issued bill.
func (b Bill) IsPaid() bool { return b.Status == BillBalanced }

type billRow struct {
	bun.BaseModel `bun:"table:hms.bill,alias:b"`
	dbx.Header[hmstype.BillID]
	PatientID      hmstype.PatientID
	EncounterID    hmstype.EncounterID `bun:",nullzero"`
	Currency       hmstype.Currency
	Status         BillStatus
	BillNumber     string       `bun:",nullzero"`
	BillDate       hmstype.Date `bun:",nullzero"`
	GrossAmount    decimal.Decimal
	DiscountAmount decimal.Decimal
	TaxAmount      decimal.Decimal
	TotalAmount    decimal.Decimal
	PatientAmount  decimal.Decimal
	PayerAmount    decimal.Decimal
	PaidAmount     decimal.Decimal
	CreditedAmount decimal.Decimal
	OpenAmount     decimal.Decimal
	OverpaidAmount decimal.Decimal
	DiscountReason string
	CancelReason   string
	JournalID      hmstype.JournalID `bun:",nullzero"`
	IssuedAt       time.Time         `bun:",nullzero"`
	CancelledAt    time.Time         `bun:",nullzero"`
}

func (r billRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r billRow) bill() Bill {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	return Bill{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Number: r.BillNumber, Date: r.BillDate, Status: r.Status,
		Gross: m(r.GrossAmount), Discount: m(r.DiscountAmount), Tax: m(r.TaxAmount), Total: m(r.TotalAmount),
		PatientAmount: m(r.PatientAmount), PayerAmount: m(r.PayerAmount), Paid: m(r.PaidAmount),
		Credited: m(r.CreditedAmount),
		Open:     m(r.OpenAmount), Overpaid: m(r.OverpaidAmount), DiscountReason: r.DiscountReason,
		CancelReason: r.CancelReason,
		CreatedAt:    r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
		IssuedAt: r.IssuedAt.UTC(), CancelledAt: r.CancelledAt.UTC(), Version: r.Version,
	}
}

// invoices is what every use case that shows bills shows of whom.
var invoices = usecase.Entity[Bill]{
	Table:   "bill",
	Patient: func(b *Bill) hmstype.PatientID { return b.Patient },
	ID:      func(b *Bill) string { return b.ID.String() },
	// Numbers are free of gaps: who counts them must find each.
	Keep: func(withheld, whole *Bill) { withheld.Number, withheld.Date = whole.Number, whole.Date },
}

// billSteps is how people change a bill's state. That it is balanced, or open again, follows from
// payments, refunds and credits: the database takes these steps and notes them.
var billSteps = dbx.Machine[billRow, BillStatus]{
	Table: "bill", Transitions: BillTransitions,
	State: func(r *billRow) *BillStatus { return &r.Status },
	Columns: []string{
		"bill_number", "bill_date", "issued_at", "journal_id", "open_amount", "patient_amount", "payer_amount",
		"cancel_reason", "cancelled_at",
	},
	Event: func(r *billRow, _ BillStatus) dbx.Event {
		if r.Status == BillCancelled {
			return dbx.Event{} // nobody was told of the draft
		}
		return dbx.Event{Type: eventBillIssued, ID: r.ID, Data: map[string]any{
			"bill": r.ID, "number": r.BillNumber, "total": r.TotalAmount, "currency": r.Currency,
		}}
	},
}

// BillLine is one charge on a bill. PatientAmount + PayerAmount = Total = Net + Tax.
type BillLine struct {
	ID               hmstype.BillLineID `json:"id"`
	Number           int                `json:"number"` // from 1
	Charge           hmstype.ChargeID   `json:"charge"`
	ServiceCode      string             `json:"serviceCode"`
	Category         string             `json:"category"`
	Text             string             `json:"text"`
	ServiceDate      hmstype.Date       `json:"serviceDate"`
	Quantity         decimal.Decimal    `json:"quantity"`
	UnitPrice        hmstype.Money      `json:"unitPrice"`
	Gross            hmstype.Money      `json:"gross"`    // quantity x unit price, rounded
	Discount         hmstype.Money      `json:"discount"` // the line's own and its part of the bill's
	Net              hmstype.Money      `json:"net"`
	TaxPercent       decimal.Decimal    `json:"taxPercent"`
	Tax              hmstype.Money      `json:"tax"`
	Total            hmstype.Money      `json:"total"`
	PatientAmount    hmstype.Money      `json:"patientAmount"`
	PayerAmount      hmstype.Money      `json:"payerAmount"`
	CreditedQuantity decimal.Decimal    `json:"creditedQuantity"`
	Credited         hmstype.Money      `json:"credited"` // tax included
}

type lineRow struct {
	bun.BaseModel `bun:"table:hms.bill_line,alias:l"`
	dbx.Tenanted
	ID               hmstype.BillLineID `bun:"id,pk"`
	BillID           hmstype.BillID
	PatientID        hmstype.PatientID
	LineNo           int
	ChargeID         hmstype.ChargeID
	ServiceCode      string
	Category         string
	Description      string
	ServiceDate      hmstype.Date
	Quantity         decimal.Decimal
	UnitPrice        decimal.Decimal
	Currency         hmstype.Currency
	GrossAmount      decimal.Decimal
	DiscountAmount   decimal.Decimal
	NetAmount        decimal.Decimal
	TaxPercent       decimal.Decimal
	TaxAmount        decimal.Decimal
	TotalAmount      decimal.Decimal
	PatientAmount    decimal.Decimal
	PayerAmount      decimal.Decimal
	CreditedQuantity decimal.Decimal
	CreditedNet      decimal.Decimal
	CreditedTax      decimal.Decimal
}

func (r lineRow) line() BillLine {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	return BillLine{
		ID: r.ID, Number: r.LineNo, Charge: r.ChargeID, ServiceCode: r.ServiceCode, Category: r.Category, Text: r.Description,
		ServiceDate: r.ServiceDate, Quantity: r.Quantity, UnitPrice: m(r.UnitPrice), Gross: m(r.GrossAmount),
		Discount: m(r.DiscountAmount), Net: m(r.NetAmount), TaxPercent: r.TaxPercent, Tax: m(r.TaxAmount),
		Total:         m(r.TotalAmount),
		PatientAmount: m(r.PatientAmount), PayerAmount: m(r.PayerAmount),
		CreditedQuantity: r.CreditedQuantity, Credited: m(r.CreditedNet.Add(r.CreditedTax)),
	}
}

// BillShare is what the patient, or one payer, owes of an issued bill.
type BillShare struct {
	ID       ShareID            `json:"id"`
	Coverage hmstype.CoverageID `json:"coverage"` // zero for the patient's share
	Payer    string             `json:"payer"`    // the payer's name; empty for the patient
	Amount   hmstype.Money      `json:"amount"`
	Paid     hmstype.Money      `json:"paid"` // payments less refunds
	Credited hmstype.Money      `json:"credited"`
	Open     hmstype.Money      `json:"open"` // amount - paid - credited; negative where money is to be given back
}

type shareRow struct {
	bun.BaseModel `bun:"table:hms.bill_share,alias:s"`
	dbx.Tenanted
	ID             ShareID `bun:"id,pk"`
	BillID         hmstype.BillID
	PatientID      hmstype.PatientID
	Sequence       int
	CoverageID     hmstype.CoverageID `bun:",nullzero"`
	Payer          string
	Currency       hmstype.Currency
	Amount         decimal.Decimal
	PaidAmount     decimal.Decimal
	CreditedAmount decimal.Decimal
}

func (r shareRow) share() BillShare {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	return BillShare{
		ID: r.ID, Coverage: r.CoverageID, Payer: r.Payer, Amount: m(r.Amount), Paid: m(r.PaidAmount),
		Credited: m(r.CreditedAmount), Open: m(r.Amount.Sub(r.PaidAmount).Sub(r.CreditedAmount)),
	}
}

// lineShareRow is a share's part of one line.
type lineShareRow struct {
	bun.BaseModel `bun:"table:hms.bill_line_share,alias:ls"`
	dbx.Tenanted
	BillID         hmstype.BillID
	BillLineID     hmstype.BillLineID `bun:"bill_line_id,pk"`
	ShareID        ShareID            `bun:"share_id,pk"`
	Currency       hmstype.Currency
	Amount         decimal.Decimal
	CreditedAmount decimal.Decimal
}

// liveLines reads the lines of a bill that were not released, by number.
func liveLines(ctx context.Context, db dbx.DB, bill hmstype.BillID) ([]lineRow, error) {
	return dbx.All[lineRow](ctx, db, dbx.Equal("bill_id", bill), isLive, dbx.OrderBy("l.line_no"))
}

// isLive selects the lines that were not released.
var isLive = dbx.Where("l.released_at IS NULL")

func sharesOf(ctx context.Context, db dbx.DB, bill hmstype.BillID) ([]shareRow, error) {
	return dbx.All[shareRow](ctx, db, dbx.Equal("bill_id", bill), dbx.OrderBy("s.sequence"))
}

func loadBill(ctx context.Context, db dbx.DB, id hmstype.BillID) (Bill, error) {
	row, err := dbx.Get[billRow](ctx, db, "bill", id)
	if err != nil {
		return Bill{}, err
	}
	lines, err := liveLines(ctx, db, id)
	if err != nil {
		return Bill{}, err
	}
	shares, err := sharesOf(ctx, db, id)
	bill := row.bill()
	bill.Lines, bill.Shares = make([]BillLine, len(lines)), make([]BillShare, len(shares))
	for i, l := range lines {
		bill.Lines[i] = l.line()
	}
	for i, s := range shares {
		bill.Shares[i] = s.share()
	}
	return bill, err
}

// lockBill locks the patient's account, then the bill, and gives the bill as it is then.
func lockBill(ctx context.Context, db dbx.DB, id hmstype.BillID) (billRow, error) {
	row, err := dbx.Get[billRow](ctx, db, "bill", id)
	if err != nil {
		return row, err
	}
	if err := lockAccount(ctx, db, row.PatientID); err != nil {
		return row, err
	}
	return dbx.Get[billRow](ctx, db, "bill", id, dbx.ForUpdate)
}

var opGetBill = usecase.Query[usecase.ByID[hmstype.BillID], Bill]{
	Name: "billing.get_bill", Permission: hmstype.PermBillingRead, Shows: invoices.One(),
}.Declare()

// GetBill gives a bill with its lines and shares, and records that it was read.
// Permission: [hmstype.PermBillingRead].
func (s *Service) GetBill(ctx context.Context, id hmstype.BillID) (Bill, error) {
	return opGetBill.Run(ctx, &s.base, usecase.ID(id), getBill)
}

func getBill(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) (Bill, error) {
	return loadBill(ctx, db, in.ID)
}

// ListBillsInput selects bills.
type ListBillsInput struct {
	Patient hmstype.PatientID `json:"patient"` // zero means every patient
	Status  BillStatus        `json:"status"`  // empty means all
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (in ListBillsInput) Validate() error {
	var v hmstype.Validator
	if in.Status != "" {
		hmstype.OneOf(&v, in.Status, "status", BillTransitions.States()...)
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListBills = usecase.Query[ListBillsInput, hmstype.List[Bill]]{
	Name: "billing.list_bills", Permission: hmstype.PermBillingRead, Shows: invoices.Found(),
	Sample: ListBillsInput{Status: BillIssued},
}.Declare()

// ListBills lists bills without their lines, the oldest first, and records whose were shown. Those of
// restricted patients are withheld from who may not see them.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListBills(ctx context.Context, in ListBillsInput) (hmstype.List[Bill], error) {
	return opListBills.Run(ctx, &s.base, in, bills)
}

func bills(ctx context.Context, db dbx.DB, in ListBillsInput) (hmstype.List[Bill], error) {
	db.About(in.Patient)
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "created_at"}, billRow.bill,
		dbx.When(!in.Patient.IsZero(), dbx.Equal("patient_id", in.Patient)),
		dbx.When(in.Status != "", dbx.Equal("status", in.Status)))
}
