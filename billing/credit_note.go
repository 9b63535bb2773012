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

// CreditNote takes back part or all of an issued bill. It has a number of its own.
type CreditNote struct {
	ID        CreditNoteID      `json:"id"`
	Bill      hmstype.BillID    `json:"bill"`
	Patient   hmstype.PatientID `json:"patient"`
	Number    string            `json:"number"` // such as "CN-2026-000001"
	Date      hmstype.Date      `json:"date"`   // the tenant's day
	Net       hmstype.Money     `json:"net"`
	Tax       hmstype.Money     `json:"tax"`
	Total     hmstype.Money     `json:"total"`
	Reason    string            `json:"reason"`
	CreatedAt time.Time         `json:"createdAt,omitzero"` // UTC: when it was issued
	// who issued it, or did the use case that took back what was billed
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Lines     []CreditNoteLine `json:"lines"`
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, instants, and the number and day that the note is filed by.
	Withheld bool `json:"withheld,omitempty"`
}

// CreditNoteLine is what is taken back of one line of the bill.
type CreditNoteLine struct {
	BillLine hmstype.BillLineID `json:"billLine"`
	Quantity decimal.Decimal    `json:"quantity"` // zero where an amount was credited
	Net      hmstype.Money      `json:"net"`
	Tax      hmstype.Money      `json:"tax"`
	Total    hmstype.Money      `json:"total"`
}

type creditNoteRow struct {
	bun.BaseModel `bun:"table:hms.credit_note,alias:n"`
	dbx.Header[CreditNoteID]
	BillID      hmstype.BillID
	PatientID   hmstype.PatientID
	NoteNumber  string
	NoteDate    hmstype.Date
	Currency    hmstype.Currency
	NetAmount   decimal.Decimal
	TaxAmount   decimal.Decimal
	TotalAmount decimal.Decimal
	Reason      string
	JournalID   hmstype.JournalID
}

type creditLineRow struct {
	bun.BaseModel `bun:"table:hms.credit_note_line,alias:nl"`
	dbx.Tenanted
	NoteID      CreditNoteID       `bun:"note_id,pk"`
	BillLineID  hmstype.BillLineID `bun:"bill_line_id,pk"`
	Currency    hmstype.Currency
	Quantity    decimal.Decimal
	NetAmount   decimal.Decimal
	TaxAmount   decimal.Decimal
	TotalAmount decimal.Decimal
}

type creditShareRow struct {
	bun.BaseModel `bun:"table:hms.credit_note_share,alias:ns"`
	dbx.Tenanted
	NoteID     CreditNoteID       `bun:"note_id,pk"`
	BillLineID hmstype.BillLineID `bun:"bill_line_id,pk"`
	ShareID    ShareID            `bun:"share_id,pk"`
	Currency   hmstype.Currency
	Amount     decimal.Decimal
}

func (r creditNoteRow) note(lines []creditLineRow) CreditNote {
	m := func(d decimal.Decimal) hmstype.Money { return money(d, r.Currency) }
	n := CreditNote{
		ID: r.ID, Bill: r.BillID, Patient: r.PatientID, Number: r.NoteNumber, Date: r.NoteDate, Net: m(r.NetAmount),
		Tax: m(r.TaxAmount), Total: m(r.TotalAmount), Reason: r.Reason,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy,
	}
	for _, l := range lines {
		n.Lines = append(n.Lines, CreditNoteLine{
			BillLine: l.BillLineID, Quantity: l.Quantity, Net: m(l.NetAmount), Tax: m(l.TaxAmount), Total: m(l.TotalAmount),
		})
	}
	return n
}

// creditNoteList is what every use case that shows credit notes shows of whom.
var creditNoteList = usecase.Entity[CreditNote]{
	Table:   "credit_note",
	Patient: func(n *CreditNote) hmstype.PatientID { return n.Patient },
	ID:      func(n *CreditNote) string { return n.ID.String() },
	// Numbers are free of gaps: who counts them must find each.
	Keep: func(withheld, whole *CreditNote) { withheld.Number, withheld.Date = whole.Number, whole.Date },
}

var opListCreditNotes = usecase.Query[usecase.ByID[hmstype.BillID], []CreditNote]{
	Name: "billing.list_credit_notes", Permission: hmstype.PermBillingRead, Shows: creditNoteList.All(),
}.Declare()

// ListCreditNotes lists the credit notes of a bill, and records that they were read.
// Permission: [hmstype.PermBillingRead].
func (s *Service) ListCreditNotes(ctx context.Context, bill hmstype.BillID) ([]CreditNote, error) {
	return opListCreditNotes.Run(ctx, &s.base, usecase.ID(bill), creditNotes)
}

func creditNotes(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BillID]) ([]CreditNote, error) {
	bill, err := dbx.Get[billRow](ctx, db, "bill", in.ID)
	if err != nil {
		return nil, err
	}
	db.About(bill.PatientID)
	rows, err := dbx.All[creditNoteRow](ctx, db, dbx.Equal("bill_id", in.ID), dbx.OrderBy("n.note_number"))
	if err != nil {
		return nil, err
	}
	lines, err := dbx.All[creditLineRow](ctx, db,
		dbx.Where("nl.note_id IN (SELECT n.id FROM hms.credit_note AS n WHERE n.tenant_id = ? AND n.bill_id = ?)",
			db.Tenant(), in.ID),
		dbx.OrderBy("nl.note_id", "nl.bill_line_id"))
	if err != nil {
		return nil, err
	}
	byNote := map[CreditNoteID][]creditLineRow{}
	for _, l := range lines {
		byNote[l.NoteID] = append(byNote[l.NoteID], l)
	}
	notes := make([]CreditNote, len(rows))
	for i, r := range rows {
		notes[i] = r.note(byNote[r.ID])
	}
	return notes, nil
}

func getCreditNote(ctx context.Context, db dbx.DB, in usecase.ByID[CreditNoteID]) (CreditNote, error) {
	row, err := dbx.Get[creditNoteRow](ctx, db, "credit_note", in.ID)
	if err != nil {
		return CreditNote{}, err
	}
	lines, err := dbx.All[creditLineRow](ctx, db, dbx.Equal("note_id", in.ID), dbx.OrderBy("nl.bill_line_id"))
	return row.note(lines), err
}
