package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Copay is the fixed amount that the patient pays first, once per bill, before a coverage
// pays its percentage.
type Copay struct {
	Coverage hmstype.CoverageID `json:"coverage"` // an active coverage of the patient
	Amount   hmstype.Money      `json:"amount"`   // more than zero
}

// IssueBillInput issues a draft.
type IssueBillInput struct {
	ID             hmstype.BillID `json:"id"`      // required
	Copays         []Copay        `json:"copays"`  // empty means none
	SelfPay        bool           `json:"selfPay"` // the patient pays all: no coverage is asked
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in IssueBillInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	seen := map[hmstype.CoverageID]bool{}
	for i, c := range in.Copays {
		v.Check(!c.Coverage.IsZero() && !seen[c.Coverage], fmt.Sprintf("copays[%d].coverage", i), "must be named once")
		seen[c.Coverage] = true
		checkAmount(&v, c.Amount, fmt.Sprintf("copays[%d].amount", i))
	}
	v.Check(!in.SelfPay || len(in.Copays) == 0, "copays", "must be empty where the patient pays all")
	return v.Err()
}

var opIssueBill = usecase.Command[IssueBillInput, Bill]{
	Name: "billing.issue_bill", Permission: hmstype.PermBillWrite, Shows: invoices.One(),
	Key:    func(in IssueBillInput) string { return in.IdempotencyKey },
	Sample: IssueBillInput{},
}.Declare()

// IssueBill splits a draft over the payers whose coverage was active on each line's day of
// service, gives it its number, free of gaps per calendar year of the tenant's day, and
// posts it to the ledger. From then on only credit notes change it.
// [ErrNothingToBill] for a draft without lines, [hmstype.ErrInvalidTransition] for an issued one.
// Permission: [hmstype.PermBillWrite].
func (s *Service) IssueBill(ctx context.Context, in IssueBillInput) (Bill, error) {
	return opIssueBill.Run(ctx, &s.base, in, s.issueBill)
}

func (s *Service) issueBill(ctx context.Context, db dbx.DB, in IssueBillInput) (Bill, error) {
	row, err := lockBill(ctx, db, in.ID)
	if err != nil {
		return Bill{}, err
	}
	if err := BillTransitions.Check("bill", row.Status, BillIssued); err != nil {
		return Bill{}, err
	}
	lines, err := liveLines(ctx, db, row.ID)
	if err != nil {
		return Bill{}, err
	}
	if len(lines) == 0 {
		return Bill{}, ErrNothingToBill
	}
	split := newBillSplit(db, row)
	if err := s.splitBill(ctx, db, in, split, lines); err != nil {
		return Bill{}, err
	}
	row.sum(lines)
	if err := split.save(ctx, db, lines); err != nil {
		return Bill{}, err
	}
	to := BillIssued
	if row.TotalAmount.IsZero() {
		to = BillBalanced
	}
	err = dbx.Move(ctx, db, billSteps, &row, dbx.Change[billRow, BillStatus]{
		To: to, Apply: func(row *billRow) error { return postIssue(ctx, db, row) },
	})
	if err != nil {
		return Bill{}, err
	}
	return loadBill(ctx, db, row.ID)
}

// postIssue bills the charges, posts the journal and, last, takes the number, whose
// counter every other issue of the tenant waits for.
func postIssue(ctx context.Context, db dbx.DB, row *billRow) error {
	today, err := db.Today(ctx)
	if err != nil {
		return err
	}
	if err := billCharges(ctx, db, row.ID); err != nil {
		return err
	}
	row.JournalID = hmstype.NewID[hmstype.JournalID]()
	journal := journalRow{ID: row.JournalID, Kind: journalBill, SourceID: row.ID.String(), Currency: row.Currency, BusinessDate: today}
	err = postJournal(ctx, db, journal, row.ID, []entry{
		{AccountReceivablePatient, row.PatientAmount}, {AccountReceivablePayer, row.PayerAmount},
		{AccountDiscount, row.DiscountAmount}, {AccountRevenue, row.GrossAmount.Neg()}, {AccountTax, row.TaxAmount.Neg()},
	})
	if err != nil {
		return err
	}
	row.OpenAmount, row.BillDate, row.IssuedAt = row.TotalAmount, today, db.Now
	n, err := db.NextNumber(ctx, fmt.Sprintf("bill-%d", today.Year()))
	row.BillNumber = fiscalNumber("INV", today.Year(), n)
	return err
}

// chargeStatusRow is a step of a charge; see [dbx.History].
type chargeStatusRow struct {
	bun.BaseModel `bun:"table:hms.charge_status"`
	dbx.Tenanted
	EntityID   hmstype.ChargeID
	Version    int64
	FromStatus ChargeStatus
	ToStatus   ChargeStatus
	SteppedAt  time.Time
	SteppedBy  hmstype.ActorRef
	Reason     string
}

// billCharges steps all charges of a bill at once: there may be a thousand.
func billCharges(ctx context.Context, db dbx.DB, bill hmstype.BillID) error {
	var billed []struct {
		ID      hmstype.ChargeID
		Version int64
	}
	err := db.NewRaw(`UPDATE hms.charge AS c SET status = ?2, version = c.version + 1 FROM hms.bill_line AS l
		WHERE c.tenant_id = ?0 AND l.tenant_id = ?0 AND l.bill_id = ?1 AND l.released_at IS NULL AND c.id = l.charge_id
		RETURNING c.id, c.version`, db.Tenant(), bill, ChargeBilled).Scan(ctx, &billed)
	if err != nil {
		return err
	}
	steps := make([]chargeStatusRow, len(billed))
	for i, c := range billed {
		steps[i] = chargeStatusRow{
			Tenanted: tenanted(db), EntityID: c.ID, Version: c.Version, FromStatus: ChargeBillable, ToStatus: ChargeBilled,
			SteppedAt: db.Now, SteppedBy: db.By(),
		}
	}
	return dbx.Insert(ctx, db, steps...)
}

// billSplit gathers who owes how much of a bill and of each line.
type billSplit struct {
	bill   billRow
	shares []shareRow // the patient's first
	lines  []lineShareRow
}

func newBillSplit(db dbx.DB, bill billRow) *billSplit {
	s := &billSplit{bill: bill}
	s.shares = append(s.shares, s.newShare(db))
	return s
}

func (b *billSplit) newShare(db dbx.DB) shareRow {
	return shareRow{
		Tenanted: tenanted(db), ID: hmstype.NewID[ShareID](), BillID: b.bill.ID, PatientID: b.bill.PatientID, Currency: b.bill.Currency,
	}
}

// share gives the index of the payer's share, which is made on first use.
func (b *billSplit) share(db dbx.DB, t payerTerms) int {
	i := slices.IndexFunc(b.shares, func(s shareRow) bool { return s.CoverageID == t.coverage })
	if i < 0 {
		row := b.newShare(db)
		row.CoverageID, row.Payer = t.coverage, t.payer
		b.shares = append(b.shares, row)
		i = len(b.shares) - 1
	}
	return i
}

func (b *billSplit) add(db dbx.DB, share int, line hmstype.BillLineID, amount decimal.Decimal) {
	b.shares[share].Amount = b.shares[share].Amount.Add(amount)
	b.lines = append(b.lines, lineShareRow{
		Tenanted: tenanted(db), BillID: b.bill.ID, BillLineID: line, ShareID: b.shares[share].ID, Currency: b.bill.Currency, Amount: amount,
	})
}

// splitBill splits every line by the coverages of its day of service.
func (s *Service) splitBill(ctx context.Context, db dbx.DB, in IssueBillInput, b *billSplit, lines []lineRow) error {
	copays := map[hmstype.CoverageID]hmstype.Money{}
	for _, c := range in.Copays {
		copays[c.Coverage] = c.Amount
	}
	named := len(copays)
	known := map[hmstype.CoverageID]bool{}
	byDay := map[hmstype.Date][]payerTerms{}
	for i := range lines {
		l := &lines[i]
		terms, ok := byDay[l.ServiceDate]
		if !ok && !in.SelfPay {
			var err error
			if terms, err = s.termsOn(ctx, db, b.bill.PatientID, l.ServiceDate); err != nil {
				return err
			}
			byDay[l.ServiceDate] = terms
		}
		parts, left, err := splitLine(money(l.TotalAmount, l.Currency), terms, copays)
		if err != nil {
			return err
		}
		b.add(db, 0, l.ID, left.Amount)
		for j, t := range terms {
			if _, ok := copays[t.coverage]; ok {
				known[t.coverage] = true
			}
			if !parts[j].IsZero() {
				b.add(db, b.share(db, t), l.ID, parts[j].Amount)
			}
		}
		l.PatientAmount, l.PayerAmount = left.Amount, l.TotalAmount.Sub(left.Amount)
	}
	if len(known) != named {
		return hmstype.Invalid("copays", "must name coverages that are active on a day of service")
	}
	return nil
}

func (s *Service) termsOn(ctx context.Context, db dbx.DB, patient hmstype.PatientID, day hmstype.Date) ([]payerTerms, error) {
	coverages, err := s.ports.Patients.ActiveCoverages(ctx, db.Conn(), patient, day)
	terms := make([]payerTerms, len(coverages))
	for i, c := range coverages {
		terms[i] = payerTerms{coverage: c.ID, payer: c.PayerName, percent: c.Percent}
	}
	return terms, err
}

// save writes the shares, then closes the lines.
func (b *billSplit) save(ctx context.Context, db dbx.DB, lines []lineRow) error {
	for i := range b.shares {
		b.shares[i].Sequence = i
	}
	if err := dbx.Insert(ctx, db, b.shares...); err != nil {
		return err
	}
	if err := dbx.Insert(ctx, db, b.lines...); err != nil {
		return err
	}
	values := make([]string, len(lines))
	args := []any{db.Now}
	for i, l := range lines {
		values[i] = "(?::uuid, ?::numeric)"
		args = append(args, l.ID, l.PayerAmount)
	}
	args = append(args, db.Tenant())
	_, err := db.NewRaw(`UPDATE hms.bill_line AS l SET issued_at = ?, payer_amount = v.payer, patient_amount = l.total_amount - v.payer
		FROM (VALUES `+strings.Join(values, ", ")+`) AS v (id, payer) WHERE l.tenant_id = ? AND l.id = v.id`, args...).Exec(ctx)
	return err
}
