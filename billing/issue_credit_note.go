package billing

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// CreditLine asks to take back some units, or an amount, of one line.
type CreditLine struct {
	Line     hmstype.BillLineID `json:"line"`     // required
	Quantity decimal.Decimal    `json:"quantity"` // units taken back; zero where Amount is given
	Amount   *hmstype.Money     `json:"amount"`   // tax included; nil where Quantity is given
}

// IssueCreditNoteInput takes back lines of an issued bill.
type IssueCreditNoteInput struct {
	Bill           hmstype.BillID `json:"bill"`   // required
	Lines          []CreditLine   `json:"lines"`  // empty means all that is not credited yet
	Reason         string         `json:"reason"` // required, up to 500 characters
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in IssueCreditNoteInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Bill.IsZero(), "bill")
	v.Text(in.Reason, "reason", 1, maxReason)
	v.Check(len(in.Lines) <= maxLines, "lines", "must be at most 1000")
	seen := map[hmstype.BillLineID]bool{}
	for i, l := range in.Lines {
		path := fmt.Sprintf("lines[%d]", i)
		v.Check(!l.Line.IsZero() && !seen[l.Line], path+".line", "must be named once")
		seen[l.Line] = true
		if l.Amount != nil {
			checkAmount(&v, *l.Amount, path+".amount")
			v.Check(l.Quantity.IsZero(), path+".quantity", "must be empty where an amount is given")
		} else {
			checkQuantity(&v, l.Quantity, path+".quantity")
		}
	}
	return v.Err()
}

var opIssueCreditNote = usecase.Command[IssueCreditNoteInput, CreditNote]{
	Name: "billing.issue_credit_note", Permission: hmstype.PermBillWrite, Shows: creditNoteList.One(),
	Key:    func(in IssueCreditNoteInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(n CreditNote) CreditNoteID { return n.ID }, getCreditNote),
	Sample: IssueCreditNoteInput{Reason: "taken back"},
}.Declare()

// IssueCreditNote takes back lines of an issued bill, in the same proportion from everyone who owes
// them. What was paid already becomes refundable ([Bill.Overpaid]). A [CreditLimitError]
// for more than was invoiced and not credited.
// Permission: [hmstype.PermBillWrite].
func (s *Service) IssueCreditNote(ctx context.Context, in IssueCreditNoteInput) (CreditNote, error) {
	return opIssueCreditNote.Run(ctx, &s.base, in, issueCreditNote)
}

func issueCreditNote(ctx context.Context, db dbx.DB, in IssueCreditNoteInput) (CreditNote, error) {
	bill, err := lockBill(ctx, db, in.Bill)
	if err != nil {
		return CreditNote{}, err
	}
	if bill.Status != BillIssued && bill.Status != BillBalanced {
		return CreditNote{}, ErrNotIssued
	}
	lines, err := liveLines(ctx, db, bill.ID)
	if err != nil {
		return CreditNote{}, err
	}
	credit := newCredit(db, bill, in.Reason)
	if err := credit.addLines(lines, in.Lines); err != nil {
		return CreditNote{}, err
	}
	if len(credit.lines) == 0 {
		return CreditNote{}, &CreditLimitError{Creditable: hmstype.ZeroMoney(bill.Currency)}
	}
	if err := credit.splitShares(ctx, db); err != nil {
		return CreditNote{}, err
	}
	if err := credit.save(ctx, db); err != nil {
		return CreditNote{}, err
	}
	return credit.note.note(credit.lines), nil
}

// credit is a credit note on its way into the database.
type credit struct {
	note    creditNoteRow
	lines   []creditLineRow
	shares  []creditShareRow
	patient decimal.Decimal // credited to the patient's share
	payer   decimal.Decimal // credited to the payers' shares
}

func newCredit(db dbx.DB, bill billRow, reason string) *credit {
	return &credit{note: creditNoteRow{
		Header: dbx.NewHeader[CreditNoteID](db), BillID: bill.ID, PatientID: bill.PatientID,
		Currency: bill.Currency, Reason: reason, JournalID: hmstype.NewID[hmstype.JournalID](),
	}}
}

// addLines computes what is taken back: of the lines asked for, or of all that is left.
func (c *credit) addLines(lines []lineRow, asked []CreditLine) error {
	if len(asked) == 0 {
		for _, l := range lines {
			if rest := l.restTotal(); rest.IsPositive() {
				c.add(l, l.Quantity.Sub(l.CreditedQuantity), rest)
			}
		}
		return nil
	}
	byID := map[hmstype.BillLineID]lineRow{}
	for _, l := range lines {
		byID[l.ID] = l
	}
	for _, a := range asked {
		l, ok := byID[a.Line]
		if !ok {
			return hmstype.NotFound("bill_line", a.Line)
		}
		amount, err := l.creditAmount(a)
		if err != nil {
			return err
		}
		c.add(l, a.Quantity, amount)
	}
	return nil
}

func (r lineRow) restNet() decimal.Decimal { return r.NetAmount.Sub(r.CreditedNet) }

func (r lineRow) restTax() decimal.Decimal { return r.TaxAmount.Sub(r.CreditedTax) }

func (r lineRow) restTotal() decimal.Decimal { return r.restNet().Add(r.restTax()) }

// creditAmount gives what a request takes back of the line, tax included. The last units
// take what rounding and earlier credits of amounts left.
func (r lineRow) creditAmount(a CreditLine) (decimal.Decimal, error) {
	limit := &CreditLimitError{Line: r.ID, Creditable: money(r.restTotal(), r.Currency)}
	if a.Amount != nil {
		if a.Amount.Currency != r.Currency {
			return decimal.Zero, hmstype.ErrCurrencyMismatch
		}
		if a.Amount.Amount.GreaterThan(r.restTotal()) {
			return decimal.Zero, limit
		}
		return a.Amount.Amount, nil
	}
	restQuantity := r.Quantity.Sub(r.CreditedQuantity)
	if a.Quantity.GreaterThan(restQuantity) || !r.restTotal().IsPositive() {
		return decimal.Zero, limit
	}
	if a.Quantity.Equal(restQuantity) {
		return r.restTotal(), nil
	}
	part := r.part(r.TotalAmount, a.Quantity, r.Quantity)
	if !part.IsPositive() {
		return decimal.Zero, hmstype.Invalid("lines", "must be worth at least one minor unit")
	}
	return decimal.Min(part, r.restTotal()), nil
}

// divisionPlaces is far more than any currency has, so that rounding the quotient rounds the fraction.
const divisionPlaces = 24

// part gives amount x share / whole, rounded to the currency.
func (r lineRow) part(amount, share, whole decimal.Decimal) decimal.Decimal {
	return money(amount.Mul(share).DivRound(whole, divisionPlaces), r.Currency).Amount
}

// add notes a credited line; its tax is in proportion, within what is left of tax and net.
func (c *credit) add(l lineRow, quantity, total decimal.Decimal) {
	tax := l.restTax()
	if total.LessThan(l.restTotal()) {
		tax = decimal.Min(l.part(l.TaxAmount, total, l.TotalAmount), l.restTax())
	}
	if least := total.Sub(l.restNet()); tax.LessThan(least) {
		tax = least
	}
	c.lines = append(c.lines, creditLineRow{
		Tenanted: l.Tenanted, NoteID: c.note.ID, BillLineID: l.ID, Currency: l.Currency, Quantity: quantity,
		NetAmount: total.Sub(tax), TaxAmount: tax, TotalAmount: total,
	})
	c.note.NetAmount = c.note.NetAmount.Add(total.Sub(tax))
	c.note.TaxAmount = c.note.TaxAmount.Add(tax)
	c.note.TotalAmount = c.note.TotalAmount.Add(total)
}

// splitShares takes each credited line back from those who owe it, in proportion to what
// they still owe of it before payments.
func (c *credit) splitShares(ctx context.Context, db dbx.DB) error {
	shares, err := sharesOf(ctx, db, c.note.BillID)
	if err != nil {
		return err
	}
	isPatient := map[ShareID]bool{shares[0].ID: true}
	ids := make([]hmstype.BillLineID, len(c.lines))
	for i, l := range c.lines {
		ids[i] = l.BillLineID
	}
	rows, err := dbx.All[lineShareRow](ctx, db, dbx.OneOf("bill_line_id", ids),
		dbx.OrderBy("ls.bill_line_id", "ls.share_id"))
	if err != nil {
		return err
	}
	byLine := map[hmstype.BillLineID][]lineShareRow{}
	for _, r := range rows {
		byLine[r.BillLineID] = append(byLine[r.BillLineID], r)
	}
	for _, l := range c.lines {
		if err := c.splitLine(l, byLine[l.BillLineID], isPatient); err != nil {
			return err
		}
	}
	return nil
}

func (c *credit) splitLine(l creditLineRow, owed []lineShareRow, isPatient map[ShareID]bool) error {
	weights := make([]int64, len(owed))
	for i, o := range owed {
		weights[i] = minorUnits(money(o.Amount.Sub(o.CreditedAmount), o.Currency))
	}
	parts, err := money(l.TotalAmount, l.Currency).Allocate(weights...)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if p.IsZero() {
			continue
		}
		c.shares = append(c.shares, creditShareRow{
			Tenanted: l.Tenanted, NoteID: c.note.ID, BillLineID: l.BillLineID, ShareID: owed[i].ShareID,
			Currency: l.Currency, Amount: p.Amount,
		})
		if isPatient[owed[i].ShareID] {
			c.patient = c.patient.Add(p.Amount)
		} else {
			c.payer = c.payer.Add(p.Amount)
		}
	}
	return nil
}

// save posts the journal and writes the note; the database carries it to lines, shares and bill.
func (c *credit) save(ctx context.Context, db dbx.DB) error {
	today, err := db.Today(ctx)
	if err != nil {
		return err
	}
	journal := journalRow{
		ID: c.note.JournalID, Kind: journalCredit, SourceID: c.note.ID.String(), Currency: c.note.Currency,
		BusinessDate: today,
	}
	err = postJournal(ctx, db, journal, c.note.BillID, []entry{
		{AccountCredited, c.note.NetAmount}, {AccountTax, c.note.TaxAmount},
		{AccountReceivablePatient, c.patient.Neg()}, {AccountReceivablePayer, c.payer.Neg()},
	})
	if err != nil {
		return err
	}
	n, err := db.NextNumber(ctx, creditNoteNumbers, today.Year())
	if err != nil {
		return err
	}
	c.note.NoteDate, c.note.NoteNumber = today, fiscalNumber("CN", today.Year(), n)
	if err := dbx.Insert(ctx, db, c.note); err != nil {
		return err
	}
	if err := dbx.Insert(ctx, db, c.lines...); err != nil {
		return err
	}
	if err := dbx.Insert(ctx, db, c.shares...); err != nil {
		return err
	}
	return db.Emit(ctx, dbx.Event{Type: eventCreditNoteIssued, ID: c.note.BillID, Data: map[string]any{
		"bill": c.note.BillID, "creditNote": c.note.ID, "number": c.note.NoteNumber, "total": c.note.TotalAmount,
		"currency": c.note.Currency,
	}})
}
