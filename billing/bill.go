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
	ID             hmstype.BillID
	Patient        hmstype.PatientID
	Encounter      hmstype.EncounterID // zero where it is not for one encounter
	Number         string              // such as "INV-2026-000001"; empty for a draft
	Date           hmstype.Date        // the tenant's day of issue; zero for a draft
	Status         BillStatus
	Gross          hmstype.Money // before discount and tax
	Discount       hmstype.Money
	Tax            hmstype.Money
	Total          hmstype.Money // what was invoiced
	PatientAmount  hmstype.Money // the patient's share; the whole for a draft
	PayerAmount    hmstype.Money // the payers' shares
	Paid           hmstype.Money // payments less refunds
	Credited       hmstype.Money // by credit notes
	Open           hmstype.Money // what is still to be paid, over all shares
	Overpaid       hmstype.Money // what is to be given back, after a credit of what was paid
	DiscountReason string
	CancelReason   string
	CreatedAt      time.Time // UTC
	IssuedAt       time.Time // UTC; zero for a draft
	CancelledAt    time.Time // UTC; zero unless cancelled
	Version        int64
	Lines          []BillLine  // by number; nil in lists
	Shares         []BillShare // the patient's first; nil in lists and for drafts
}

// IsPaid tells whether nothing is open on an issued bill.
func (b Bill) IsPaid() bool { return b.Status == BillBalanced }

type billRow struct {
	bun.BaseModel `bun:"table:hms.bill,alias:b"`
	dbx.Tenanted
	ID             hmstype.BillID `bun:"id,pk"`
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
	CreatedAt      time.Time
	IssuedAt       time.Time `bun:",nullzero"`
	CancelledAt    time.Time `bun:",nullzero"`
	Version        int64
}

func (r billRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r billRow) bill() Bill {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	return Bill{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Number: r.BillNumber, Date: r.BillDate, Status: r.Status,
		Gross: m(r.GrossAmount), Discount: m(r.DiscountAmount), Tax: m(r.TaxAmount), Total: m(r.TotalAmount),
		PatientAmount: m(r.PatientAmount), PayerAmount: m(r.PayerAmount), Paid: m(r.PaidAmount), Credited: m(r.CreditedAmount),
		Open: m(r.OpenAmount), Overpaid: m(r.OverpaidAmount), DiscountReason: r.DiscountReason, CancelReason: r.CancelReason,
		CreatedAt: r.CreatedAt.UTC(), IssuedAt: r.IssuedAt.UTC(), CancelledAt: r.CancelledAt.UTC(), Version: r.Version,
	}
}

// BillLine is one charge on a bill. PatientAmount + PayerAmount = Total = Net + Tax.
type BillLine struct {
	ID               hmstype.BillLineID
	Number           int // from 1
	Charge           hmstype.ChargeID
	ServiceCode      string
	Category         string
	Text             string
	ServiceDate      hmstype.Date
	Quantity         decimal.Decimal
	UnitPrice        hmstype.Money
	Gross            hmstype.Money // quantity x unit price, rounded
	Discount         hmstype.Money // the line's own and its part of the bill's
	Net              hmstype.Money
	TaxPercent       decimal.Decimal
	Tax              hmstype.Money
	Total            hmstype.Money
	PatientAmount    hmstype.Money
	PayerAmount      hmstype.Money
	CreditedQuantity decimal.Decimal
	Credited         hmstype.Money // tax included
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
	IssuedAt         time.Time `bun:",nullzero"`
	ReleasedAt       time.Time `bun:",nullzero"`
}

func (r lineRow) line() BillLine {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	return BillLine{
		ID: r.ID, Number: r.LineNo, Charge: r.ChargeID, ServiceCode: r.ServiceCode, Category: r.Category, Text: r.Description,
		ServiceDate: r.ServiceDate, Quantity: r.Quantity, UnitPrice: m(r.UnitPrice), Gross: m(r.GrossAmount),
		Discount: m(r.DiscountAmount), Net: m(r.NetAmount), TaxPercent: r.TaxPercent, Tax: m(r.TaxAmount), Total: m(r.TotalAmount),
		PatientAmount: m(r.PatientAmount), PayerAmount: m(r.PayerAmount),
		CreditedQuantity: r.CreditedQuantity, Credited: m(r.CreditedNet.Add(r.CreditedTax)),
	}
}

// BillShare is what the patient, or one payer, owes of an issued bill.
type BillShare struct {
	ID       ShareID
	Coverage hmstype.CoverageID // zero for the patient's share
	Payer    string             // the payer's name; empty for the patient
	Amount   hmstype.Money
	Paid     hmstype.Money // payments less refunds
	Credited hmstype.Money
	Open     hmstype.Money // amount - paid - credited; negative where money is to be given back
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
	BillLineID     hmstype.BillLineID `bun:"bill_line_id,pk"`
	ShareID        ShareID            `bun:"share_id,pk"`
	Currency       hmstype.Currency
	Amount         decimal.Decimal
	CreditedAmount decimal.Decimal
}

// liveLines reads the lines of a bill that were not released, by number.
func liveLines(ctx context.Context, db dbx.DB, bill hmstype.BillID) ([]lineRow, error) {
	return dbx.All[lineRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("l.bill_id = ?", bill).Where("l.released_at IS NULL").Order("l.line_no")
	})
}

func sharesOf(ctx context.Context, db dbx.DB, bill hmstype.BillID) ([]shareRow, error) {
	return dbx.All[shareRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("s.bill_id = ?", bill).Order("s.sequence")
	})
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

// Bill gives a bill with its lines and shares, and records that it was read.
func (s *Service) Bill(ctx context.Context, id hmstype.BillID) (Bill, error) {
	op := usecase.Op{Name: "billing.bill", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.BillID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) (Bill, error) {
			bill, err := loadBill(ctx, db, in.ID)
			if err != nil {
				return Bill{}, err
			}
			access := dbx.Access{Action: "read", Entity: "bill", ID: bill.ID.String(), Patient: bill.Patient}
			return bill, db.RecordAccess(ctx, access)
		})
}

// BillsQuery selects bills.
type BillsQuery struct {
	Patient hmstype.PatientID // zero means every patient
	Status  BillStatus        // empty means all
	Page    hmstype.Page
}

// Validate implements the rules above.
func (in BillsQuery) Validate() error {
	var v hmstype.Validator
	if in.Status != "" {
		hmstype.OneOf(&v, in.Status, "status", BillTransitions.States()...)
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Bills lists bills without their lines, the oldest first, and records whose were shown.
func (s *Service) Bills(ctx context.Context, in BillsQuery) (hmstype.List[Bill], error) {
	op := usecase.Op{Name: "billing.bills", Permission: hmstype.PermBillingRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in BillsQuery) (hmstype.List[Bill], error) {
		rows, next, err := dbx.Page[billRow](ctx, db, in.Page, dbx.Order{At: "created_at"}, func(q *bun.SelectQuery) *bun.SelectQuery {
			if !in.Patient.IsZero() {
				q = q.Where("b.patient_id = ?", in.Patient)
			}
			if in.Status != "" {
				q = q.Where("b.status = ?", in.Status)
			}
			return q
		})
		list := hmstype.List[Bill]{Next: next, Items: make([]Bill, len(rows))}
		patients := make([]hmstype.PatientID, len(rows))
		for i, r := range rows {
			list.Items[i], patients[i] = r.bill(), r.PatientID
		}
		if err != nil {
			return list, err
		}
		return list, db.RecordSearch(ctx, "bill", patients...)
	})
}
